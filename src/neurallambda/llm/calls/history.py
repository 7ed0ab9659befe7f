"""The gradient of what a program queue shows by the instructions that went before: what would be shown had one been another."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurallambda.llm.calls.rows import PUT, TAKE, Caller, Row

LEAST = 0.01
"""Options that are less likely are not looked at."""

Weights = list[float]


class Step(NamedTuple):
    """One instruction.

    Attributes:
        action: how probable each action is.
        word: how probable each word is.
        program: how probable each program is.
        chosen: the numbers of the likeliest ones.
    """

    action: Weights
    word: Weights
    program: Weights
    chosen: tuple[int, int, int]


def through_history(
    shown: Tensor,
    operands: Sequence[Tensor],
    caller: Caller,
    histories: list[list[Row]],
    steps: list[list[Step]],
) -> Tensor:
    """The same numbers, with a gradient that goes to earlier instructions too.

    Args:
        shown: [batch, time, words], what each instruction adds to what is shown.
        operands: the instructions: actions, words and programs, each [batch, time, options].
        caller: what carries them out.
        histories: of each row, what is held before each instruction, and after the last one.
        steps: the instructions of each row.
    """
    return _ThroughHistory.apply(shown, caller, histories, steps, *operands)


class _ThroughHistory(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, shown: Tensor, caller: Caller, histories: list[list[Row]], steps: list[list[Step]], *operands: Tensor
    ) -> Tensor:
        ctx.caller, ctx.histories, ctx.steps = caller, histories, steps
        ctx.shapes = [operand.shape for operand in operands]
        return shown.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slopes: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        found: list[dict[tuple[int, int, int], float]] = [{} for _ in ctx.shapes]
        for number, row_slopes in enumerate(slopes.tolist()):
            row = _Row(ctx.caller, ctx.histories[number], ctx.steps[number], row_slopes)
            for time in range(len(row.steps) - 1):
                for operand, option, advantage in row.advantages(time):
                    found[operand][number, time, option] = advantage
        return slopes, None, None, None, *(_filled(slopes, *one) for one in zip(ctx.shapes, found, strict=True))


class _Row:
    """One row, and how much is gained by each word that it shows at each step."""

    def __init__(self, caller: Caller, history: list[Row], steps: list[Step], slopes: list[Weights]) -> None:
        self.caller, self.history, self.steps = caller, history, steps
        self.slopes = [one if any(one) else None for one in slopes]
        self.gains = [self.gain(time, row) for time, row in enumerate(history[:-1])]

    def advantages(self, time: int) -> list[tuple[int, int, float]]:
        """What every other option of one step gains at later ones: its operand, its number, and how much."""
        step, row = self.steps[time], self.history[time]
        action, word, program = step.chosen
        others = [(0, option, (option, word, program)) for option in _likely(step.action, action)]
        if action == PUT:
            others += [(1, option, (action, option, program)) for option in _likely(step.word, word)]
        if action == TAKE and row.is_due:
            others += [(2, option, (action, word, option)) for option in _likely(step.program, program)]
        return [
            (operand, option, self.difference(time + 1, self.caller.after(row, *instruction)))
            for operand, option, instruction in others
        ]

    def difference(self, time: int, row: Row) -> float:
        """How much more is gained from a step on if this is held before it."""
        total = 0.0
        for place in range(time, len(self.steps)):
            if row[:3] == self.history[place][:3]:
                break
            total += self.gain(place, row) - self.gains[place]
            row = self.caller.after(row, *self.steps[place].chosen)
        return total

    def gain(self, time: int, row: Row) -> float:
        """How much is gained by what a step shows if this is held before it."""
        slopes, step = self.slopes[time], self.steps[time]
        if slopes is None:
            return 0.0
        put, take, _ = step.action
        total = put * _at(slopes, row.front)
        if take < LEAST:
            return total
        if not row.is_due:
            return total + take * _at(slopes, self.caller.taken(row, 0).front)
        for program, weight in enumerate(step.program):
            if weight >= LEAST:
                total += take * weight * _at(slopes, self.caller.taken(row, program).front)
        return total


def _filled(like: Tensor, shape: torch.Size, entries: dict[tuple[int, int, int], float]) -> Tensor:
    """Zeros, but for some entries."""
    made = like.new_zeros(shape)
    if entries:
        places = torch.tensor(list(entries), device=like.device)
        made[tuple(places.unbind(1))] = like.new_tensor(list(entries.values()))
    return made


def _at(slopes: Weights, word: int | None) -> float:
    return 0.0 if word is None else slopes[word]


def _likely(weights: Weights, chosen: int) -> list[int]:
    """The other options that are looked at."""
    return [option for option, weight in enumerate(weights) if weight >= LEAST and option != chosen]
