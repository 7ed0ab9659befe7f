"""One step of the superposed machine: read, match, select, write.

Every rule is tried at once. A rule's probability is the product of the probabilities of what it asks for; the next
registers and the new record are the sums, over all rules, of what each rule makes of them. At the corners one rule has
probability one, and the step is the discrete machine's.

Where a program may end here with some probability, that part leaves: its mass goes to the outcome, and the registers go
on as those of the part that has not ended. For the same reason a field is read as a conditional: where only some of the
records under a pointer have it, it is the field of those.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.machine.alphabet import KINDS, Field
from neurallambda.machine.compute import Computed, compute, nothing
from neurallambda.machine.memory import WIDE, Code, Layout, Reading
from neurallambda.machine.tables import (
    CODE_SOURCES,
    CODE_TARGETS,
    ERRORS,
    OWNED,
    WIDE_SOURCES,
    WIDE_TARGETS,
    Selection,
    Tables,
)

CONTROL, ENVIRONMENT, CONTINUATION = range(3)
RIGHT_OPERAND, ANY_VALUE = "right operand", "any value"
PER: tuple[Field | str, ...] = (*OWNED, RIGHT_OPERAND, ANY_VALUE)
"""What `_Record.per` scales to, in the order of `Tables.owned`."""

WIDE_SCALES = slice(OWNED.index(Field.ENVIRONMENT), OWNED.index(Field.VALUE) + 1)


@runtime_checkable
class Readable(Protocol):
    """What a step needs of the memory."""

    @property
    def layout(self) -> Layout:
        """How records are laid out."""
        ...

    @property
    def columns(self) -> Int[Tensor, " narrow"]:
        """The number of the field that each narrow column belongs to."""
        ...

    @property
    def code(self) -> Code:
        """The programs."""
        ...

    @property
    def roles(self) -> Float[Tensor, "batch 3 addresses"]:
        """How far what stands at each address is something for control to stand on, a frame, a value."""
        ...

    @property
    def per_role(self) -> Float[Tensor, "batch 2 addresses"]:
        """One over the first two of these, and zero where there is nothing."""
        ...

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
        record: the new record.
        parameter: the parameter that it binds, if it binds one.
        rules: the probability of each rule.
        goes_on: how much goes on of the part that had not ended before.
        halts: how much of it ends in a value, by the address of the value.
        errors: how much of it ends in each error.
    """

    registers: Float[Tensor, "batch 3 addresses"]
    record: Float[Tensor, "batch record"]
    parameter: Float[Tensor, "batch code"]
    rules: Float[Tensor, "batch rules"]
    goes_on: Float[Tensor, " batch"]
    halts: Float[Tensor, "batch addresses"]
    errors: Float[Tensor, "batch errors"]


@dataclass(frozen=True)
class _Record:
    """A record that was read, in parts.

    `per` scales a field to what it is where the record has it at all; `kept` is how much of a field is left where the
    record is a value.
    """

    whole: Float[Tensor, "batch narrow"]
    tag: Float[Tensor, "batch tags"]
    operator: Float[Tensor, "batch operators"]
    kind: Float[Tensor, "batch kinds"]
    literal: Float[Tensor, "batch integers"]
    first: Float[Tensor, "batch code"]
    second: Float[Tensor, "batch code"]
    wide: Float[Tensor, "batch 3 addresses"]
    per: dict[Field | str, Float[Tensor, "batch 1"]]
    per_wide: Float[Tensor, "batch 3"]
    kept: dict[Field, Float[Tensor, "batch 1"]]
    kept_wide: Float[Tensor, "batch 3"]

    @staticmethod
    def of(
        record: Float[Tensor, "batch record"],
        scale: Float[Tensor, "batch masses"],
        share: Float[Tensor, "batch owned"],
        layout: Layout,
    ) -> "_Record":
        narrow, wide = record.split((layout.narrow, record.shape[-1] - layout.narrow), dim=-1)
        tag, operator, kind, literal, first, second = narrow.split(layout.sizes, dim=-1)
        return _Record(
            narrow,
            tag,
            operator,
            kind,
            literal,
            first,
            second,
            wide.unflatten(-1, (WIDE, -1)),
            dict(zip(PER, scale.split(1, dim=-1), strict=True)),
            scale[:, WIDE_SCALES],
            dict(zip(OWNED, share.split(1, dim=-1), strict=True)),
            share[:, WIDE_SCALES],
        )


