"""One step of the superposed machine: read, match, select, write.

Every rule is tried at once. A rule's probability is the product of the probabilities of what it asks for; the next
registers and the new record are the sums, over all rules, of what each rule makes of them. At the corners one rule has
probability one, and the step is the discrete machine's.

Where a program may end here with some probability, that part leaves: its mass goes to the outcome, and the registers go
on as those of the part that has not ended.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.machine.alphabet import KINDS, Field, Tag
from neurallambda.machine.compute import Operands, compute
from neurallambda.machine.memory import Code, Layout, Reading
from neurallambda.machine.tables import CODE_SOURCES, ERRORS, MASSES, WIDE_SOURCES, Tables

CONTROL, ENVIRONMENT, CONTINUATION = range(3)
_COMPUTES, _COPIES, _BINDS, _HALTS = range(4)
_KIND_TAGS = list(KINDS)


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
    layout, code = memory.layout, memory.code
    at = layout.slices
    # Read.
    reading = memory.read(registers[:, ::2])
    control, frame = reading.narrow.unbind(1)
    scale = _inverse(reading.narrow[:, :, at[Field.TAG]] @ tables.owned)  # batch, 2, masses
    control_tag, frame_tag = control[:, at[Field.TAG]], frame[:, at[Field.TAG]]
    control_operator = control[:, at[Field.OPERATOR]] * _of(scale, 0, Field.OPERATOR)
    frame_operator = frame[:, at[Field.OPERATOR]] * _of(scale, 1, Field.OPERATOR)

    # Match.
    rules = (
        (control_tag @ tables.control)
        * (frame_tag @ tables.frame)
        * (frame_operator @ tables.operator + tables.any_operator)
    )
    value, held = _operands(control, scale[:, 0], at, tables)
    left = _held(frame, _inverse(frame_tag[:, Tag.COMPUTE_BINARY])[:, None], at)
    computing = frame_operator * tables.computing
    computing = computing * _inverse(computing.sum(-1, keepdim=True))
    computed = compute(computing, left, value, integers=integers, operations=operations)
    flags = rules @ tables.flags
    computes, halts = flags[:, _COMPUTES], flags[:, _HALTS]
    failed = torch.stack([computed.errors.get(kind, torch.zeros_like(computes)) for kind in ERRORS], dim=-1)
    errors = rules @ tables.error + computes[:, None] * failed
    succeeds = computed.integers.sum(-1) + computed.true + computed.false
    going = rules * torch.where(tables.flags[:, _COMPUTES] > 0, succeeds[:, None], tables.goes_on)
    goes_on = going.sum(-1)
    chosen = going * _inverse(goes_on)[:, None]  # the rules, given that the program goes on
    idle = (goes_on <= torch.finfo(goes_on.dtype).eps).to(goes_on.dtype)  # nothing goes on: stay as you are

    # Select.
    flags = chosen @ tables.flags
    computes, copies, binds = flags[:, _COMPUTES], flags[:, _COPIES], flags[:, _BINDS]
    pointers = _code_pointers(reading, scale, chosen, at, tables)
    wide_sources = torch.cat([reading.wide.flatten(1, 2), registers], dim=1)
    weights = (chosen @ tables.wide).unflatten(-1, (6, len(WIDE_SOURCES)))
    field_scale = scale[:, :, -3:].flatten(1)
    weights = torch.cat([weights[..., :6] * field_scale[:, None], weights[..., 6:]], dim=-1)
    weights = weights + idle[:, None, None] * tables.staying
    wide = weights @ wide_sources
    parameter = frame[:, at[Field.SECOND]] * _of(scale, 1, Field.SECOND)
    query = (pointers[:, :1] @ code.variables)[:, 0]
    match = memory.match(torch.stack([parameter, query], dim=1))

    # Write.
    copied = copies[:, None]
    third = pointers[:, 3]
    record_wide = wide[:, 3:] + copied[:, None] * reading.wide[:, 0]
    narrow = torch.cat(
        [
            _tag(chosen, computes, computed.true, computed.false, computed.integers, succeeds, tables)
            + copied * control_tag,
            _operator(chosen, control_operator, frame_operator, tables) + copied * control[:, at[Field.OPERATOR]],
            _operand_field(chosen, value.kinds, held.kinds, tables) + copied * control[:, at[Field.KIND]],
            _operand_field(chosen, value.integers, held.integers, tables)
            + copied * control[:, at[Field.LITERAL]]
            + (computes * _inverse(succeeds))[:, None] * computed.integers,
            pointers[:, 1] + copied * control[:, at[Field.FIRST]],
            pointers[:, 2] + copied * control[:, at[Field.SECOND]],
        ],
        dim=-1,
    )

    # The new record joins the environment in place of the older binding of its parameter, and a variable that control
    # would stand on is looked up at once.
    older = reading.wide[:, 1, 0] * _of(scale, 1, Field.ENVIRONMENT) * match[:, 0] * binds[:, None]
    next_registers = wide[:, :3] + (chosen @ tables.here)[:, :, None] * here
    environment = next_registers[:, ENVIRONMENT] - older
    names = match[:, 1] + (third * query).sum(-1, keepdim=True) * here
    settled = torch.nn.functional.pad(pointers[:, 0] * code.settled, (0, wide.shape[-1] - layout.code))
    found = next_registers[:, CONTROL] + settled + environment * names
    next_control = found * _inverse(found.sum(-1, keepdim=True))
    next_registers = torch.stack([next_control, environment, next_registers[:, CONTINUATION]], dim=1)
    return Step(next_registers, narrow, third, record_wide, rules, goes_on, halts, errors)


def _inverse(mass: Tensor) -> Tensor:
    """One over a mass, and zero where there is none: what is scaled by it is a condition's conditional."""
    some = mass > torch.finfo(mass.dtype).eps
    return torch.where(some, 1 / torch.where(some, mass, 1.0), 0.0)


