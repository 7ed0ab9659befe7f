"""Running step by step: a state, and one step of it, of fixed shapes and without a look from the host.

A run asks now and then what has become of its programs: whether all have ended, whether memory is full, whether control is
soft. A state has room from the start, so a step asks nothing. It is the same step: a product with everything written.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.machine.alphabet import Field, Tag
from neurallambda.machine.encode import NeuralLambda
from neurallambda.machine.layout import WIDE, Code, Layout
from neurallambda.machine.memory import per_role, role_table
from neurallambda.machine.run import Registers
from neurallambda.machine.step import take_step
from neurallambda.machine.tables import Tables
from neurallambda.state import Batched, state


@state
class State(Batched):
    """A batch of programs in the middle of a run.

    Attributes:
        records: memory: the code, then a record of each step taken; zero where nothing is written yet.
        variables, settled: the code as a step reads it, as in `Code`.
        here: the address that the next step writes, one-hot; zero where there is no room left.
        pointers: control, environment, continuation.
        running: the mass that has not ended.
        answer: the mass that has ended in a value, by the address of the value.
        errors: the mass that has ended in each `ErrorKind`.
        steps: the expected number of steps taken.
    """

    records: Float[Tensor, "batch addresses record"]
    variables: Float[Tensor, "batch code code"]
    settled: Float[Tensor, "batch code"]
    here: Float[Tensor, "batch addresses"]
    pointers: Float[Tensor, "batch 3 addresses"]
    running: Float[Tensor, " batch"]
    answer: Float[Tensor, "batch addresses"]
    errors: Float[Tensor, "batch errors"]
    steps: Float[Tensor, " batch"]


@dataclass(frozen=True, repr=False)
class Rules:
    """What all steps of a batch share.

    Attributes:
        layout: how records are laid out.
        tables: the rules as tensors.
        take_columns: from what is taken of a record to its numbers.
        role_table: from tags to the roles of a record.
    """

    layout: Layout
    tables: Tables
    take_columns: Float[Tensor, "taken record"]
    role_table: Float[Tensor, "tags 3"]

    @staticmethod
    def of(layout: Layout, tables: Tables, steps: int) -> "Rules":
        """The rules for states with room for so many steps."""
        like = tables.select
        return Rules(layout, tables, layout.take_columns(layout.code + steps, like), role_table(like))

    def __repr__(self) -> str:
        return f"Rules({self.layout}, width {self.take_columns.shape[1]})"


def start(program: NeuralLambda, steps: int) -> State:
    """The state before the first step, with room for some steps."""
    code, layout = program.code(), program.layout
    width = layout.code + steps
    registers = Registers.start(code)
    registers.widen(width)
    here = code.narrow.new_zeros(len(program), width)
    here[:, layout.code] = 1
    return State(
        pad(code.narrow, (0, WIDE * width, 0, steps)),
        code.variables,
        code.settled,
        here,
        registers.pointers,
        registers.running,
        registers.answer,
        registers.errors,
        registers.steps,
    )


def step(before: State, rules: Rules) -> tuple[State, Float[Tensor, "batch rules"]]:
    """Take one step; where there is no room for its record, stay."""
    taken = take_step(_Memory(before, rules), before.pointers, before.here, rules.tables)
    room = before.here.sum(-1)
    running = before.running * room
    stays = 1 - room
    after = State(
        before.records + before.here[:, :, None] * taken.record[:, None],
        before.variables,
        before.settled,
        pad(before.here[:, :-1], (1, 0)),
        torch.addcmul(before.pointers * stays[:, None, None], taken.registers, room[:, None, None]),
        before.running * stays + running * taken.goes_on,
        torch.addcmul(before.answer, running[:, None], taken.halts),
        torch.addcmul(before.errors, running[:, None], taken.errors),
        before.steps + running,
    )
    return after, taken.rules


class _Memory:
    """Memory as a step reads it: all of it, whatever is written."""

    def __init__(self, before: State, rules: Rules) -> None:
        layout = rules.layout
        self.layout, self.take_columns, self._records = layout, rules.take_columns, before.records
        self.code = Code(before.records[:, : layout.code, : layout.narrow], before.variables, before.settled)
        self.roles = (before.records[:, :, : len(Tag)] @ rules.role_table).transpose(1, 2)
        self.per_role = per_role(self.roles)

    def read(self, pointers: Float[Tensor, "batch 2 addresses"]) -> Float[Tensor, "batch 2 record"]:
        return pointers @ self._records

    def match(self, parameters: Float[Tensor, "batch 2 code"]) -> Float[Tensor, "batch 2 addresses"]:
        code = self.layout.code
        bound = self._records[:, code:, self.layout.slices[Field.THIRD]]
        return pad(parameters @ bound.transpose(1, 2), (code, 0))
