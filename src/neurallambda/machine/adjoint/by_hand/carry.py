"""The derivative of a step, by hand: what arrives at its results, carried back to what it read.

This is `step` transposed, in the opposite order: `act`, `decide`, `look`. What it needs of the step is in `Retaken`. Memory
holds more by now than it held at the step, and what is carried to addresses that the step's registers do not point at is
never looked at. `to_x` is what arrives at `x`.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.machine.adjoint.by_hand.act import VALUE_POINTER, Acted, Arriving, through_act
from neurallambda.machine.adjoint.by_hand.decide import through_decide
from neurallambda.machine.adjoint.by_hand.retaken import Retaken
from neurallambda.machine.adjoint.history import Outcome
from neurallambda.machine.alphabet import Field, Tag
from neurallambda.machine.memory import Memory
from neurallambda.machine.step import HALT
from neurallambda.machine.tables import Tables


@dataclass(frozen=True)
class Carried:
    """What arrives at what a step took in.

    Attributes:
        registers, running: before the step.
        records: the records read.
        shares: the registers that were read under, given their roles.
        along, value_pointer: what arrives at the roles, but for factors that are known.
        name: the name looked up.
        settled: `Code.settled`.
        matched: the matches.
    """

    registers: Float[Tensor, "batch 3 addresses"]
    running: Float[Tensor, "batch 1"]
    records: Float[Tensor, "batch 2 record"]
    shares: Float[Tensor, "batch 2 addresses"]
    along: Float[Tensor, "batch 2 1"]
    value_pointer: Float[Tensor, "batch addresses"]
    name: Float[Tensor, "batch code"]
    settled: Float[Tensor, "batch code"]
    matched: Float[Tensor, "batch 2 addresses"]


def carry(
    memory: Memory,
    taken: Retaken,
    after: Float[Tensor, "batch 3 addresses"],
    arriving: Arriving,
    outcome: Outcome,
    tables: Tables,
) -> Carried:
    """Carry back through one step.

    Args:
        memory: written as far as before the step.
        taken: the step.
        after: the registers after it.
        arriving: what arrives at its results.
        outcome: what arrives at what it added to.
        tables: the rules as tensors.
    """
    acted = through_act(memory, taken, after, arriving, tables)

    # The outcome is linear in what ends here: running times (halts . answer + errors . errors + goes_on running + steps).
    to_running = torch.addcmul(taken.ended, taken.goes_on, arriving.running)
    acted.records[:, 1, HALT].addcmul_(taken.running, taken.answered)
    to_value_pointer = torch.addcmul(acted.sources[:, VALUE_POINTER], taken.running_under_halt, outcome.answer)
    to_goes_on = taken.running_if_any * arriving.running
    to_errors = taken.running * outcome.errors - to_goes_on

    to_seen = through_decide(acted, to_goes_on, to_errors, taken, memory, tables)
    acted.records[:, :, : len(Tag)] += to_seen @ tables.seen.t()

    to_pointers = _under(memory, acted, taken)
    to_pointers[:, 0].addcmul_(to_value_pointer, memory.roles[:, 2])
    along = (to_pointers * taken.pointers).sum(-1, keepdim=True) * taken.points[:, :, None]
    to_shares = torch.addcmul(to_pointers, along, memory.roles[:, :2], value=-1).mul_(taken.per_pointer)
    to_registers = acted.sources[:, VALUE_POINTER + 1 :]
    to_registers[:, ::2].addcmul_(to_shares, memory.per_role)
    return Carried(
        to_registers,
        to_running,
        acted.records,
        to_shares,
        along,
        to_value_pointer,
        acted.name,
        acted.settled,
        acted.matched,
    )


def _under(memory: Memory, acted: Acted, taken: Retaken) -> Float[Tensor, "batch 2 addresses"]:
    """What arrives at the pointers that records were read under: how much each address would have added.

    Literals are more than half of memory, and many steps send nothing back to them.
    """
    records, to_records = memory.records[:, : memory.written], acted.records
    literal = memory.layout.slices[Field.LITERAL]
    if not taken.takes_literals:
        before, after = slice(0, literal.start), slice(literal.stop, None)
        to_pointers = to_records[:, :, before] @ records[:, :, before].transpose(1, 2)
        to_pointers += to_records[:, :, after] @ records[:, :, after].transpose(1, 2)
    else:
        to_pointers = to_records @ records.transpose(1, 2)
    return pad(to_pointers, (0, memory.width - memory.written))
