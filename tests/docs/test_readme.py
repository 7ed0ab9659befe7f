"""The first page keeps its promises: short, runnable, and a tree that is true."""

import re

from tests.docs.blocks import ROOT, blocks

README = (ROOT / "README.md").read_text()
LINES = 12


def test_the_example_is_short() -> None:
    (example,) = (block for block in blocks("python") if block.page == "README.md")
    assert len([line for line in example.text.splitlines() if line.strip()]) <= LINES


def tree() -> set[str]:
    """The paths that the tree names."""
    (text,) = (block.text for block in blocks("text") if block.page == "README.md")
    paths, folders = set[str](), [""]
    for line in text.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        names = re.split(r" {2,}", line.strip())[0].split(", ")
        folders[depth + 1 :] = [folders[depth] + names[0]]
        paths |= {folders[depth] + name for name in names}
    return paths


def test_the_tree_names_what_is_there() -> None:
    assert len(tree()) > 20
    assert not [path for path in tree() if not (ROOT / path).exists()]


def test_the_tree_leaves_no_room_out() -> None:
    package = ROOT / "src/neurallambda"
    rooms = [path for path in package.iterdir() if path.is_dir() and any(path.glob("*.py"))]
    modules = [path for path in package.glob("*.py") if not path.name.startswith("__")]
    named = {f"{room.relative_to(ROOT)}/" for room in rooms} | {str(module.relative_to(ROOT)) for module in modules}
    assert named <= tree()


def test_every_link_leads_somewhere() -> None:
    for page in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        for target in re.findall(r"\]\(([^)#]+)", (ROOT / page).read_text()):
            assert target.startswith("https://") or (ROOT / target).exists(), (page, target)
