"""Traces: they are the runs of the exact machines, and their actions alone are enough to do them again."""

from contextlib import suppress
from math import isqrt
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurallambda.automata import FSM, Automaton, CellularAutomaton, library
from neurallambda.automata.data.negatives import non_member
from neurallambda.automata.runs.trace import show_memories
from neurallambda.errors import ArgumentError
from neurallambda.lang import evaluate
from neurallambda.tasks import task
from neurallambda.tasks.lisp.programs import tokens, write_program
from neurallambda.tasks.traces import (
    TraceRecord,
    Vocabulary,
    adder,
    decode_addition,
    decode_member,
    decode_reverse,
    replay_cells,
    replay_machine,
    replay_program,
    square_rooter,
    trace_addition,
    trace_cells,
    trace_machine,
    trace_program,
)
from neurallambda.tasks.traces.lisp_machine import RULES
from tests.programs import PROGRAMS, Example

NAMES = library.names()


def strings(machine: Automaton) -> list[str]:
    lengths = [n for n in range(7) if not machine.language().is_empty(n)]
    return [machine.sample(n, seed=n) for n in lengths]


def shown(record: TraceRecord, number: int) -> list[str]:
    """The memories at a step as the automata write them: the cell under a head in brackets."""
    texts = []
    for (name, _), cells in zip(record.memories, record.steps[number].memory, strict=True):
        on_tape = name.startswith("tape")
        words = [f"[{cell.token}]" if on_tape and cell.channels == ("yes",) else cell.token for cell in cells]
        texts.append(" ".join(words))
    return texts


@pytest.mark.parametrize("name", NAMES)
def test_a_trace_of_a_machine_is_its_run(name: str) -> None:
    machine = library.load(name)
    for string in strings(machine):
        run, record = machine.run(string), trace_machine(machine, string)
        assert len(record.steps) == len(run.steps) - 1
        for number, (before, after) in enumerate(zip(run.steps, run.steps[1:], strict=False)):
            step = record.steps[number]
            assert step.state == before.configuration.state
            assert step.actions[0] == after.configuration.state
            expected = show_memories(machine, before.configuration, run.tokens)
            assert [text.split() for text in shown(record, number)] == [text.split() for text in expected]


@pytest.mark.parametrize("name", NAMES)
def test_actions_alone_do_the_run_again(name: str) -> None:
    machine = library.load(name)
    for string in strings(machine):
        record = trace_machine(machine, string)
        left = replay_machine(machine, string, [step.actions for step in record.steps])
        last = show_memories(machine, machine.run(string).steps[-1].configuration, record.input)
        found = [text.replace("[", "").replace("]", "").split() for text in last] if machine.reads_from_tape else None
        if found is not None:
            assert [list(tape) for tape in left] == [" ".join(words).strip("_ ").split() for words in found]
        else:
            assert [list(memory) for memory in left] == [text.split() for text in last]


@pytest.mark.parametrize("name", [name for name in NAMES if library.load(name).is_deterministic])
def test_what_is_seen_determines_what_is_done(name: str) -> None:
    machine = library.load(name)
    known: dict[tuple[str, ...], tuple[str, ...]] = {}
    for string in strings(machine):
        for step in trace_machine(machine, string).steps:
            key = (step.state, *step.seen)
            # A machine that takes a silent step sees the next symbol too, but does not go by it.
            if known.setdefault(key, step.actions) != step.actions:
                raise AssertionError((key, known[key], step.actions))


def test_what_a_mealy_machine_writes_is_an_action() -> None:
    machine = library.load("vending_machine", FSM)
    record = trace_machine(machine, ["nickel", "return", "dime", "nickel", "press"])
    assert record.actions == ("state", "input", "output")
    assert record.answer == tuple(step.actions[-1] for step in record.steps)
    assert record.answer == machine.transduce(["nickel", "return", "dime", "nickel", "press"])
    assert replay_machine(machine, "", [step.actions for step in record.steps]) == ()


