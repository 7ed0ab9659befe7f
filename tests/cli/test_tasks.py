"""The command `tasks`: the list, rows as text and as JSON, and what is said of mistakes."""

import json
from pathlib import Path

import pytest

from neurallambda.tasks import TASKS, task
from tests.cli.conftest import Call


def test_all_tasks_are_listed(call: Call) -> None:
    called = call("tasks")
    assert (called.code, called.stderr) == (0, "")
    lines = called.stdout.splitlines()
    assert lines[0].split()[:4] == ["name", "class", "in", "out"]
    assert [line.split()[0] for line in lines[1 : len(TASKS) + 1]] == list(TASKS)
    assert "recognition:MACHINE" in called.stdout


@pytest.mark.parametrize("name", TASKS)
def test_rows_of_every_task_can_be_shown(call: Call, name: str) -> None:
    called = call("tasks", name, "--rows", "2", "--seed", "3")
    assert (called.code, called.stderr) == (0, "")
    assert called.stdout.startswith("name ")
    assert sum(line.startswith("input ") for line in called.stdout.splitlines()) == 2
    assert sum(line.startswith("answer ") for line in called.stdout.splitlines()) == 2


def test_lines_of_json_are_what_a_model_is_given(call: Call) -> None:
    called = call("tasks", "stack-manipulation", "--lengths", "3-6", "--rows", "5", "--jsonl")
    asked = task("stack-manipulation")
    records = [json.loads(line) for line in called.stdout.splitlines()]
    assert len(records) == 5
    for record in records:
        assert record["task"] == "stack-manipulation"
        assert 3 <= record["length"] <= 6
        given = [asked.symbols.index(name) for name in record["input"]]
        assert record["tokens"][: record["length"]] == given
        assert [asked.answers.index(name) for name in record["answer"]] == asked.answer(given)
        answered = [target for target, read in zip(record["targets"], record["mask"], strict=True) if read]
        assert answered == asked.answer(given)


def test_the_same_seed_shows_the_same_rows(call: Call) -> None:
    first, again, other = (call("tasks", "reverse-string", "--seed", seed).stdout for seed in ("1", "1", "2"))
    assert first == again != other


def test_a_rule_file_is_a_task(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_text('{"machine": "fsm", "symbols": ["a", "b"], "acceptance": {"states": ["A"]}, "rules": '
                    '[[["a", "INITIAL"], ["A"]], [["b", "A"], ["INITIAL"]]]}')  # fmt: skip
    called = call("tasks", f"recognition:{path}", "--lengths", "1-5")
    assert (called.code, called.stderr) == (0, "")
    assert "rejected accepted" in called.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["revers-string"], "there is no task 'revers-string'; did you mean reverse-string"),
        ([""], "there is no task ''"),
        (["recognition"], "expected a machine after it, as in recognition:dyck2"),
        (["recognition:nothing"], "there is no file 'nothing', and no machine of that name"),
        (["transduction:dyck2"], "writes nothing"),
        (["parity-check", "--lengths", "0"], "expected lengths from 1 to 10,000"),
        (["insertion", "--lengths", "1"], "insertion has none below 2"),
        (["parity-check", "--lengths", "8-1"], "the smaller one first"),
        (["parity-check", "--lengths", "long"], "got 'long', expected a length or a range, as in 5 or 1-8"),
        (["parity-check", "--lengths", "99999999999999"], "expected a length or a range"),
        (["parity-check", "--rows", "99999999"], "are more than 10,000,000"),
        (["parity-check", "--rows", "0"], "--rows"),
        (["parity-check", "--seed", "9" * 30], "expected a number of at most 63 bits"),
        (["--rows", "3"], "are for the rows of a task"),
        (["--jsonl"], "are for the rows of a task"),
    ],
)
def test_mistakes_are_told(call: Call, arguments: list[str], message: str) -> None:
    called = call("tasks", *arguments)
    assert called.code == 2
    assert message in " ".join(called.stderr.split())
    assert called.stdout == ""


def test_a_rule_file_that_is_none_is_named(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text("{")
    called = call("tasks", f"recognition:{path}")
    assert called.code == 2
    assert "broken.json: not JSON" in called.stderr.replace("\n", "")
