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

from neurallambda.machine.memory import ROLE_TAGS, WIDE, Code, Layout, Memory, Reading
from neurallambda.machine.run import Runner, Settings
from neurallambda.machine.step import take_step
from neurallambda.machine.tables import ERRORS, Tables, tables

STRETCH = 16
"""Steps whose contributions to the records before them are added at once."""


class Run(torch.autograd.Function):
    """`(layout, settings, *code) -> (answer, errors, running, steps, *records, *parameters)`."""

    @staticmethod
    def forward(ctx: Any, layout: Layout, settings: Settings, *code: Tensor) -> tuple[Tensor, ...]:
        """Run, and remember the registers before each step."""
        runner = Runner(layout, Code(*code), settings, keeps_history=True)
        runner.run()
        memory, registers = runner.memory, runner.registers
        records = [block.records for block in memory.blocks]
        parameters = [block.parameters for block in memory.blocks]
        ctx.save_for_backward(*code, *records, *parameters)
        ctx.set_materialize_grads(False)
        ctx.layout, ctx.settings, ctx.written = layout, settings, memory.written
        ctx.pointers, ctx.running = runner.pointer_history, runner.running_history
        return (registers.answer, registers.errors, registers.running, registers.steps, *records, *parameters)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Step backward through the run."""
        code = Code(*ctx.saved_tensors[:4])
        count = len(ctx.saved_tensors[4:]) // 2
        records, parameters = ctx.saved_tensors[4 : 4 + count], ctx.saved_tensors[4 + count :]
        memory = Memory.of(ctx.layout, code, records, parameters, written=ctx.written)
        batch, like = code.narrow.shape[0], code.narrow
        answer, errors, running, steps, *others = gradients
        backward = _Backward(
            memory=memory,
            tables=tables(ctx.settings.integers, ctx.settings.operations, like.device, like.dtype),
            pointer_history=ctx.pointers,
            running_history=ctx.running,
            answer=like.new_zeros(batch, memory.width) if answer is None else answer,
            errors=like.new_zeros(batch, len(ERRORS)) if errors is None else errors,
            steps=like.new_zeros(batch) if steps is None else steps,
            running=like.new_zeros(batch) if running is None else running,
            records=[_owned(g, block) for g, block in zip(others[:count], records, strict=True)],
            parameters=[_owned(g, block) for g, block in zip(others[count:], parameters, strict=True)],
            roles=torch.zeros_like(memory.roles),
            code=Code(*(torch.zeros_like(part) for part in ctx.saved_tensors[:4])),
        )
        backward.run()
        found = backward.code
        return None, None, found.narrow, found.third, found.variables, found.settled


def _owned(gradient: Tensor | None, like: Tensor) -> Tensor:
    """A gradient that may be added to in place."""
    return torch.zeros_like(like) if gradient is None else gradient.clone()


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
        memory, layout = ctx.memory, ctx.memory.layout
        at_code = records[:, :, : layout.narrow] @ memory.code.narrow.transpose(1, 2)
        at_code[:, :1] += third[:, None] @ memory.code.third.transpose(1, 2)
        parts = [at_code]
        for block in memory.blocks:
            rows = max(0, min(len(block), memory.written - block.start))
            part = layout.narrowed(records, block.width) @ block.records[:, :rows].transpose(1, 2)
            parts.append(pad(part, (0, len(block) - rows)))
        return None, torch.cat(parts, dim=-1)


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
        self.roles = roles

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


@dataclass
class _Stretch:
    """The steps of a stretch done so far, last step first: their pointers and what arrived at what they read."""

    layout: Layout
    pointers: Float[Tensor, "batch twice_steps addresses"]
    records: Float[Tensor, "batch twice_steps record"]
    third: Float[Tensor, "batch steps code"]
    asked: Float[Tensor, "batch twice_steps code"]
    matched: Float[Tensor, "batch twice_steps addresses"]
    done: int = 0

    @staticmethod
    def empty(memory: Memory) -> "_Stretch":
        like, width, layout = memory.code.narrow, memory.width, memory.layout
        batch, twice = like.shape[0], 2 * STRETCH
        return _Stretch(
            layout=layout,
            pointers=like.new_empty(batch, twice, width),
            records=like.new_empty(batch, twice, layout.narrow + WIDE * width),
            third=like.new_empty(batch, STRETCH, layout.code),
            asked=like.new_empty(batch, twice, layout.code),
            matched=like.new_empty(batch, twice, width),
        )

    def add(self, pointers: Tensor, records: Tensor, third: Tensor, asked: Tensor, matched: Tensor) -> None:
        """Add a step."""
        rows = slice(2 * self.done, 2 * self.done + 2)
        self.pointers[:, rows], self.records[:, rows] = pointers, records
        self.asked[:, rows], self.matched[:, rows] = asked, matched
        self.third[:, self.done] = third
        self.done += 1

    def to_records(self, addresses: slice, width: int) -> tuple[Tensor, Tensor]:
        """What arrives at the records at some addresses, and at the parameters there, if pointers there are `width` wide."""
        done = slice(0, 2 * self.done)
        arriving = self.layout.narrowed(self.records[:, done], width)
        records = self.pointers[:, done, addresses].transpose(1, 2) @ arriving
        return records, self.matched[:, done, addresses].transpose(1, 2) @ self.asked[:, done]


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
    records: list[Tensor]
    parameters: list[Tensor]
    roles: Tensor
    code: Code

    def run(self) -> None:
        """Go back step by step, block by block, stretch by stretch."""
        memory = self.memory
        if not memory.blocks:
            return
        end = memory.written
        pointers = torch.zeros_like(self.pointer_history[-1][0])
        while memory.blocks:
            block = memory.blocks[-1]
            here = torch.eye(memory.width, dtype=pointers.dtype, device=pointers.device)
            pointers = pointers[:, :, : memory.width].contiguous()
            while end > block.start:
                start = max(block.start, end - STRETCH)
                stretch = _Stretch.empty(memory)
                for address in reversed(range(start, end)):
                    pointers = self._step(address, here[address], pointers, stretch)
                self._spread(stretch, start)
                end = start
            memory.blocks.pop()
        for role, tags in enumerate(ROLE_TAGS):
            self.code.narrow[:, :, tags] += self.roles[:, role, : memory.layout.code, None]

    def _step(self, address: int, here: Tensor, pointers: Tensor, stretch: _Stretch) -> Tensor:
        """Differentiate one step; returns the gradient of the registers before it."""
        memory, index = self.memory, len(self.memory.blocks) - 1
        block = memory.blocks[index]
        row, width = address - block.start, memory.width
        memory.written = address
        registers = self.pointer_history[index][row]
        of_record, of_parameter = self.records[index][:, row].clone(), self.parameters[index][:, row]
        for role, tags in enumerate(ROLE_TAGS):
            of_record[:, tags] += self.roles[:, role, address, None]
        if stretch.done:
            record, parameter = stretch.to_records(slice(address, address + 1), width)
            of_record, of_parameter = of_record + record[:, 0], of_parameter + parameter[:, 0]

        leaves = (
            registers,
            self.running_history[address - memory.layout.code],
            memory.roles[:, :, :width],
            memory.code.variables,
            memory.code.settled,
        )
        with torch.enable_grad():
            before, running, roles, variables, settled = (leaf.detach().requires_grad_() for leaf in leaves)
            view = _View(memory, variables, settled, roles)
            step = take_step(view, before, here, self.tables)
            # The outcome is linear in what ends here, so one number gathers its share of the loss.
            answered = (step.halts * self.answer[:, :width]).sum(-1)
            failed = (step.errors * self.errors).sum(-1)
            outcome = (running * (answered + failed + step.goes_on * self.running + self.steps)).sum()
        to_before, self.running, to_roles, to_variables, to_settled, to_records, to_third, to_matched = (
            torch.autograd.grad(
                (outcome, step.registers, step.record, step.parameter),
                (before, running, roles, variables, settled, view.reading.records, view.reading.third, view.matched),
                (torch.ones_like(outcome), pointers, of_record, of_parameter),
            )
        )
        self.roles[:, :, :width] += to_roles
        self.code.variables.add_(to_variables)
        self.code.settled.add_(to_settled)
        stretch.add(view.pointers.detach(), to_records, to_third, view.asked.detach(), to_matched)
        return to_before

    def _spread(self, stretch: _Stretch, start: int) -> None:
        """Add what a stretch of steps, the first of them at `start`, sends to the records before it."""
        memory, layout = self.memory, self.memory.layout
        for index, block in enumerate(memory.blocks):
            rows = min(len(block), start - block.start)
            if rows > 0:
                records, parameters = stretch.to_records(slice(block.start, block.start + rows), block.width)
                self.records[index][:, :rows] += records
                self.parameters[index][:, :rows] += parameters
        done = slice(0, 2 * stretch.done)
        at_code = stretch.pointers[:, done, : layout.code].transpose(1, 2)
        self.code.narrow.add_(at_code @ stretch.records[:, done, : layout.narrow])
        self.code.third.add_(at_code[:, :, ::2] @ stretch.third[:, : stretch.done])