CELLULAR = library.names(CellularAutomaton)
bits = st.text("01", max_size=6)


@pytest.mark.parametrize("name", CELLULAR)
@given(cells=bits, shown=bits, more=st.integers(0, 3), steps=st.none() | st.integers(0, 8))
@settings(max_examples=25, deadline=None)
def test_a_trace_of_cells_is_their_run(name: str, cells: str, shown: str, more: int, steps: int | None) -> None:
    machine = library.load(name, CellularAutomaton)
    count = len(cells + shown) if steps is None else steps
    endless = machine.run(cells, shown, steps=steps)
    for width in (None, len(cells) + more or 1):
        record = trace_cells(machine, cells, shown, steps=steps, width=width)
        room = max(1, len(cells) + count) if width is None else width
        rows = endless if width is None else machine.run(cells, shown, steps=steps, width=width)
        assert len(record.steps) == room * count
        for time in range(count):
            of_row = record.steps[time * room : (time + 1) * room]
            before, after = (rows.steps[one].states for one in (time, time + 1))
            assert [step.state for step in of_row][: len(before)] == list(before)
            assert [step.actions[0] for step in of_row][: len(after)] == list(after)
            for place, step in enumerate(of_row):
                (row,) = step.memory
                assert [cell.token for cell in row] == [one.state for one in of_row]
                assert [cell.channels[1] for cell in row].index("yes") == place
                assert step.seen[:2] == (row[place].channels[0], (list(shown) + ["_"] * count)[time])
        wanted = tuple(one or "_" for one in rows.outputs) if machine.outputs else rows.steps[-1].states[: len(cells)]
        assert record.answer == wanted
        actions = [step.actions for step in record.steps]
        left = replay_cells(machine, cells, actions, steps=count, width=width)
        assert left[: len(rows.cells)] == rows.steps[-1].states


@pytest.mark.parametrize("name", CELLULAR)
def test_what_a_cell_sees_determines_what_it_does(name: str) -> None:
    machine, random = library.load(name, CellularAutomaton), Random(0)
    known: dict[tuple[str, ...], tuple[str, ...]] = {}
    for length in (3, 4, 5, 30):
        strings = ["".join(random.choices("01", k=length)) for _ in range(2)]
        steps = trace_cells(machine, *strings, memory=False).steps
        assert all(known.setdefault((step.state, *step.seen), step.actions) == step.actions for step in steps)
    assert len(known) < 100


def test_wrong_traces_of_cells_are_told() -> None:
    machine = library.load("rule_110", CellularAutomaton)
    with pytest.raises(
        ArgumentError, match="one string is in its cells and another is shown to them, so it needs trace_cells"
    ):
        trace_machine(machine, "0001")
    with pytest.raises(ArgumentError, match="so it needs replay_cells"):
        replay_machine(machine, "0001", [])
    with pytest.raises(ArgumentError, match="expected symbols of the machine: 0 1"):
        trace_cells(machine, "0002")
    with pytest.raises(ArgumentError, match="width: got 3, expected room for the 4 symbols"):
        trace_cells(machine, "0001", width=3)
    with pytest.raises(ArgumentError, match="actions: got 3, which are too few"):
        replay_cells(machine, "01", [("0",)] * 3, steps=1, width=4)
    with pytest.raises(ArgumentError, match="actions: got 5, expected 4"):
        replay_cells(machine, "01", [("0",)] * 5, steps=1, width=4)
    with pytest.raises(ArgumentError, match="got 'blue', expected one state of the machine: INITIAL, 0, 1"):
        replay_cells(machine, "01", [("blue",)], steps=1)


def test_a_string_that_is_not_accepted_has_a_trace_too() -> None:
    machine = library.load("anbn")
    record = trace_machine(machine, non_member(machine, 6, seed=2))
    assert record.answer == ("rejected",)


