"""The gradient of a run.

The memory is the history: every record ever written is still there. So the backward pass keeps nothing of a step but the
registers before it, and carries back what arrives step by step. What a soft pointer's gradient adds to the records it
points at is summed over a stretch of steps and added by one product.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurallambda.machine.act_adjoint import Arriving
from neurallambda.machine.adjoint import Carried, carry
from neurallambda.machine.alphabet import Field, Tag
from neurallambda.machine.layout import Code, Layout
from neurallambda.machine.memory import Memory, per_role_derivative
from neurallambda.machine.reading import pointers_at_values, read_values
from neurallambda.machine.retake import retake
from neurallambda.machine.plain_adjoint import Plainly
from neurallambda.machine.retaken import Kept, KeptAlternatives, Outcome, Retaken
from neurallambda.machine.run import Runner, Settings
from neurallambda.machine.tables import ERRORS, Tables, tables

STRETCH = 4
"""So many steps are taken again at once, and their contributions to the records before them added at once."""


class Run(torch.autograd.Function):
    """`(layout, settings, *code) -> (answer, errors, running, steps, value, records, written)`; `value` is what
    `read_values` reads under the answer.
    """

    @staticmethod
    def forward(ctx: Any, layout: Layout, settings: Settings, *code: Tensor) -> tuple[Tensor, ...]:
        """Run, and remember the registers before each step."""
        runner = Runner(layout, Code(*code), settings, keeps_history=True)
        runner.run()
        memory, end = runner.memory, runner.registers
        memory.clear()
        ctx.save_for_backward(*code, memory.records)
        ctx.set_materialize_grads(False)
        ctx.layout, ctx.settings, ctx.written = layout, settings, memory.written
        ctx.history = runner.history
        written = torch.tensor(memory.written)
        ctx.mark_non_differentiable(written)
        ctx.end = end
        value = read_values(memory, end.answer)
        return end.answer, end.errors, end.running, end.steps, value, memory.records, written

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Step backward through the run."""
        *code, records = ctx.saved_tensors
        memory = Memory(ctx.layout, Code(*code), records, ctx.written)
        batch = len(records)
        answer, errors, running, steps, of_value, to_records, _ = gradients
        to_answer, arriving = _from_values(memory, ctx.end.answer, of_value)
        if to_records is not None:
            arriving += to_records
        constants = tables(ctx.settings.integers, ctx.settings.operations, records.device, records.dtype)
        outcome = Outcome(
            to_answer if answer is None else answer + to_answer,
            records.new_zeros(batch, len(ERRORS)) if errors is None else errors,
            records.new_zeros(batch) if steps is None else steps,
        )
        to_running = records.new_zeros(batch, 1) if running is None else running[:, None]
        if any(isinstance(kept, KeptAlternatives) for kept in ctx.history):
            plainly = Plainly(memory, constants, outcome, ctx.settings.alternatives, arriving)
            plainly.run(ctx.history, to_running)
            narrow = plainly.records[:, : ctx.layout.code, : ctx.layout.narrow]
            return None, None, narrow, plainly.variables, plainly.settled
        backward = _Backward(memory=memory, tables=constants, outcome=outcome, running=to_running, records=arriving)
        backward.run(ctx.history, ctx.end.pointers)
        narrow = backward.records[:, : ctx.layout.code, : ctx.layout.narrow]
        return None, None, narrow, backward.variables, backward.settled


def _from_values(memory: Memory, answer: Tensor, gradient: Tensor | None) -> tuple[Tensor, Tensor]:
    """What arrives at the answer and at all records from what was read under the answer."""
    to_records, records = torch.zeros_like(memory.records), memory.records
    if gradient is None:
        return torch.zeros_like(answer), to_records
    with torch.enable_grad():
        leaves = records[:, :, : len(Tag)].detach().requires_grad_(), answer.detach().requires_grad_()
        pointers = pointers_at_values(*leaves)
    to_tags, to_answer = torch.autograd.grad(pointers, leaves, gradient @ records.transpose(1, 2))
    pointers = pointers.detach()
    few = memory.few(pointers)
    if few is None:
        to_records.baddbmm_(pointers.transpose(1, 2), gradient)
    else:
        memory.spread_few(*few, gradient, to_records)
    to_records[:, :, : len(Tag)] += to_tags
    return to_answer, to_records


