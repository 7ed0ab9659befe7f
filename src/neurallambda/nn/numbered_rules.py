"""The likeliest rules of a learned table as numbers, runs by them, and runs in which a single rule is another."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor

from neurallambda.nn.cell_array_model import CellArrayModel
from neurallambda.nn.recurrent import check_tokens
from neurallambda.nn.table_automaton import TableAutomaton
from neurallambda.nn.token_range import check_range

Other = tuple[Tensor, Tensor]
"""For each row the number of an entry, and what stands there for this row alone."""


class Rows(NamedTuple):
    """Rows by steps, all [rows, steps].

    Attributes:
        first: symbols in cells; of an automaton, the tokens.
        second: symbols seen; of an automaton, the tokens again.
        targets: the right answers.
        read: whether an answer is read.
    """

    first: Tensor
    second: Tensor
    targets: Tensor
    read: Tensor

    def at(self, index: Tensor) -> "Rows":
        """Some of the rows."""
        return Rows(*(part[index] for part in self))


class NumberedRules(ABC):
    """The likeliest entries of a table and of its readout, as numbers in one line each.

    Args:
        table: logits of the next state, along the last axis.
        readout: logits of the answer, along the last axis.

    Attributes:
        following: the next state of each entry of the table.
        said: the answer of each entry of the readout.
        states: how many states there are.
        answers: how many answers there are.
    """

    def __init__(self, table: Tensor, readout: Tensor) -> None:
        self._table, self._readout = table, readout
        self.following, self.said = table.argmax(-1).flatten(), readout.argmax(-1).flatten()
        self.states, self.answers = table.shape[-1], readout.shape[-1]

    @abstractmethod
    def rows(self, tokens: Tensor, targets: Tensor, mask: Tensor) -> Rows:
        """What a batch asks for, by steps."""

    @abstractmethod
    def run(self, rows: Rows, other: Other | None, used: list[Tensor] | None) -> Tensor:
        """The entry of the readout in each step, [rows, steps]; `used` takes those of the table, [rows, places] a step."""

    def wrong(self, rows: Rows, other: Other | None = None, used: list[Tensor] | None = None) -> Tensor:
        """Where an answer is wrong, [rows, steps].

        Args:
            rows: the rows.
            other: what is otherwise in each row. Entries of the readout follow those of the table.
            used: takes the entries used in each step, and at last those of the readout.
        """
        entry = self.run(rows, other, used)
        if used is not None:
            used.append(entry)
        answers = self.said[entry]
        if other is not None:
            answers = torch.where(entry + len(self.following) == other[0][:, None], other[1][:, None], answers)
        return (answers != rows.targets) & rows.read

    def change(self, entry: int, value: int) -> int:
        """Put a value in the place of an entry; what stood there."""
        is_rule = entry < len(self.following)
        line, place = (self.following, entry) if is_rule else (self.said, entry - len(self.following))
        old = int(line[place])
        line[place] = value
        return old

    def write(self) -> None:
        """Let the logits say the same."""
        for logits, line in ((self._table, self.following), (self._readout, self.said)):
            flat = logits.view(-1, logits.shape[-1])
            moved = flat.argmax(-1) != line
            flat[moved, line[moved]] = flat[moved].amax(-1) + 1

    def _next(self, entry: Tensor, other: Other | None) -> Tensor:
        states = self.following[entry]
        return states if other is None else torch.where(entry == other[0][:, None], other[1][:, None], states)


class CellRules(NumberedRules):
    """Those of a row of cells: the answer to a step is that of the first cell."""

    def __init__(self, model: CellArrayModel) -> None:
        super().__init__(model.table.detach(), model.readout.detach())
        self.model, self.symbols = model, model.array.symbols

    def rows(self, tokens: Tensor, targets: Tensor, mask: Tensor) -> Rows:
        operands = self.model.operands(tokens)
        steps, time, pause = operands.first.shape[1], tokens.shape[1], self.model.pause
        place = operands.length + torch.arange(steps) - pause
        inside = place.clamp(0, time - 1)
        read = mask.gather(1, inside) & (place < time) & (torch.arange(steps) >= pause)
        return Rows(operands.first, operands.second, targets.gather(1, inside), read)

    def predict(self, tokens: Tensor) -> Tensor:
        """The number of the answer at each token, [rows, time]: what the model says with every choice made."""
        operands = self.model.operands(tokens)
        said = self.said[self.run(Rows(operands.first, operands.second, operands.first, operands.first), None, None)]
        return said.gather(1, operands.steps)

    def run(self, rows: Rows, other: Other | None, used: list[Tensor] | None) -> Tensor:
        count, steps = rows.first.shape
        first = torch.cat([rows.first, torch.full((count, 1), self.symbols - 1)], 1)
        states, shown = torch.zeros(count, steps + 1, dtype=torch.long), []
        for step in range(steps):
            width = steps - step
            pair = first[:, :width] * self.symbols + rows.second[:, step : step + 1]
            entry = (pair * self.states + states[:, :width]) * self.states + states[:, 1 : width + 1]
            if used is not None:
                used.append(entry)
            states = self._next(entry, other)
            shown.append(rows.second[:, step] * self.states + states[:, 0])
        return torch.stack(shown, 1)


class TableRules(NumberedRules):
    """Those of an automaton: the answer to a step is that of its state."""

    def __init__(self, model: TableAutomaton) -> None:
        super().__init__(model.table.detach(), model.readout.detach())
        self.inputs = len(model.table)

    def rows(self, tokens: Tensor, targets: Tensor, mask: Tensor) -> Rows:
        check_tokens(tokens, None)
        check_range(tokens, self.inputs)
        return Rows(tokens, tokens, targets, mask)

    def run(self, rows: Rows, other: Other | None, used: list[Tensor] | None) -> Tensor:
        state, shown = torch.zeros(len(rows.first), 1, dtype=torch.long), []
        for step in range(rows.first.shape[1]):
            entry = rows.first[:, step : step + 1] * self.states + state
            if used is not None:
                used.append(entry)
            state = self._next(entry, other)
            shown.append(state)
        return torch.cat(shown, 1)
