"""Back through a run with the derivatives written by hand.

What a soft pointer's gradient adds to the records it points at is summed over a stretch of steps and added by one product.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.machine.adjoint.by_hand.act import Arriving
from neurallambda.machine.adjoint.by_hand.carry import Carried, carry
from neurallambda.machine.adjoint.by_hand.retake import retake
from neurallambda.machine.adjoint.by_hand.retaken import Retaken
from neurallambda.machine.adjoint.history import End, Kept, KeptAlternatives, Outcome, ToCode
from neurallambda.machine.alphabet import Field, Tag
from neurallambda.machine.memory import Memory, per_role_derivative
from neurallambda.machine.tables import Tables

STRETCH = 4
"""So many steps are taken again at once, and their contributions to the records before them added at once."""


def by_hand(end: End, history: Sequence[Kept | KeptAlternatives]) -> ToCode:
    """Carry back through steps that had one set of registers each."""
    steps = [kept for kept in history if isinstance(kept, Kept)]
    assert len(steps) == len(history), "steps of several alternatives are for the plain form"
    backward = _Backward(end.memory, end.tables, end.outcome, end.to_running, end.to_records())
    backward.run(steps, end.pointers)
    return end.to_code(backward.records, backward.variables, backward.settled)


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
