"""The soft array of cells: a cellular automaton whose states are distributions and whose rule is a table of chances."""

from dataclasses import dataclass
from functools import reduce

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from neurallambda.arguments import shown
from neurallambda.errors import ArgumentError, check_count
from neurallambda.state import Batched, state
from neurallambda.structures.availability import is_installed
from neurallambda.structures.instruction.checks import check_dtype, check_place

SIDES = ("left", "right")


@state
class CellArrayState(Batched):
    """A row of cells.

    Attributes:
        cells: how likely each cell is in each state.
        symbols: how likely each symbol is written in each cell; it never changes.
    """

    cells: Float[Tensor, "batch cells states"]
    symbols: Float[Tensor, "batch cells symbols"]


@dataclass(frozen=True)
class CellArray:
    """A row of cells that all follow one local rule, a table of chances given with each step.

    In a step all cells see one symbol, and

        next[i] = sum over x, s, a, b of  symbol[i](x) seen(s) cell[i](a) cell[i+1](b) table[x, s, a, b]

    At the corners, where symbols, states and rule are certain, this is a `CellularAutomaton`, step by step. Between them
    a cell, its neighbours, its symbol and what is seen are taken to be independent.

    The chances of a cell sum to what those of the cell and of its neighbours multiply to, so a rounding error in them would
    double at each step, and so would gradients along it. Each step therefore divides them by their sum, which changes
    nothing where it is one. In single precision a row would otherwise be lost after some twenty-five steps.

    A cell costs `symbols² states^(neighbours + 2)` multiplications a step: all chances of the next state are computed by one
    matrix product that every cell of every row shares, and those of its own symbols are picked. To mix the table for each
    row first would take fewer multiplications, in products so small that they take longer.

    Attributes:
        states: how many states a cell may be in; the first is the one in which all cells start.
        symbols: how many symbols may be written in a cell, or seen, the last of them "none".
        neighbours: the sides that a cell looks at, in the order of the table's axes.
        edge: the state that stands beyond the ends.

    Raises:
        ArgumentError: if a number is too small, or a side is none or named twice.

    Example:
        >>> array = CellArray(states=2, symbols=2)
        >>> table = torch.zeros(array.table_shape)
        >>> table[0, :, :, :, 1] = 1.0  # a cell with the first symbol goes to state 1 ...
        >>> table[1, ..., 0, 0], table[1, ..., 1, 1] = 1.0, 1.0  # ... one without takes its right neighbour's state
        >>> state = array.init(torch.tensor([[[0.0, 1.0], [1.0, 0.0]]]))
        >>> nothing = torch.tensor([[0.0, 1.0]])
        >>> array.step(array.step(state, table, nothing), table, nothing).cells[0, :, 1]
        tensor([1., 1.])
    """

    states: int
    symbols: int
    neighbours: tuple[str, ...] = ("right",)
    edge: int = 0

    def __post_init__(self) -> None:
        check_count("states", self.states)
        check_count("symbols", self.symbols)
        check_count("edge", self.edge, least=0)
        sides = self.neighbours
        if not isinstance(sides, tuple) or not set(sides) <= set(SIDES) or len(set(sides)) < len(sides):
            raise ArgumentError(f"neighbours: got {shown(sides)}, expected a tuple of 'left' and 'right', each once")
        if self.edge >= self.states:
            raise ArgumentError(f"edge: got {self.edge}, expected the number of a state, below {self.states}")

    @property
    def table_shape(self) -> tuple[int, ...]:
        """The axes of a table: symbol, seen, state, the neighbours' states, next state. The last sums to one."""
        return (self.symbols, self.symbols, *(self.states,) * (len(self.neighbours) + 2))

    def init(self, symbols: Float[Tensor, "batch cells symbols"]) -> CellArrayState:
        """The row of cells with these symbols, every cell in the first state.

        Args:
            symbols: distributions over the symbols.

        Raises:
            ArgumentError: if the shape does not fit, or the type is no floating point type.
        """
        self._check("symbols", symbols, ("batch", "cells"), self.symbols)
        return CellArrayState(cells=self._all_in(0, symbols), symbols=symbols)

    def step(
        self,
        state: CellArrayState,
        table: Float[Tensor, "*axes"],
        seen: Float[Tensor, "batch symbols"],
        mask: Tensor | None = None,
    ) -> CellArrayState:
        """All cells at once take one step.

        Args:
            state: what `init`, `step` or `scan` returned; it is not changed.
            table: the chances of the next state, of `table_shape`.
            seen: a distribution over the symbols for each row.
            mask: [batch] booleans; a row where it is false keeps its state exactly.

        Raises:
            ArgumentError: if a shape does not fit.
        """
        self._check_state(state)
        self._check_table(table)
        self._check("seen", seen, ("batch",), self.symbols)
        seen = _where_it_counts(seen, mask)
        after = self._advance(self._with_ends(state.cells), self._matrix(table), _weights(state.symbols, seen))
        if mask is not None:
            after = torch.where(mask[:, None, None], after, state.cells)
        return CellArrayState(cells=after, symbols=state.symbols)

    def scan(
        self,
        state: CellArrayState,
        table: Float[Tensor, "*axes"],
        seen: Float[Tensor, "batch time symbols"],
        mask: Tensor | None = None,
    ) -> tuple[CellArrayState, Float[Tensor, "batch time states"]]:
        """Many steps, one for each symbol seen.

        Args:
            state: the state to go on from; the one returned goes on with the next part of the sequence.
            table: the chances of the next state, of `table_shape`, the same in every step.
            seen: a distribution over the symbols for each row and step.
            mask: [batch, time] booleans; steps where it is false change nothing.

        Returns:
            The last state, and the states of the first cell after each step.

        Raises:
            ArgumentError: if a shape does not fit.
        """
        self._check_state(state)
        self._check_table(table)
        self._check("seen", seen, ("batch", "time"), self.symbols)
        seen = _where_it_counts(seen, mask)
        matrix, cells, read = self._matrix(table), state.cells, []
        for time in range(seen.shape[1]):
            after = self._advance(self._with_ends(cells), matrix, _weights(state.symbols, seen[:, time]))
            cells = after if mask is None else torch.where(mask[:, time, None, None], after, cells)
            read.append(cells[:, 0])
        reads = torch.stack(read, 1) if read else cells.new_zeros(len(cells), 0, self.states)
        return CellArrayState(cells=cells, symbols=state.symbols), reads

    def first_cell(
        self,
        table: Float[Tensor, "*axes"],
        symbols: Float[Tensor, "batch cells symbols"],
        seen: Float[Tensor, "batch time symbols"],
    ) -> Float[Tensor, "batch time states"]:
        """What a row without an end shows in its first cell: the states after each step.

        The row goes on with empty cells behind those given. What lies so far away that it can no longer reach the first
        cell is left out, which halves the work.

        Args:
            table: the chances of the next state, of `table_shape`.
            symbols: distributions over the symbols of the cells.
            seen: a distribution over the symbols for each row and step.

        Raises:
            ArgumentError: if a shape does not fit.
        """
        self._check_table(table)
        self._check("seen", seen, ("batch", "time"), self.symbols)
        self._check("symbols", symbols, ("batch", "cells"), self.symbols)
        steps, reach = seen.shape[1], int("right" in self.neighbours)
        missing = max(0, 1 + reach * steps - symbols.shape[1])
        none = symbols.new_ones(symbols.shape[0], missing, 1)
        written = torch.cat([symbols, functional.pad(none, [self.symbols - 1, 0])], 1)
        weights = (seen[:, :, None, None, :] * written[:, None, :, :, None]).flatten(3)
        matrix, cells, read = self._matrix(table), self._all_in(0, written), []
        edge = self._all_in(self.edge, written)[:, :1]
        for step in range(steps):
            width = 1 + reach * (steps - step)
            near = cells[:, :width]
            row = torch.cat([edge, near], 1) if "left" in self.neighbours else near
            cells = self._advance(row, matrix, weights[:, step, : width - reach])
            read.append(cells[:, 0])
        return torch.stack(read, 1) if read else cells.new_zeros(len(cells), 0, self.states)

    def first_cell_of(
        self, table: Float[Tensor, "*axes"], symbols: Int[Tensor, "batch cells"], seen: Int[Tensor, "batch time"]
    ) -> Float[Tensor, "batch time states"]:
        """As `first_cell`, of symbols that are certain: by one entry of the table for each cell, where that can run.

        On a CPU, with the extra `fast`, cells that look to the right are computed in one compiled sweep, within `torch.vmap`
        too. Elsewhere this is `first_cell`.

        Args:
            table: the chances of the next state, of `table_shape`.
            symbols: the numbers of the symbols in the cells.
            seen: the numbers of the symbols seen at each step.

        Raises:
            ArgumentError: if a shape does not fit.
        """
        self._check_table(table)
        for name, numbers, axes in (("symbols", symbols, "[batch, cells]"), ("seen", seen, "[batch, time]")):
            if not isinstance(numbers, Tensor) or numbers.ndim != 2 or numbers.dtype != torch.long:
                raise ArgumentError(f"{name}: got {shown(numbers)}, expected numbers of symbols, int64 of shape {axes}")
        if self.neighbours == ("right",) and _can_sweep(table):
            from neurallambda.structures.cell_array.row_numba import swept

            return swept(table, symbols, seen)
        one, other = (certain(numbers, self.symbols, table.dtype) for numbers in (symbols, seen))
        return self.first_cell(table, one, other)

    def read(self, state: CellArrayState) -> Float[Tensor, "batch states"]:
        """The states of the first cell."""
        self._check_state(state)
        return state.cells[:, 0]

    def _matrix(self, table: Tensor) -> Tensor:
        """The table as a matrix: from all that a cell sees of states, to a next state for each pair of symbols."""
        return table.movedim((0, 1), (-3, -2)).flatten(0, -4).flatten(1)

    def _all_in(self, number: int, symbols: Tensor) -> Tensor:
        """A row of cells, as many as symbols are given for, that are all in one state."""
        one = functional.one_hot(torch.tensor(number, device=symbols.device), self.states).to(symbols.dtype)
        return one.expand(*symbols.shape[:2], -1)

    def _with_ends(self, cells: Tensor) -> Tensor:
        """The cells, and the edge beyond the ends that they look at."""
        edge = self._all_in(self.edge, cells[:, :1])
        return torch.cat([edge] * ("left" in self.neighbours) + [cells] + [edge] * ("right" in self.neighbours), 1)

    def _advance(self, row: Tensor, matrix: Tensor, weights: Tensor) -> Tensor:
        """The next states of the cells of a row that has a neighbour for each, on the sides looked at.

        Args:
            row: [batch, cells and ends, states].
            matrix: what `_matrix` gives.
            weights: of the pairs of symbols, [batch, cells, pairs].
        """
        count, first = row.shape[1] - len(self.neighbours), int("left" in self.neighbours)
        where = {"left": first - 1, "right": first + 1}
        beside = [row[:, where[side] : where[side] + count] for side in self.neighbours]
        together = reduce(_outer, beside, row[:, first : first + count])
        chances = (together @ matrix).unflatten(-1, (-1, self.states))
        after = (chances * weights[..., None]).sum(2)
        return after / after.sum(-1, keepdim=True)

    def _check_state(self, state: object) -> None:
        if not isinstance(state, CellArrayState):
            raise ArgumentError(f"state: got {shown(state)}, expected what `init`, `step` or `scan` returned")
        self._check("state.cells", state.cells, ("batch", "cells"), self.states)
        self._check("state.symbols", state.symbols, ("batch", "cells"), self.symbols)

    def _check_table(self, table: object) -> None:
        if not isinstance(table, Tensor) or tuple(table.shape) != self.table_shape:
            raise ArgumentError(
                f"table: got {shown(table)}, expected a tensor of shape {self.table_shape}: symbol, seen, state, "
                f"{''.join(f'{side}, ' for side in self.neighbours)}next state"
            )
        check_dtype(table.dtype)

    def _check(self, name: str, tensor: object, leading: tuple[str, ...], size: int) -> None:
        if not isinstance(tensor, Tensor) or tensor.ndim != len(leading) + 1 or tensor.shape[-1] != size:
            raise ArgumentError(f"{name}: got {shown(tensor)}, expected a tensor [{', '.join(leading)}, {size}]")
        check_dtype(tensor.dtype)
        check_place(tensor.device)


