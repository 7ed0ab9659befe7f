"""The gradient of a run.

The memory is the history: every record ever written is still there. So the backward pass keeps nothing of a step but the
registers before it; it reads the step's records again, takes the step again, and differentiates that one step. What a
pointer's gradient adds to the records it points at is summed over a stretch of steps and added by one product.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from neurallambda.machine.alphabet import Tag
from neurallambda.machine.memory import Code, Layout, Memory, Reading, per_role
from neurallambda.machine.reading import pointers_at_values, read_values
from neurallambda.machine.run import Runner, Settings
from neurallambda.machine.step import take_step
from neurallambda.machine.tables import ERRORS, Tables, tables

STRETCH = 16
"""Steps whose contributions to the records before them are added at once."""


class Run(torch.autograd.Function):
    """`(layout, settings, *code) -> (answer, errors, running, steps, value, records, parameters, written)`;
    `value` is what `read_values` reads under the answer.
    """

    @staticmethod
    def forward(ctx: Any, layout: Layout, settings: Settings, *code: Tensor) -> tuple[Tensor, ...]:
        """Run, and remember the registers before each step."""
        runner = Runner(layout, Code(*code), settings, keeps_history=True)
        runner.run()
        memory, end = runner.memory, runner.registers
        ctx.save_for_backward(*code, memory.records, memory.parameters)
        ctx.set_materialize_grads(False)
        ctx.layout, ctx.settings, ctx.written = layout, settings, memory.written
        ctx.pointers, ctx.running = runner.pointer_history, runner.running_history
        written = torch.tensor(memory.written)
        ctx.mark_non_differentiable(written)
        ctx.end = end.answer
        value = read_values(memory.records, end.answer)
        return end.answer, end.errors, end.running, end.steps, value, memory.records, memory.parameters, written

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Step backward through the run."""
        *code, records, parameters = ctx.saved_tensors
        memory = Memory(ctx.layout, Code(*code), records, parameters, ctx.written)
        batch = len(records)
        answer, errors, running, steps, of_value, to_records, to_parameters, _ = gradients
        to_answer, arriving = _from_values(records, ctx.end, of_value)
        if to_records is not None:
            arriving += to_records
        backward = _Backward(
            memory=memory,
            tables=tables(ctx.settings.integers, ctx.settings.operations, records.device, records.dtype),
            pointer_history=ctx.pointers,
            running_history=ctx.running,
            answer=to_answer if answer is None else answer + to_answer,
            errors=records.new_zeros(batch, len(ERRORS)) if errors is None else errors,
            steps=records.new_zeros(batch) if steps is None else steps,
            running=records.new_zeros(batch) if running is None else running,
            records=arriving,
            parameters=torch.zeros_like(parameters) if to_parameters is None else to_parameters.clone(),
            roles=torch.zeros_like(memory.roles),
            variables=torch.zeros_like(memory.code.variables),
            settled=torch.zeros_like(memory.code.settled),
        )
        backward.run()
        addresses, narrow = ctx.layout.code, ctx.layout.narrow
        to_code = backward.records[:, :addresses, :narrow], backward.parameters[:, :addresses]
        return None, None, *to_code, backward.variables, backward.settled


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


