"""The derivative of what was computed of certain operands."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.machine.adjoint.by_hand.compute import carry_computed
from neurallambda.machine.adjoint.history import Outcome
from neurallambda.machine.alphabet import KINDS, Field, Tag
from neurallambda.machine.compute import Operands
from neurallambda.machine.memory import Memory
from neurallambda.machine.moves import Computing
from neurallambda.machine.tables import Tables

_IS_KIND = slice(KINDS[0], KINDS[-1] + 1)
_RESULTS = slice(Tag.INTEGER, Tag.FALSE + 1)
assert list(range(len(Tag)))[_RESULTS] == [Tag.INTEGER, Tag.TRUE, Tag.FALSE]


@dataclass(frozen=True)
class Arrived:
    """What arrives at what a step makes, as far as that may have been computed.

    Attributes:
        tags: at the tags of the new record.
        literal: at its literal, if it has one.
        running: at what goes on running.
    """

    tags: Float[Tensor, "batch tags"]
    literal: Float[Tensor, "batch integers"] | None
    running: Float[Tensor, "batch 1"]


@dataclass(frozen=True)
class Computation:
    """A computation and its operands, in the programs that computed.

    Attributes:
        rows: these programs, among all; a slice of all, if all did.
        done: the results, the errors and the cases.
        operands: what was computed of.
        integer: whether the right operand is one.
        result: the literal that was computed; -1 for none.
    """

    rows: Int[Tensor, " some"] | slice
    done: Computing
    operands: Operands
    integer: Float[Tensor, "some 1"]
    result: Int[Tensor, " some"]

    @staticmethod
    def of(memory: Memory, done: Computing, control: Tensor, frame: Tensor, result: Tensor) -> "Computation":
        """Read the operands.

        Args:
            memory: what was written.
            done: what was computed.
            control, frame: the addresses that were read, among those of all programs.
            result: the literal of each new record.
        """
        at, records = memory.layout.slices, memory.records.flatten(0, 1)
        rows = slice(None) if done.rows is None else done.rows
        control, frame = control[rows], frame[rows]
        tags = records[:, at[Field.TAG]].index_select(0, control)
        integer = tags[:, Tag.INTEGER, None]
        literals = records[:, at[Field.LITERAL]]
        held = records[:, at[Field.OPERATOR].start : at[Field.KIND].stop].index_select(0, frame)
        operator, kind = held.split((at[Field.OPERATOR].stop - at[Field.OPERATOR].start, len(KINDS)), dim=-1)
        operands = Operands(
            operator,
            literals.index_select(0, frame),
            kind,
            literals.index_select(0, control) * integer,
            tags[:, _IS_KIND],
        )
        return Computation(rows, done, operands, integer, result[rows])

    def share(self, arrived: Arrived) -> Float[Tensor, " some"]:
        """What arrives at computing rather than anything else: at the results that there are."""
        found = (arrived.tags[self.rows, _RESULTS] * self.done.results).sum(-1)
        if arrived.literal is None:
            return found
        literal = arrived.literal[self.rows].gather(1, self.result.clamp_min(0)[:, None])[:, 0]
        return found + literal * (self.result >= 0)

    def through_errors(self, outcome: Outcome, running: Tensor, on: Tensor, tables: Tables) -> Float[Tensor, "some 1"]:
        """What arrives at the rule that computes from the errors that its computation ended in."""
        failed = self.done.errors @ tables.computed_errors
        return (self._to_errors(outcome, running, on) * failed).sum(-1, keepdim=True)

    def _to_errors(self, outcome: Outcome, running: Tensor, on: Tensor) -> Float[Tensor, "some errors"]:
        return running[self.rows] * outcome.errors[self.rows] - on[self.rows]

    def carry(
        self, arrived: Arrived, share: Tensor, outcome: Outcome, running: Tensor, on: Tensor, tables: Tables
    ) -> Operands:
        """What arrives at the operands, the operators given that one of them computes."""
        succeeds = self.done.results.sum(-1, keepdim=True)
        to_results = (arrived.tags[self.rows, _RESULTS] - share[:, None]) * succeeds
        none = torch.zeros_like(self.operands.left)
        to = carry_computed(
            self.operands,
            self.done.cases,
            torch.cat([self.done.results, self.done.errors], dim=-1),
            none if arrived.literal is None else arrived.literal[self.rows] * succeeds,
            to_results,
            self._to_errors(outcome, running, on) @ tables.computed_errors.t(),
            tables.operations,
        )
        operator = self.operands.operator
        along = (to.operator * operator).sum(-1, keepdim=True)
        to_operator = (to.operator - along) * tables.computing
        return Operands(to_operator, to.left, to.left_kinds, to.right * self.integer, to.right_kinds)
