"""The tutorials as notebooks: they have been run, and what they show is what their pages state."""

import ast
import doctest
from base64 import b64decode
from functools import cache
from typing import Any

import pytest

from docs.hooks.notebook import ARROW, DOCS, FENCE, PLACE, notebook, outputs, parts_of, with_places

PAGE = DOCS / "tutorial.md"


@cache
def made_of(page: str) -> dict[str, Any]:
    return notebook((DOCS / page).read_text("utf-8"))


def tutorial() -> dict[str, Any]:
    return made_of(PAGE.name)


def told(cell: dict[str, Any]) -> str:
    """All that a cell shows, as text."""
    parts = {
        "stream": lambda output: output["text"].rstrip("\n"),
        "execute_result": lambda output: output["data"]["text/plain"],
        "error": lambda output: f"{output['ename']}: {output['evalue']}",
    }
    return "\n".join(parts[output["output_type"]](output) for output in cell["outputs"])


def stated(code: str) -> list[str]:
    """What the page says that each piece of a block shows."""
    if code.startswith(">>>"):
        return [
            example.want.rstrip("\n") if example.exc_msg is None else example.exc_msg.rpartition("errors.")[2].rstrip()
            for example in doctest.DocTestParser().get_examples(code)
        ]
    lines = code.splitlines()
    values = [lines[one.end_lineno - 1].partition(ARROW)[2].strip() for one in ast.parse(code).body if one.end_lineno]
    found = [value for value in values if value]
    return found if values[-1] else [*found, ""]


def code_of(made: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in made["cells"] if cell["cell_type"] == "code"]


def stated_on(page: str) -> list[str]:
    return [text for block in FENCE.finditer((DOCS / page).read_text("utf-8")) for text in stated(block["code"])]


def test_the_outputs_of_the_tutorial_are_what_the_page_states() -> None:
    cells, expected = code_of(tutorial()), stated_on(PAGE.name)
    assert len(cells) == len(expected) > 20
    for cell, text in zip(cells, expected, strict=True):
        assert told(cell) == text, cell["source"]


@pytest.mark.slow
def test_the_first_network_is_trained_in_its_notebook() -> None:
    """What it says of its own steps differs from training to training, and is stated nowhere."""
    made = made_of("first-network.md")
    cells, expected = code_of(made), stated_on("first-network.md")
    assert len(cells) == len(expected) > 5
    for cell, text in zip(cells, expected, strict=True):
        assert text in ("", told(cell)), cell["source"]
        assert all(one["output_type"] != "error" for one in cell["outputs"])
    assert told(next(cell for cell in cells if "seen.text()" in cell["source"])).startswith("step  token  state")
    (shown,) = [cell for cell in made["cells"] if "attachments" in cell]
    assert "](attachment:reversal.svg)" in shown["source"]
    assert b"<svg" in b64decode(shown["attachments"]["reversal.svg"]["image/svg+xml"])


@pytest.mark.parametrize("page", [PAGE.name, pytest.param("first-network.md", marks=pytest.mark.slow)])
def test_it_is_a_notebook(page: str) -> None:
    made = made_of(page)
    assert (made["nbformat"], made["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in made["cells"]}) == len(made["cells"])
    assert [cell["execution_count"] for cell in code_of(made)] == list(range(1, len(code_of(made)) + 1))
    results = [one for cell in code_of(made) for one in cell["outputs"] if one["output_type"] == "execute_result"]
    assert results
    assert min(one["execution_count"] for one in results) > 0
    for cell in made["cells"]:
        if cell["cell_type"] == "markdown":
            assert not any(part in cell["source"] for part in (".md", "<!--", "](figures/"))


def test_a_run_is_shown_with_the_viewer() -> None:
    shown = [
        output["data"]["text/html"]
        for cell in tutorial()["cells"]
        if "nl.trace(" in cell["source"]
        for output in cell.get("outputs", ())
    ]
    assert len(shown) == 1
    assert "<iframe" in shown[0]
    assert "<script" not in shown[0], "the page is text inside the frame's attribute"


def test_pieces_and_what_they_show() -> None:
    assert [code for _, code in parts_of("a = 1\na + 1  # => 2\nb = 2\n")] == ["a = 1\na + 1", "b = 2"]
    names: dict[str, Any] = {}
    (printed, value) = outputs("a = 1\nprint(a)\nif a:\n    print(2)\na + 1", names)
    assert (printed["text"], value["data"]) == ("1\n2\n", {"text/plain": "2"})
    (wrong,) = outputs("1 / 0", names)
    assert wrong["ename"] == "ZeroDivisionError"


def test_the_page_shows_what_a_notebook_shows() -> None:
    text, shown = with_places(PAGE.read_text("utf-8"))
    rich = [
        output["data"]["text/html"]
        for cell in tutorial()["cells"]
        for output in cell.get("outputs", ())
        if "text/html" in output.get("data", {})
    ]
    assert [part.split(" at 0x")[0] for part in shown] == [part.split(" at 0x")[0] for part in rich]
    assert [int(number) for number in PLACE.findall(text)] == list(range(len(shown)))
    assert len(shown) >= 5
    assert all(part.startswith("<table>") and "<script" not in part for part in shown), "it needs no JavaScript"
    assert "probability" in shown[1]
    assert PLACE.sub("", text).count("```python") >= len(FENCE.findall(PAGE.read_text("utf-8")))


def test_code_that_shows_nothing_more_stays_as_it_is() -> None:
    page = "# A\n\n```python\na = 1\n\na + 1  # => 2\n```\n\n```python\n>>> a\n1\n>>> a\n1\n```\n"
    assert with_places(page) == (page, [])


def test_a_page_whose_code_fails_is_told() -> None:
    with pytest.raises(RuntimeError, match="ends in ZeroDivisionError: division by zero"):
        notebook("# A\n\n```python\n1 / 0  # => 1\n```\n")
    (cell,) = code_of(
        notebook("# A\n\n```python\n>>> 1 / 0\nTraceback (most recent call last):\nZeroDivisionError\n```\n")
    )
    assert cell["outputs"][0]["ename"] == "ZeroDivisionError"
