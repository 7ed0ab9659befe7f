"""A training step of networks with structures: as it is, compiled, and beside an LSTM and the same step in JAX."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.harness import Case, Numbers, benchmark
from benchmarks.suite.structures import one_thread
from benchmarks.timing import measure_ratio, measure_time
from neurallambda.nn import (
    Augmented,
    AugmentedState,
    Controller,
    LSTMModel,
    Noise,
    Population,
    Recurrent,
    clip_each,
)
from neurallambda.structures import SuperpositionStack

INPUTS, OUTPUTS, SEEDS, ROWS, TIME = 3, 2, 6, 24, 18
UNITS = (32, 128, 256)
"""Sizes at which an LSTM with a stack is compared with one without; the last is that of Delétang et al."""
WIDTH = 8
"""How wide the values are that it pushes."""

Step = Callable[[], object]


def two_queues() -> Controller:
    """The model that learns to duplicate a string; nothing here is learned, so any targets will do."""
    return Controller(INPUTS, OUTPUTS, stacks=0, queues=2)


def given(seeds: int, rows: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Tokens and targets of all seeds."""
    generator = torch.Generator().manual_seed(seed)
    shape = (seeds, rows, TIME)
    return torch.randint(INPUTS, shape, generator=generator), torch.randint(OUTPUTS, shape, generator=generator)


def training_step(model: nn.Module, tokens: Tensor, targets: Tensor) -> Step:
    """A call that takes one step of a training: forward, backward, clipping, Adam."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, betas=(0.9, 0.99), fused=True)

    def step() -> None:
        optimizer.zero_grad()
        answers = model(tokens)
        functional.cross_entropy(answers.flatten(0, -2), targets.flatten()).backward()
        if isinstance(model, Population):
            clip_each(model, 1.0)
        else:
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def population(model: Callable[[], nn.Module], seeds: int, *, is_compiled: bool) -> Population:
    """As many models, each of its own seed."""
    return Population.of(model, range(seeds), is_compiled=is_compiled)


class StackLSTM(Recurrent):
    """An LSTM with a stack, and what `LSTMModel` has around it: one-hot tokens, a linear answer."""

    def __init__(self, inputs: int, outputs: int, *, hidden: int) -> None:
        super().__init__()
        stack = SuperpositionStack(capacity=(TIME + 1) // 2, width=WIDTH)
        self.inputs = inputs
        self.augmented = Augmented(nn.LSTMCell(inputs + WIDTH, hidden), [stack])
        self.answer = nn.Linear(self.augmented.output_size, outputs)

    def prepare(self, tokens: Tensor, mask: Tensor | None) -> tuple[AugmentedState, Any]:
        inputs = (tokens[..., None] == torch.arange(self.inputs)).to(self.answer.weight.dtype)
        return self.augmented.init(len(tokens)), self.augmented.moments(inputs, mask)

    def advance(self, state: AugmentedState, moment: Any) -> tuple[AugmentedState, Tensor]:
        return self.augmented.advance(state, moment)

    def finish(self, outputs: Tensor) -> Tensor:
        return self.answer(outputs)


@benchmark(
    claim="a compiled training step of a population takes at most twice as long as the same step in JAX, and that of an LSTM "
    "of 256 units with a stack at most twice as long as the LSTM's",
    limits={"compiled_over_jax": 2.0, "lstm_256_with_stack_over_lstm": 2.0},
)
def training_steps(seed: int) -> Case:
    """Six seeds of 24 rows of 18 tokens, two queues; and one model of 144 rows. On one thread."""
    tokens, targets = given(SEEDS, ROWS, seed=seed)
    capacity = (TIME + 1) // 2

    def measure() -> Numbers:
        numbers: dict[str, object] = {}
        with one_thread():
            eager = training_step(population(two_queues, SEEDS, is_compiled=False), tokens, targets)
            compiled = training_step(population(two_queues, SEEDS, is_compiled=True), tokens, targets)
            one = training_step(population(two_queues, 1, is_compiled=True), tokens[:1], targets[:1])
            numbers["eager_seconds"] = measure_time(eager)
            numbers["compiled_seconds"] = measure_time(compiled)
            numbers["compiled_over_eager"] = measure_ratio(compiled, eager).median
            numbers["six_seeds_over_one"] = measure_ratio(compiled, one).median
            numbers["compiled_over_jax"] = float("nan")
            if find_spec("jax"):
                from benchmarks import jax_controller

                theirs = jax_controller.training_step(
                    population(two_queues, SEEDS, is_compiled=False), tokens, targets, capacity
                )
                numbers["jax_seconds"] = measure_time(theirs)
                ratio = measure_ratio(compiled, theirs)
                numbers["compiled_over_jax"], numbers["compiled_over_jax_spread"] = ratio.median, ratio
            for units in UNITS:
                all_tokens, all_targets = tokens.flatten(0, 1), targets.flatten(0, 1)
                plain = training_step(LSTMModel(INPUTS, OUTPUTS, hidden=units), all_tokens, all_targets)
                stacked = population(lambda units=units: StackLSTM(INPUTS, OUTPUTS, hidden=units), 1, is_compiled=True)
                coupled = training_step(stacked, all_tokens[None], all_targets[None])
                ratio = measure_ratio(coupled, plain)
                numbers[f"lstm_{units}_seconds"] = measure_time(plain)
                numbers[f"lstm_{units}_with_stack_over_lstm"] = ratio.median
                numbers[f"lstm_{units}_with_stack_spread"] = ratio
        return numbers

    def verify() -> dict[str, bool]:
        eager, compiled = (population(two_queues, SEEDS, is_compiled=way).train() for way in (False, True))
        for module in (*eager.modules(), *compiled.modules()):
            if isinstance(module, Noise):
                module.is_silent = True
        expected, found = eager(tokens), compiled(tokens)
        checks = {"compiled answers are the answers": torch.allclose(expected, found, atol=1e-5)}
        if find_spec("jax"):
            from benchmarks import jax_controller

            theirs = torch.from_numpy(jax_controller.answers_of(eager, tokens, capacity).copy())
            checks["JAX gives the same answers"] = torch.allclose(expected, theirs, atol=1e-4)
        return checks

    return Case(verify=verify, measure=measure)
