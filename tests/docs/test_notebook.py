"""The tutorial as a notebook: it has been run, and what it shows is what its page states."""

import ast
import doctest
from functools import cache
from typing import Any

from docs.hooks.notebook import ARROW, FENCE, PAGE, PLACE, notebook, outputs, pieces, with_places


@cache
def tutorial() -> dict[str, Any]:
    return notebook(PAGE.read_text("utf-8"))


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


def test_its_outputs_are_what_the_page_states() -> None:
    blocks = [found["code"] for found in FENCE.finditer(PAGE.read_text("utf-8"))]
    expected = [text for block in blocks for text in stated(block)]
    cells = [cell for cell in tutorial()["cells"] if cell["cell_type"] == "code"]
    assert len(cells) == len(expected) > 20
    for cell, text in zip(cells, expected, strict=True):
        assert told(cell) == text, cell["source"]


def test_it_is_a_notebook() -> None:
    made = tutorial()
    assert (made["nbformat"], made["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in made["cells"]}) == len(made["cells"])
    numbers = [cell["execution_count"] for cell in made["cells"] if cell["cell_type"] == "code"]
    assert numbers == list(range(1, len(numbers) + 1))
    assert not any(".md" in cell["source"] for cell in made["cells"] if cell["cell_type"] == "markdown")


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
    assert list(pieces("a = 1\na + 1  # => 2\nb = 2\n")) == ["a = 1\na + 1", "b = 2"]
    names: dict[str, Any] = {}
    (printed, value) = outputs("a = 1\nprint(a)\nif a:\n    print(2)\na + 1", names, 1)
    assert (printed["text"], value["data"]) == ("1\n2\n", {"text/plain": "2"})
    (wrong,) = outputs("1 / 0", names, 2)
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
