"""Tables round to rules: those of a built twin to the same language, those of a learned one to a file that loads."""

from itertools import product

import pytest
import torch
from hypothesis import event, given, settings

from neurallambda.automata import FSM, PDA, Automaton, dumps, library, loads
from neurallambda.automata.classical import equivalent
from neurallambda.automata.files.rule_file import from_data
from neurallambda.automata.runs.limits import UNDECIDED
from neurallambda.errors import ArgumentError
from neurallambda.twins import NeuralAutomaton, NeuralFSM, twin
from neurallambda.twins.axes import MOST_ENTRIES
from neurallambda.twins.blank import blank_fsm, blank_pda, blank_queue, blank_turing
from tests.automata.machines import rule_files, turing_files
from tests.automata.test_turing import SMALL, STRINGS

NAMES = library.names()


@pytest.mark.parametrize("name", NAMES)
def test_a_built_twin_gives_its_language_back(name: str) -> None:
    machine = library.load(name)
    found = loads(dumps(twin(machine).extract()))
    assert type(found) is type(machine)
    assert len(found.rules) <= len(machine.rules)
    for n in range(20):
        if len(machine.alphabet) ** n > 800:
            break
        for string in product(machine.alphabet, repeat=n):
            assert found.accepts(string) == machine.accepts(string), string
    if isinstance(machine, FSM) and isinstance(found, FSM):
        assert equivalent(found, machine)


@pytest.mark.parametrize("kind", ["fsm", "pda", "qa", "tm", "two stacks"])
def test_any_built_twin_gives_its_language_back(kind: str) -> None:
    """Also of nondeterministic machines, all of whose moves are kept."""

    @settings(max_examples=60)
    @given(turing_files("stacks", 2) if kind == "two stacks" else rule_files(kind))
    def check(data: dict[str, object]) -> None:
        machine = from_data(data)
        table = NeuralAutomaton(machine)
        try:
            found = table.extract(keep=0.01)
        except ArgumentError:
            event("has no rules of its own")
            return
        for string in STRINGS:
            expected, outcome = machine.decide(string, limits=SMALL), found.decide(string, limits=SMALL)
            if expected not in UNDECIDED and outcome not in UNDECIDED:
                assert (outcome == "accepted") == (expected == "accepted"), string

    check()


def test_the_likeliest_move_is_taken() -> None:
    twin = NeuralFSM(blank_fsm("ab", states=2))
    with torch.no_grad():
        twin.table.allow_all()
        twin.table.scores[..., :] = -3.0
        for number, move in enumerate(twin.table.layout.moves):
            twin.table.scores[0, 0, number] = 0.5 if move.target == "Q1" else 0.4
            twin.table.scores[0, 1, number] = 0.4 if move.target == "Q1" else 0.5
            twin.table.scores[1, :, number] = 2.0 if move.target == "Q1" else 0.0
        twin.table.accept_scores[:] = torch.tensor([-0.1, 0.2])
    found = twin.extract()
    assert found.acceptance.states == ("Q1",)
    assert [found.accepts(one) for one in ("", "a", "b", "bba", "abab")] == [False, True, False, True, True]
    assert len(found.rules) == 3  # any symbol keeps Q1
    assert not any(rule.input == "\0" for rule in found.rules)


def test_only_a_share_is_kept() -> None:
    neural = NeuralFSM(blank_fsm("a", states=1))
    for keep in (0.0, 1.1):
        with pytest.raises(ArgumentError, match="keep: got"):
            neural.extract(keep=keep)


def test_silent_moves_that_look_ahead_are_refused() -> None:
    machine = loads(
        '{"machine": "fsm", "symbols": ["a"], "rules": [[["", "INITIAL"], ["P"]], [["a", "P"], ["ACCEPT"]]]}'
    )
    neural = NeuralFSM(machine)
    with torch.no_grad():
        neural.table.possible[0, 0, -1] = True
        neural.table.scores[0, 0, -1] = 5.0  # stop if an a comes
    with pytest.raises(ArgumentError, match="what INITIAL does silently depends on the symbol that follows"):
        neural.extract()


def test_a_table_that_stops_at_once_is_no_machine() -> None:
    neural = NeuralFSM(blank_fsm("ab", states=2))
    with torch.no_grad():
        neural.table.allow_all()
        neural.table.scores[..., -1] = 9.0
    with pytest.raises(ArgumentError, match="stops in the first state"):
        neural.extract()


@pytest.mark.parametrize(
    ("machine", "rules"),
    [
        (blank_fsm("ab", states=3), 2 * 3 * 3),
        (blank_pda("ab", states=2, stack="x"), 2 * 2 * 2 * 2 * 3),
        (blank_queue("a", states=2, queue="xy"), 2 * 3 * 2 * (3 + 2 * 2)),
        (blank_turing("ab", states=2, tape="x"), 2 * 4 * 3 * 3 * 5),
    ],
    ids=lambda one: getattr(one, "kind", ""),
)
def test_a_blank_machine_has_every_rule(machine: Automaton, rules: int) -> None:
    assert len(machine.rules) == len(set(machine.rules)) == rules
    layout = NeuralAutomaton(machine).table.layout
    assert len(layout.moves) < MOST_ENTRIES


@pytest.mark.parametrize("states", [0, -1])
def test_blank_machines_check_themselves(states: int) -> None:
    with pytest.raises(ArgumentError, match="states: got"):
        blank_fsm("a", states=states)
    with pytest.raises(ArgumentError, match="expected at least one"):
        blank_fsm((), states=2)


def test_rules_of_a_pushdown_twin_are_brief() -> None:
    found = twin(library.load("dyck2")).extract()
    assert isinstance(found, PDA)
    assert any(slot == "ANY" for rule in found.rules for slot in rule.memory)
