"""A twin built from a machine is the machine: same verdict, same trace, and the weights of its runs."""

import math
from itertools import product
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import event, given, settings

from neurallambda.automata import FSM, Automaton, Limits, Outcome, TuringMachine, library
from neurallambda.automata.data.negatives import Outside
from neurallambda.automata.files.rule_file import from_data, loads
from neurallambda.automata.grammar import Grammar, to_pda
from neurallambda.automata.rules.vocabulary import REJECT
from neurallambda.automata.runs.limits import UNDECIDED
from neurallambda.automata.runs.trace import trace
from neurallambda.errors import ArgumentError
from neurallambda.twins import NeuralAutomaton, NeuralFSM, SuperposedAutomaton, twin
from neurallambda.twins.follow import Room
from neurallambda.weighted import is_something
from tests.automata.machines import rule_files, turing_files
from tests.twins.runs import plain, weigh

NAMES = library.names()
DETERMINISTIC = [name for name in NAMES if library.load(name).is_deterministic]
FINITE = [name for name in NAMES if isinstance(library.load(name), FSM)]
SMALL = Limits(configurations=2000, steps=2000, cells=200)


def short_strings(machine: Automaton, most: int = 600) -> list[tuple[str, ...]]:
    """All strings, shortest first, of as many lengths as there is room for."""
    found: list[tuple[str, ...]] = []
    for n in range(20):
        if len(found) + len(machine.alphabet) ** n > most:
            break
        found += product(machine.alphabet, repeat=n)
    return found


def long_strings(machine: Automaton, longest: int) -> list[tuple[str, ...]]:
    """Members, near misses of them, and strings at random."""
    random, outside, found = Random(1), Outside(machine), []
    lengths = range(longest + 1) if refuses_anything(machine) else ()
    for n in [n for n in (9, 10, 12, 15, 16, 24, 30, 90, 120) if n <= longest and machine.count(n)]:
        for text in machine.samples(n, 12, seed=n):
            member = [symbol for symbol in machine.tokens(text) if symbol not in ("^", "$")]
            miss = outside.near_miss(member, lengths, random)
            found += [tuple(member), *([miss.string] if miss else [])]
        found += [tuple(random.choices(machine.alphabet, k=n)) for _ in range(6)]
    return found


def refuses_anything(machine: Automaton) -> bool:
    """Where all short strings are accepted, looking for near misses of long ones takes a thousand tries each, in vain."""
    return not all(machine.accepts(string) for string in short_strings(machine))


def longest_for(machine: Automaton) -> int:
    """How long strings may be for the exact machine to count them quickly."""
    return 9 if isinstance(machine, TuringMachine) else 120 if machine.is_deterministic else 16


@pytest.mark.parametrize("name", NAMES)
def test_verdicts_of_the_library(name: str) -> None:
    machine = library.load(name)
    strings = short_strings(machine) + long_strings(machine, longest_for(machine))
    expected = [machine.accepts(string) for string in strings]
    assert twin(machine).accepts(strings) == expected
    assert NeuralAutomaton(machine).accepts(strings) == expected


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_traces_of_the_library(name: str) -> None:
    """Every configuration of every run, as the exact machine has it."""
    machine = library.load(name)
    strings = short_strings(machine, 120) + long_strings(machine, min(30, longest_for(machine)))
    steps = 0
    for string, run in zip(strings, NeuralAutomaton(machine).runs(strings), strict=True):
        assert all(list(step.values()) == [0.0] for step in run)
        exact = machine.run(string)
        expected = [plain(step.configuration, exact.tokens, machine) for step in exact.steps]
        expected = [one for one in expected if one.state != REJECT]
        found = [plain(one, (), machine) for step in run for one in step if one.state != REJECT]
        assert found == expected, string
        steps += len(found)
    assert steps > len(strings)


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_a_machine_in_superposition_is_the_machine_while_it_is_certain(name: str) -> None:
    machine = library.load(name)
    strings = short_strings(machine, 130)
    superposed = SuperposedAutomaton(machine, capacity=24 if machine.kind == "tm" else 10, steps=90)
    with torch.no_grad():
        last = superposed.run(superposed.encode(strings))[-1]
    assert last.accepted.tolist() == [float(machine.accepts(string)) for string in strings]
    assert last.lost.sum() == 0