def _of(scale: Tensor, record: int, field: Field) -> Tensor:
    return scale[:, record, MASSES.index(field), None]


def _held(record: Tensor, scale: Tensor, at: dict[Field, slice]) -> Operands:
    return Operands(record[:, at[Field.LITERAL]] * scale, record[:, at[Field.KIND]] * scale)


def _operands(
    control: Tensor, scale: Tensor, at: dict[Field, slice], tables: Tables
) -> tuple[Operands, Operands]:
    """The value under control as an operand, and the operand that a partial primitive there holds."""
    tag = control[:, at[Field.TAG]]
    per_value = _inverse(tag @ tables.values)[:, None]
    per_literal = scale[:, MASSES.index(Field.LITERAL), None]
    integer = control[:, at[Field.LITERAL]] * (per_literal * tag[:, Tag.INTEGER, None])
    return Operands(integer * per_value, tag[:, _KIND_TAGS] * per_value), _held(control, per_literal, at)


def _code_pointers(
    reading: Reading, scale: Tensor, chosen: Tensor, at: dict[Field, slice], tables: Tables
) -> Float[Tensor, "batch 4 code"]:
    """The next control as far as it is code, and the record's three pointers at code."""
    first = reading.narrow[:, :, at[Field.FIRST]]
    second = reading.narrow[:, :, at[Field.SECOND]]
    sources = torch.stack([first[:, 0], second[:, 0], reading.third, first[:, 1], second[:, 1]], dim=1)
    one, two, three = (MASSES.index(field) for field in (Field.FIRST, Field.SECOND, Field.THIRD))
    scales = torch.cat([scale[:, 0, one : three + 1], scale[:, 1, one : two + 1]], dim=-1)
    weights = (chosen @ tables.code).unflatten(-1, (4, len(CODE_SOURCES)))
    return (weights * scales[:, None]) @ sources


def _tag(
    chosen: Tensor, computes: Tensor, true: Tensor, false: Tensor, integers: Tensor, succeeds: Tensor, tables: Tables
) -> Tensor:
    share = computes * _inverse(succeeds)
    tag = chosen @ tables.written
    results = torch.stack([integers.sum(-1), true, false], dim=-1) @ tables.results
    return tag + share[:, None] * results


def _operator(chosen: Tensor, control: Tensor, frame: Tensor, tables: Tables) -> Tensor:
    take = chosen @ tables.operator_from
    return take[:, :1] * control + take[:, 1:] * frame


def _operand_field(chosen: Tensor, value: Tensor, held: Tensor, tables: Tables) -> Tensor:
    take = chosen @ tables.operand
    return take[:, :1] * value + take[:, 1:] * held
