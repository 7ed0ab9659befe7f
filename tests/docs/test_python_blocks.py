"""Every `python` block of the README and the docs runs as it stands.

The blocks of a page share their names, from top to bottom. A line that is an expression followed by `# => value` also
states what it is worth, as `repr` writes it. `>>>` sessions are checked as in docstrings.
"""

import ast
import doctest
from typing import Any

import pytest

from tests.docs.blocks import PAGES, ROOT, Block, blocks

ARROW = "# => "
PYTHON = blocks("python")


def run_block(block: Block, names: dict[str, Any]) -> None:
    """Run a block in a namespace, statement by statement, and check what its lines state."""
    if block.text.lstrip().startswith(">>>"):
        flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
        test = doctest.DocTestParser().get_doctest(block.text, names, str(block), block.page, block.line - 1)
        runner = doctest.DebugRunner(optionflags=flags)
        runner.run(test, clear_globs=False)
        names.update(test.globs)
        return
    lines = ("\n" * (block.line - 1) + block.text).splitlines()  # so that tracebacks name the page's own lines
    for statement in ast.parse("\n".join(lines)).body:
        assert statement.end_lineno is not None
        _, arrow, expected = lines[statement.end_lineno - 1].partition(ARROW)
        if arrow and isinstance(statement, ast.Expr):
            code = compile(ast.Expression(statement.value), block.page, "eval")
            assert repr(eval(code, names)) == expected.strip(), f"{block.page}:{statement.end_lineno}"
        else:
            exec(compile(ast.Module([statement], []), block.page, "exec"), names)


@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in PAGES])
def test_the_python_of_a_page_runs(page: str) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in PYTHON:
        if block.page == page:
            run_block(block, names)


def test_a_wrong_statement_is_found() -> None:
    run_block(Block("page.md", 5, "a = 1\na + 1  # => 2\n"), {})
    with pytest.raises(AssertionError, match=r"page\.md:6"):
        run_block(Block("page.md", 5, "a = 1\na + 1  # => 3\n"), {})
    run_block(Block("page.md", 5, ">>> 1 + 1\n2\n"), {})
    with pytest.raises(doctest.DocTestFailure):
        run_block(Block("page.md", 5, ">>> 1 + 1\n3\n"), {})


def test_blocks_share_their_names() -> None:
    names: dict[str, Any] = {}
    run_block(Block("page.md", 1, ">>> first = 20\n"), names)
    run_block(Block("page.md", 5, "second = first + 1\n"), names)
    run_block(Block("page.md", 9, "second * 2  # => 42\n"), names)


def test_the_pages_are_those_of_the_project() -> None:
    assert {ROOT / "README.md", ROOT / "docs/language.md"} <= set(PAGES)
