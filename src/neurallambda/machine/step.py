"""One step of the superposed machine: read, match, select, write.

Every rule is tried at once. A rule's probability is the product of the probabilities of what it asks for; the next
registers and the new record are the sums, over all rules, of what each rule makes of them. At the corners one rule has
probability one, and the step is the discrete machine's.

Where a program may end here with some probability, that part leaves: its mass goes to the outcome, and the registers go
on as those of the part that has not ended. For the same reason a field is read as a conditional: where only some of the
records under a pointer have it, it is the field of those.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.machine.alphabet import Field, Tag
from neurallambda.machine.compute import Computed, compute
from neurallambda.machine.memory import Code, Layout, Reading
from neurallambda.machine.tables import CODE_SOURCES, CODE_TARGETS, OWNED, WIDE_SOURCES, WIDE_TARGETS, Selection, Tables

CONTROL, ENVIRONMENT, CONTINUATION = range(3)
_OPERATOR, _LITERAL, _FIRST, _SECOND, _THIRD, _ENVIRONMENT, _LINK, _VALUE = range(len(OWNED))
_RIGHT_OPERAND, _VALUES = len(OWNED), len(OWNED) + 1


class Readable(Protocol):
    """What a step needs of the memory."""

    layout: Layout
    code: Code

    def read(self, pointers: Float[Tensor, "batch 2 addresses"]) -> Reading:
        """The records under control and continuation."""
        ...

    def match(self, parameters: Float[Tensor, "batch 2 code"]) -> Float[Tensor, "batch 2 addresses"]:
        """How far each address binds each of two parameters."""
        ...


@dataclass(frozen=True)
class Step:
    """What a step gives.

    Attributes:
        registers: the next control, environment and continuation.
        narrow, third, wide: the new record.
        rules: the probability of each rule.
        goes_on, halts, errors: of the part that had not ended before, what goes on, ends in a value, ends in each error.
    """

    registers: Float[Tensor, "batch 3 addresses"]
    narrow: Float[Tensor, "batch narrow"]
    third: Float[Tensor, "batch code"]
    wide: Float[Tensor, "batch 3 addresses"]
    rules: Float[Tensor, "batch rules"]
    goes_on: Float[Tensor, " batch"]
    halts: Float[Tensor, " batch"]
    errors: Float[Tensor, "batch errors"]


def take_step(
    memory: Readable,
    registers: Float[Tensor, "batch 3 addresses"],
    here: Float[Tensor, " addresses"],
    *,
    tables: Tables,
    integers: range,
    operations: frozenset[str],
) -> Step:
    """Take one step.

    Args:
        memory: what was written before.
        registers: control, environment, continuation. Control and continuation are distributions over addresses; the
            environment is a set of addresses, each with the degree to which it is visible.
        here: the address of the new record, one-hot.
        tables: the rules as tensors.
        integers: the declared range.
        operations: the binary operators that may occur.
    """
    at, code = memory.layout.slices, memory.code
    columns = memory.layout.columns(registers.device)
    reading = memory.read(registers[:, ::2])
    control, frame = reading.narrow.unbind(1)
    scale = _inverse(reading.narrow[:, :, at[Field.TAG]] @ tables.owned)

    rules = _match(control, frame, scale, at, tables)
    integer_share = (control[:, Tag.INTEGER] * scale[:, 0, _LITERAL] * scale[:, 0, _VALUES])[:, None]
    computed = _compute(control, frame, scale, integer_share, at, tables, integers, operations)
    succeeds = computed.integers.sum(-1) + computed.truth.sum(-1)
    ended = rules @ tables.ends
    failed = torch.stack([computed.not_an_integer, computed.overflow, computed.by_zero], dim=-1)
    errors = torch.addcmul(ended[:, 2:], ended[:, :1], failed @ tables.computed_errors)
    going = rules * torch.addcmul(tables.goes_on, tables.computes, succeeds[:, None])
    some = going.sum(-1)
    chosen = tables.selection(going * _inverse(some)[:, None])  # given that a rule goes on
    idle = (some <= torch.finfo(some.dtype).eps).to(some.dtype)  # none does: stay as you are
    goes_on = (1 - ended[:, 1] - errors.sum(-1)).clamp_min(0)

    pointers = _code_pointers(reading, scale, chosen, at)
    wide = _wide_pointers(reading, scale, chosen, registers, idle[:, None, None] * tables.staying)
    parameter = frame[:, at[Field.SECOND]] * scale[:, 1, _SECOND, None]
    name = (pointers[:, :1] @ code.variables)[:, 0]
    match = memory.match(torch.stack([parameter, name], dim=1))

    narrow = _record(control, frame, scale, integer_share, chosen, computed, succeeds, pointers, at, columns, tables)
    record_wide = torch.addcmul(wide[:, 3:], chosen.copies[:, :, None], reading.wide[:, 0])
    next_registers = torch.addcmul(wide[:, :3], chosen.here[:, :, None], here)

    # The new record joins the environment in place of the older binding of its parameter, and a variable that control
    # would stand on is looked up at once.
    older = (chosen.binds * scale[:, 1, _ENVIRONMENT, None]) * reading.wide[:, 1, 0] * match[:, 0]
    environment = next_registers[:, ENVIRONMENT] - older
    names = torch.addcmul(match[:, 1], (pointers[:, 3] * name).sum(-1, keepdim=True), here)
    settled = pad(pointers[:, 0] * code.settled, (0, registers.shape[-1] - memory.layout.code))
    found = torch.addcmul(next_registers[:, CONTROL] + settled, environment, names)
    next_control = found * _inverse(found.sum(-1, keepdim=True))
    next_registers = torch.stack([next_control, environment, next_registers[:, CONTINUATION]], dim=1)
    return Step(next_registers, narrow, pointers[:, 3], record_wide, rules, goes_on, ended[:, 1], errors)


def _inverse(mass: Tensor) -> Tensor:
    """One over a mass. Where there is none, what is scaled is none either."""
    return mass.clamp_min(torch.finfo(mass.dtype).eps).reciprocal()


def _match(
    control: Tensor, frame: Tensor, scale: Tensor, at: dict[Field, slice], tables: Tables
) -> Float[Tensor, "batch rules"]:
    """The probability of each rule."""
    operator = (frame[:, at[Field.OPERATOR]] @ tables.operator) * scale[:, 1, _OPERATOR, None]
    by_tags = (control[:, at[Field.TAG]] @ tables.control) * (frame[:, at[Field.TAG]] @ tables.frame)
    return by_tags * (operator + tables.any_operator)


def _compute(
    control: Tensor,
    frame: Tensor,
    scale: Tensor,
    integer_share: Tensor,
    at: dict[Field, slice],
    tables: Tables,
    integers: range,
    operations: frozenset[str],
) -> Computed:
    """What the frame's operator makes of its operand and the value under control."""
    operator = frame[:, at[Field.OPERATOR]] * tables.computing
    operator = operator * _inverse(operator.sum(-1, keepdim=True))
    held = scale[:, 1, _RIGHT_OPERAND, None]
    left = (frame[:, at[Field.LITERAL]] * held, frame[:, at[Field.KIND]] * held)
    kinds = (control[:, at[Field.TAG]] @ tables.kinds) * scale[:, 0, _VALUES, None]
    right = (control[:, at[Field.LITERAL]] * integer_share, kinds)
    return compute(operator, left, right, integers=integers, operations=operations)


