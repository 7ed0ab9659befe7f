"""The gradient of a run by autograd through each step taken again: the plain form, for any step.

Nothing is kept of a step but the registers before it, and what it chose. Going back from the last step to the first, each
is taken again from them and from the memory, and autograd carries back what arrives at its results.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.machine.adjoint.history import End, Kept, KeptAlternatives, ToCode
from neurallambda.machine.alphabet import Field, Tag
from neurallambda.machine.alternatives.step import Alternatives
from neurallambda.machine.alternatives.step import take_step as take_step_of_all
from neurallambda.machine.layout import Code
from neurallambda.machine.memory import Memory
from neurallambda.machine.step import take_step


class _Memory(Memory):
    """A memory whose small parts are leaves of their own.

    What arrives at a slice of the records would else be written into zeros as large as all records, for each slice.
    """

    def __init__(self, memory: Memory, code: Code, first: int) -> None:
        self.leaves = [memory.records[:, :first].detach().requires_grad_()]
        self.places = [
            slice(0, len(Tag)),
            memory.layout.slices[Field.OPERATOR],
            memory.layout.slices[Field.THIRD],
        ]
        self.leaves += [memory.records[:, :first, place].detach().requires_grad_() for place in self.places]
        super().__init__(memory.layout, code, memory.records, first)
        self.share_columns(memory)
        self.tell_roles()  # from these leaves, while gradients are recorded

    @property
    def tags(self) -> Tensor:
        return self.leaves[1]

    @property
    def operators(self) -> Tensor:
        return self.leaves[2]

    @property
    def parameters(self) -> Tensor:
        return self.leaves[3]

    def read(self, pointers: Tensor) -> Tensor:
        return self._all(pointers, self.leaves[0])

    def spread(self, found: Sequence[Tensor], into: Tensor) -> None:
        """Add what arrived at the leaves to what arrives at the records."""
        into[:, : self.written] += found[0]
        for place, part in zip(self.places, found[1:], strict=True):
            into[:, : self.written, place] += part


def plain(end: End, history: Sequence[Kept | KeptAlternatives]) -> ToCode:
    """Carry back through any steps."""
    backward = _Backward(end)
    backward.run(history)
    return end.to_code(backward.records, backward.variables, backward.settled)


class _Backward:
    """The gradients that have arrived so far."""

    def __init__(self, end: End) -> None:
        self.memory, self.tables, self.outcome = end.memory, end.tables, end.outcome
        self.alternatives, self.records, self.running = end.alternatives, end.to_records(), end.to_running
        code = self.memory.code
        self.variables, self.settled = torch.zeros_like(code.variables), torch.zeros_like(code.settled)

    def run(self, history: Sequence[Kept | KeptAlternatives]) -> None:
        """Go back through all steps."""
        to_pointers, to_running = None, self.running
        here = torch.eye(self.memory.width, dtype=self.records.dtype, device=self.records.device)
        for number, kept in reversed([*enumerate(history)]):
            to_pointers, to_running = self._step(number, kept, here, to_pointers, to_running)

    def _step(
        self,
        number: int,
        kept: Kept | KeptAlternatives,
        here: Float[Tensor, "addresses addresses"],
        to_pointers: Float[Tensor, "batch after 3 addresses"] | None,
        to_running: Float[Tensor, "batch _"],
    ) -> tuple[Float[Tensor, "batch before 3 addresses"], Float[Tensor, "batch before"]]:
        """What arrives at the registers before a step, and at how much ran."""
        first = kept.written if isinstance(kept, KeptAlternatives) else self.memory.layout.code + number
        pointers = kept.pointers if isinstance(kept, KeptAlternatives) else kept.registers[:, None]
        running = kept.running if isinstance(kept, KeptAlternatives) else kept.running[:, None]
        code = self.memory.code
        pointers = pad(pointers, (0, self.memory.width - pointers.shape[-1]))
        leaves = [leaf.detach().requires_grad_() for leaf in (pointers, running, code.variables, code.settled)]
        with torch.enable_grad():
            pointers, running, variables, settled = leaves
            memory = _Memory(self.memory, Code(code.narrow, variables, settled), first)
            if isinstance(kept, KeptAlternatives):
                step = take_step_of_all(
                    memory, Alternatives(pointers, running), here[first:], self.tables, self.alternatives, kept.choices
                )
                after, new, (answer, errors) = step.after, step.records, step.outcome
            else:
                one = take_step(memory, pointers[:, 0], here[first], self.tables)
                after = Alternatives(one.registers[:, None], running * one.goes_on[:, None])
                new, answer, errors = one.record[:, None], running * one.halts, running * one.errors
        arriving = [
            (new, self.records[:, first : first + new.shape[1]]),
            (answer, self.outcome.answer),
            (errors, self.outcome.errors),
            (running, self.outcome.steps[:, None].expand_as(running)),
            (after.running, to_running.expand_as(after.running)),
        ]
        if to_pointers is not None:
            arriving.append((after.pointers, to_pointers))
        outputs, gradients = zip(*arriving, strict=True)
        found = torch.autograd.grad(
            outputs, [*memory.leaves, *leaves], gradients, allow_unused=True, materialize_grads=True
        )
        of_memory, (to_pointers, to_running, to_variables, to_settled) = found[:4], found[4:]
        memory.spread(of_memory, self.records)
        self.variables += to_variables
        self.settled += to_settled
        return to_pointers, to_running
