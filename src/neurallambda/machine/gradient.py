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

from neurallambda.machine.memory import VALUE_TAGS, WIDE, Code, Layout, Memory, Reading
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
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """Step backward through the run."""
        code = Code(*ctx.saved_tensors[:4])
        count = len(ctx.saved_tensors[4:]) // 2
        records, parameters = ctx.saved_tensors[4 : 4 + count], ctx.saved_tensors[4 + count :]
        memory = Memory.of(ctx.layout, code, records, parameters, written=ctx.written)
        batch, like = code.narrow.shape[0], code.narrow
        answer, errors, running, steps, *others = gradients
        backward = _Backward(
            memory=memory,
            settings=ctx.settings,
            tables=tables(like.device, like.dtype),
            pointer_history=ctx.pointers,
            running_history=ctx.running,
            answer=like.new_zeros(batch, memory.width) if answer is None else answer,
            errors=like.new_zeros(batch, len(ERRORS)) if errors is None else errors,
            steps=like.new_zeros(batch) if steps is None else steps,
            running=like.new_zeros(batch) if running is None else running,
            records=[_owned(g, block) for g, block in zip(others[:count], records, strict=True)],
            parameters=[_owned(g, block) for g, block in zip(others[count:], parameters, strict=True)],
            values=torch.zeros_like(memory.values),
            code=Code(*(torch.zeros_like(part) for part in ctx.saved_tensors[:4])),
        )
        backward.run()
        found = backward.code
        return None, None, found.narrow, found.third, found.variables, found.settled


def _owned(gradient: Tensor | None, like: Tensor) -> Tensor:
    """A gradient that may be added to in place."""
    return torch.zeros_like(like) if gradient is None else gradient.clone()


@dataclass
class _View:
    """The memory before one step. What is read is given; what is matched can be differentiated and is remembered."""

    memory: Memory
    reading: Reading
    code: Code
    values: Tensor
    asked: Tensor | None = None
    matched: Tensor | None = None

    @property
    def layout(self) -> Layout:
        return self.memory.layout

    def read(self, pointers: Tensor) -> Reading:
        return self.reading

    def match(self, parameters: Tensor) -> Tensor:
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
    settings: Settings
    tables: Tables
    pointer_history: list[Tensor]
    running_history: list[Tensor]
    answer: Tensor
    errors: Tensor
    steps: Tensor
    running: Tensor
    records: list[Tensor]
    parameters: list[Tensor]
    values: Tensor
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
        self.code.narrow[:, :, VALUE_TAGS] += self.values[:, : memory.layout.code, None]

    def _step(self, address: int, here: Tensor, pointers: Tensor, stretch: _Stretch) -> Tensor:
        """Differentiate one step; returns the gradient of the registers before it."""
        memory, index = self.memory, len(self.memory.blocks) - 1
        block = memory.blocks[index]
        row, width = address - block.start, memory.width
        memory.written = address
        registers = self.pointer_history[index][row]
        of_record, of_parameter = self.records[index][:, row].clone(), self.parameters[index][:, row]
        of_record[:, VALUE_TAGS] += self.values[:, address, None]
        if stretch.done:
            record, parameter = stretch.to_records(slice(address, address + 1), width)
            of_record, of_parameter = of_record + record[:, 0], of_parameter + parameter[:, 0]

        reading = memory.read(registers[:, ::2])
        running = self.running_history[address - memory.layout.code]
        leaves = [reading.records, reading.third, registers, running, memory.values[:, :width]]
        with torch.enable_grad():
            records, third, before, running, values = (leaf.detach().requires_grad_() for leaf in leaves)
            variables, settled = (
                part.detach().requires_grad_() for part in (memory.code.variables, memory.code.settled)
            )
            code = Code(memory.code.narrow, memory.code.third, variables, settled)
            view = _View(memory, Reading(records, third), code, values)
            step = take_step(
                view,
                before,
                here,
                tables=self.tables,
                integers=self.settings.integers,
                operations=self.settings.operations,
            )
            # The outcome is linear in what ends here, so one number gathers its share of the loss.
            answered = (step.halts * self.answer[:, :width]).sum(-1)
            failed = (step.errors * self.errors).sum(-1)
            outcome = (running * (answered + failed + step.goes_on * self.running + self.steps)).sum()
        assert view.asked is not None and view.matched is not None
        found = torch.autograd.grad(
            (outcome, step.registers, step.record, step.parameter),
            (records, third, before, running, values, view.asked, view.matched, variables, settled),
            (torch.ones_like(outcome), pointers, of_record, of_parameter),
        )
        to_records, to_third, to_before, self.running, to_values, _, to_matched, to_variables, to_settled = found
        self.values[:, :width] += to_values
        self.code.variables.add_(to_variables)
        self.code.settled.add_(to_settled)
        stretch.add(registers[:, ::2], to_records, to_third, view.asked.detach(), to_matched)
        to_before[:, ::2] += self._to_pointers(to_records, to_third)
        return to_before

    def _to_pointers(self, records: Tensor, third: Tensor) -> Tensor:
        """What arrives at the pointers under which a step read: how much each address would have added."""
        memory, layout = self.memory, self.memory.layout
        at_code = records[:, :, : layout.narrow] @ memory.code.narrow.transpose(1, 2)
        at_code[:, :1] += third[:, None] @ memory.code.third.transpose(1, 2)
        parts = [at_code]
        for block in memory.blocks:
            rows = max(0, min(len(block), memory.written - block.start))
            part = layout.narrowed(records, block.width) @ block.records[:, :rows].transpose(1, 2)
            parts.append(pad(part, (0, len(block) - rows)))
        return torch.cat(parts, dim=-1)

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
