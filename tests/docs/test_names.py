"""Every name in backticks that looks like one of Python, or like a path, is the name of something that is there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.blocks import FENCE, PAGES, ROOT

PACKAGE = ROOT / "src/neurallambda"
STORIES = sorted(PACKAGE.rglob("README.md"))
CODE = sorted(
    path for folder in ("src", "tests", "benchmarks", "examples", "docs") for path in (ROOT / folder).rglob("*.py")
)
FILE = re.compile(r"[\w.-]*\w\.(py|lark|lisp|json|md|toml|txt|yml)")
PATH = re.compile(r"[\w.-]+(/[\w.-]+)*/?")
DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+(\(\))?")
NAME = re.compile(r"_?[a-z]+(_[a-z0-9]+)+|_?[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|_[A-Z]+|([A-Z][a-z0-9]+){2,}")
PLACED = re.compile(r"`(\w+)` in\s+`([\w/]+\.py)`")

OURS = {"neurallambda": "src/neurallambda", "tests": "tests", "benchmarks": "benchmarks", "docs": "docs"}
ELSEWHERE = ("torch.", "numpy.", "typing.", "nl.")
MATHEMATICS = {"w_i"}


@cache
def names_in(source: str) -> frozenset[str]:
    """All names that some Python text makes or uses, and the strings that could be names."""
    found = set[str]()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.alias(name=name):
                found.update(name.split("."))
            case ast.Constant(value=str(text)) if text.isidentifier():
                found.add(text)
            case _:
                pass
    return frozenset(found)


@cache
def known() -> frozenset[str]:
    """The names of all modules, and all names in them."""
    inside = (names_in(path.read_text()) for path in CODE)
    return frozenset({part for path in CODE for part in path.with_suffix("").parts}.union(*inside))


def is_path(text: str) -> bool:
    return bool(FILE.fullmatch(text) or (PATH.fullmatch(text) and "/" in text))


def is_there(text: str) -> bool:
    """Whether a path is that of something: from the root, in the package, or (a file's name alone) anywhere."""
    here = any((base / text).exists() for base in (ROOT, PACKAGE, PACKAGE / "structures"))
    return here or (
        "/" not in text
        and any(path.name == text for base in (ROOT / "src", ROOT / "tests") for path in base.rglob(text))
    )


def resolves(dotted: str) -> bool:
    """Whether a dotted name leads to a module, or to a name in one; of other things, whether its last part is a name."""
    first, *rest = dotted.removesuffix("()").split(".")
    if first not in OURS:
        return dotted.startswith(ELSEWHERE) or rest[-1] in known()
    path = ROOT / OURS[first]
    for index, part in enumerate(rest):
        if any((path / part).glob("*.py")):
            path = path / part
        elif (path / f"{part}.py").exists():
            names = names_in((path / f"{part}.py").read_text())
            return all(name in names for name in rest[index + 1 :])
        else:
            return all(name in names_in((path / "__init__.py").read_text()) for name in rest[index:])
    return True


def prose(text: str) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", text)


@pytest.mark.parametrize("page", [*PAGES, *STORIES], ids=lambda page: str(page.relative_to(ROOT)))
def test_names_in_backticks_are_there(page: Path) -> None:
    text = prose(page.read_text())
    missing = []
    for span in sorted(set(re.findall(r"`([^`\n]+)`", text))):
        if is_path(span):
            found = is_there(span) or (page.parent / span).exists()
        elif DOTTED.fullmatch(span):
            found = resolves(span)
        else:
            found = not NAME.fullmatch(span) or span in known() or span in MATHEMATICS
        if not found:
            missing.append(span)
    assert not missing, f"{page.relative_to(ROOT)} names what is not there: {missing}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_name_in_a_file_is_in_that_file(page: Path) -> None:
    for name, file in PLACED.findall(prose(page.read_text())):
        path = next((base / file for base in (ROOT, PACKAGE) if (base / file).exists()), None)
        assert path is not None, (page, file)
        assert name in names_in(path.read_text()), f"{name} is not in {file}"


def test_what_is_not_there_is_found_out() -> None:
    assert not is_there("machine/arithmetic.py")
    assert not resolves("neurallambda.nn.automaton.twin")
    assert not resolves("neurallambda.twins.twin.triplet")
    assert resolves("neurallambda.twins.twin")