@given(st.integers(0, 10**12), st.integers(0, 10**6), st.integers(2, 10))
def test_the_adder_adds_in_every_base(one: int, other: int, base: int) -> None:
    def written(number: int) -> str:
        return np.base_repr(number, base)

    total = adder(base).compute(f"{written(one)}+{written(other)}", tape=2)
    assert int(total, base) == one + other


@given(st.text("01", min_size=1, max_size=40))
def test_the_square_rooter_takes_square_roots(number: str) -> None:
    root = square_rooter().compute(number, tape=3)
    assert root == f"{isqrt(int(number, 2)):0{(len(number) + 1) // 2}b}"


@settings(max_examples=25)
@given(st.text("0123456789", min_size=1, max_size=12), st.text("0123456789", min_size=1, max_size=12))
def test_traces_of_additions_decode_to_sums(one: str, other: str) -> None:
    asked = task("addition-traced")
    given_numbers = [asked.symbols.index(letter) for letter in f"{one}+{other}"]
    answer = asked.answer(given_numbers)
    assert len(answer) <= asked.answer_length(len(given_numbers))
    assert int(decode_addition(given_numbers, answer)) == int(one) + int(other)
    assert int("".join(trace_addition(f"{one}+{other}").answer)) == int(one) + int(other)


def test_every_rule_of_addition_comes_in_few_samples() -> None:
    """What is seen determines what is done: from all pairs of digits, with and without a carry, all actions are known."""
    records = [trace_addition(f"{a}{b}+{c}{d}") for a in "0" for c in "09" for b in "0123456789" for d in "0123456789"]
    known = {(step.state, *step.seen): step.actions for record in records for step in record.steps}
    long = trace_addition("9" * 60 + "+" + "1234567890" * 6)
    assert all(
        known[step.state, *step.seen] == step.actions for step in long.steps if (step.state, *step.seen) in known
    )


@settings(max_examples=60)
@given(st.integers(1, 50), st.integers(0, 10_000))
def test_a_trace_of_a_program_is_its_evaluation(length: int, seed: int) -> None:
    source = " ".join(write_program(length, Random(seed)))
    outcome = evaluate(source)
    if outcome.error is not None:
        return
    record = trace_program(source)
    assert len(record.steps) == outcome.steps
    assert list(record.answer) == tokens(outcome.text)
    assert replay_program(source, [step.actions[0] for step in record.steps]) == record.answer


@pytest.mark.parametrize(
    "example", [one for one in PROGRAMS if one.error is None and not one.holes], ids=lambda one: one.name
)
def test_any_program_can_be_traced(example: Example) -> None:
    outcome, record = evaluate(example.source), trace_program(example.source, memory=False)
    assert len(record.steps) == outcome.steps
    assert list(record.answer) == tokens(str(example.value))
    assert replay_program(example.source, [step.actions[0] for step in record.steps]) == record.answer


@pytest.mark.parametrize("source", ["(fn [xs] (reverse xs))", "(fn [xs] (sort xs))", "(fn [xs] (filter even? xs))"])
def test_states_do_not_depend_on_what_a_program_is_called_with(source: str) -> None:
    """From short lists everything is known that happens to long ones."""
    random = Random(0)

    def record(length: int) -> TraceRecord:
        items = " ".join(str(random.randrange(10)) for _ in range(length))
        return trace_program(source, [f"'({items})"], memory=False)

    known = {
        (step.state, *step.seen): step.actions for length in range(5) for _ in range(4) for step in record(length).steps
    }
    for step in record(9).steps:
        if source != "(fn [xs] (sort xs))":  # which has functions that only longer lists come to
            assert known[step.state, *step.seen] == step.actions
        assert known.get((step.state, *step.seen), step.actions) == step.actions


@settings(max_examples=15)
@given(st.lists(st.integers(0, 9), max_size=5))
def test_traces_of_programs_decode_to_values(digits: list[int]) -> None:
    assert decode_reverse(digits, task("reverse-traced").reference(digits)) == f"'({' '.join(map(str, digits[::-1]))})"
    if digits:
        answer = task("member-traced").answer(digits)
        assert decode_member(digits, answer) == str(digits[0] in digits[1:]).lower()


