"""One step of the superposed machine: read, match, select, write.

Every rule is tried at once. A rule's probability is the product of the probabilities of what it asks for; the next
registers and the new record are the sums, over all rules, of what each rule makes of them. At the corners one rule has
probability one, and the step is the discrete machine's.

Where a program may end here with some probability, that part leaves: its mass goes to the outcome, and the registers go
on as those of the part that has not ended. For the same reason a field is read as a conditional: where only some of the
records under a pointer have it, it is the field of those.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.arithmetic.masses import inverse
from neurallambda.machine.alphabet import Field, Tag
from neurallambda.machine.decision import Decision, decide
from neurallambda.machine.layout import WIDE, Layout
from neurallambda.machine.moves import Moved
from neurallambda.machine.selection import AT
from neurallambda.machine.sight import Readable, Sight, look
from neurallambda.machine.tables import Tables

CONTROL, ENVIRONMENT, CONTINUATION = range(3)
HALT = slice(Tag.HALT, Tag.HALT + 1)


@dataclass(frozen=True)
class Step:
    """What a step gives.

    Attributes:
        registers: the next control, environment and continuation.
        record: the new record.
        settled: how much of control settled, before it was made to sum to one.
        rules: the probability of each rule.
        goes_on: how much goes on of the part that had not ended before.
        halts: how much of it ends in a value, by the address of the value.
        errors: how much of it ends in each error.
        ends: whether anything may end.
        moved: the addresses and rules, where they are certain.
    """

    registers: Float[Tensor, "batch 3 addresses"]
    record: Float[Tensor, "batch record"]
    settled: Float[Tensor, "batch 1"]
    rules: Float[Tensor, "batch rules"]
    goes_on: Float[Tensor, " batch"]
    halts: Float[Tensor, "batch addresses"]
    errors: Float[Tensor, "batch errors"]
    ends: bool = True
    moved: Moved | None = None


def take_step(
    memory: Readable,
    registers: Float[Tensor, "batch 3 addresses"],
    here: Float[Tensor, "*batch addresses"],
    tables: Tables,
) -> Step:
    """Take one step.

    Args:
        memory: what was written before.
        registers: control, environment, continuation. Control and continuation are distributions over addresses; the
            environment is a set of addresses, each with the degree to which it is visible.
        here: the address of the new record, one-hot; one for all programs or one for each.
        tables: the rules as tensors.
    """
    sight = look(memory, registers, tables)
    decision = decide(sight, memory.layout, tables)
    return act(memory, registers, here, sight, decision, tables)


def act(
    memory: Readable,
    registers: Float[Tensor, "batch 3 addresses"],
    here: Float[Tensor, "*batch addresses"],
    sight: Sight,
    decision: Decision,
    tables: Tables,
) -> Step:
    """Make the next registers and the new record."""
    control, frame = sight.records.unbind(1)
    selected, code = decision.selection, memory.code
    value_pointer = sight.pointers[:, 0] * memory.roles[:, 2]
    at_code = selected.code @ code_sources(sight, memory.layout)
    wide = selected.wide @ wide_sources(sight, value_pointer, registers, memory.layout)
    next_registers, pointers = wide.split(WIDE, dim=1)
    record = _record(control, frame, sight, decision, at_code, pointers, memory, tables)

    # The new record joins the environment in place of the older binding of its parameter, and a variable that control
    # would stand on is looked up at once.
    next_code, parameter = at_code[:, 0], at_code[:, 3]
    name = (next_code[:, None] @ code.variables)[:, 0]
    second = frame[:, memory.layout.slices[Field.SECOND]] * sight.scales[:, 1, AT[Field.SECOND]]
    older, named = memory.match(torch.stack([second, name], dim=1)).unbind(1)
    next_registers = torch.addcmul(next_registers, selected.here[:, :, None], here.unsqueeze(-2))
    next_control, next_environment, next_continuation = next_registers.unbind(1)
    visible = sight.records[:, 1, memory.layout.narrow :].unflatten(-1, (WIDE, -1))[:, 0]
    next_environment = torch.addcmul(next_environment, selected.binds * visible, older, value=-1)
    named = torch.addcmul(named, (parameter * name).sum(-1, keepdim=True), here)
    settled = pad(next_code * code.settled, (0, registers.shape[-1] - memory.layout.code))
    next_control = torch.addcmul(next_control + settled, next_environment, named)
    mass = next_control.sum(-1, keepdim=True)
    next_control = next_control * inverse(mass)
    next_registers = torch.stack([next_control, next_environment, next_continuation], dim=1)
    halts = value_pointer * frame[:, HALT]
    return Step(next_registers, record, mass, decision.rules, decision.goes_on, halts, decision.errors)


def code_sources(sight: Sight, layout: Layout) -> Float[Tensor, "batch 6 code"]:
    """What points at code, as `CODE_SOURCES` names it."""
    return sight.records[:, :, layout.pointers_at_code].reshape(len(sight.records), -1, layout.code)


def wide_sources(
    sight: Sight,
    value_pointer: Float[Tensor, "batch addresses"],
    registers: Float[Tensor, "batch 3 addresses"],
    layout: Layout,
) -> Float[Tensor, "batch 10 addresses"]:
    """What points anywhere, as `WIDE_SOURCES` names it."""
    fields = sight.records[:, :, layout.narrow :].reshape(len(registers), -1, registers.shape[-1])
    return torch.cat([fields, value_pointer[:, None], registers], dim=1)


def _record(
    control: Tensor,
    frame: Tensor,
    sight: Sight,
    decision: Decision,
    at_code: Float[Tensor, "batch 4 code"],
    pointers: Float[Tensor, "batch 3 addresses"],
    memory: Readable,
    tables: Tables,
) -> Float[Tensor, "batch record"]:
    """The new record: what the rules write, and what they take of the record under control into the same place."""
    selected, computed = decision.selection, decision.computed
    share = selected.computes * inverse(computed.succeeds)
    written = [
        torch.addcmul(selected.written, share, computed.results @ tables.results),
        frame[:, memory.layout.slices[Field.OPERATOR]] * selected.operator,
        sight.kinds * selected.kind,
        computed.integers * share,
        at_code[:, 1:].flatten(1),
        pointers.flatten(1),
    ]
    return torch.addcmul(torch.cat(written, dim=-1), selected.taken @ memory.take_columns, control)
