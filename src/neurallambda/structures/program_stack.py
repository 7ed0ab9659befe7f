"""The program stack: values and programs are put on two stacks, and a program that is known is applied to the values."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.state import Batched, state
from neurallambda.structures.form import Form
from neurallambda.structures.instruction.checks import inside_transform
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.protocol import Structure
from neurallambda.structures.references.program_stack import PlainProgramStack, Results

PUT_VALUE, PUT_PROGRAM, APPLY, HOLD = 0, 1, 2, 3


@state
class ProgramStackState(Batched):
    """Two stacks, the top first. What a cell lacks of a whole is the probability that nothing lies there.

    Attributes:
        values: how probable each value is, in each cell.
        programs: how probable each program is, in each cell.
        overflow: the mass of what was lost off the bottoms.
        failed: how many applications had no result, in expectation: for want of a program or of two values, or because the
            program gives none of the values for these two.
    """

    values: Float[Tensor, "batch capacity values"]
    programs: Float[Tensor, "batch capacity programs"]
    overflow: Float[Tensor, " batch"]
    failed: Float[Tensor, " batch"]


@checked
@dataclass(frozen=True)
class ProgramStack(Structure[ProgramStackState]):
    """A calculator: put a value, put a program, apply, or hold, each with its weight.

    To apply takes the program on top and the two values on top, and puts what the program gives for them: the upper value is
    its second argument. It shows the value on top. Programs are known and values are finitely many, so all that a program
    can do is a table, made once (`neurallambda.nn.ProgramBank.table`), and to apply one is to look it up.

    A step mixes what its actions leave, and an application mixes the results of all that may be meant:

        result[r]  =  sum over program p and values x, y with table[p][x][y] = r of  program[p] * below[x] * top[y]

    Each cell is taken to be independent of the others, so the mixture is exact where cells or actions are certain, and no exact
    mean over all the sequences of certain actions. Where nothing comes out, nothing is put in the place of the result.

    Attributes:
        capacity: how many cells each stack has. To put onto a full one loses the bottom cell.
        results: for each program, for each first and each second argument, the number of the value that comes out; None
            where none of the values does.

    Example:
        >>> bank = ProgramStack(capacity=8, results=(((0, 1), (1, 0)), ((0, 0), (0, 1))))  # of two bits: differ, both
        >>> state = bank.init(1)
        >>> one, differ = torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]])
        >>> for action in ("put program", "put value", "put value", "apply"):
        ...     wanted = torch.tensor([[float(action == label) for label in bank.operands[0].labels]])
        ...     state, shown = bank.step(state, wanted, one, differ)
        >>> shown
        tensor([[1., 0.]])
    """

    capacity: int
    results: Results

    def __post_init__(self) -> None:
        check_count("capacity", self.capacity)
        _check_results(self.results)

    @property
    def number_of_values(self) -> int:
        """How many values there are."""
        return len(self.results[0])

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("action", 4, Kind.DISTRIBUTION, ("put value", "put program", "apply", "hold"), idle=HOLD),
            Operand("value", self.number_of_values, Kind.DISTRIBUTION),
            Operand("program", len(self.results), Kind.DISTRIBUTION),
        )

    @property
    def read_width(self) -> int:
        return self.number_of_values

    @property
    def forms(self) -> dict[str, Form[ProgramStackState]]:
        return {}

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> ProgramStackState:
        row = torch.zeros(batch, device=device, dtype=dtype)
        return ProgramStackState(
            values=torch.zeros(batch, self.capacity, self.number_of_values, device=device, dtype=dtype),
            programs=torch.zeros(batch, self.capacity, len(self.results), device=device, dtype=dtype),
            overflow=row,
            failed=row,
        )

    def advance(self, state: ProgramStackState, *operands: Tensor) -> ProgramStackState:
        action, value, program = operands
        put_value, put_program, apply, hold = action[..., None, None].unbind(1)
        values, programs = state.values, state.programs
        result = self.applied(state)
        after = torch.cat([result[:, None], _raised(values, 2)[:, : self.capacity - 1]], 1)
        return ProgramStackState(
            values=put_value * _lowered(values, value) + apply * after + (put_program + hold) * values,
            programs=put_program * _lowered(programs, program)
            + apply * _raised(programs, 1)
            + (put_value + hold) * programs,
            overflow=state.overflow
            + action[:, PUT_VALUE] * values[:, -1].sum(1)
            + action[:, PUT_PROGRAM] * programs[:, -1].sum(1),
            failed=state.failed + action[:, APPLY] * (1 - result.sum(1)).clamp_min(0),
        )

    def applied(self, state: ProgramStackState) -> Float[Tensor, "batch values"]:
        """What the program on top gives for the two values on top; what it lacks of one is the probability of nothing."""
        two = functional.pad(state.values[:, :2], [0, 0, 0, max(0, 2 - self.capacity)])
        pairs = two[:, 1, :, None] * two[:, 0, None]
        cases = state.programs[:, 0, :, None] * pairs.flatten(1)[:, None]
        return cases.flatten(1) @ _table_of(self.results, pairs)

    def read(self, state: ProgramStackState) -> Tensor:
        """The value on top."""
        return state.values[:, 0]

    def size(self, state: ProgramStackState) -> Tensor:
        """How many values and programs it holds."""
        return state.values.sum((1, 2)) + state.programs.sum((1, 2))

    def contents(self, state: ProgramStackState) -> Tensor:
        """The value and the program in each cell, side by side."""
        return torch.cat([state.values, state.programs], 2)

    def reference(self) -> PlainProgramStack:
        return PlainProgramStack(capacity=self.capacity, results=self.results)


def _lowered(cells: Float[Tensor, "batch capacity width"], new: Float[Tensor, "batch width"]) -> Tensor:
    """Each cell one place lower, and `new` on top."""
    return torch.cat([new[:, None], cells[:, :-1]], 1)


def _raised(cells: Float[Tensor, "batch capacity width"], places: int) -> Tensor:
    """Each cell some places higher; those above the top are gone."""
    return functional.pad(cells[:, places:], [0, 0, 0, min(places, cells.shape[1])])


def _table_of(results: Results, like: Tensor) -> Float[Tensor, "cases values"]:
    """For each program and each pair of arguments, where its result is, as zeros and ones."""
    if torch.compiler.is_compiling() or inside_transform():  # what is made there must not be kept
        return _table.__wrapped__(results, like.device, like.dtype)
    return _table(results, like.device, like.dtype)


@cache
def _table(results: Results, device: torch.device, dtype: torch.dtype) -> Float[Tensor, "cases values"]:
    values = len(results[0])
    places = [values if place is None else place for program in results for row in program for place in row]
    return functional.one_hot(torch.tensor(places, device=device), values + 1)[:, :values].to(dtype)


def _check_results(results: Sequence[Sequence[Sequence[int | None]]]) -> None:
    """Refuse what is no table of programs on pairs of values.

    Raises:
        ArgumentError: which program, and what came.
    """
    if not results or not results[0]:
        raise ArgumentError("results: there is no program, or no value; expected at least one of each")
    values = len(results[0])
    for number, program in enumerate(results):
        if len(program) != values or any(len(row) != values for row in program):
            raise ArgumentError(f"results[{number}]: expected {values} rows of {values} results, as many as values")
        for row in program:
            for place in row:
                if place is not None and not 0 <= place < values:
                    raise ArgumentError(
                        f"results[{number}]: got {place}, expected the number of a value, below {values}, or None"
                    )