def _where_it_counts(seen: Tensor, mask: object) -> Tensor:
    """What is seen, and at steps that do not count anything that is a number: 0 times a gradient of another is none."""
    if mask is None:
        return seen
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.shape != seen.shape[:-1]:
        raise ArgumentError(f"mask: got {shown(mask)}, expected booleans of shape {tuple(seen.shape[:-1])}")
    return torch.where(mask[..., None], seen, 1.0)


def certain(
    numbers: Int[Tensor, "*shape"], count: int, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "*shape count"]:
    """Distributions that are certain of a number each; as `one_hot`, which not every transform of PyTorch takes.

    Args:
        numbers: the numbers.
        count: how many there may be.
        dtype: the floating point type.

    Example:
        >>> certain(torch.tensor([1]), 3)
        tensor([[0., 1., 0.]])
    """
    return (numbers[..., None] == torch.arange(count, device=numbers.device)).to(dtype)


def _can_sweep(table: Tensor) -> bool:
    return (
        table.device.type == "cpu"
        and table.dtype in (torch.float32, torch.float64)
        and not torch.compiler.is_compiling()
        and is_installed("numba")
    )


def _outer(one: Tensor, other: Tensor) -> Tensor:
    """The chances of both together, as if neither knew of the other: [batch, cells, a], [batch, cells, b] -> a b."""
    return (one[..., None] * other[..., None, :]).flatten(2)


def _weights(symbols: Tensor, seen: Tensor) -> Tensor:
    """The weight of each pair of a symbol and what is seen: [batch, cells, symbols * symbols]."""
    return (symbols[..., None] * seen[:, None, None]).flatten(2)