class _Read(torch.autograd.Function):
    """`(memory, pointers) -> (records, third)`, the memory taken as constant: what it adds up to is spread later."""

    @staticmethod
    def forward(ctx: Any, memory: Memory, pointers: Tensor) -> tuple[Tensor, Tensor]:
        """Read."""
        ctx.memory = memory
        reading = memory.read(pointers.detach())
        return reading.records, reading.third

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, records: Tensor, third: Tensor) -> tuple[None, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """How much each address would have added to what was read."""
        memory, written = ctx.memory, ctx.memory.written
        pointers = records @ memory.records[:, :written].transpose(1, 2)
        pointers[:, :1] += third[:, None] @ memory.parameters[:, :written].transpose(1, 2)
        return None, pad(pointers, (0, memory.width - written))


class _View:
    """The memory before one step; what a step asks of it and what it answers are remembered."""

    pointers: Tensor
    reading: Reading
    asked: Tensor
    matched: Tensor

    def __init__(self, memory: Memory, variables: Tensor, settled: Tensor, roles: Tensor) -> None:
        self.memory = memory
        self.layout = memory.layout
        self.columns = memory.columns
        self.code = Code(memory.code.narrow, memory.code.third, variables, settled)
        self.roles, self.per_role = roles, per_role(roles)

    def read(self, pointers: Tensor) -> Reading:
        """Read, to be differentiated."""
        self.pointers = pointers
        self.reading = Reading(*_Read.apply(self.memory, pointers))
        return self.reading

    def match(self, parameters: Tensor) -> Tensor:
        """Match, to be differentiated."""
        self.asked = parameters
        self.matched = self.memory.match(parameters)
        return self.matched


class _Stretch:
    """The steps of a stretch that read under many addresses, last step first: their pointers, and what arrived at what
    they read.
    """

    def __init__(self) -> None:
        self.pointers: list[Tensor] = []
        self.records: list[Tensor] = []

    def to_records(self, addresses: slice) -> Float[Tensor, "batch addresses record"]:
        """What arrives at the records at some addresses."""
        pointers = torch.cat([pointers[:, :, addresses] for pointers in self.pointers], dim=1)
        return pointers.transpose(1, 2) @ torch.cat(self.records, dim=1)


@dataclass
class _Backward:
    """The gradients that have arrived so far, and the registers' on their way back."""

    memory: Memory
    tables: Tables
    pointer_history: list[Tensor]
    running_history: list[Tensor]
    answer: Tensor
    errors: Tensor
    steps: Tensor
    running: Tensor
    records: Tensor
    parameters: Tensor
    roles: Tensor
    variables: Tensor
    settled: Tensor

    def run(self) -> None:
        """Go back step by step, stretch by stretch."""
        memory, first, end = self.memory, self.memory.layout.code, self.memory.written
        here = torch.eye(memory.width, dtype=memory.records.dtype, device=memory.records.device)
        pointers = memory.records.new_zeros(len(memory.records), 3, memory.width)
        while end > first:
            start, stretch = max(first, end - STRETCH), _Stretch()
            for address in reversed(range(start, end)):
                pointers = self._step(address, here[address], pointers, stretch)
            if stretch.pointers:
                self.records[:, :start] += stretch.to_records(slice(0, start))
            end = start
        self.records[:, :first, : len(Tag)] += (memory.role_table @ self.roles[:, :, :first]).transpose(1, 2)

    def _step(self, address: int, here: Tensor, pointers: Tensor, stretch: _Stretch) -> Tensor:
        """Differentiate one step; returns the gradient of the registers before it."""
        memory = self.memory
        memory.written = address
        at = slice(address, address + 1)
        of_record, of_parameter = self.records[:, at], self.parameters[:, at]
        if stretch.pointers:
            of_record = of_record + stretch.to_records(at)
        of_record = of_record + pad(
            (memory.role_table @ self.roles[:, :, at])[:, None, :, 0], (0, of_record.shape[-1] - len(Tag))
        )

        index = address - memory.layout.code
        registers = self.pointer_history[index]
        leaves = (
            pad(registers, (0, memory.width - registers.shape[-1])),
            self.running_history[index],
            memory.roles,
            memory.code.variables,
            memory.code.settled,
        )
        with torch.enable_grad():
            before, running, roles, variables, settled = (leaf.detach().requires_grad_() for leaf in leaves)
            view = _View(memory, variables, settled, roles)
            step = take_step(view, before, here, self.tables)
            # The outcome is linear in what ends here, so one number gathers its share of the loss.
            answered = (step.halts * self.answer).sum(-1)
            failed = (step.errors * self.errors).sum(-1)
            outcome = (running * (answered + failed + step.goes_on * self.running + self.steps)).sum()
        found = torch.autograd.grad(
            (outcome, step.registers, step.record, step.parameter),
            (before, running, roles, variables, settled, view.reading.records, view.reading.third, view.matched),
            (torch.ones_like(outcome), pointers, of_record[:, 0], of_parameter[:, 0]),
        )
        to_before, self.running, to_roles, to_variables, to_settled, to_records, to_third, to_matched = found
        self.roles += to_roles
        self.variables += to_variables
        self.settled += to_settled
        self._spread(view, to_records, to_third, to_matched, stretch)
        return to_before

    def _spread(self, view: _View, records: Tensor, third: Tensor, matched: Tensor, stretch: _Stretch) -> None:
        """Add what arrived at what a step read, and matched, to where it was read from; or leave it to the stretch."""
        memory, written = self.memory, self.memory.written
        pointers = view.pointers.detach()
        few = memory.few(pointers)
        if few is None:
            stretch.pointers.append(pointers)
            stretch.records.append(records)
        else:
            weights, addresses = few
            arriving = weights[..., None] * records[:, :, None]
            self.records.index_put_((memory.rows, addresses), arriving, accumulate=True)
        arriving = torch.cat([third[:, None], view.asked.detach()], dim=1)
        weights = torch.cat([pointers[:, :1, :written], matched[:, :, :written]], dim=1)
        self.parameters[:, :written].baddbmm_(weights.transpose(1, 2), arriving)