@dataclass
class _Stretch:
    """The steps of a stretch, last step first.

    Attributes:
        pointers, records: of steps that read under many addresses, the pointers, and what arrived at what they read.
        names: what arrived at the names looked up.
    """

    pointers: list[Tensor] = field(default_factory=list)
    records: list[Tensor] = field(default_factory=list)
    names: list[Tensor] = field(default_factory=list)

    def to_records(self, addresses: slice) -> Float[Tensor, "batch addresses record"]:
        """What arrives at the records at some addresses."""
        pointers = torch.cat([pointers[:, :, addresses] for pointers in self.pointers], dim=1)
        return pointers.transpose(1, 2) @ torch.cat(self.records, dim=1)


@dataclass
class _Backward:
    """The gradients that have arrived so far."""

    memory: Memory
    tables: Tables
    outcome: Outcome
    running: Float[Tensor, "batch 1"]
    records: Float[Tensor, "batch addresses record"]

    def __post_init__(self) -> None:
        memory = self.memory
        self.parameters = torch.zeros_like(memory.parameters, memory_format=torch.contiguous_format)
        self.roles, self.per_role = torch.zeros_like(memory.roles), per_role_derivative(memory.roles)
        self.variables, self.settled = torch.zeros_like(memory.code.variables), torch.zeros_like(memory.code.settled)

    def run(self, history: Sequence[Kept], end: Float[Tensor, "batch 3 addresses"]) -> None:
        """Go back stretch by stretch."""
        first, to_registers, after = self.memory.layout.code, torch.zeros_like(end), end
        for start in reversed(range(0, len(history), STRETCH)):
            kept = history[start : start + STRETCH]
            to_registers, after = self._stretch(first + start, kept, to_registers, after)
        self.records[:, :first, : len(Tag)] += (self.memory.role_table @ self.roles[:, :, :first]).transpose(1, 2)

    def _stretch(self, start: int, kept: Sequence[Kept], to_registers: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        """Go back through the steps that began at the address `start`: what arrives at the registers before, and these."""
        memory, stretch = self.memory, _Stretch()
        memory.written = start + len(kept)
        steps = retake(memory, kept, self.outcome, self.tables)
        for address, taken in reversed([*enumerate(steps, start)]):
            memory.written = address
            arriving = Arriving(to_registers, self._of_record(address, stretch), self.running)
            carried = carry(memory, taken, after, arriving, self.outcome, self.tables)
            self._spread(taken, carried, stretch)
            self.running, to_registers, after = carried.running, carried.registers, taken.registers
        if stretch.pointers:
            self.records[:, :start] += stretch.to_records(slice(0, start))
        next_code = torch.stack([taken.at_code[:, 0] for taken in reversed(steps)], dim=2)
        self.variables.baddbmm_(next_code, torch.stack(stretch.names, dim=1))
        return to_registers, after

    def _of_record(self, address: int, stretch: _Stretch) -> Float[Tensor, "batch record"]:
        """All that arrives at a record."""
        of_record, memory = self.records[:, address], self.memory
        if stretch.pointers:
            of_record += stretch.to_records(slice(address, address + 1))[:, 0]
        of_record[:, : len(Tag)] += self.roles[:, :, address] @ memory.role_table.t()
        of_record[:, memory.layout.slices[Field.THIRD]] += self.parameters[:, address]
        return of_record

    def _spread(self, taken: Retaken, carried: Carried, stretch: _Stretch) -> None:
        """Add what arrived at what a step read, and matched, to where it was read from; or leave it to the stretch."""
        memory, pointers = self.memory, taken.pointers
        to_role = self.roles[:, :2].addcmul_(carried.along, pointers, value=-1)
        to_role.addcmul_(carried.shares * taken.registers[:, ::2], self.per_role)
        self.roles[:, 2].addcmul_(carried.value_pointer, pointers[:, 0])
        self.settled += carried.settled
        stretch.names.append(carried.name)
        if taken.few is None:
            stretch.pointers.append(pointers)
            stretch.records.append(carried.records)
        else:
            memory.spread_few(*taken.few, carried.records, self.records)
        # What this adds to addresses that bind nothing, or that were not yet written, is never looked at.
        self.parameters.baddbmm_(carried.matched.transpose(1, 2), taken.asked)
