"""What twins are given is checked, what they do not know they say, and no parameter is out of reach of a gradient."""

import math
from typing import Any

import pytest
import torch
from hypothesis import event, given, settings

from neurallambda.automata import FSM, Limits, MachineError, Outcome, library, loads
from neurallambda.automata.files.rule_file import from_data
from neurallambda.automata.runs.limits import UNDECIDED
from neurallambda.errors import ArgumentError, ProgramError
from neurallambda.twins import NeuralAutomaton, NeuralFSM, SuperposedAutomaton, twin
from neurallambda.twins.blank import blank_fsm
from neurallambda.twins.follow import Room
from neurallambda.twins.learning import Course
from neurallambda.twins.rule_table import RuleTable
from tests.automata.machines import marked_files
from tests.automata.test_markers import MIDDLE, TEXTS

HALVES = [torch.float16, torch.bfloat16]
SMALL = Limits(configurations=2000, steps=2000, cells=200)


def test_one_text_is_not_several() -> None:
    for name in ("anbn", "parity"):
        neural = twin(library.load(name))
        for ask in (neural.accepts, neural.decide, neural.believes, neural.encode):
            with pytest.raises(
                ArgumentError, match=r"strings: got 'aabb', expected a list of strings, such as \['aabb'\]"
            ):
                ask("aabb")
    for wrong in (3, [3], b"ab", None):
        unusable: Any = wrong
        with pytest.raises(ArgumentError, match=r"string: got .*, expected text or a sequence of (symbols|text)"):
            library.load("anbn").accepts(unusable)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            lambda: RuleTable(library.load("parity"), weigh="chanses"),
            "weigh: got 'chanses', expected one of 'chances', 'runs'",
        ),
        (lambda: twin(library.load("anbn"), weigh="Runs"), "weigh: got 'Runs'"),
        (lambda: twin(library.load("anbn"), dtype=torch.int64), "dtype: got torch.int64"),
        (lambda: Room(worlds=-3), "worlds: got -3"),
        (lambda: Room(cells=0), "cells: got 0"),
        (lambda: Room(steps=0), "steps: got 0"),
        (lambda: Course(starts=0), "starts: got 0"),
        (lambda: Course(rate=math.nan), "rate: got nan"),
        (lambda: Course(rate=0.0), "rate: got 0.0"),
        (lambda: SuperposedAutomaton(library.load("anbn"), capacity=0), "capacity: got 0"),
        (lambda: SuperposedAutomaton(library.load("anbn"), capacity=4, steps=-1), "steps: got -1"),
        (lambda: twin(library.load("anbn")).table.soften(1.0), "chance: got 1.0"),
        (lambda: twin(library.load("anbn"), weigh="runs").table.soften(0.1), 'weigh: got "runs"'),
    ],
)
def test_arguments_are_checked(wrong: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        wrong()
    assert str(caught.value).startswith(message)


def test_what_had_no_room_is_no_refusal() -> None:
    deep = "((((()))))"
    tight = NeuralAutomaton(library.load("dyck1"), room=Room(cells=3))
    for ask in (tight.accepts, tight.believes):
        with pytest.raises(ProgramError, match="is undecided; build the twin with room for more"):
            ask(["()", deep])
    assert tight.decide(["()", deep, "(()"]) == [Outcome.ACCEPTED, Outcome.OUT_OF_MEMORY, Outcome.REJECTED]
    assert tight.accepts(["()", "(()"]) == tight.believes(["()", "(()"]) == [True, False]
    short = NeuralAutomaton(library.load("busy_beaver_3"), room=Room(steps=5))
    with pytest.raises(ProgramError, match="out-of-steps"):
        short.accepts([""])
    guesses = NeuralAutomaton(library.load("palindromes"), room=Room(worlds=1))
    with pytest.raises(ProgramError, match="out-of-memory"):
        guesses.accepts(["abaababaab", "abbbaabbba"])
    shallow = SuperposedAutomaton(library.load("dyck1"), capacity=2)
    assert shallow.decide(["()", deep, "("]) == [Outcome.ACCEPTED, Outcome.OUT_OF_MEMORY, Outcome.REJECTED]
    with pytest.raises(ProgramError, match="larger capacity"):
        shallow.accepts([deep])
    hasty = SuperposedAutomaton(library.load("dyck1"), capacity=8, steps=3)
    assert hasty.decide(["(())"]) == [Outcome.OUT_OF_STEPS]
    with pytest.raises(ProgramError, match="undecided"):
        hasty.believes(["(())"])
    assert twin(library.load("parity")).decide(["1", "11"]) == [Outcome.ACCEPTED, Outcome.REJECTED]


@pytest.mark.parametrize("name", ["parity", "palindromes", "binary_increment"])
@pytest.mark.parametrize("dtype", [*HALVES, torch.float32, torch.float64], ids=str)
def test_every_number_is_finite_in_every_type(name: str, dtype: torch.dtype) -> None:
    machine = library.load(name)
    neural = twin(machine, dtype=dtype)
    strings = [string for n in range(1, 7) for string in (list(machine.enumerate(n)) or [machine.alphabet * n])[:2]]
    converted = twin(machine).to(dtype)
    for one in (neural, converted):
        assert all(parameter.isfinite().all() and parameter.abs().max() < 100 for parameter in one.parameters())
        found = one(one.encode(strings))
        assert found.isfinite().all()
        assert one.accepts(strings) == [machine.accepts(string) for string in strings]
        found.exp().sum().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in one.parameters())
    assert (twin(machine).accepts(strings)) == neural.accepts(strings)