def _records(reading: Reading, layout: Layout, tables: Tables) -> tuple[_Record, _Record]:
    """The two records that were read, in parts."""
    tags = reading.records[:, :, : layout.sizes[0]]
    scale = _inverse(tags @ tables.owned)
    share = (tags @ tables.owned_by_values) * scale[:, :, : len(OWNED)] * scale[:, :, PER.index(ANY_VALUE), None]
    parts = zip(reading.records.unbind(1), scale.unbind(1), share.unbind(1), strict=True)
    control, frame = (_Record.of(*part, layout) for part in parts)
    return control, frame


def take_step(
    memory: Readable,
    registers: Float[Tensor, "batch 3 addresses"],
    here: Float[Tensor, " addresses"],
    tables: Tables,
) -> Step:
    """Take one step.

    Args:
        memory: what was written before.
        registers: control, environment, continuation. Control and continuation are distributions over addresses; the
            environment is a set of addresses, each with the degree to which it is visible.
        here: the address of the new record, one-hot.
        tables: the rules as tensors.
    """
    layout, code = memory.layout, memory.code
    control_pointer, environment, continuation = registers.unbind(1)
    share = _share(registers[:, ::2], memory)
    reading = memory.read(share)
    control, frame = _records(reading, layout, tables)

    rules = _match(control, frame, tables)
    kind, integer = (control.tag @ tables.kinds).split((len(KINDS), 1), dim=-1)
    value = _Operand(control.literal, kind, integer * control.per[Field.LITERAL])
    computes, halts, errors = (rules @ tables.ends).split((1, 1, len(ERRORS)), dim=-1)
    # Where no operator waits, all that computing would give, and all its gradients, are zero; without gradients it is
    # enough that none waits for its last operand.
    waiting = frame.operator * tables.computing if torch.is_grad_enabled() else computes
    computed = nothing(value.literal) if _is_nothing(waiting) else _compute(control, frame, value, tables)
    errors = torch.addcmul(errors, computes, computed.errors @ tables.computed_errors)
    goes_on = (1 - halts[:, 0] - errors.sum(-1)).clamp_min(0)
    going = rules * torch.addcmul(tables.goes_on, tables.computes, computed.succeeds)
    some = going.sum(-1, keepdim=True)
    chosen = tables.selection(going * _inverse(some))  # given that a rule goes on
    idle = (some <= torch.finfo(some.dtype).eps).to(some.dtype)  # none does: stay as you are

    next_code, first, second, parameter = _code_pointers(control, frame, reading.third, chosen)
    value_pointer = share[:, 0] * memory.roles[:, 2]
    sources = [
        control.wide,
        frame.wide,
        torch.stack([value_pointer * control.per[ANY_VALUE], environment, continuation, control_pointer], dim=1),
    ]
    wide = _wide_pointers(control, frame, chosen, torch.cat(sources, dim=1), idle[:, :, None] * tables.staying)
    name = (next_code[:, None] @ code.variables)[:, 0]
    match = memory.match(torch.stack([frame.second * frame.per[Field.SECOND], name], dim=1))
    older, named = match.unbind(1)

    next_registers, pointers = wide.split(WIDE, dim=1)
    narrow = _narrow(control, frame, value, chosen, computed, first, second, memory.columns, tables)
    pointers = torch.addcmul(pointers, (chosen.copies * control.kept_wide)[:, :, None], control.wide)
    record = torch.cat([narrow, pointers.flatten(1)], dim=-1)

    # The new record joins the environment in place of the older binding of its parameter, and a variable that control
    # would stand on is looked up at once.
    next_registers = torch.addcmul(next_registers, chosen.here[:, :, None], here)
    next_control, next_environment, next_continuation = next_registers.unbind(1)
    replaced = (chosen.binds * frame.per[Field.ENVIRONMENT]) * frame.wide[:, 0] * older
    next_environment = next_environment - replaced
    named = torch.addcmul(named, (parameter * name).sum(-1, keepdim=True), here)
    settled = pad(next_code * code.settled, (0, registers.shape[-1] - layout.code))
    next_control = torch.addcmul(next_control + settled, next_environment, named)
    next_control = next_control * _inverse(next_control.sum(-1, keepdim=True))
    next_registers = torch.stack([next_control, next_environment, next_continuation], dim=1)
    halts = value_pointer * (frame.tag @ tables.halting)
    return Step(next_registers, record, parameter, rules, goes_on, halts, errors)


@dataclass(frozen=True)
class _Operand:
    """The value under control as an operand: where it is an integer, `integer_share` of its literal is its value."""

    literal: Float[Tensor, "batch integers"]
    kind: Float[Tensor, "batch kinds"]
    integer_share: Float[Tensor, "batch 1"]


def _inverse(mass: Tensor) -> Tensor:
    """One over a mass. Where there is none, what is scaled is none either."""
    return mass.clamp_min(torch.finfo(mass.dtype).eps).reciprocal()