def test_states_in_superposition_follow_the_trace() -> None:
    machine = library.load("anbn_plus")
    superposed = SuperposedAutomaton(machine, capacity=8)
    strings = ["aabbab", "aab", "abba", ""]
    with torch.no_grad():
        steps = superposed.run(superposed.encode(strings))
    for row, string in enumerate(strings):
        for step, expected in zip(steps, machine.run(string).steps, strict=False):
            control = step.control[row]
            assert control.sum() in (0.0, 1.0)
            if control.sum():
                assert machine.states[int(control.argmax())] == expected.configuration.state


@pytest.mark.parametrize("name", FINITE)
def test_states_of_finite_machines(name: str) -> None:
    machine = library.load(name)
    strings = short_strings(machine, 100)
    neural = NeuralFSM(machine)
    with torch.no_grad():
        states = neural.states(neural.encode(strings))
    for row, string in enumerate(strings):
        expected = trace(machine.run(string)).states
        for place, state in enumerate(expected):
            here = states[row, place]
            assert (REJECT if here.sum() == 0 else machine.states[int(here.argmax())]) == state
            assert here.sum() in (0.0, 1.0)


def test_a_finite_machine_with_silent_steps_stands_where_its_trace_says() -> None:
    machine = loads(
        '{"machine": "fsm", "symbols": ["a", "b"], "rules": [[["", "INITIAL"], ["P"]], [["a", "P"], ["Q"]], '
        '[["", "Q"], ["R"]], [["", "R"], ["P"]], [["b", "P"], ["ACCEPT"]]], "acceptance": {"states": ["ACCEPT", "Q"]}}'
    )
    neural = NeuralFSM(machine)
    strings = ["aab", "aa", "", "ba"]
    assert neural.accepts(strings) == [machine.accepts(string) for string in strings] == [True, True, False, False]
    with torch.no_grad():
        states = neural.states(neural.encode(strings))
    for row, string in enumerate(strings):
        for place, state in enumerate(trace(machine.run(string)).states):
            here = states[row, place]
            assert (REJECT if here.sum() == 0 else machine.states[int(here.argmax())]) == state


def check_weights(data: dict[str, Any], strings: list[str]) -> None:
    """Chances and numbers of runs; where weight was lost for want of room, not more than there is."""
    machine = from_data(data)
    room = Room(worlds=40, cells=20, steps=40)
    expected = [weigh(machine, string) for string in strings]
    for form in ("chances", "runs"):
        followed = NeuralAutomaton(machine, room=room, weigh=form, dtype=torch.float64)
        with torch.no_grad():
            mass = followed.mass(followed.encode(strings))
        if form == "chances":
            assert torch.allclose(mass.total, torch.ones_like(mass.total), atol=1e-12)
        complete = ~(is_something(mass.lost) | is_something(mass.running))
        event(f"{int(complete.sum()) // 6 * 6} followed to the end")
        found = mass.accepted.exp().tolist()
        for string, one, weight, whole in zip(strings, expected, found, complete.tolist(), strict=True):
            if one.whole:
                true = one.chance if form == "chances" else one.runs
                assert math.isclose(weight, true, abs_tol=1e-12) if whole else weight < true + 1e-12, string
        if isinstance(machine, FSM):
            matrices = NeuralFSM(machine, weigh=form, dtype=torch.float64)
            with torch.no_grad():
                found = matrices(matrices.encode(strings)).exp().tolist()
            for string, one, weight in zip(strings, expected, found, strict=True):
                if one.whole:
                    assert math.isclose(weight, one.chance if form == "chances" else one.runs, abs_tol=1e-12), string
            assert matrices.accepts(strings) == [machine.accepts(string) for string in strings]
    chances = NeuralAutomaton(machine, room=room)
    for string, outcome in zip(strings, chances.decide(strings), strict=True):
        exact = machine.decide(string, limits=SMALL)
        if exact in (Outcome.ACCEPTED, Outcome.REJECTED):
            assert outcome is exact or outcome in UNDECIDED
        elif exact is Outcome.LOOPS:
            assert outcome in UNDECIDED


