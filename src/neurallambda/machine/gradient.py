"""The gradient of a run.

The memory is the history: every record ever written is still there. So the backward pass keeps nothing of a step but the
registers before it, and carries back what arrives step by step.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.machine.adjoint.by_address.backward import by_address
from neurallambda.machine.adjoint.by_hand.backward import by_hand
from neurallambda.machine.adjoint.history import Adjoint, End, Kept, KeptAlternatives, Outcome
from neurallambda.machine.adjoint.plain import plain
from neurallambda.machine.alphabet import Tag
from neurallambda.machine.layout import Code, Layout
from neurallambda.machine.memory import Memory
from neurallambda.machine.reading import pointers_at_values, read_values
from neurallambda.machine.run import Runner, Settings
from neurallambda.machine.tables import ERRORS, tables


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
        # What is kept must not be what is returned: that leads back here, and nothing of it would ever be freed.
        ctx.pointers, ctx.answer = end.pointers, end.answer.detach()
        value = read_values(memory, end.answer)
        return end.answer, end.errors, end.running.clone(), end.steps, value, memory.records, written

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """Step backward through the run."""
        with torch.no_grad():
            found = _stepped_back(ctx, gradients)
        if not torch.is_grad_enabled():
            return None, None, *found
        # What they depend on is told too, so that a derivative with respect to any of it comes by.
        depends_on = [*ctx.saved_tensors, *(one for one in gradients if one is not None)]
        return None, None, *(_Once.apply(one, *depends_on) for one in found)


class _Once(torch.autograd.Function):
    """A gradient that knows nothing of how it depends on the run: who differentiates it again is told so."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, *depends_on: Tensor) -> Tensor:
        del ctx, depends_on
        return gradient.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        raise ArgumentError(
            "the gradient of a run of the machine cannot be differentiated again; neurallambda.Worlds has second derivatives"
        )


def _stepped_back(ctx: Any, gradients: tuple[Tensor | None, ...]) -> tuple[Tensor, ...]:
    """The gradients of the code of a run."""
    *code, records = ctx.saved_tensors
    memory = Memory(ctx.layout, Code(*code), records, ctx.written)
    batch = len(records)
    answer, errors, running, steps, of_value, to_records, _ = gradients
    to_answer, to_tags, read = _from_values(memory, ctx.answer, of_value)
    constants = tables(ctx.settings.integers, ctx.settings.operations, records.device, records.dtype)
    outcome = Outcome(
        to_answer if answer is None else answer + to_answer,
        records.new_zeros(batch, len(ERRORS)) if errors is None else errors,
        records.new_zeros(batch) if steps is None else steps,
    )
    to_running = records.new_zeros(batch, 1) if running is None else running[:, None]
    end = End(
        memory, constants, ctx.pointers, ctx.settings.alternatives, to_records, to_tags, read, to_running, outcome
    )
    to_code = adjoint_of(end, ctx.history)(end, ctx.history)
    return to_code.narrow, to_code.variables, to_code.settled


def adjoint_of(end: End, history: Sequence[Kept | KeptAlternatives]) -> Adjoint:
    """The fastest form that knows all steps of a run."""
    kept = [step for step in history if isinstance(step, Kept)]
    if len(kept) < len(history):
        return plain
    return by_address if end.to_memory is None and all(step.moved for step in kept) else by_hand


Read = tuple[Float[Tensor, "batch 5 addresses"], Float[Tensor, "batch 5 record"]]


def _from_values(memory: Memory, answer: Tensor, gradient: Tensor | None) -> tuple[Tensor, Tensor, Read | None]:
    """What arrives at the answer and at all tags from what was read under the answer, and the pointers that it was read by."""
    tags = memory.records[:, :, : len(Tag)]
    if gradient is None:
        return torch.zeros_like(answer), torch.zeros_like(tags), None
    with torch.enable_grad():
        leaves = tags.detach().requires_grad_(), answer.detach().requires_grad_()
        pointers = pointers_at_values(*leaves)
    to_tags, to_answer = torch.autograd.grad(pointers, leaves, gradient @ memory.records.transpose(1, 2))
    return to_answer, to_tags, (pointers.detach(), gradient)
