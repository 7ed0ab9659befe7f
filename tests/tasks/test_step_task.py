"""Tasks of a step of any machine and any program: exact actions lead where the exact run ends, and mistakes are told."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from neurallambda.automata import (
    FSM,
    Acceptance,
    CellularAutomaton,
    MachineError,
    Operation,
    Rule,
    TuringMachine,
    library,
    save,
)
from neurallambda.cli.app import app
from neurallambda.errors import ArgumentError
from neurallambda.lang import parse
from neurallambda.tasks import machine_steps, step_task, task
from neurallambda.tasks.traces import Runs, TraceRecord, machine_runs, program_runs, sources, trace_machine
from neurallambda.tasks.traces.machines import exact_actions
from neurallambda.tasks.traces.runs import REJECTED, StreamRun, TapeRun
from neurallambda.train.recipes import recipe_for

DETERMINISTIC = [name for name in library.names() if library.load(name).is_deterministic]
SLOW = "anbncn_tape"
"""Its strings take long to find."""
CELLS = library.names(CellularAutomaton)
LONGER = "(fn [xs ys] (< (length xs) (length ys)))"


def to_the_end(runs: Runs, inputs: tuple[str, ...]) -> tuple[str, ...]:
    record, run = runs.trace(inputs), runs.begin(inputs)
    for step in record.steps:
        assert run.situation() == (step.state, *step.seen)
        run.act(step.actions[: runs.channels])
    assert run.is_over
    return run.answer()


def two_lists(size: int, random: np.random.Generator) -> tuple[str, ...]:
    lengths = (size, int(random.integers(0, 2 * size + 1)))
    return tuple(f"'({' '.join(map(str, random.integers(0, 10, length)))})" for length in lengths)


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_the_run_of_a_machine_is_its_trace(name: str) -> None:
    machine = library.load(name)
    runs = machine_runs(machine, lambda size, random: ("",))
    for length in range(7):
        if machine.language().is_empty(length):
            continue
        string = machine.sample(length, seed=length)
        found, record = runs.trace((string,)), trace_machine(machine, string, memory=False)
        assert found == record
        assert runs.answer((string,)) == record.answer
        assert to_the_end(runs, (string,)) == record.answer


@pytest.mark.parametrize("name", [name for name in DETERMINISTIC if name != SLOW])
@given(size=st.integers(1, 12), seed=st.integers(0, 2**31))
@settings(max_examples=8, deadline=None)
def test_strings_that_are_drawn_come_to_what_the_machine_says(name: str, size: int, seed: int) -> None:
    machine = library.load(name)
    runs = machine_runs(machine)
    inputs = runs.draw(size, np.random.default_rng(seed))
    end = to_the_end(runs, inputs)
    assert end == runs.answer(inputs)
    assert machine.accepts(inputs[0]) == (end != REJECTED)


def test_strings_of_an_acceptor_are_refused_as_often_as_not() -> None:
    runs, random = machine_runs(library.load("dyck2")), np.random.default_rng(0)
    answers = [runs.answer(runs.draw(8, random)) for _ in range(200)]
    assert 60 < answers.count(("accepted",)) < 140
    assert set(answers) == {("accepted",), REJECTED}


@pytest.mark.parametrize("name", CELLS)
@given(size=st.integers(1, 12), seed=st.integers(0, 2**31))
@settings(max_examples=15, deadline=None)
def test_the_run_of_cells_is_that_of_the_automaton(name: str, size: int, seed: int) -> None:
    machine = library.load(name, CellularAutomaton)
    runs = machine_runs(machine)
    inputs = runs.draw(size, np.random.default_rng(seed))
    assert sum(map(len, inputs)) == max(2, size)
    exact = machine.run(*inputs)
    wanted = tuple(map(str, exact.outputs)) if machine.outputs else exact.steps[-1].states
    assert to_the_end(runs, inputs) == runs.answer(inputs) == wanted


@given(st.integers(1, 9), st.integers(0, 2**31))
@settings(max_examples=15, deadline=None)
def test_the_run_of_a_program_is_its_evaluation(size: int, seed: int) -> None:
    for runs in (program_runs(LONGER, two_lists), program_runs(parse(LONGER), two_lists)):
        inputs = runs.draw(size, np.random.default_rng(seed))
        one, other = (len(text.split()) if text != "'()" else 0 for text in inputs)
        assert to_the_end(runs, inputs) == runs.answer(inputs) == (str(one < other).lower(),)


def test_a_task_of_an_own_program() -> None:
    longer = step_task(program_runs(LONGER, two_lists), name="longer", longest=3, samples=20)
    assert (longer.name, longer.shortest, longer.time(3)) == ("longer", 3, 4)
    assert longer.runs is not None
    record = longer.runs.trace(("'(1 2 3 4 5 6)", "'(1 2 3 4 5)"))
    for step in record.steps:  # short lists say all about long ones
        situation = [longer.symbols.index(token) for token in (step.state, *step.seen)]
        assert [longer.answers[number] for number in longer.answer(situation)] == list(step.actions[:1])


@pytest.mark.parametrize("name", ["binary_addition", "vending_machine", "dyck3", "remainder_3", "anbncn_stacks"])
def test_a_task_of_a_machine_holds_its_rules(name: str) -> None:
    machine, asked = library.load(name), machine_steps(library.load(name))
    batch = asked.batch(asked.shortest, 64, generator=torch.Generator().manual_seed(0))
    for row in range(64):
        record = asked.record(batch, row)
        assert record["answer"] == list(exact_actions(machine, record["input"]))  # pyright: ignore[reportArgumentType]


def test_a_rule_file_is_a_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "SAMPLES_OF_STRINGS", 40)
    path = tmp_path / "rules.json"
    save(library.load("dyck1"), path)
    asked, same = task(f"steps:{path}"), task("steps:dyck1")
    assert asked.name == f"steps:{path}"
    assert (asked.symbols, asked.answers) == (same.symbols, same.answers)
    recipe = recipe_for(f"steps:{path}")
    assert (recipe.task, recipe.model) == (asked.name, "steps")


def test_a_rule_file_of_a_cellular_automaton_is_a_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "SAMPLES_OF_STRINGS", 10)
    path = tmp_path / "rules.json"
    save(library.load("rule_110", CellularAutomaton), path)
    asked = task(f"steps:{path}")
    assert (asked.shortest, set(asked.answers)) == (5, {"0", "1"})


def test_a_stuck_run_goes_to_reject() -> None:
    machine = library.load("dyck1")
    runs = machine_runs(machine)
    record = runs.trace(("())",))
    assert record.steps[-1].actions == ("REJECT", "stay", "nullop")
    assert record.answer == REJECTED
    on_tape = machine_runs(library.load("binary_increment"))
    assert on_tape.trace(("",)).answer == REJECTED
    assert on_tape.trace(("",)).steps[-1].actions == ("REJECT", "S KEEP")


def test_a_machine_with_stacks_and_queues_writes_too() -> None:
    queue = (Operation("ENQR", "a"),)
    rules = (
        Rule("x", "INITIAL", (None,), "INITIAL", queue, "first"),
        Rule("x", "INITIAL", ("a",), "INITIAL", queue),
        Rule("y", "INITIAL", ("a",), "INITIAL", (Operation("DEQL"),), "last"),
    )
    machine = TuringMachine(
        symbols=("x", "y"), rules=rules, acceptance=Acceptance(states=("INITIAL",)), tapes=0, queues=1
    )
    runs = machine_runs(machine)
    record = runs.trace(("xxy",))
    assert record.actions == ("state", "input", "deque", "output")
    assert [step.actions[-1] for step in record.steps] == ["first", "_", "last"]
    assert to_the_end(runs, ("xxy",)) == machine.transduce("xxy") == trace_machine(machine, "xxy").answer


def test_mistakes_are_told(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="is not deterministic"):
        machine_runs(library.load("palindromes"))
    blank = FSM(symbols=("_",), rules=(Rule("_", "INITIAL", (), "ACCEPT", ()),))
    with pytest.raises(ArgumentError, match="has the symbol '_'"):
        machine_runs(blank)
    with pytest.raises(ArgumentError, match="samples: got 0"):
        step_task(machine_runs(library.load("parity")), samples=0)
    with pytest.raises(ArgumentError, match="longest: got 0"):
        step_task(machine_runs(library.load("parity")), longest=0)
    with pytest.raises(ArgumentError, match="expected a machine after it, as in steps:dyck2"):
        task("steps")
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    with pytest.raises(MachineError):
        task(f"steps:{broken}")


def test_a_machine_that_never_ends_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST_STEPS", 1_000)
    onward = (Operation("R", "KEEP"),)
    forever = TuringMachine(symbols=("a",), rules=(Rule("", "INITIAL", ("ANY",), "INITIAL", onward),))
    runs = machine_runs(forever, lambda size, random: ("a",))
    for run in (runs.answer, runs.trace):
        with pytest.raises(ArgumentError, match="more than 1,000 steps, expected a run that ends sooner"):
            run(("a",))


def test_runs_that_do_not_fit_together_are_told() -> None:
    runs = machine_runs(library.load("binary_increment"), lambda size, random: ("1" * size,))
    assert step_task(runs).shortest == 2
    with pytest.raises(ArgumentError, match=r"leads to \(1; 0; .*said to be \(1\); one of the two is wrong"):
        step_task(replace(runs, answer=lambda inputs: ("1",)))
    with pytest.raises(ArgumentError, match="the limit is 1; give a higher one"):
        step_task(replace(runs, limit=lambda size: 1))
    with pytest.raises(ArgumentError, match="expected both to go through the same situations"):
        step_task(replace(runs, begin=lambda inputs: runs.begin(("0",))))
    shorter = replace(runs, trace=lambda inputs: replace(runs.trace(inputs), steps=runs.trace(inputs).steps[:-1]))
    with pytest.raises(ArgumentError, match="and the run is not over"):
        step_task(shorter)
    with pytest.raises(ArgumentError, match="no trace has a step"):
        step_task(machine_runs(library.load("remainder_3"), lambda size, random: ("",)))


def test_steps_that_do_not_follow_from_what_is_seen_are_told() -> None:
    """Without the cell under the head it is not known how to go on."""
    machine = library.load("binary_increment")

    class Blind(TapeRun):
        def situation(self) -> tuple[str, ...]:
            return super().situation()[:1]

    def trace(inputs: tuple[str, ...]) -> TraceRecord:
        record = trace_machine(machine, inputs[0], memory=False)
        return replace(record, steps=tuple(replace(step, seen=()) for step in record.steps))

    runs = machine_runs(machine, lambda size, random: ("1" * size,))
    blind = replace(runs, trace=trace, begin=lambda inputs: Blind(machine, inputs[0]))  # pyright: ignore[reportArgumentType]
    with pytest.raises(ArgumentError, match="expected what a step sees to determine what it does"):
        step_task(blind)


def test_what_cannot_be_done_is_refused() -> None:
    run = StreamRun(library.load("dyck1"), "()")
    for actions, message in (
        ((), "got '', expected read or stay as the second"),
        (("OPEN", "fly", "nullop"), "got 'OPEN fly nullop', expected read or stay as the second"),
        (("OPEN", "read"), "got 0 operations, expected 1"),
        (("OPEN", "read", "jump"), "got 'jump', which is no operation of a stack"),
    ):
        with pytest.raises(ArgumentError, match=message):
            run.act(actions)
    for _ in range(4):
        run.act(("OPEN", "read", "nullop"))
    with pytest.raises(ArgumentError, match="the string has no more symbols"):
        run.act(("OPEN", "read", "nullop"))
    with pytest.raises(ArgumentError, match="got one with tapes"):
        StreamRun(library.load("binary_increment"), "1")
    with pytest.raises(ArgumentError, match="got a tm without tapes"):
        TapeRun(library.load("anbncn_stacks"), "abc")  # pyright: ignore[reportArgumentType]


def test_rows_of_steps_are_shown_without_a_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "SAMPLES_OF_STRINGS", 40)
    for name in ("steps:dyck1", "addition-steps"):
        shown = CliRunner().invoke(app, ["tasks", name, "--rows", "2"])
        assert shown.exit_code == 0
        assert shown.stdout.count("input ") >= 2
    assert "steps:MACHINE" in CliRunner().invoke(app, ["tasks"]).stdout