FILES = {
    **{kind: rule_files(kind) for kind in ("fsm", "pda", "qa", "tm")},
    "two tapes": turing_files("tapes", 2),
    "two stacks": turing_files("stacks", 2),
}
STRINGS = ["".join(letters) for n in range(4) for letters in product("ab", repeat=n)] + ["abab", "c", "aca"]


@pytest.mark.parametrize("kind", FILES)
def test_random_machines_weigh_their_runs(kind: str) -> None:
    """Made up by Hypothesis: silent steps, guesses, cycles, markers, any acceptance; against runs followed one by one."""

    @settings(max_examples=12)
    @given(FILES[kind])
    def check(data: dict[str, Any]) -> None:
        check_weights(data, STRINGS)

    check()


@pytest.mark.slow
@pytest.mark.parametrize("kind", FILES)
def test_many_random_machines_weigh_their_runs(kind: str) -> None:
    @settings(max_examples=150)
    @given(FILES[kind])
    def check(data: dict[str, Any]) -> None:
        check_weights(data, STRINGS)

    check()


def test_runs_of_ambiguous_grammars_are_counted() -> None:
    sums = to_pda(Grammar.parse("E -> E + E | x"))
    counting = NeuralAutomaton(sums, weigh="runs", room=Room(worlds=4000, cells=16), dtype=torch.float64)
    found = counting.mass(counting.encode(["x", "x+x", "x+x+x", "x+x+x+x"]))
    assert [round(x) for x in found.accepted.exp().tolist()] == [1, 1, 2, 5]


def test_a_long_guess_does_not_vanish() -> None:
    """Chances of 3^-100 and less are below the smallest float32; their logarithms are not."""
    machine = library.load("palindromes")
    text = "ab" * 60 + "ba" * 60
    guesses = NeuralAutomaton(machine, room=Room(worlds=300))
    assert guesses.accepts([text, text[:-1] + "b"]) == [True, False]
    with torch.no_grad():
        assert guesses(guesses.encode([text])).item() < -100


def test_what_has_no_room_is_said() -> None:
    dyck = library.load("dyck1")
    tight = NeuralAutomaton(dyck, room=Room(cells=3))
    assert [str(one) for one in tight.decide(["((()))", "(((())))", "((()"])] == [
        "accepted",
        "out-of-memory",
        "rejected",
    ]
    guesses = NeuralAutomaton(library.load("palindromes"), room=Room(worlds=1))
    assert guesses.decide(["abba", "abaaba"])[1] in ("accepted", "out-of-memory")
    beaver = NeuralAutomaton(library.load("busy_beaver_3"), room=Room(steps=5))
    assert beaver.decide([""]) == ["out-of-steps"]
    assert (
        SuperposedAutomaton(dyck, capacity=2)
        .run(SuperposedAutomaton(dyck, capacity=2).encode(["((()))"]))[-1]
        .lost.item()
        == 1
    )


def test_loops_are_out_of_steps() -> None:
    machine = loads('{"machine": "pda", "symbols": ["a"], "rules": [[["", "INITIAL", "ANY"], ["INITIAL", "nullop"]]]}')
    assert machine.decide("a") is Outcome.LOOPS
    assert NeuralAutomaton(machine, room=Room(steps=50)).decide(["a", ""]) == ["out-of-steps"] * 2


def test_undeclared_symbols_are_refused() -> None:
    for name in ("parity", "dyck1", "anbncn", "binary_increment"):
        machine = library.load(name)
        assert twin(machine).accepts(["x", "1x", "x1"]) == [machine.accepts(one) for one in ("x", "1x", "x1")]


def test_only_machines_without_memory_are_matrices() -> None:
    with pytest.raises(ArgumentError, match="NeuralAutomaton is the twin of those"):
        NeuralFSM(library.load("dyck1"))


def test_a_table_that_would_be_too_large_is_refused() -> None:
    rules = library.load("anbncn_tape").rules
    wide = [rule._replace(memory=rule.memory * 8, operations=rule.operations * 8) for rule in rules]
    with pytest.raises(ArgumentError, match="at most 16,777,216"):
        NeuralAutomaton(TuringMachine(symbols=("a", "b", "c"), tapes=8, rules=tuple(wide)))