def test_memories_hold_what_the_words_say() -> None:
    record = trace_program("(fn [xs ys] (cons (car xs) ys))", ["'(1 2)", "'(5)"])
    assert record.memories == (("frames", ("held",)), ("environment", ()))
    assert [cell.token for cell in record.steps[0].memory[1]] == ["'(1 2)", "'(5)"]
    tops = [step.memory[0][-1] for step in record.steps]
    assert tops[0].token == "halt"
    assert ("compute of 2 cons", ("(cons 1)",)) in tops
    for step in record.steps:
        assert step.memory[0][-1].token == step.seen[0]
    assert trace_program("(+ 1 2)", memory=False).steps[0].memory == ()


def test_a_vocabulary_reads_back_what_it_wrote() -> None:
    records = [trace_addition("12+9"), trace_addition("5+5")]
    vocabulary = Vocabulary.of(records)
    for record in records:
        encoded = vocabulary.encode(record)
        assert set(encoded) == set(record.channels())
        for channel, tokens_ in record.channels().items():
            assert vocabulary.decode(channel, encoded[channel]) == tokens_
    with pytest.raises(ArgumentError, match="which the vocabulary lacks"):
        vocabulary.encode(trace_addition("88+88"))
    with pytest.raises(ArgumentError, match="expected one of state"):
        vocabulary.decode("nothing", [0])
    with pytest.raises(ArgumentError, match="got 99, expected numbers from 0"):
        vocabulary.decode("state", [99])


def test_a_record_is_plain_data() -> None:
    data = trace_machine(library.load("dyck1"), "()").as_data()
    assert data["input"] == ["^", "(", ")", "$"]
    assert data["steps"][2] == {
        "state": "OPEN",
        "seen": {"input": ")", "stack": "("},
        "actions": {"state": "OPEN", "input": "read", "stack": "pop"},
        "memory": {"stack": [{"token": "(", "shown": "yes"}]},
    }


def test_wrong_actions_are_told() -> None:
    with pytest.raises(ArgumentError, match="step 0 has 1 operations, expected 3"):
        replay_machine(adder(), "1+1", [("COPY", "R 1")])
    with pytest.raises(ArgumentError, match="step 0 has 'jump', which is no operation of a stack"):
        replay_machine(library.load("dyck1"), "()", [("OPEN", "read", "jump")])
    with pytest.raises(ArgumentError, match="step 0 has 'jump', expected one of make, apply"):
        replay_program("(+ 1 2)", ["jump"])
    with pytest.raises(ArgumentError, match="step 0: rule 'call': what it takes is not there"):
        replay_program("(+ 1 2)", ["call"])
    with pytest.raises(ArgumentError, match="expected halt as the last one"):
        replay_program("(+ 1 2)", ["binary"])
    with pytest.raises(ArgumentError, match="this one ends so: division-by-zero"):
        trace_program("(/ 1 0)")
    with pytest.raises(ArgumentError, match="two numbers with a"):
        trace_addition("12")
    with pytest.raises(ArgumentError, match="base: got 11, expected 2 to 10"):
        adder(11)


@given(st.lists(st.sampled_from(sorted(RULES)), max_size=8), st.integers(0, 99))
def test_no_rules_do_harm(rules: list[str], seed: int) -> None:
    """Whatever a model predicts, the answer is a value or an error of this package."""
    source = " ".join(write_program(12, Random(seed)))
    with suppress(ArgumentError):
        assert replay_program(source, rules)


def test_traced_tasks_are_in_the_catalogue() -> None:
    for name in ("addition-traced", "reverse-traced", "member-traced"):
        batch = task(name).batch((3, 9), 6, generator=torch.Generator().manual_seed(0))
        assert batch.mask.any(1).all()
