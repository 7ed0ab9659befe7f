"""The gradient of a run.

The memory is the history: every record ever written is still there. So the backward pass keeps nothing of a step but the
registers before it, and carries back what arrives step by step. What a soft pointer's gradient adds to the records it
points at is summed over a stretch of steps and added by one product.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from neurallambda.machine.adjoint import Arriving, Carried, Taken, carry
from neurallambda.machine.alphabet import Field, Tag
from neurallambda.machine.memory import Code, Layout, Memory, per_role_derivative
from neurallambda.machine.reading import pointers_at_values, read_values
from neurallambda.machine.run import Runner, Settings
from neurallambda.machine.tables import ERRORS, Tables, tables

STRETCH = 16
"""Steps whose contributions to the records before them are added at once."""


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
        value = read_values(memory.records, end.answer)
        return end.answer, end.errors, end.running, end.steps, value, memory.records, written

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Step backward through the run."""
        *code, records = ctx.saved_tensors
        memory = Memory(ctx.layout, Code(*code), records, ctx.written)
        batch = len(records)
        answer, errors, running, steps, of_value, to_records, _ = gradients
        to_answer, arriving = _from_values(records, ctx.end.answer, of_value)
        if to_records is not None:
            arriving += to_records
        backward = _Backward(
            memory=memory,
            tables=tables(ctx.settings.integers, ctx.settings.operations, records.device, records.dtype),
            answer=to_answer if answer is None else answer + to_answer,
            errors=records.new_zeros(batch, len(ERRORS)) if errors is None else errors,
            steps=records.new_zeros(batch) if steps is None else steps,
            running=records.new_zeros(batch) if running is None else running,
            records=arriving,
        )
        backward.run(ctx.history, ctx.end.pointers)
        narrow = backward.records[:, : ctx.layout.code, : ctx.layout.narrow]
        return None, None, narrow, backward.variables, backward.settled


def _from_values(records: Tensor, answer: Tensor, gradient: Tensor | None) -> tuple[Tensor, Tensor]:
    """What arrives at the answer and at all records from what was read under the answer."""
    if gradient is None:
        return torch.zeros_like(answer), torch.zeros_like(records)
    with torch.enable_grad():
        leaves = records[:, :, : len(Tag)].detach().requires_grad_(), answer.detach().requires_grad_()
        pointers = pointers_at_values(*leaves)
    to_tags, to_answer = torch.autograd.grad(pointers, leaves, gradient @ records.transpose(1, 2))
    to_records = pointers.detach().transpose(1, 2) @ gradient
    to_records[:, :, : len(Tag)] += to_tags
    return to_answer, to_records


@dataclass
class _Stretch:
    """The steps of a stretch that read under many addresses, last step first: their pointers, and what arrived at what
    they read.
    """

    pointers: list[Tensor] = field(default_factory=list)
    records: list[Tensor] = field(default_factory=list)

    def to_records(self, addresses: slice) -> Float[Tensor, "batch addresses record"]:
        """What arrives at the records at some addresses."""
        pointers = torch.cat([pointers[:, :, addresses] for pointers in self.pointers], dim=1)
        return pointers.transpose(1, 2) @ torch.cat(self.records, dim=1)


@dataclass
class _Backward:
    """The gradients that have arrived so far."""

    memory: Memory
    tables: Tables
    answer: Tensor
    errors: Tensor
    steps: Tensor
    running: Tensor
    records: Tensor

    def __post_init__(self) -> None:
        memory = self.memory
        self.parameters = torch.zeros_like(memory.parameters, memory_format=torch.contiguous_format)
        self.roles, self.per_role = torch.zeros_like(memory.roles), torch.zeros_like(memory.per_role)
        self.variables, self.settled = torch.zeros_like(memory.code.variables), torch.zeros_like(memory.code.settled)

    def run(self, history: list[tuple[Tensor, Tensor, Tensor]], end: Tensor) -> None:
        """Go back step by step, stretch by stretch."""
        memory, first = self.memory, self.memory.layout.code
        to_registers, after, stretch = torch.zeros_like(end), end, _Stretch()
        for address in reversed(range(first, memory.written)):
            before, settled, running = history[address - first]
            before = pad(before, (0, memory.width - before.shape[-1]))
            memory.written = address
            arriving = Arriving(
                to_registers, self._of_record(address, stretch), self.answer, self.errors, self.steps, self.running
            )
            carried = carry(memory, Taken(address, before, after, settled, running), arriving, self.tables)
            self._spread(carried, stretch)
            self.running, to_registers, after = carried.running, carried.registers, before
            if (address - first) % STRETCH == 0:
                if stretch.pointers:
                    self.records[:, :address] += stretch.to_records(slice(0, address))
                stretch = _Stretch()
        self.records[:, :first, : len(Tag)] += self._of_roles(slice(0, first))

    def _of_record(self, address: int, stretch: _Stretch) -> Float[Tensor, "batch record"]:
        """All that arrives at a record."""
        of_record, at = self.records[:, address], slice(address, address + 1)
        if stretch.pointers:
            of_record += stretch.to_records(at)[:, 0]
        of_record[:, : len(Tag)] += self._of_roles(at)[:, 0]
        of_record[:, self.memory.layout.slices[Field.THIRD]] += self.parameters[:, address]
        return of_record

    def _of_roles(self, addresses: slice) -> Float[Tensor, "batch addresses tags"]:
        """What arrives at tags by way of the roles."""
        memory = self.memory
        to_roles = self.roles[:, :, addresses]
        derivative = per_role_derivative(memory.roles[:, :, addresses])
        to_roles[:, :2].addcmul_(self.per_role[:, :, addresses], derivative)
        return (memory.role_table @ to_roles).transpose(1, 2)

    def _spread(self, carried: Carried, stretch: _Stretch) -> None:
        """Add what arrived at what a step read, and matched, to where it was read from; or leave it to the stretch."""
        memory, code = self.memory, self.memory.layout.code
        self.roles += carried.roles
        self.per_role += carried.per_role
        self.variables += carried.variables
        self.settled += carried.settled
        few = memory.few(carried.pointers)
        if few is None:
            stretch.pointers.append(carried.pointers)
            stretch.records.append(carried.records)
        else:
            weights, addresses = few
            flat = (addresses + memory.rows * memory.width).flatten()
            arriving = weights[..., None] * carried.records[:, :, None]
            self.records.flatten(0, 1).index_add_(0, flat, arriving.flatten(0, 2))
        matched = carried.matched[:, :, code : memory.written]
        self.parameters[:, code : memory.written].baddbmm_(matched.transpose(1, 2), carried.asked)
