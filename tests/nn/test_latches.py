"""Learned latches learn from wherever they start, and say exactly 0 or 1 at the corners."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.nn import EnabledDataLatch, PredicateLatch, ResettableLatch, Sharpening
from neurallambda.nn.latches import matched

WIDTH = 8
SETS, RESETS = 0, 1


def histories(batch: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random symbols of `WIDTH`, one-hot, and whether the last of the two that matter was the one that sets."""
    symbols = torch.randint(WIDTH, (batch, length), generator=generator)
    on, states = torch.zeros(batch), []
    for symbol in symbols.unbind(1):
        on = torch.where(symbol == SETS, 1.0, torch.where(symbol == RESETS, 0.0, on))
        states.append(on)
    return torch.eye(WIDTH)[symbols], torch.stack(states, 1)


def played(latch: ResettableLatch, inputs: Tensor) -> Tensor:
    return latch.latch.scan(latch.init(len(inputs)), latch.actions(inputs))[1][..., 0]


def accuracy(seed: int) -> float:
    """On new sequences of four times the length, after 250 steps on sequences of ten."""
    generator = torch.Generator().manual_seed(seed)
    latch = ResettableLatch(WIDTH, generator=generator)
    optimizer = torch.optim.Adam(latch.parameters(), lr=0.05)
    for _ in range(250):
        inputs, target = histories(32, 10, generator)
        optimizer.zero_grad()
        (played(latch, inputs) - target).square().mean().backward()
        optimizer.step()
    with torch.no_grad():
        inputs, target = histories(500, 40, generator)
        return float(((played(latch, inputs) > 0.5) == (target > 0.5)).double().mean())


def starts_beyond_a_right_angle(seed: int) -> bool:
    latch = ResettableLatch(WIDTH, generator=torch.Generator().manual_seed(seed))
    return bool(latch.set[SETS] < 0 and latch.reset[RESETS] < 0)


def test_a_resettable_latch_learns_from_beyond_right_angles() -> None:
    """Both its vectors start on the wrong side: with a plain clamp neither gets a gradient from its own symbol."""
    assert accuracy(next(seed for seed in range(99) if starts_beyond_a_right_angle(seed))) >= 0.997


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_a_resettable_latch_learns_on_every_seed(seed: int) -> None:
    assert accuracy(seed) >= 0.997


def test_stepping_a_resettable_latch_is_scanning_it() -> None:
    generator = torch.Generator().manual_seed(0)
    latch = ResettableLatch(WIDTH, generator=generator)
    inputs, _ = histories(3, 6, generator)
    state, said = latch.init(3), []
    for seen in inputs.unbind(1):
        state, on = latch(state, seen)
        said.append(on)
    torch.testing.assert_close(torch.stack(said, 1), played(latch, inputs))


def test_at_the_corners_a_resettable_latch_is_exact() -> None:
    latch = ResettableLatch(WIDTH)
    with torch.no_grad():
        latch.set.copy_(torch.eye(WIDTH)[SETS])
        latch.reset.copy_(torch.eye(WIDTH)[RESETS])
    inputs, target = histories(5, 300, torch.Generator().manual_seed(0))
    assert torch.equal(played(latch, inputs), target)


def opposed() -> Iterator[tuple[Tensor, Tensor]]:
    """Learned vectors that start at, and beyond, a right angle to what they should match, and how far they match."""
    key = torch.tensor([[1.0, 0.0, 0.0]])
    for start in ([0.0, 1.0, 0.0], [-0.5, 1.0, 0.0], [-1.0, 0.01, 0.0]):
        predicate, enabled = PredicateLatch(3), EnabledDataLatch(1, 3)
        with torch.no_grad():
            predicate.predicate.copy_(torch.tensor(start))
            enabled.enable.copy_(torch.tensor(start))
        yield predicate.predicate, predicate(predicate.init(1), key)[0].on
        yield enabled.enable, enabled(enabled.init(1), key, torch.ones(1, 1))[1]


def test_gradients_reach_what_points_away() -> None:
    for vector, match in opposed():
        assert match.item() == 0.0
        (gradient,) = torch.autograd.grad(-match.sum(), vector)
        assert gradient[0] < 0 or gradient.abs().sum() > 0
        assert gradient.isfinite().all()


def test_a_match_that_should_be_worse_and_cannot_be_gets_no_gradient() -> None:
    pattern = torch.tensor([-1.0, 1.0], requires_grad=True)
    seen = torch.tensor([[1.0, 0.0]])
    assert not torch.autograd.grad(matched(seen, pattern).sum(), pattern)[0].any()
    assert torch.autograd.grad(-matched(seen, pattern).sum(), pattern)[0].any()


def test_between_right_angles_the_gradient_is_that_of_the_cosine() -> None:
    generator = torch.Generator().manual_seed(0)
    seen = torch.randn(20, 4, generator=generator, dtype=torch.float64)
    pattern = torch.randn(4, generator=generator, dtype=torch.float64, requires_grad=True)
    near = seen[(seen @ pattern) > 0.1].detach()
    assert len(near)
    assert torch.autograd.gradcheck(lambda pattern: matched(near, pattern), (pattern,))
    assert torch.autograd.gradgradcheck(lambda pattern: matched(near, pattern), (pattern,))


def test_matches_see_through_transforms() -> None:
    pattern = torch.tensor([-1.0, 1.0])
    seen = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    each = torch.vmap(torch.func.grad(lambda one, pattern: -matched(one[None], pattern)[0], argnums=1), (0, None))
    assert each(seen, pattern).isfinite().all()


def test_a_predicate_latch_learns_its_predicate() -> None:
    generator = torch.Generator().manual_seed(1)
    latch = PredicateLatch(4, generator=generator)
    optimizer = torch.optim.Adam(latch.parameters(), lr=0.05)
    key = torch.eye(4)[0]
    losses = []
    for _ in range(150):
        inputs = torch.eye(4)[torch.randint(4, (16, 5), generator=generator)]
        target = (inputs @ key).cumsum(1).clamp(max=1)
        state, said = latch.init(16), []
        for seen in inputs.unbind(1):
            state, output = latch(state, seen)
            said.append(output[:, 0])
        loss = (torch.stack(said, 1) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.02 < losses[0]


def test_an_enabled_data_latch_holds_what_came_with_the_key() -> None:
    latch = EnabledDataLatch(2, 3, generator=torch.Generator().manual_seed(0))
    key = latch.enable.detach()[None]
    state, read = latch(latch.init(1), key, torch.tensor([[1.0, 2.0]]))
    torch.testing.assert_close(read, torch.tensor([[1.0, 2.0]]))
    state, read = latch(state, -key, torch.tensor([[3.0, 4.0]]))
    torch.testing.assert_close(read, torch.tensor([[1.0, 2.0]]))


def test_sharpening_is_learned() -> None:
    sharpening = Sharpening(initial=2.0)
    sharpness = sharpening(3)
    torch.testing.assert_close(sharpness, torch.full((3, 1), 2.0))
    sharpness.sum().backward()
    assert sharpening.raw.grad is not None


@pytest.mark.parametrize("initial", [1e-6, 0.5, 30.0, 1000.0])
def test_sharpening_starts_where_it_is_told(initial: float) -> None:
    assert Sharpening(initial=initial)(1).item() == pytest.approx(initial, rel=1e-4)


@pytest.mark.parametrize("initial", [0.0, -1.0, float("nan"), float("inf")])
def test_sharpening_that_descent_could_not_change_is_refused(initial: float) -> None:
    with pytest.raises(ArgumentError, match="expected a finite number greater than 0"):
        Sharpening(initial=initial)
