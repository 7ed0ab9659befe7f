"""Recurrent cells as a network with structures drives them: inputs, reads and noise come apart."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from neurallambda.arguments import checked, shown
from neurallambda.errors import ArgumentError, check_count
from neurallambda.nn.choice import Choice, Noise
from neurallambda.nn.initial import blocks_by_fan_in_, by_fan_in_

CERTAIN = 4.0
"""A logit that leaves little doubt among a few options, and still has a gradient."""

Hidden = tuple[Tensor, ...]
"""What a cell carries: tensors [batch, size], the first of which is what others see."""


class Cell(nn.Module, ABC):
    """A recurrent cell that sees inputs and what structures showed, and whose noise can be drawn for a whole sequence.

    Attributes:
        input_size: how many inputs.
        read_size: how many numbers that the cell is given besides, which depend on the step before: reads of structures.
        hidden_size: how many numbers others see of it.

    Raises:
        ArgumentError: if a size is not a positive integer; there may be no reads.
    """

    def __init__(self, input_size: int, hidden_size: int, *, read_size: int = 0) -> None:
        super().__init__()
        check_count("input_size", input_size)
        check_count("hidden_size", hidden_size)
        check_count("read_size", read_size, least=0)
        self.input_size, self.hidden_size, self.read_size = input_size, hidden_size, read_size
        self.register_parameter("start", None)

    start: nn.Parameter | None
    """What `begin` is made of, where it is learned."""

    def learn_start(self) -> None:
        """Make the state before the first step a parameter, which begins as what it was.

        A start that is learned adapts a network at the cost of a few numbers, and a cell need not spend its first steps on
        getting to where it works. A start that is learned already stays as it is.
        """
        if self.start is None:
            self.start = nn.Parameter(self._first_start())

    def _first_start(self) -> Tensor:
        """What a start that is to be learned begins as."""
        return torch.cat(self.begin()).detach().clone()

    @abstractmethod
    def advance(self, inputs: Tensor, reads: Tensor, hidden: Hidden, noise: tuple[Tensor, ...] = ()) -> Hidden:
        """The next state.

        Args:
            inputs: [batch, input_size].
            reads: [batch, read_size].
            hidden: the state.
            noise: what `noise_of` drew for this step.
        """

    @abstractmethod
    def begin(self) -> Hidden:
        """The state before the first step, for one row: tensors [size]."""

    def noise_of(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Noise for the steps of these inputs, [..., input_size] with any leading axes; none, where there is none."""
        del inputs
        return ()

    def forward(self, inputs: Tensor, hidden: Hidden | None = None) -> Hidden:
        """One step, for use by itself: inputs [batch, input_size + read_size], the reads last."""
        own, reads = inputs.split([self.input_size, self.read_size], dim=-1)
        if hidden is None:
            hidden = tuple(start.expand(len(inputs), -1) for start in self.begin())
        return self.advance(own, reads, hidden, self.noise_of(own))


