"""The page of the tasks has them all, with their classes, and its examples are right."""

import re
from pathlib import Path

import pytest

from neurallambda.tasks import CHOMSKY, TASKS, task

PAGE = (Path(__file__).parent.parent.parent / "docs/tasks.md").read_text()
ROWS = re.findall(
    r"^\| `([\w-]+)` \| ([\w -]+) \| `([^`]+)` → `([^`]+)`(, \.\.\.)?(?:, `.*)? \|(.*)\|?$", PAGE, re.MULTILINE
)


def test_every_task_has_a_row() -> None:
    assert [row[0] for row in ROWS] == list(TASKS)


@pytest.mark.parametrize(("name", "level", "given", "answer", "more", "published"), ROWS)
def test_rows_say_what_is_so(name: str, level: str, given: str, answer: str, more: str, published: str) -> None:
    asked = task(name)
    assert level == (asked.level or "-")
    found = [asked.answers[n] for n in asked.answer([asked.symbols.index(s) for s in given.replace("\\", "").split()])]
    assert found[0] == answer if name.endswith("-traced") else found == answer.split()
    if asked in CHOMSKY:
        assert asked.published is not None
        assert published.split()[0] == str(asked.published.best[1])
        best = [model for model, figure in asked.published.figures.items() if figure == asked.published.best[1]]
        assert all(model in published for model in best) or "all but the transformer" in published
