"""What a trained network does on one input, step by step: its states, its instructions, what its memories hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurallambda.arguments import checked
from neurallambda.automata.runs.table import aligned
from neurallambda.errors import ArgumentError
from neurallambda.nn import hardened
from neurallambda.tasks import Task
from neurallambda.tasks.batch import Batch
from neurallambda.train.inspection_models import follow
from neurallambda.train.inspection_parts import CellRow as CellRow
from neurallambda.train.inspection_parts import Head as Head
from neurallambda.train.inspection_parts import held_name as held_name
from neurallambda.train.inspection_parts import state_name
from neurallambda.train.inspection_picture import draw_cells, draw_heads


@dataclass(frozen=True)
class Inspection:
    """What a network does on one input.

    Attributes:
        tokens: what it reads at each step, or what is shown to its cells; `_` where nothing comes any more.
        answers: what it says there; empty where no answer is read.
        expected: what is right there; empty where no answer is read.
        states: its state after the step, or that of its first cell: a distribution, or the numbers of its units; of a transformer
            no numbers.
        heads: what its structures do.
        cells: what its row of cells goes through; None without one.
    """

    tokens: tuple[str, ...]
    answers: tuple[str, ...]
    expected: tuple[str, ...]
    states: Float[Tensor, "time states"]
    heads: tuple[Head, ...]
    cells: CellRow | None = None

    @property
    def is_right(self) -> bool:
        """Whether every answer is right."""
        return self.answers == self.expected

    def text(self) -> str:
        """A line for each step. Of a row of cells there is a column for each cell, under the symbol that is written in it."""
        if self.cells is None:
            state = ("state",) if self.states.shape[1] else ()
            parts = (*state, *(part for one in self.heads for part in (one.name, "holds")))
        else:
            parts = self.cells.symbols
        rows: list[tuple[str, ...]] = [("step", "token", *parts, "answer")]
        for step, token in enumerate(self.tokens):
            wrong = "" if self.answers[step] == self.expected[step] else f"  (right: {self.expected[step]})"
            rows.append((str(step + 1), token, *self._parts(step), self.answers[step] + wrong))
        return aligned(rows)

    def _parts(self, step: int) -> list[str]:
        if self.cells is not None:
            return [state_name(weights) for weights in self.cells.states[step]]
        told = [state_name(self.states[step])] if self.states.shape[1] else []
        for one in self.heads:
            told += [_instruction(one, step), one.held(step)]
        return told

    def draw(self, path: Path) -> None:
        """Draw it as SVG: for each structure what it holds over time, and what is done to it below; or the row of cells.

        Args:
            path: where.

        Raises:
            ArgumentError: if there is no structure and no row of cells to draw.
            MissingExtraError: if matplotlib is not installed.
        """
        if not self.heads and self.cells is None:
            raise ArgumentError(
                "a picture: this network has no structure whose contents could be drawn, and no row of cells"
            )
        tokens = ["·" if token == "_" else token for token in self.tokens]  # a `_` looks like a line over the answer
        labels = [f"{token}\n{answer}" for token, answer in zip(tokens, self.answers, strict=True)]
        if self.cells is None:
            draw_heads(path, self.heads, labels)
        else:
            draw_cells(path, self.cells, labels)


@checked
def inspect(model: nn.Module, task: Task, string: str, *, hard: bool = True) -> Inspection:
    """Run a trained network on one input and keep all that happens.

    Args:
        model: a `Controller`, a `NameBlindController`, a `TableAutomaton`, a `WindowAutomaton`, a `CellArrayModel`, or a
            `TransformerModel` with structures.
        task: what it was trained on.
        string: the input: the names of its symbols, with spaces between them where one of the task's has several letters.
        hard: whether every soft choice is made.

    Raises:
        ArgumentError: if the input is none of the task, or the model is of another kind.

    Example:
        >>> from neurallambda.tasks import task
        >>> from neurallambda.train import MODELS
        >>> reverse = task("reverse-string")
        >>> found = inspect(MODELS["controller"](reverse), reverse, "011")
        >>> found.tokens, found.expected, [head.name for head in found.heads]
        (('0', '1', '1', '_', '_', '_'), ('', '', '', '1', '1', '0'), ['stack 1', 'queue 1'])
    """
    batch = row(task, read_symbols(task, string))
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            if not hard:
                found = follow(model, task, batch)
            else:
                with hardened(model):
                    found = follow(model, task, batch)
    finally:
        model.train(was_training)
    return Inspection(**found._asdict())


def read_symbols(task: Task, string: str) -> list[int]:
    """The numbers of the symbols that a text names.

    Raises:
        ArgumentError: if it names one that the task does not have.
    """
    is_spaced = any(len(symbol) > 1 for symbol in task.symbols) or " " in string.strip()
    found = string.split() if is_spaced else list(string)
    for symbol in found:
        if symbol not in task.symbols:
            raise ArgumentError(f"string: got {symbol!r}, expected symbols of {task.name}: {' '.join(task.symbols)}")
    return [task.symbols.index(symbol) for symbol in found]


def row(task: Task, symbols: Sequence[int]) -> Batch:
    """A batch of one row, whose input is given.

    Args:
        task: what is asked.
        symbols: the input.
    """
    answer = task.answer(symbols)
    length, time = len(symbols), task.time(len(symbols))
    begin = length if task.reads == "after" else 0
    tokens = torch.full((1, time), task.empty)
    targets, mask = torch.zeros(1, time, dtype=torch.long), torch.zeros(1, time, dtype=torch.bool)
    tokens[0, :length] = torch.tensor(list(symbols), dtype=torch.long)
    targets[0, begin : begin + len(answer)] = torch.tensor(answer)
    mask[0, begin : begin + len(answer)] = True
    return Batch(tokens=tokens, targets=targets, mask=mask, lengths=torch.tensor([length]))


def _instruction(head: Head, step: int) -> str:
    """What is done at a step, in words: the likeliest action, and the symbols that it takes."""
    weights = head.actions[step]
    best = int(weights.argmax())
    return head.instruction(step, best) + ("" if weights[best] > 0.995 else f":{weights[best]:.2f}")
