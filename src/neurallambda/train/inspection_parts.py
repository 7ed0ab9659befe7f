"""What an inspection is made of: what a structure does over time, and what a row of cells goes through."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.structures.data_latch import DataLatch
from neurallambda.structures.memory import Memory
from neurallambda.structures.priority_queue import PriorityQueue
from neurallambda.tasks import Task
from neurallambda.tasks.batch import Batch

EMPTY = "_"
"""What is read where nothing comes any more, and what is written in a cell without a symbol."""
NOTHING = "-"
"""What is said of a place, or given along, where no symbol is."""
LEAST = 0.005
"""What weighs less is not there."""
FEW = 0.05
"""What weighs less is left out of a text; what lacks no more to one is taken for certain."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Head:
    """What one structure does over time.

    Symbols are given as weights, after the last of which one stands that says how surely there is a symbol at all.

    Attributes:
        name: which it is, as in `stack 1`.
        labels: the names of its actions.
        actions: how much of each is done.
        values: the symbol that is given along.
        contents: what lies in each place after the step, the place that is read first.
        symbols: the names of the symbols.
        keys: of a dictionary, the symbol that is looked for, or under which another is entered; None without keys.
        entries: of a dictionary, the symbol under which each place was entered; None without keys.
    """

    name: str
    labels: tuple[str, ...]
    actions: Float[Tensor, "time actions"]
    values: Float[Tensor, "time width"]
    contents: Float[Tensor, "time places width"]
    symbols: tuple[str, ...]
    keys: Float[Tensor, "time width"] | None = None
    entries: Float[Tensor, "time places width"] | None = None

    def likeliest(self, weights: Float[Tensor, " width"]) -> str:
        """The likeliest symbol, `-` where there is none."""
        return NOTHING if float(weights[:-1].max()) < LEAST else self.symbols[int(weights[:-1].argmax())]

    def named(self, weights: Float[Tensor, " width"]) -> str:
        """The likeliest symbol, with a `?` where there is one with some probability; `-` where there is none."""
        there = float(weights[-1])
        if there < FEW:
            return NOTHING
        return self.likeliest(weights) + ("" if there > 1 - FEW else "?")

    def instruction(self, step: int, action: int) -> str:
        """An action in words, with the symbols that it takes.

        Args:
            step: when.
            action: its place in `labels`.
        """
        label, value = self.labels[action], self.named(self.values[step])
        if self.keys is None:
            return f"{label} {value}" if action == 0 else label  # what is put in comes first among the actions
        key = self.named(self.keys[step])
        return {"find": f"find {key}", "insert": f"insert {key}:{value}"}.get(label, label)

    def places(self, step: int) -> list[str]:
        """What lies in each place after a step, up to the last in which something does."""
        rows = self.contents[step]
        used = (rows[:, -1] >= FEW).nonzero()
        names = [self.named(one) for one in rows[: int(used.max()) + 1 if len(used) else 0]]
        if self.entries is None:
            return names
        return [f"{self.named(entry)}:{name}" for entry, name in zip(self.entries[step], names, strict=False)]

    def held(self, step: int) -> str:
        """What it holds after a step, as one text."""
        places = self.places(step)
        between = "" if all(len(symbol) == 1 for symbol in self.symbols) and self.entries is None else " "
        return between.join(places) or NOTHING


@dataclass(frozen=True)
class CellRow:
    """What a row of cells goes through.

    Attributes:
        symbols: what is written in each cell; `_` where nothing is.
        states: the states of the cells after each step, as distributions. All of them begin in the first state.
    """

    symbols: tuple[str, ...]
    states: Float[Tensor, "time cells states"]


class Followed(NamedTuple):
    """What a network did on one row; the fields are those of `Inspection`."""

    tokens: tuple[str, ...]
    answers: tuple[str, ...]
    expected: tuple[str, ...]
    states: Tensor
    heads: tuple[Head, ...] = ()
    cells: CellRow | None = None


def kind_of(structure: object) -> str:
    """What a structure is called in a picture: "stack", "queue" and so on."""
    if isinstance(structure, PriorityQueue):
        return "priority queue"
    if isinstance(structure, DataLatch):
        return "latch"
    if isinstance(structure, Memory):
        return "dictionary"
    return "stack" if "Stack" in type(structure).__name__ else "queue"


def held_name(number: int) -> str:
    """The name of a symbol that structures hold, which has none of its own: a letter, with a number where letters run out.

    Example:
        >>> [held_name(number) for number in (0, 25, 26, 53)]
        ['a', 'z', 'a1', 'b2']
    """
    round_of_letters, letter = divmod(number, len(_LETTERS))
    return f"{_LETTERS[letter]}{round_of_letters or ''}"


def state_name(weights: Float[Tensor, " states"]) -> str:
    """A state: its number where it is certain, and otherwise its likeliest with its weight; or the numbers of its units."""
    if not is_distribution(weights):
        return " ".join(f"{value:+.1f}" for value in weights.tolist())
    best = int(weights.argmax())
    return f"s{best}" if weights[best] > 0.995 else f"s{best}:{weights[best]:.2f}"


def is_distribution(weights: Float[Tensor, " states"]) -> bool:
    """Whether a state says how likely each of some discrete states is."""
    return bool((weights >= 0).all()) and abs(float(weights.sum()) - 1) < 1e-3


def surely(weights: Float[Tensor, "*axes width"]) -> Float[Tensor, "*axes more"]:
    """Weights of symbols, and behind them their sum: how surely there is one."""
    return torch.cat([weights, weights.sum(-1, keepdim=True)], -1)


def step_by_step(task: Task, batch: Batch, logits: Tensor, states: Tensor, heads: tuple[Head, ...] = ()) -> Followed:
    """Of a network that takes a step for each token, and answers where it is asked.

    Args:
        task: what is asked.
        batch: the row.
        logits: [1, time, answers].
        states: [time, states].
        heads: what its structures do.
    """
    names, asked = [*task.symbols, EMPTY], batch.mask[0].tolist()

    def said(numbers: Tensor) -> tuple[str, ...]:
        pairs = zip(numbers.tolist(), asked, strict=True)
        return tuple(task.answers[number] if is_asked else "" for number, is_asked in pairs)

    return Followed(
        tokens=tuple(names[token] for token in batch.tokens[0].tolist()),
        answers=said(logits[0].argmax(-1).cpu()),
        expected=said(batch.targets[0]),
        states=states.cpu(),
        heads=heads,
    )
