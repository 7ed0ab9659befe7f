"""What holds of every twin whatever its table: mass is conserved, rows are independent, gradients are right."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from neurallambda.automata import Automaton, library, loads
from neurallambda.twins import NeuralAutomaton, NeuralFSM, SuperposedAutomaton
from neurallambda.twins.blank import blank_fsm, blank_pda, blank_queue, blank_turing
from neurallambda.twins.follow import Room
from neurallambda.twins.twin import Twin
from tests.twins.soft import counted, shaken

DTYPES = (torch.float32, torch.float64)
STRINGS = ["", "a", "b", "ab", "ba", "aab", "bab"]
Maker = Callable[[torch.dtype], Twin]


def followed(machine: Automaton) -> Maker:
    return lambda dtype: NeuralAutomaton(machine, room=Room(worlds=2000, cells=12, steps=8), dtype=dtype)


def superposed(machine: Automaton) -> Maker:
    return lambda dtype: SuperposedAutomaton(machine, capacity=12, steps=6, dtype=dtype)


TWINS: dict[str, Maker] = {
    "matrices": lambda dtype: NeuralFSM(blank_fsm("ab", states=3), dtype=dtype),
    "followed fsm": followed(blank_fsm("ab", states=3)),
    "followed pda": followed(blank_pda("ab", states=2, stack="x")),
    "followed queue": followed(blank_queue("ab", states=1, queue="x")),
    "superposed fsm": superposed(blank_fsm("ab", states=3)),
    "superposed pda": superposed(blank_pda("ab", states=2, stack="xy")),
    "superposed queue": superposed(blank_queue("ab", states=2, queue="xy")),
    "superposed tape": superposed(blank_turing("ab", states=2)),
}


@pytest.fixture(params=TWINS)
def make(request: pytest.FixtureRequest) -> Maker:
    return TWINS[request.param]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_rows_are_independent(make: Maker, dtype: torch.dtype) -> None:
    """A batch of strings of all lengths is each string alone, whatever it is padded to."""
    twin = shaken(make(dtype))
    with torch.no_grad():
        together = twin(twin.encode(STRINGS))
        alone = torch.cat([twin(twin.encode([string])) for string in STRINGS])
    assert together.dtype == dtype
    assert torch.allclose(together.exp(), alone.exp(), atol=1e-6 if dtype == torch.float32 else 1e-13)


def test_a_row_has_no_gradient_from_another(make: Maker) -> None:
    twin = shaken(make(torch.float64))
    encoded = twin.encode(STRINGS)
    (together,) = torch.autograd.grad(twin(encoded)[3].exp(), twin.table.scores)
    (alone,) = torch.autograd.grad(twin(twin.encode(STRINGS[3:4]))[0].exp(), twin.table.scores)
    assert torch.allclose(together, alone, atol=1e-12)


def test_gradients(make: Maker) -> None:
    twin = shaken(make(torch.float64))
    encoded = twin.encode(["ab", "b", "ba"])

    def mass(scores: Tensor, accept_scores: Tensor) -> Tensor:
        # Only scores that mean something: the others are the logarithm of nothing, where no step is small.
        full = torch.where(some, scores, twin.table.scores.detach())
        return functional_call(twin, {"table.scores": full, "table.accept_scores": accept_scores}, (encoded,)).exp()

    some = twin.table.scores > -1e29
    scores = torch.where(some, twin.table.scores, 0.0).detach().requires_grad_()
    assert torch.autograd.gradcheck(
        mass, (scores, twin.table.accept_scores.detach().requires_grad_()), fast_mode=True, atol=1e-6
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", [name for name in TWINS if name.startswith("followed")])
def test_all_weight_ends_somewhere(name: str, dtype: torch.dtype) -> None:
    twin = shaken(TWINS[name](dtype))
    assert isinstance(twin, NeuralAutomaton)
    with torch.no_grad():
        mass = twin.mass(twin.encode(STRINGS))
    assert torch.allclose(mass.total, torch.ones_like(mass.total), atol=1e-5 if dtype == torch.float32 else 1e-13)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", [name for name in TWINS if name.startswith("superposed")])
def test_weight_is_conserved_at_each_step(name: str, dtype: torch.dtype) -> None:
    twin = shaken(TWINS[name](dtype))
    assert isinstance(twin, SuperposedAutomaton)
    near = 1e-5 if dtype == torch.float32 else 1e-13
    with torch.no_grad():
        for now in twin.run(twin.encode(STRINGS)):
            total = now.control.sum(1) + now.accepted + now.refused
            assert torch.allclose(total, torch.ones_like(total), atol=near)
            assert torch.allclose(now.position.sum(1), torch.ones_like(total), atol=near)
            for memory, held in zip(twin.superposed.memories, now.memories, strict=True):
                shown = memory.look(held)
                assert torch.allclose(shown.sum(1), torch.ones_like(total), atol=near)
                assert shown.min() > -near
            assert min(now.control.min(), now.accepted.min(), now.refused.min()) > -near


def test_states_of_a_finite_machine_sum_to_one() -> None:
    twin = shaken(NeuralFSM(blank_fsm("ab", states=4), dtype=torch.float64), may_stop=False)
    assert isinstance(twin, NeuralFSM)
    states = twin.states(twin.encode(STRINGS))
    assert torch.allclose(states.sum(-1), torch.ones(states.shape[:2], dtype=torch.float64), atol=1e-13)


def test_matrices_scans_and_configurations_agree() -> None:
    machine = blank_fsm("ab", states=3)
    matrices = shaken(NeuralFSM(machine, dtype=torch.float64))
    followed = shaken(NeuralAutomaton(machine, dtype=torch.float64))
    assert isinstance(matrices, NeuralFSM)
    encoded = matrices.encode([*STRINGS, "abbabab" * 3])
    with torch.no_grad():
        assert torch.allclose(matrices(encoded).exp(), matrices.scan(encoded).exp(), atol=1e-13)
        assert torch.allclose(matrices(encoded), followed(encoded), atol=1e-12)


@pytest.mark.parametrize(
    "machine",
    [
        blank_pda("ab", states=2, stack="x"),
        blank_pda("a", states=1, stack="xy"),
        blank_queue("ab", states=1, queue="x"),
        blank_fsm("ab", states=3),
    ],
    ids=lambda machine: f"{machine.kind}-{len(machine.states)}-{len(machine.rules)}",
)
def test_a_soft_table_weighs_every_run(machine: Automaton) -> None:
    """Stacks and states that depend on one another: the total is that of the runs followed one by one."""
    twin = shaken(NeuralAutomaton(machine, room=Room(worlds=3000, cells=8), dtype=torch.float64))
    assert isinstance(twin, NeuralAutomaton)
    strings = ["", *machine.alphabet, machine.alphabet[0] * 2, "".join(machine.alphabet), machine.alphabet[-1] * 3]
    with torch.no_grad():
        mass = twin.mass(twin.encode(strings))
    for row, string in enumerate(strings):
        accepted, refused = counted(twin, machine, string)
        assert math.isclose(mass.accepted[row].exp().item(), accepted, abs_tol=1e-12)
        assert math.isclose(mass.refused[row].exp().item(), refused, abs_tol=1e-12)


def test_superposition_mixes_what_belongs_together() -> None:
    """The smallest case where state and stack depend on one another: half pushes x and half y, and the state remembers."""
    machine = loads(
        '{"machine": "pda", "symbols": ["a"], "rules": [[["a", "INITIAL", null], ["P", ["push", "x"]]], '
        '[["a", "INITIAL", null], ["Q", ["push", "y"]]], [["a", "P", "x"], ["ACCEPT", "pop"]], '
        '[["a", "Q", "y"], ["ACCEPT", "pop"]]]}'
    )
    exact, mixed = NeuralAutomaton(machine), SuperposedAutomaton(machine, capacity=4)
    assert exact(exact.encode(["aa"])).exp().item() == 1.0
    assert mixed(mixed.encode(["aa"])).exp().item() == 0.5


def test_losing_room_loses_no_count() -> None:
    twin = shaken(
        NeuralAutomaton(blank_pda("ab", states=2, stack="x"), room=Room(worlds=3, cells=2), dtype=torch.float64)
    )
    assert isinstance(twin, NeuralAutomaton)
    with torch.no_grad():
        mass = twin.mass(twin.encode(["abab", "bbb"]))
    assert mass.lost.exp().min() > 0
    assert torch.allclose(mass.total, torch.ones_like(mass.total), atol=1e-13)


@pytest.mark.slow
def test_ten_thousand_symbols_leave_numbers() -> None:
    text = "ab" * 5000
    twin = shaken(NeuralFSM(blank_fsm("ab", states=3)))
    twin(twin.encode([text])).sum().backward()
    assert twin.table.scores.grad is not None
    assert twin.table.scores.grad.isfinite().all()
    assert NeuralAutomaton(library.load("anbn"), room=Room(steps=20_000)).accepts(["a" * 5000 + "b" * 5000, text]) == [
        True,
        False,
    ]


def test_trained_scores_stay_distributions() -> None:
    twin = SuperposedAutomaton(library.load("anbn"), capacity=6, dtype=torch.float64)
    shaken(twin)
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.5)
    before = twin.table.scores.detach().clone()
    twin(twin.encode(["ab", "aabb"])).sum().backward()
    optimizer.step()
    assert not torch.equal(before, twin.table.scores)
    weights = twin.table.log_weights.exp()
    assert torch.allclose(weights.sum(-1), torch.ones(weights.shape[:-1], dtype=torch.float64))