@checked
class CategoricalCell(Cell):
    """A cell whose state is a distribution over a few states, of a hidden layer over inputs, reads and state.

        h' = softmax(M relu(Wx x + Wr r + Wh h + b) + m)

    With noise on the logits the states become discrete, and the cell learns a finite automaton: it cannot keep numbers
    that only make sense at the lengths it was trained on.

    Args:
        input_size: how many inputs.
        hidden_size: how many states; it starts in the first.
        read_size: how many reads of structures.
        units: how many rectified units the layer has.
        noise: the standard deviation of the noise on the logits, in training.

    Raises:
        ArgumentError: if a number is too small, or not finite.

    Example:
        >>> cell = CategoricalCell(3, 4)
        >>> (state,) = cell(torch.randn(2, 3))
        >>> torch.allclose(state.sum(1), torch.ones(2))
        True
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, read_size: int = 0, units: int = 32, noise: float = 0.5
    ) -> None:
        super().__init__(input_size, hidden_size, read_size=read_size)
        check_count("units", units)
        self.layer = nn.Linear(input_size + read_size + hidden_size, units)
        self.to_logits = nn.Linear(units, hidden_size)
        self.noise, self.choice = Noise(noise), Choice()
        sizes = {"inputs": input_size, "reads": read_size, "hidden": hidden_size}
        with torch.no_grad():
            blocks_by_fan_in_(self.layer, sizes)
            by_fan_in_(self.to_logits.weight, scale=2 * 2**0.5)
            self.to_logits.bias.zero_()

    def noise_of(self, inputs: Tensor) -> tuple[Tensor, ...]:
        return self.noise.drawn(self.to_logits.bias.expand(*inputs.shape[:-1], -1))

    def advance(self, inputs: Tensor, reads: Tensor, hidden: Hidden, noise: tuple[Tensor, ...] = ()) -> Hidden:
        units = functional.relu(self.layer(torch.cat([inputs, reads, hidden[0]], dim=-1)))
        return (self.choice(sum(noise, start=self.to_logits(units))),)

    def begin(self) -> Hidden:
        if self.start is not None:
            return (self.choice(self.start),)
        return (functional.pad(torch.ones_like(self.to_logits.bias[:1]), [0, self.hidden_size - 1]),)

    def _first_start(self) -> Tensor:
        return CERTAIN * super()._first_start()


@checked
class TanhCell(Cell):
    """The simple recurrent cell (Elman, 1990), with noise and an orthogonal matrix at the start.

        h' = tanh(Wx x + Wr r + Wh h + b)

    Args:
        input_size: how many inputs.
        hidden_size: how many units.
        read_size: how many reads of structures.
        noise: the standard deviation of the noise before the tanh, in training.

    Raises:
        ArgumentError: if a number is too small, or not finite.

    Example:
        >>> TanhCell(3, 4)(torch.randn(2, 3))[0].shape
        torch.Size([2, 4])
    """

    def __init__(self, input_size: int, hidden_size: int, *, read_size: int = 0, noise: float = 0.5) -> None:
        super().__init__(input_size, hidden_size, read_size=read_size)
        self.layer = nn.Linear(input_size + read_size + hidden_size, hidden_size)
        self.noise = Noise(noise)
        blocks_by_fan_in_(self.layer, {"inputs": input_size, "reads": read_size, "hidden": hidden_size})
        with torch.no_grad():
            nn.init.orthogonal_(self.layer.weight[:, -hidden_size:])

    def noise_of(self, inputs: Tensor) -> tuple[Tensor, ...]:
        return self.noise.drawn(self.layer.bias.expand(*inputs.shape[:-1], -1))

    def advance(self, inputs: Tensor, reads: Tensor, hidden: Hidden, noise: tuple[Tensor, ...] = ()) -> Hidden:
        before = self.layer(torch.cat([inputs, reads, hidden[0]], dim=-1))
        return (torch.tanh(sum(noise, start=before)),)

    def begin(self) -> Hidden:
        return (torch.zeros_like(self.layer.bias) if self.start is None else self.start,)


class TorchCell(Cell):
    """One of PyTorch's own cells, whose last inputs are the reads.

    Args:
        cell: an `nn.RNNCell`, `nn.GRUCell` or `nn.LSTMCell`.
        read_size: how many of its inputs are reads.
    """

    def __init__(self, cell: nn.RNNCell | nn.GRUCell | nn.LSTMCell, *, read_size: int = 0) -> None:
        super().__init__(cell.input_size - read_size, cell.hidden_size, read_size=read_size)
        self.cell = cell

    def advance(self, inputs: Tensor, reads: Tensor, hidden: Hidden, noise: tuple[Tensor, ...] = ()) -> Hidden:
        cell, before = self.cell, hidden[0]
        bias_of_inputs, bias = (cell.bias_ih, cell.bias_hh) if cell.bias else (None, None)
        if isinstance(cell, nn.GRUCell):
            given = functional.linear(torch.cat([inputs, reads], dim=-1), cell.weight_ih, bias_of_inputs)
            carried = functional.linear(before, cell.weight_hh, bias)
            reset, update, new = given.chunk(3, dim=-1)
            reset_carried, update_carried, new_carried = carried.chunk(3, dim=-1)
            new = torch.tanh(new + (reset + reset_carried).sigmoid() * new_carried)
            return (new + (update + update_carried).sigmoid() * (before - new),)
        weight = torch.cat([cell.weight_ih, cell.weight_hh], dim=1)
        both = None if bias is None or bias_of_inputs is None else bias_of_inputs + bias
        given = functional.linear(torch.cat([inputs, reads, before], dim=-1), weight, both)
        if isinstance(cell, nn.LSTMCell):
            enter, forget, new, out = given.chunk(4, dim=-1)
            content = forget.sigmoid() * hidden[1] + enter.sigmoid() * new.tanh()
            return out.sigmoid() * content.tanh(), content
        return (given.tanh() if cell.nonlinearity == "tanh" else given.relu(),)

    def begin(self) -> Hidden:
        if self.start is not None:
            return self.start.split(self.hidden_size)
        zeros = torch.zeros_like(self.cell.weight_hh[0])
        return (zeros, zeros) if isinstance(self.cell, nn.LSTMCell) else (zeros,)


def as_cell(cell: Any, read_size: int) -> Cell:
    """A cell of this package, or one of PyTorch's, as a `Cell` with so many reads.

    Raises:
        ArgumentError: if it is neither, or has too few inputs for the reads.
    """
    if isinstance(cell, Cell):
        if cell.read_size != read_size:
            raise ArgumentError(
                f"cell: got one with read_size={cell.read_size}, expected {read_size}: what the structures show together"
            )
        return cell
    if not isinstance(cell, (nn.RNNCell, nn.GRUCell, nn.LSTMCell)):
        raise ArgumentError(
            f"cell: got {shown(cell)}, expected an nn.RNNCell, nn.GRUCell or nn.LSTMCell, a CategoricalCell or a TanhCell"
        )
    if cell.input_size <= read_size:
        raise ArgumentError(
            f"cell: got input_size={cell.input_size}, expected more than {read_size}: the structures show {read_size} "
            f"numbers together, which the cell sees after its own inputs"
        )
    return TorchCell(cell, read_size=read_size)
