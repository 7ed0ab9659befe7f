"""Gated cells: the equations word by word, rows that do not touch, and that they learn."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state
from torch.nn import functional

from neurallambda.errors import ArgumentError
from neurallambda.nn import GatedCellModel
from neurallambda.structures.cell_array.gated import GatedWeights, gated_step, pushed


def random_weights(generator: torch.Generator, channels: int) -> GatedWeights:
    shapes = ((4 * channels, 2 * channels), (2 * channels,), (4 * channels, channels), (channels,))
    return GatedWeights(*(torch.randn(*shape, generator=generator, dtype=torch.float64) / 2 for shape in shapes))


def plain_step(cells: Tensor, recalled: Tensor, weights: GatedWeights) -> Tensor:
    """One row, cell by cell and channel by channel."""
    count, channels = cells.shape

    def look(row: Tensor, place: int) -> Tensor:
        return row[place] if 0 <= place < count else torch.zeros(channels, dtype=row.dtype)

    def near(row: Tensor, place: int) -> Tensor:
        return torch.cat([look(row, place - 1), look(row, place), look(row, place + 1), recalled[place]])

    gates = [(near(cells, i) @ weights.gates + weights.gate_bias) / 2 + 0.5 for i in range(count)]
    reset = torch.stack([gate[:channels].clamp(0, 1) for gate in gates])
    update = torch.stack([gate[channels:].clamp(0, 1) for gate in gates])
    kept, third = cells * reset, channels // 3
    after = torch.zeros_like(cells)
    for i in range(count):
        new = (near(kept, i) @ weights.candidate + weights.candidate_bias).clamp(-1, 1)
        for c in range(channels):
            place = i if c < channels - 2 * third else i - 1 if c < channels - third else i + 1
            after[i, c] = update[i, c] * look(cells, place)[c] + (1 - update[i, c]) * new[c]
    return after


@given(st.integers(0, 2**31), st.integers(1, 4), st.integers(3, 7))
@settings(max_examples=15)
def test_a_step_is_its_equations(seed: int, count: int, channels: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    weights = random_weights(generator, channels)
    cells, recalled = torch.rand(2, 2, count, channels, generator=generator, dtype=torch.float64) * 2 - 1
    real = torch.ones(2, count, dtype=torch.bool)
    after = gated_step(cells, recalled, real, weights)
    torch.testing.assert_close(after, torch.stack([plain_step(cells[b], recalled[b], weights) for b in range(2)]))
    assert (after.abs() <= 1).all()


def test_gradients() -> None:
    generator = torch.Generator().manual_seed(0)
    weights = [weight.requires_grad_() for weight in random_weights(generator, 3)]
    cells = (torch.rand(2, 3, 3, generator=generator, dtype=torch.float64) - 0.5).requires_grad_()
    recalled, real = cells.detach().flip(1).requires_grad_(), torch.tensor([[True] * 3, [True, True, False]])
    assert torch.autograd.gradcheck(
        lambda cells, recalled, *weights: gated_step(cells, recalled, real, GatedWeights(*weights)),
        (cells, recalled, *weights),
    )
    numbers = torch.randn(20, generator=generator, dtype=torch.float64).requires_grad_()
    (found,) = torch.autograd.grad(pushed(numbers, 0.3).square().sum(), numbers)
    cost = numbers.square().sum() + 0.3 * (numbers.abs() - 0.9).relu().sum()
    (expected,) = torch.autograd.grad(cost, numbers)
    torch.testing.assert_close(found, expected)


def build(seed: int, **options: Any) -> GatedCellModel:
    torch.manual_seed(seed)
    return GatedCellModel(4, 3, **{"channels": 6, **options})


@given(st.integers(0, 2**31), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.sampled_from([0.5, 1.0, 1.7]))
@settings(max_examples=20)
def test_rows_and_padding_do_not_matter(seed: int, length: int, answer: int, padding: int, pace: float) -> None:
    model, generator = build(seed, pace=pace).eval(), torch.Generator().manual_seed(seed)
    tokens = torch.randint(3, (2, length + answer), generator=generator)
    tokens[:, length:] = 3
    alone = model(tokens)
    torch.testing.assert_close(alone, torch.cat([model(tokens[:1]), model(tokens[1:])]))
    padded = torch.cat([tokens, torch.randint(4, (2, padding), generator=generator)], 1)
    mask = (torch.arange(padded.shape[1]) < length + answer).expand(2, -1)
    torch.testing.assert_close(model(padded, mask)[:, : length + answer], alone)


def test_half_of_the_cells_are_enough_where_the_answer_is_as_long_as_the_input() -> None:
    whole, half = build(3, share=1.0).eval(), build(3, share=0.5).eval()
    tokens = torch.tensor([[0, 1, 2, 3, 3, 3], [1, 1, 1, 3, 3, 3]])
    torch.testing.assert_close(whole(tokens)[:, 3:], half(tokens)[:, 3:])


def test_seeds_side_by_side_are_the_seeds_alone() -> None:
    models = [build(seed).eval() for seed in range(3)]
    parameters, buffers = stack_module_state(models)
    tokens = torch.randint(3, (3, 2, 6))

    def one(numbers: dict[str, Tensor], held: dict[str, Tensor], tokens: Tensor) -> Tensor:
        return functional_call(models[0], (numbers, held), (tokens,))

    together = torch.vmap(one)(parameters, buffers, tokens)
    for seed, model in enumerate(models):
        torch.testing.assert_close(together[seed], model(tokens[seed]))
    models[0].train()
    gradients = torch.func.grad(
        lambda numbers: torch.vmap(one, randomness="different")(numbers, buffers, tokens).square().sum()
    )(parameters)
    assert all(gradient.isfinite().all() for gradient in gradients.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 2}, "channels: got 2"),
        ({"pace": -1.0}, "pace: got -1.0"),
        ({"dropout": 1.0}, "dropout: got 1.0"),
        ({"share": 1.5}, "share: got 1.5"),
        ({"saturation": float("nan")}, "saturation: got nan"),
    ],
)
def test_bad_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        GatedCellModel(3, 2, **options)


def test_it_learns_to_reverse_short_strings() -> None:
    torch.manual_seed(0)
    model = GatedCellModel(3, 2, channels=24, share=0.5)
    strings = torch.cartesian_prod(*[torch.arange(2)] * 4)
    tokens, targets = torch.cat([strings, torch.full_like(strings, 2)], 1), strings.flip(1)
    optimizer = torch.optim.Adamax(model.parameters(), lr=1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        functional.cross_entropy(model(tokens)[:, 4:].flatten(0, 1), targets.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    assert torch.equal(model.eval()(tokens)[:, 4:].argmax(-1), targets)