@pytest.mark.parametrize("dtype", [*HALVES, torch.float32], ids=str)
def test_a_softened_table_has_a_gradient_everywhere(dtype: torch.dtype) -> None:
    machine = library.load("parity")
    neural = NeuralFSM(machine, dtype=dtype)
    neural.table.soften(0.02)
    strings = ["1", "11", "0101", "0111", ""]
    assert neural.believes(strings) == [machine.accepts(string) for string in strings]
    assert neural.extract().accepts("0111")
    neural.scan(neural.encode(strings)).exp().sum().backward()
    assert neural.table.accept_scores.grad is not None
    assert (neural.table.accept_scores.grad != 0).all()
    assert neural.table.scores.grad is not None
    assert (neural.table.scores.grad[:, :2] != 0).all()
    assert neural.table.scores.grad.isfinite().all()


def test_scan_and_forward_are_logarithms_at_any_length() -> None:
    """Chances of 2^-3000 vanish as numbers."""
    machine = loads(
        '{"machine": "fsm", "symbols": ["a"], "rules": [[["a", "INITIAL"], ["INITIAL"]], [["a", "INITIAL"], ["P"]]], '
        '"acceptance": {"states": ["INITIAL"]}}'
    )
    neural = NeuralFSM(machine, dtype=torch.float64)
    encoded = neural.encode(["a" * 3000, "aaa", "", "b"])
    steps, scanned = neural(encoded), neural.scan(encoded)
    assert torch.allclose(steps, scanned, rtol=1e-5)
    assert scanned[0].item() == pytest.approx(-3000 * math.log(2), rel=1e-5)
    assert scanned[3] < -1e29
    one, other = (torch.autograd.grad(log[:3].sum(), neural.table.scores)[0] for log in (steps, scanned))
    assert torch.allclose(one, other, rtol=1e-4)
    assert one.isfinite().all()


def test_tables_move_with_the_module() -> None:
    """Nothing that a step multiplies with is left where it was made."""
    for neural in (twin(library.load("anbn")), SuperposedAutomaton(library.load("anbncn_tape"), capacity=12)):
        held = dict(neural.named_buffers())
        assert {"table.possible", "table.endings", "table.target", "table.reads", "table.effects_0"} <= set(held)
        assert set(neural.state_dict()) == {"table.scores", "table.accept_scores", "table.possible", "table.endings"}
        moved = neural.to("meta")
        assert all(one.is_meta for one in moved.buffers())
    soft = dict(SuperposedAutomaton(library.load("anbncn"), capacity=12).double().named_buffers())
    tables = {
        "superposed.reads",
        "superposed.targets",
        "superposed._memories.0.verb_of",
        "superposed._memories.0.symbol_of",
    }
    assert tables <= set(soft)
    assert all(soft[name].dtype == torch.float64 for name in tables)


def test_symbols_that_run_together_are_learned_with_a_separator() -> None:
    with pytest.raises(MachineError, match="separator"):
        blank_fsm(["x", "xx"], states=2)
    learner = NeuralFSM(blank_fsm(["x", "xx"], states=2, separator=" "))
    assert learner.encode(["x xx x"]).lengths.tolist() == [3]


def test_a_loaded_state_is_the_same_twin() -> None:
    learner = NeuralFSM(blank_fsm("ab", states=3))
    learner.table.reset(generator=torch.Generator().manual_seed(0))
    other = NeuralFSM(blank_fsm("ab", states=3))
    other.load_state_dict(learner.state_dict())
    encoded = learner.encode(["ab", "a", ""])
    assert torch.equal(learner(encoded), other(encoded))


def test_markers_inside_a_string_are_refused() -> None:
    machine = loads(MIDDLE)
    assert twin(machine).accepts(["^$a$", "$a", "a", ""]) == [False] * 4
    reader = loads('{"machine": "tm", "symbols": ["a"], "rules": [[["ANY", "INITIAL"], ["ACCEPT", ["KEEP", "S"]]]]}')
    strings = ["", "a", "c", "ac"]
    expected = [True, True, False, False]
    assert (
        twin(reader).accepts(strings) == SuperposedAutomaton(reader, capacity=8, steps=3).accepts(strings) == expected
    )


@pytest.mark.parametrize("kind", ["fsm", "pda", "qa", "tm"])
def test_twins_mean_the_language_of_the_machine_with_markers_anywhere(kind: str) -> None:
    @settings(max_examples=6)
    @given(marked_files(kind))
    def check(data: dict[str, Any]) -> None:
        machine = from_data(data)
        exact = [machine.decide(text, limits=SMALL) for text in TEXTS[::2]]
        followed = NeuralAutomaton(machine, room=Room(worlds=40, cells=20, steps=40)).decide(TEXTS[::2])
        event(f"{sum(outcome not in UNDECIDED for outcome in followed) * 4 // len(TEXTS[::2])} quarters decided")
        for text, one, other in zip(TEXTS[::2], exact, followed, strict=True):
            if one not in UNDECIDED and other not in UNDECIDED:
                assert (one is Outcome.ACCEPTED) == (other is Outcome.ACCEPTED), text
        if isinstance(machine, FSM):
            assert NeuralFSM(machine).accepts(TEXTS[::2]) == [outcome is Outcome.ACCEPTED for outcome in exact]

    check()