def _code_pointers(
    reading: Reading, scale: Tensor, chosen: Selection, at: dict[Field, slice]
) -> Float[Tensor, "batch 4 code"]:
    """The next control as far as it is code, and the record's three pointers at code."""
    fields = reading.narrow[:, :, at[Field.FIRST].start : at[Field.SECOND].stop]
    sources = torch.cat([fields.unflatten(-1, (2, -1)).flatten(1, 2), reading.third[:, None]], dim=1)
    scales = torch.cat([scale[:, :, _FIRST : _SECOND + 1].flatten(1), scale[:, 0, _THIRD, None]], dim=-1)
    return (chosen.code.unflatten(-1, (CODE_TARGETS, len(CODE_SOURCES))) * scales[:, None]) @ sources


def _wide_pointers(
    reading: Reading, scale: Tensor, chosen: Selection, registers: Tensor, staying: Tensor
) -> Float[Tensor, "batch 6 addresses"]:
    """The next registers and the record's three wide pointers, but for what points at the new record."""
    sources = torch.cat([reading.wide.flatten(1, 2), registers], dim=1)
    scales = pad(scale[:, :, _ENVIRONMENT : _VALUE + 1].flatten(1), (0, 3), value=1.0)
    weights = chosen.wide.unflatten(-1, (WIDE_TARGETS, len(WIDE_SOURCES)))
    return torch.addcmul(staying, weights, scales[:, None]) @ sources


def _record(
    control: Tensor,
    frame: Tensor,
    scale: Tensor,
    integer_share: Tensor,
    chosen: Selection,
    computed: Computed,
    succeeds: Tensor,
    pointers: Tensor,
    at: dict[Field, slice],
    columns: Tensor,
    tables: Tables,
) -> Float[Tensor, "batch narrow"]:
    """The new record but for its wide pointers: what the rules write, plus the value under control where they copy it."""
    results = torch.cat([computed.integers.sum(-1, keepdim=True), computed.truth], dim=-1)
    share = chosen.computes * _inverse(succeeds)[:, None]
    tag = torch.addcmul(chosen.written, share, results @ tables.results)
    # Whole fields of the two records, each scaled by how much of it is taken.
    take_value, take_held = chosen.operand[:, :1], chosen.operand[:, 1:] * scale[:, 0, _LITERAL, None]
    from_control, from_frame = (chosen.operator * scale[:, :, _OPERATOR]).split(1, dim=-1)
    operator = frame[:, at[Field.OPERATOR]] * from_frame
    kind = (control[:, at[Field.TAG]] @ tables.kinds) * (take_value * scale[:, 0, _VALUES, None])
    literal = computed.integers * share
    written = torch.cat([tag, operator, kind, literal, pointers[:, 1], pointers[:, 2]], dim=-1)
    copied = chosen.copies
    kept = torch.cat(
        [copied, from_control + copied, take_held + copied, take_value * integer_share + take_held + copied, copied, copied],
        dim=-1,
    )
    return torch.addcmul(written, control, kept.index_select(-1, columns))
