"""Learning the rule instead of its instances: the substitution of symbols that training never showed."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import mean

import torch
from torch import Generator, nn

from benchmarks.harness import Case, Numbers, benchmark
from neurallambda.nn import EqualityChoice, NandChoice
from neurallambda.symbols import Codebook
from neurallambda.tasks.baselines import Perceptron, Recurrent, count, widest
from neurallambda.tasks.substitution import Pairs, draw, error, exact, train

SIZE = 64
GATES = 64
SYMBOLS = 128
SEEN, UNSEEN = range(SYMBOLS), range(SYMBOLS, 2 * SYMBOLS)
LENGTH, LONGER = 16, 64
TESTS = {
    "seen": (SEEN, LENGTH),
    "unseen": (UNSEEN, LENGTH),
    "longer": (SEEN, LONGER),
    "unseen_and_longer": (UNSEEN, LONGER),
}
TESTED = 1_000
STEPS = 2_000
RATES = (0.001, 0.003, 0.01, 0.03)
SEEDS = 5
TIMES_LARGER = 10
FEW_GATES = (2, 4, 8, 16, 32)

Build = Callable[[Generator], nn.Module]


@dataclass(frozen=True)
class Trial:
    """One model on one seed: the share of exact sequences in each test, and the seconds of CPU that training took."""

    exact: Mapping[str, float]
    seconds: float


def seeded(seed: int) -> Generator:
    """A source of randomness of its own."""
    return torch.Generator().manual_seed(seed)


def symbols_of(seed: int) -> Codebook:
    """Twice as many symbols as training shows, their vectors drawn anew for each seed."""
    return Codebook.make(range(2 * SYMBOLS), kind="bipolar", vec_size=SIZE, generator=seeded(seed))


def builders() -> dict[str, Build]:
    """The choice by NANDs, and its rivals with as many parameters and with ten times as many."""

    def nand(generator: Generator) -> nn.Module:
        return NandChoice(candidates=3, size=SIZE, gates=GATES, generator=generator)

    def rival(kind: Callable[..., nn.Module], times: int) -> Build:
        width = widest(kind, size=SIZE, parameters=times * count(nand(seeded(0))))
        return lambda generator: kind(size=SIZE, width=width, generator=generator)

    kinds = {"mlp": Perceptron, "gru": Recurrent}
    return {
        "nand": nand,
        **{name: rival(kind, 1) for name, kind in kinds.items()},
        **{f"{name}_ten_times_larger": rival(kind, TIMES_LARGER) for name, kind in kinds.items()},
    }


def trained(build: Build, *, rate: float, seed: int) -> nn.Module:
    """A model taught on the symbols that training may show."""
    model = build(seeded(seed))
    train(model, symbols_of(seed), SEEN, steps=STEPS, learning_rate=rate, generator=seeded(seed + 1), length=LENGTH)
    return model


def best_rate(build: Build, *, seed: int) -> float:
    """The learning rate of the least error on fresh sequences of the symbols that training showed."""
    pairs = draw(SEEN, batch=TESTED, length=LENGTH, generator=seeded(seed + 2))
    return min(RATES, key=lambda rate: error(trained(build, rate=rate, seed=seed), symbols_of(seed), pairs).item())


def trial(build: Build, *, rate: float, seed: int) -> Trial:
    """Teach a model, with the clock of the processor running, and test it on fresh sequences."""
    begin = time.process_time()
    model = trained(build, rate=rate, seed=seed)
    seconds = time.process_time() - begin
    generator = seeded(seed + 2)
    shares = {
        name: exact(model, symbols_of(seed), draw(symbols, batch=TESTED, length=length, generator=generator))
        for name, (symbols, length) in TESTS.items()
    }
    return Trial(exact=shares, seconds=seconds)


def as_python_does(pairs: Pairs) -> bool:
    """Whether each target is what replacing item by item gives."""
    rows = zip(pairs.sequence.tolist(), pairs.old.tolist(), pairs.new.tolist(), pairs.target.tolist(), strict=True)
    return all([new if item == old else item for item in sequence] == target for sequence, old, new, target in rows)


@benchmark(
    claim="a choice by NANDs learns to replace a symbol by another in sequences of symbols it never saw, and longer ones",
    limits={
        "nand_worst_wrong_unseen": 0.01,
        "nand_worst_wrong_longer": 0.01,
        "nand_worst_wrong_unseen_and_longer": 0.01,
        "nand_worst_cpu_seconds": 300.0,
    },
)
def substitution(seed: int) -> Case:
    """Five seeds of each model. Pairs are the mean and the minimum over them of the share of exact sequences."""

    def measure() -> Numbers:
        numbers: dict[str, object] = {"seeds": SEEDS, "steps": STEPS, "tested_sequences": TESTED}
        for name, build in builders().items():
            rate = best_rate(build, seed=1_000 * (seed + 1))
            trials = [trial(build, rate=rate, seed=1_000 * (seed + 1) + 10 * (row + 1)) for row in range(SEEDS)]
            numbers[f"{name}_parameters"] = count(build(seeded(0)))
            numbers[f"{name}_learning_rate"] = rate
            for test in TESTS:
                shares = [trial.exact[test] for trial in trials]
                numbers[f"{name}_exact_{test}"] = [mean(shares), min(shares)]
                if name == "nand" and test != "seen":
                    numbers[f"nand_worst_wrong_{test}"] = 1 - min(shares)
            numbers[f"{name}_worst_cpu_seconds"] = max(trial.seconds for trial in trials)
        return numbers

    def verify() -> dict[str, bool]:
        pairs = draw(SEEN, batch=TESTED, length=LENGTH, generator=seeded(seed))
        shown = {*pairs.sequence.flatten().tolist(), *pairs.new.tolist()}
        return {
            "targets are what Python's replacing gives": as_python_does(pairs),
            "training shows no unseen symbol": shown.isdisjoint(UNSEEN),
        }

    return Case(verify=verify, measure=measure)


@benchmark(claim="eight gates are enough to learn the substitution")
def substitution_gates(seed: int) -> Case:
    """How often, of five seeds, a choice of so many gates gets 99% of the unseen and longer sequences exactly."""

    def successes(gates: int) -> int:
        trials = (
            trial(
                lambda generator: NandChoice(candidates=3, size=SIZE, gates=gates, generator=generator),
                rate=0.01,
                seed=1_000 * (seed + 1) + 10 * (row + 1),
            )
            for row in range(SEEDS)
        )
        return sum(trial.exact["unseen_and_longer"] >= 0.99 for trial in trials)

    def measure() -> Numbers:
        return {
            "gates": list(FEW_GATES),
            "parameters": [
                count(NandChoice(candidates=3, size=SIZE, gates=gates, generator=seeded(0))) for gates in FEW_GATES
            ],
            "seeds": SEEDS,
            "seeds_that_learned": [successes(gates) for gates in FEW_GATES],
        }

    def verify() -> dict[str, bool]:
        pairs = draw(SEEN, batch=TESTED, length=LENGTH, generator=seeded(seed))
        return {"targets are what Python's replacing gives": as_python_does(pairs)}

    return Case(verify=verify, measure=measure)


CODEBOOKS = {"bipolar": SIZE, "gaussian": SIZE, "orthonormal": 2 * SYMBOLS, "onehot": 2 * SYMBOLS}
"""Each kind of codebook, and the width of its vectors; the exact kinds need one number for each symbol."""
EQUALITY_GATES, EQUALITY_STEPS, EQUALITY_RATE = 16, 300, 0.05


@benchmark(
    claim="a choice by equality learns the substitution in every kind of codebook, for symbols it never saw",
    limits={f"{kind}_worst_wrong_unseen_and_longer": 0.01 for kind in CODEBOOKS},
)
def substitution_codebooks(seed: int) -> Case:
    """Five seeds for each kind of codebook. Pairs are the mean and the minimum of the share of exact sequences."""

    def share(kind: str, row: int) -> float:
        own = 1_000 * (seed + 1) + 10 * (row + 1)
        codebook = Codebook.make(range(2 * SYMBOLS), kind=kind, vec_size=CODEBOOKS[kind], generator=seeded(own))
        model = EqualityChoice(candidates=3, gates=EQUALITY_GATES, generator=seeded(own))
        train(
            model, codebook, SEEN, steps=EQUALITY_STEPS, learning_rate=EQUALITY_RATE, generator=seeded(own + 1),
            length=LENGTH,
        )  # fmt: skip
        pairs = draw(UNSEEN, batch=TESTED, length=LONGER, generator=seeded(own + 2))
        return exact(model, codebook, pairs)

    def measure() -> Numbers:
        model = EqualityChoice(candidates=3, gates=EQUALITY_GATES, generator=seeded(0))
        numbers: dict[str, object] = {
            "seeds": SEEDS,
            "steps": EQUALITY_STEPS,
            "learning_rate": EQUALITY_RATE,
            "parameters": count(model),
            "tested_sequences": TESTED,
        }
        for kind in CODEBOOKS:
            shares = [share(kind, row) for row in range(SEEDS)]
            numbers[f"{kind}_exact_unseen_and_longer"] = [mean(shares), min(shares)]
            numbers[f"{kind}_worst_wrong_unseen_and_longer"] = 1 - min(shares)
        return numbers

    def verify() -> dict[str, bool]:
        pairs = draw(SEEN, batch=TESTED, length=LENGTH, generator=seeded(seed))
        shown = {*pairs.sequence.flatten().tolist(), *pairs.new.tolist()}
        return {
            "targets are what Python's replacing gives": as_python_does(pairs),
            "training shows no unseen symbol": shown.isdisjoint(UNSEEN),
        }

    return Case(verify=verify, measure=measure)
