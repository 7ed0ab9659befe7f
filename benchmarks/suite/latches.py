"""Learning which of several symbols set and reset a latch, from many starts."""

from statistics import mean

import torch
from torch import Generator, Tensor

from benchmarks.harness import Case, Numbers, benchmark
from neurallambda.descent import descend
from neurallambda.nn import ResettableLatch

WIDTH, SETS, RESETS = 8, 0, 1
STEPS, RATE, BATCH = 250, 0.05, 32
LENGTH, LONGER, TESTED = 10, 40, 500
SEEDS = 32
FIRST = 200
"""Seeds start here: the form of the latch was chosen with the seeds 0 to 7 in sight."""
ENOUGH = 0.997


def histories(batch: int, length: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """Random symbols, one-hot, and whether the last of the two that matter was the one that sets."""
    symbols = torch.randint(WIDTH, (batch, length), generator=generator)
    on, states = torch.zeros(batch), []
    for symbol in symbols.unbind(1):
        on = torch.where(symbol == SETS, 1.0, torch.where(symbol == RESETS, 0.0, on))
        states.append(on)
    return torch.eye(WIDTH)[symbols], torch.stack(states, 1)


def played(latch: ResettableLatch, inputs: Tensor) -> Tensor:
    """How surely the latch is on after each input."""
    return latch.latch.scan(latch.init(len(inputs)), latch.actions(inputs))[1][..., 0]


def accuracy(seed: int) -> float:
    """Of one start: the share of right places in new sequences of four times the length."""
    generator = torch.Generator().manual_seed(seed)
    latch = ResettableLatch(WIDTH, generator=generator)

    def loss(_: int) -> Tensor:
        inputs, target = histories(BATCH, LENGTH, generator)
        return (played(latch, inputs) - target).square().mean()

    descend(latch.parameters(), loss, steps=STEPS, learning_rate=RATE)
    with torch.no_grad():
        inputs, target = histories(TESTED, LONGER, generator)
        return float(((played(latch, inputs) > 0.5) == (target > 0.5)).double().mean())


@benchmark(
    claim="a resettable latch learns which symbols set and reset it from every start",
    limits={"seeds_below_0.997": 0},
)
def learned_latch(seed: int) -> Case:
    """Thirty-two starts, none of which was seen when the latch was made."""

    def measure() -> Numbers:
        found = [accuracy(FIRST + 1_000 * seed + row) for row in range(SEEDS)]
        return {
            "seeds": SEEDS,
            "steps": STEPS,
            "learning_rate": RATE,
            "length": LENGTH,
            "tested_length": LONGER,
            "accuracy": [mean(found), min(found)],
            "seeds_below_0.997": sum(one < ENOUGH for one in found),
        }

    def verify() -> dict[str, bool]:
        latch = ResettableLatch(WIDTH)
        with torch.no_grad():
            latch.set.copy_(torch.eye(WIDTH)[SETS])
            latch.reset.copy_(torch.eye(WIDTH)[RESETS])
        inputs, target = histories(BATCH, 300, torch.Generator().manual_seed(seed))
        return {"with the right vectors the latch is exact": torch.equal(played(latch, inputs), target)}

    return Case(verify=verify, measure=measure)
