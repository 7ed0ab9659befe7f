"""A cellular automaton whose local rule is learned, from answers alone, and written down as a rule file."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from neurallambda.arguments import checked, checked_methods
from neurallambda.automata.cells.automaton import CellularAutomaton
from neurallambda.errors import ArgumentError, check_count
from neurallambda.nn.choice import Choice, Noise
from neurallambda.nn.recurrent import check_tokens
from neurallambda.nn.token_range import check_range
from neurallambda.structures.cell_array.array import CellArray, certain
from neurallambda.structures.cell_array.exact import machine_of


class Operands(NamedTuple):
    """An input, split at its operator.

    Attributes:
        first: the numbers of the symbols in the cells, [batch, steps].
        second: those of the symbols seen, [batch, steps], those of the pause among them.
        length: how long the input is, [batch, 1]: the answer to step t is read at token length + t - pause.
        steps: the step after which the answer at each token is read, where one is, [batch, time].
    """

    first: Tensor
    second: Tensor
    length: Tensor
    steps: Tensor


@checked_methods("export")
@checked
class CellArrayModel(nn.Module):
    """A row of cells with one learned local rule, for tasks of two operands such as multiplication.

    The input is split at the operator. The first operand lies in the cells, a symbol each; the second is shown to all cells,
    a symbol at each step of the answer, and then none. A step is that of `CellArray`, by the softmax of a table of logits;
    answer number t is read from the first cell after step t. The row of cells goes on for ever, so an operand of any
    length has room, and what is learned from short ones holds for long ones.

    What an answer needs of a cell far away must have come to the first cell by then, a cell a step; and what is shown
    later, it cannot know. So the end of a product or a sum is out of reach of any rule where an operand ends in zeros. A
    pause before the first answer lets cells find out where their operand ends; and of two operands that may change places
    the shorter one is sooner shown to its end.

    The noise on the table and the wide start are those of `TableAutomaton`, for the same reasons. Made hard (`harden`), it
    is a `CellularAutomaton`; `export` writes it as one.

    Args:
        inputs: how many tokens there are; the last is the empty one, at which answers are read.
        outputs: how many classes of answers.
        operator: the token between the operands; the one before the empty one where none is given.
        states: how many states a cell has; all start in the first.
        pause: for how many steps the operator is shown before the second operand, while nothing is answered.
        longer_first: whether the longer operand lies in the cells, whichever it is: for operations such as multiplication,
            whose operands may change places.
        share: how much of a row the answer takes at most: one half, if it is no longer than the input.
        noise: the standard deviation of the noise on the table's logits in training.
        spread: the standard deviation of the table's logits at the start.

    Attributes:
        table: logits of the next state, by symbol, symbol seen, state and state of the right neighbour.
        readout: logits of the answer, by symbol seen and state of the first cell.

    Raises:
        ArgumentError: if a number is too small, or out of its range.

    Example:
        >>> model = CellArrayModel(4, 3, states=4)
        >>> model(torch.tensor([[0, 1, 2, 1, 3, 3, 3, 3]])).shape  # 2 times 1, and room for four answers
        torch.Size([1, 8, 3])
    """

    kinds: Int[Tensor, " inputs"]

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        operator: int | None = None,
        states: int = 8,
        pause: int = 0,
        longer_first: bool = False,
        share: float = 0.5,
        noise: float = 0.5,
        spread: float = 2.0,
    ) -> None:
        super().__init__()
        check_count("inputs", inputs, least=3)
        check_count("outputs", outputs)
        self.operator = inputs - 2 if operator is None else operator
        if not 0 <= self.operator < inputs - 1:
            raise ArgumentError(f"operator: got {operator}, expected a token from 0 to {inputs - 2}")
        if not 0 < share <= 1:
            raise ArgumentError(f"share: got {share}, expected a part of a row, above 0 and at most 1")
        check_count("pause", pause, least=0)
        self.share, self.pause, self.longer_first = share, pause, longer_first
        # Which symbol of the cells each token is; the empty one is the last, and only a pause shows the operator.
        kinds = [token - (token > self.operator and not pause) for token in range(inputs)]
        self.array = CellArray(states=states, symbols=kinds[-1] + 1)
        self.register_buffer("kinds", torch.tensor(kinds), persistent=False)
        self.table = nn.Parameter(spread * torch.randn(self.array.table_shape))
        self.readout = nn.Parameter(torch.randn(self.array.symbols, states, outputs))
        self.noise = Noise(noise)
        self.choice = Choice()

    def forward(
        self, tokens: Int[Tensor, "batch time"], mask: Bool[Tensor, "batch time"] | None = None
    ) -> Float[Tensor, "batch time outputs"]:
        """Logits of the answer; they mean something where a row's input has ended, as far as `share` reaches.

        Args:
            tokens: the operands with the operator between them, and then empty tokens.
            mask: which tokens are real; others are taken to be empty.
        """
        operands = self.operands(tokens, mask)
        table = self.choice(self.noise(self.table))
        states = self.array.first_cell_of(table, operands.first, operands.second)
        seen = certain(operands.second, self.array.symbols, states.dtype)
        # Of each symbol's readout the one that was seen, as in the table: one product for all, then the choice.
        logits = (states @ self.readout.transpose(0, 1).flatten(1)).unflatten(-1, (seen.shape[-1], -1))
        answers = (logits * seen[..., None]).sum(2)
        step = operands.steps[..., None].expand(-1, -1, answers.shape[-1])
        return answers.gather(1, step)

    def operands(self, tokens: Int[Tensor, "batch time"], mask: Bool[Tensor, "batch time"] | None = None) -> Operands:
        """What lies in the cells and what is shown to them; the arguments are those of `forward`."""
        check_tokens(tokens, mask)
        check_range(tokens, len(self.kinds))
        empty, time = len(self.kinds) - 1, tokens.shape[1]
        if mask is not None:
            tokens = torch.where(mask, tokens, empty)
        steps = max(1, int(-(-time * self.share // 1)))
        place = torch.arange(time, device=tokens.device)
        ended, found = (tokens == empty).long(), (tokens == self.operator).long()
        length = (ended.cumsum(1) == 0).sum(1, keepdim=True)
        begun = ((found + ended).cumsum(1) == 0).sum(1, keepdim=True)  # how long the first operand is
        first = torch.where(place < begun, tokens, empty)
        second = _from(torch.where(place < length, tokens, empty), begun + 1, time, empty)
        if self.longer_first:
            is_shorter = 2 * begun + 1 < length
            first, second = torch.where(is_shorter, second, first), torch.where(is_shorter, first, second)
        pause = tokens.new_full((len(tokens), self.pause), self.operator)
        second = torch.cat([pause, second[:, :steps]], 1)
        first = functional.pad(first, (0, self.pause), value=empty)[:, : steps + self.pause]
        read = (place - length + self.pause).clamp(self.pause, second.shape[1] - 1)
        return Operands(self.kinds[first], self.kinds[second], length, read)

    def export(
        self, *, symbols: Sequence[str], answers: Sequence[str], description: str | None = None
    ) -> CellularAutomaton:
        """The likeliest rules as a cellular automaton, which the exact room runs.

        Where the model has a pause, the operator is a symbol of the machine: show it that often, and then the other operand.
        While it is shown, nothing is written.

        Args:
            symbols: the names of the tokens, in order, with or without that of the empty one. Without a pause the operator's
                is left out.
            answers: the names of the answers, in order.
            description: what the machine is for.

        Raises:
            ArgumentError: if there are not as many names as tokens, or as answers.

        Example:
            >>> model = CellArrayModel(4, 3, states=4)
            >>> machine = model.export(symbols=["0", "1", "*"], answers=["0", "1", "end"])
            >>> len(machine.transduce("01", "1", steps=4))
            4
        """
        inputs = len(self.kinds)
        if len(symbols) not in (inputs - 1, inputs):
            raise ArgumentError(
                f"symbols: got {len(symbols)}, expected the names of {inputs} tokens, or of all but the last"
            )
        written = [name for token, name in enumerate(symbols[: inputs - 1]) if self.pause or token != self.operator]
        machine = machine_of(self.table, self.readout, symbols=written, answers=answers, description=description)
        if not self.pause:
            return machine
        name = symbols[self.operator]
        return replace(machine, outputs=tuple(output for output in machine.outputs if output.seen != name))


def _from(tokens: Tensor, start: Tensor, count: int, empty: int) -> Tensor:
    """Of each row `count` tokens from a place on, empty ones where the row has no more.

    Args:
        tokens: [batch, time].
        start: [batch, 1].
        count: how many.
        empty: the empty token.
    """
    time = tokens.shape[1]
    place = start + torch.arange(count, device=tokens.device)
    return torch.where(place < time, tokens.gather(1, place.clamp(max=time - 1)), empty)
