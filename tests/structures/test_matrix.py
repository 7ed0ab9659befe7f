"""What holds for every structure inside the simplex."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from neurallambda.structures import Structure, mask_of_lengths
from tests.structures.cases import (
    FORMS,
    SMOOTH,
    STRUCTURES,
    float_leaves,
    gradients_of,
    leaves,
    mapped_leaves,
    moments,
    soft,
    warm,
)

BATCH, TIME = 3, 11
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}

every = pytest.mark.parametrize("name", STRUCTURES)
every_form = pytest.mark.parametrize(("name", "form"), FORMS)
every_way = pytest.mark.parametrize(("name", "form"), [*FORMS, *((name, "steps") for name in STRUCTURES)])


def result(
    structure: Structure[Any], state: Any, operands: tuple[Tensor, ...], form: str, **kwargs: Tensor
) -> list[Tensor]:
    """Everything that a scan gives, that must not depend on how it is computed, and its gradients."""
    operands = tuple(operand.clone().requires_grad_() for operand in operands)
    after, reads = structure.scan(state, *operands, form=form, **kwargs)
    more = soft(structure, BATCH, 3, seed=99, dtype=reads.dtype)
    _, later = structure.scan(after, *more, form="steps")
    outputs = [reads, later, structure.size(after), after.overflow]
    generator = torch.Generator().manual_seed(7)
    weights = [
        torch.rand(output.shape, generator=generator, dtype=torch.float64).to(output.dtype) for output in outputs
    ]
    differentiable = [pair for pair in zip(outputs, weights, strict=True) if pair[0].requires_grad]
    scaled = [output for output, _ in differentiable], operands, [weight for _, weight in differentiable]
    return [*outputs, *gradients_of(*scaled)]


@every_form
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("time", [1, 7, 40])
def test_scan_is_stepping(name: str, form: str, dtype: torch.dtype, time: int) -> None:
    structure = STRUCTURES[name]
    state = warm(structure, BATCH, seed=1, dtype=dtype)
    operands = soft(structure, BATCH, time, seed=2, dtype=dtype)
    mask = torch.rand(BATCH, time, generator=torch.Generator().manual_seed(3)) < 0.8
    expected = result(structure, state, operands, "steps", mask=mask)
    got = result(structure, state, operands, form, mask=mask)
    for one, other in zip(expected, got, strict=True):
        torch.testing.assert_close(other, one, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@every
def test_rows_are_independent(name: str) -> None:
    structure = STRUCTURES[name]
    operands = soft(structure, BATCH, TIME, seed=1)
    changed = tuple(operand.clone() for operand in operands)
    for operand, other in zip(changed, soft(structure, 1, TIME, seed=2), strict=True):
        operand[1] = other[0]
    for form in ("steps", "auto"):
        before, reads = structure.scan(structure.init(BATCH, dtype=torch.float64), *operands, form=form)
        after, other_reads = structure.scan(structure.init(BATCH, dtype=torch.float64), *changed, form=form)
        assert torch.equal(reads[[0, 2]], other_reads[[0, 2]])
        assert not torch.equal(reads[1], other_reads[1])
        for field, tensor in leaves(before).items():
            assert torch.equal(tensor[[0, 2]], leaves(after)[field][[0, 2]])


@every
def test_a_batch_is_its_rows(name: str) -> None:
    structure = STRUCTURES[name]
    operands = soft(structure, BATCH, TIME, seed=1)
    _, reads = structure.scan(structure.init(BATCH, dtype=torch.float64), *operands)
    for row in range(BATCH):
        single = tuple(operand[row : row + 1] for operand in operands)
        _, alone = structure.scan(structure.init(1, dtype=torch.float64), *single)
        torch.testing.assert_close(alone[0], reads[row], rtol=1e-12, atol=1e-12)


@every_way
def test_streaming_is_scanning(name: str, form: str) -> None:
    structure = STRUCTURES[name]
    operands = soft(structure, BATCH, TIME, seed=1)
    start = structure.init(BATCH, dtype=torch.float64)
    whole, reads = structure.scan(start, *operands, form=form)
    middle, first = structure.scan(start, *(operand[:, :4] for operand in operands), form=form)
    end, second = structure.scan(middle, *(operand[:, 4:] for operand in operands), form=form)
    torch.testing.assert_close(torch.cat([first, second], dim=1), reads, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(structure.size(end), structure.size(whole), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(end.overflow, whole.overflow, rtol=1e-12, atol=1e-12)


@every
def test_a_masked_step_is_an_exact_no_op(name: str) -> None:
    structure = STRUCTURES[name]
    state = warm(structure, BATCH, seed=1)
    operands = soft(structure, BATCH, seed=2)
    mask = torch.tensor([True, False, True])
    after, _ = structure.step(state, *operands, mask=mask)
    unmasked, _ = structure.step(state, *operands)
    for field, tensor in leaves(after).items():
        assert torch.equal(tensor[1], leaves(state)[field][1])
        assert torch.equal(tensor[[0, 2]], leaves(unmasked)[field][[0, 2]])


@every_way
def test_padding_changes_nothing_whatever_it_holds(name: str, form: str) -> None:
    structure = STRUCTURES[name]
    lengths = torch.tensor([TIME, 4, 0])
    operands = soft(structure, BATCH, TIME, seed=1)
    mask = mask_of_lengths(lengths, TIME)
    poisoned = tuple(torch.where(mask[..., None], operand, torch.nan).requires_grad_() for operand in operands)
    state, reads = structure.scan(structure.init(BATCH, dtype=torch.float64), *poisoned, mask=mask, form=form)
    for row, length in enumerate(lengths.tolist()):
        single = tuple(operand[row : row + 1, :length] for operand in operands)
        alone, expected = structure.scan(structure.init(1, dtype=torch.float64), *single, form=form)
        torch.testing.assert_close(reads[row, :length], expected[0], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(structure.size(state)[row], structure.size(alone)[0], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(state.overflow[row], alone.overflow[0], rtol=1e-12, atol=1e-12)
    assert not reads.requires_grad or all(gradient.isfinite().all() for gradient in gradients_of(reads.sum(), poisoned))


@every
def test_a_larger_structure_adopts_the_state(name: str) -> None:
    structure: Any = STRUCTURES[name]
    if not hasattr(structure, "capacity"):
        pytest.skip("it has no capacity")
    larger = replace(structure, capacity=structure.capacity + 3)
    state = warm(structure, BATCH, seed=1)
    adopted = larger.adopt(state)
    torch.testing.assert_close(larger.read(adopted)[..., :1], structure.read(state)[..., :1])
    torch.testing.assert_close(larger.size(adopted), structure.size(state) + (3.0 if name == "tape" else 0.0))
    larger.step(adopted, *soft(larger, BATCH, seed=2))


@every
def test_more_room_means_less_overflow(name: str) -> None:
    structure: Any = STRUCTURES[name]
    if not hasattr(structure, "capacity") or name == "tape":
        pytest.skip("it does not overflow for want of capacity")
    room = {"capacity": 60, **({"slots": 120} if hasattr(structure, "slots") else {})}
    larger = replace(structure, **room)
    for one, expects_overflow in ((structure, True), (larger, False)):
        operands = soft(one, 10, 50, seed=1)
        state, _ = one.scan(one.init(10, dtype=torch.float64), *operands)
        assert bool((state.overflow > 1e-9).any()) == expects_overflow


def is_anything(tensor: Tensor) -> None:
    assert tensor.isfinite().all()


def is_some(tensor: Tensor) -> None:
    assert tensor.isfinite().all()
    assert tensor.min() >= -1e-12


def is_probable(tensor: Tensor) -> None:
    is_some(tensor)
    assert tensor.max() <= 1 + 1e-12 or not tensor.is_floating_point()  # a certain structure counts


def is_falling(tensor: Tensor) -> None:
    is_probable(tensor)
    assert (tensor.diff(dim=-1) <= 1e-12).all()


def is_at_most_one(tensor: Tensor) -> None:
    is_probable(tensor)
    assert tensor.sum(-1).max() <= 1 + 1e-12


def is_distribution(tensor: Tensor) -> None:
    is_probable(tensor)
    if tensor.is_floating_point():
        torch.testing.assert_close(tensor.sum(-1), torch.ones_like(tensor[..., 0]))


LAWS: dict[str, Callable[[Tensor], None]] = {
    **dict.fromkeys(("cells", "top", "rest", "values", "keys", "data", "heads", "priorities"), is_anything),
    **dict.fromkeys(("overflow", "merged", "strengths", "made", "age", "clock", "length", "failed"), is_some),
    **dict.fromkeys(("on", "filled", "used", "presence", "leaves"), is_probable),
    **dict.fromkeys(("occupied", "at_least"), is_falling),
    **dict.fromkeys(("focus", "current", "tails", "lefts", "rights", "programs"), is_at_most_one),
    **dict.fromkeys(("depth", "lengths", "head"), is_distribution),
}
"""What holds of every field of every state; a field that no law is known of fails the test."""


@every
def test_mass_is_conserved(name: str) -> None:
    structure = STRUCTURES[name]
    state = structure.init(BATCH, dtype=torch.float64)
    for operands in moments(soft(structure, BATCH, 50, seed=1, sharpness=3.0)):
        previous, (state, _) = state, structure.step(state, *operands)
        for field, tensor in leaves(state).items():
            LAWS[field](tensor)
        assert (structure.size(state) >= -1e-12).all()
        assert (state.overflow >= previous.overflow - 1e-12).all()


@pytest.mark.parametrize("name", ["superposition_stack", "superposition_queue", "superposition_deque", "latch", "data_latch",
                                  "symbol_set", "multiset", "tape", "memory", "linked_list"])  # fmt: skip
def test_a_mixture_of_actions_gives_the_mixture_of_results(name: str) -> None:
    structure = STRUCTURES[name]
    state = warm(structure, BATCH, seed=1)
    first, *rest = soft(structure, BATCH, seed=2)
    second = soft(structure, BATCH, seed=3)[0]
    one, _ = structure.step(state, first, *rest)
    other, _ = structure.step(state, second, *rest)
    both, _ = structure.step(state, 0.3 * first + 0.7 * second, *rest)
    for field, tensor in float_leaves(both).items():
        expected = 0.3 * leaves(one)[field] + 0.7 * leaves(other)[field]
        torch.testing.assert_close(tensor, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "name", ["superposition_stack", "superposition_queue", "superposition_deque", "latch", "data_latch"]
)
def test_the_state_is_the_mean_over_all_sequences_of_certain_actions(name: str) -> None:
    structure = STRUCTURES[name]
    action, *rest = soft(structure, 1, 4, seed=1)
    count = action.shape[2]
    paths = torch.cartesian_prod(*[torch.arange(count)] * 4)
    weights = torch.stack([action[0, time, paths[:, time]] for time in range(4)]).prod(0)
    certain = torch.nn.functional.one_hot(paths, count).double()
    start = structure.init(len(paths), dtype=torch.float64)
    _, reads = structure.scan(start, certain, *(operand.expand(len(paths), -1, -1) for operand in rest))
    _, mixed = structure.scan(structure.init(1, dtype=torch.float64), action, *rest)
    torch.testing.assert_close(mixed[0], (weights[:, None, None] * reads).sum(0), rtol=1e-12, atol=1e-12)


@every_way
def test_gradients(name: str, form: str) -> None:
    structure = STRUCTURES[name]
    state = warm(structure, 2, seed=4)
    chosen = [index for index, operand in enumerate(structure.operands) if name in SMOOTH or operand.name != "action"]
    fixed = soft(structure, 2, 4, seed=5)

    def reads(*operands: Tensor) -> Tensor:
        full = list(fixed)
        for index, operand in zip(chosen, operands, strict=True):
            full[index] = operand
        return structure.scan(state, *full, form=form)[1]

    inputs = tuple(fixed[index].clone().requires_grad_() for index in chosen)
    assert torch.autograd.gradcheck(reads, inputs)


@every_way
def test_second_gradients(name: str, form: str) -> None:
    structure = STRUCTURES[name]
    state = warm(structure, 1, seed=4)
    chosen = [index for index, operand in enumerate(structure.operands) if name in SMOOTH or operand.name != "action"]
    fixed = soft(structure, 1, 2, seed=5)

    def reads(*operands: Tensor) -> Tensor:
        full = list(fixed)
        for index, operand in zip(chosen, operands, strict=True):
            full[index] = operand
        after, reads = structure.scan(state, *full, form=form)
        return torch.cat([reads.flatten(), (reads**2).flatten(), structure.read(after).flatten()])

    inputs = tuple(fixed[index].clone().requires_grad_() for index in chosen)
    assert torch.autograd.gradgradcheck(reads, inputs)


@every_form
def test_gradients_go_through_a_carried_state(name: str, form: str) -> None:
    structure = STRUCTURES[name]
    operands = soft(structure, 1, 3, seed=5)
    gradients = []
    for way in ("steps", form):
        state = mapped_leaves(
            warm(structure, 1, seed=4), lambda leaf: leaf.requires_grad_() if leaf.is_floating_point() else leaf
        )
        _, reads = structure.scan(state, *operands, form=way)
        inputs = float_leaves(state)
        # An empty slot has no strength to lose: only one side of its gradient means anything.
        live = {"strengths": inputs["strengths"] > 0} if "strengths" in inputs else {}
        found = gradients_of(reads.square().sum(), list(inputs.values()))
        everywhere = torch.tensor(True)
        gradients.append(
            {
                field: torch.where(live.get(field, everywhere), gradient, 0.0)
                for field, gradient in zip(inputs, found, strict=True)
            }
        )
    stepping, scanning = gradients
    for field, gradient in stepping.items():
        torch.testing.assert_close(scanning[field], gradient, rtol=1e-12, atol=1e-12)


@every
@pytest.mark.compile
def test_vmap(name: str) -> None:
    structure = STRUCTURES[name]
    worlds = 2
    states = [warm(structure, BATCH, seed=seed) for seed in range(worlds)]
    stacked = type(states[0])(**{field: torch.stack([leaves(s)[field] for s in states]) for field in leaves(states[0])})
    operands = [soft(structure, BATCH, 5, seed=10 + seed) for seed in range(worlds)]
    together = tuple(torch.stack(parts) for parts in zip(*operands, strict=True))
    after, reads = torch.vmap(lambda state, *operands: structure.scan(state, *operands))(stacked, *together)
    _, step_read = torch.vmap(lambda state, *operands: structure.step(state, *operands))(
        stacked, *(operand[:, :, 0] for operand in together)
    )
    for world in range(worlds):
        expected, expected_reads = structure.scan(states[world], *operands[world], form="steps")
        torch.testing.assert_close(reads[world], expected_reads, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(step_read[world], expected_reads[:, 0], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(after.overflow[world], expected.overflow, rtol=1e-12, atol=1e-12)


@every
def test_functional_gradient(name: str) -> None:
    structure = STRUCTURES[name]
    operands = soft(structure, 1, 5, seed=1)
    start = structure.init(1, dtype=torch.float64)

    def total(*operands: Tensor) -> Tensor:
        return structure.scan(start, *operands)[1].sum()

    chosen = tuple(index for index, operand in enumerate(structure.operands) if operand.name != "address")
    functional = torch.func.grad(total, argnums=chosen)(*operands)
    tracked = tuple(operand.clone().requires_grad_() for operand in operands)
    result = total(*tracked)
    if result.requires_grad:
        plain = gradients_of(result, [tracked[index] for index in chosen])
        for one, other in zip(functional, plain, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@every
def test_an_empty_sequence_changes_nothing(name: str) -> None:
    structure = STRUCTURES[name]
    state = warm(structure, BATCH, seed=1)
    after, reads = structure.scan(state, *soft(structure, BATCH, 0, seed=1))
    assert after is state
    assert reads.shape == (BATCH, 0, structure.read_width)


@every
def test_contents_have_three_axes(name: str) -> None:
    structure = STRUCTURES[name]
    contents = structure.contents(warm(structure, BATCH, seed=1))
    assert contents.ndim == 3
    assert contents.shape[0] == BATCH
    assert contents.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("name", "steps"),
    [(name, 300) for name in STRUCTURES] + [pytest.param(name, 10_000, marks=pytest.mark.slow) for name in STRUCTURES],
)
def test_long_runs_stay_finite_and_bounded(name: str, steps: int, dtype: torch.dtype) -> None:
    structure = STRUCTURES[name]
    state = structure.init(2, dtype=dtype)
    operands = soft(structure, 2, steps, seed=1, dtype=dtype, sharpness=2.0)
    largest = 3 + 2 * max(operand.float().abs().max().item() for operand in operands)
    state, reads = structure.scan(state, *operands, form="steps")
    assert reads.isfinite().all()
    assert reads.abs().max() <= largest
    for field, tensor in float_leaves(state).items():
        assert tensor.isfinite().all()
        if field not in ("overflow", "merged", "failed"):  # these count, over the whole run
            assert tensor.abs().max() <= largest


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@every_form
def test_long_scans_stay_finite_with_their_gradients(name: str, form: str, dtype: torch.dtype) -> None:
    structure = STRUCTURES[name]
    operands = tuple(
        operand.requires_grad_() for operand in soft(structure, 1, 10_000, seed=1, dtype=dtype, sharpness=2.0)
    )
    state = structure.init(1, dtype=dtype)
    if not structure.forms[form].available(state, *operands):
        pytest.skip(f"it does not run in {dtype}")
    _, reads = structure.scan(state, *operands, form=form)
    assert reads.isfinite().all()
    assert reads.abs().max() <= 3 + 2 * max(operand.abs().max().item() for operand in operands)
    assert all(gradient.isfinite().all() for gradient in gradients_of(reads.sum(), operands))