def _share(pointers: Float[Tensor, "batch 2 addresses"], memory: Readable) -> Float[Tensor, "batch 2 addresses"]:
    """The pointers to read under.

    Control stands on code and values, continuation on frames: an address that is both by halves is read as what it is
    pointed at for, and one that is not that at all is left out.
    """
    share = pointers * memory.per_role
    return share * _inverse((share * memory.roles[:, :2]).sum(-1, keepdim=True))


def _is_nothing(mass: Tensor) -> bool:
    """Whether there is no mass at all, where asking is free."""
    is_free = mass.device.type == "cpu" and not torch.compiler.is_compiling()
    return is_free and not bool(mass.any())


def _match(control: _Record, frame: _Record, tables: Tables) -> Float[Tensor, "batch rules"]:
    """The probability of each rule."""
    by_operator = torch.addcmul(tables.any_operator, frame.operator @ tables.operator, frame.per[Field.OPERATOR])
    return (control.tag @ tables.control) * (frame.tag @ tables.frame) * by_operator


def _compute(control: _Record, frame: _Record, value: _Operand, tables: Tables) -> Computed:
    """What the frame's operator makes of the operand it holds and the value under control."""
    operator = frame.operator * tables.computing
    operator = operator * _inverse(operator.sum(-1, keepdim=True))
    held, per_value = frame.per[RIGHT_OPERAND], control.per[ANY_VALUE]
    left = (frame.literal * held, frame.kind * held)
    right = (value.literal * (value.integer_share * per_value), value.kind * per_value)
    return compute(operator, left, right, tables.operations)


def _code_pointers(
    control: _Record, frame: _Record, third: Tensor, chosen: Selection
) -> tuple[Float[Tensor, "batch code"], ...]:
    """The next control as far as it is code, and the record's three pointers at code."""
    sources = torch.stack([control.first, control.second, frame.first, frame.second, third], dim=1)
    scales = torch.stack(
        [
            control.per[Field.FIRST],
            control.per[Field.SECOND],
            frame.per[Field.FIRST],
            frame.per[Field.SECOND],
            control.per[Field.THIRD],
        ],
        dim=-1,
    )
    weights = chosen.code.unflatten(-1, (CODE_TARGETS, len(CODE_SOURCES))) * scales
    return (weights @ sources).unbind(1)


def _wide_pointers(
    control: _Record, frame: _Record, chosen: Selection, sources: Tensor, staying: Tensor
) -> Float[Tensor, "batch 6 addresses"]:
    """The next registers and the record's three wide pointers, but for what points at the new record."""
    scales = pad(torch.cat([control.per_wide, frame.per_wide], dim=-1), (0, len(WIDE_SOURCES) - 2 * WIDE), value=1.0)
    weights = chosen.wide.unflatten(-1, (WIDE_TARGETS, len(WIDE_SOURCES)))
    return torch.addcmul(staying, weights, scales[:, None]) @ sources


def _narrow(
    control: _Record,
    frame: _Record,
    value: _Operand,
    chosen: Selection,
    computed: Computed,
    first: Tensor,
    second: Tensor,
    columns: Tensor,
    tables: Tables,
) -> Float[Tensor, "batch narrow"]:
    """The new record but for its wide pointers: what the rules write, plus the value under control where they copy it."""
    share = chosen.computes * _inverse(computed.succeeds)
    tag = torch.addcmul(chosen.written, share, computed.results @ tables.results)
    tag = torch.addcmul(tag, control.tag * tables.values, chosen.copies * control.per[ANY_VALUE])
    take_value, take_held = chosen.operand.split(1, dim=-1)
    take_held = take_held * control.per[Field.LITERAL]
    from_control, from_frame = chosen.operator.split(1, dim=-1)
    operator = frame.operator * (from_frame * frame.per[Field.OPERATOR])
    kind = value.kind * (take_value * control.per[ANY_VALUE])
    written = torch.cat([tag, operator, kind, computed.integers * share, first, second], dim=-1)
    # How much of each field of the record under control is taken: as it is, where the rules copy it, or into another.
    copied, kept = chosen.copies, control.kept
    taken = torch.cat(
        [
            torch.zeros_like(copied),
            torch.addcmul(copied * kept[Field.OPERATOR], from_control, control.per[Field.OPERATOR]),
            torch.addcmul(take_held, copied, kept[Field.LITERAL]),
            torch.addcmul(torch.addcmul(take_held, copied, kept[Field.LITERAL]), take_value, value.integer_share),
            copied * kept[Field.FIRST],
            copied * kept[Field.SECOND],
        ],
        dim=-1,
    )
    return torch.addcmul(written, control.whole, taken.index_select(-1, columns))
