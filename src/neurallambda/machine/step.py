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
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.machine.alphabet import KINDS, Field, Tag
from neurallambda.machine.compute import Computed, Operands, compute, nothing
from neurallambda.machine.masses import inverse, is_nothing
from neurallambda.machine.memory import WIDE, Code, Layout
from neurallambda.machine.tables import (
    ANY_VALUE,
    ERRORS,
    OWNED,
    PER,
    RIGHT_OPERAND,
    Selection,
    Tables,
    selection,
)

CONTROL, ENVIRONMENT, CONTINUATION = range(3)
AT = {name: slice(index, index + 1) for index, name in enumerate(PER)}
"""Where each of `PER` stands."""
HALT = slice(Tag.HALT, Tag.HALT + 1)


@runtime_checkable
class Readable(Protocol):
    """What a step needs of the memory."""

    @property
    def layout(self) -> Layout:
        """How records are laid out."""
        ...

    @property
    def take_columns(self) -> Float[Tensor, "taken record"]:
        """From `Selection.taken` to the numbers of a record."""
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

    def read(self, pointers: Float[Tensor, "batch 2 addresses"]) -> Float[Tensor, "batch 2 record"]:
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
        settled: how much of control settled, before it was made to sum to one.
        rules: the probability of each rule.
        goes_on: how much goes on of the part that had not ended before.
        halts: how much of it ends in a value, by the address of the value.
        errors: how much of it ends in each error.
    """

    registers: Float[Tensor, "batch 3 addresses"]
    record: Float[Tensor, "batch record"]
    settled: Float[Tensor, "batch 1"]
    rules: Float[Tensor, "batch rules"]
    goes_on: Float[Tensor, " batch"]
    halts: Float[Tensor, "batch addresses"]
    errors: Float[Tensor, "batch errors"]


@dataclass(frozen=True)
class Sight:
    """What a step sees: the records under control and continuation, in this order on the axis of size 2.

    Attributes:
        pointers: control and continuation, as shares of what they are pointed at for.
        per_pointer: what makes them sum to one.
        records: what stands there.
        masses: how much of each record has each field, in the order of `PER`.
        scales: one over these.
        owned_by_value: how much of control is a value that has each of `OWNED`.
        kinds, integer: how much of control is a value of each kind, is an integer.
    """

    pointers: Float[Tensor, "batch 2 addresses"]
    per_pointer: Float[Tensor, "batch 2 1"]
    records: Float[Tensor, "batch 2 record"]
    masses: Float[Tensor, "batch 2 per"]
    scales: Float[Tensor, "batch 2 per"]
    owned_by_value: Float[Tensor, "batch owned"]
    kinds: Float[Tensor, "batch kinds"]
    integer: Float[Tensor, "batch 1"]


@dataclass(frozen=True)
class Decision:
    """What a step does.

    Attributes:
        factors: how far each rule's control, frame and operator are there.
        rules: their products.
        computed: what computing gives.
        computes: the weight of computing.
        goes_on, halts, errors: how much of the program goes on, ends in a value, ends in each error.
        going: how much of each rule goes on.
        given: the same, given that any does; last, whether none does.
        scales: all `SCALES`.
        chosen: the mixture of the rows of `Tables.select`.
        selection: the same, scaled.
    """

    factors: tuple[Float[Tensor, "batch rules"], ...]
    rules: Float[Tensor, "batch rules"]
    computed: Computed
    computes: Float[Tensor, "batch 1"]
    goes_on: Float[Tensor, " batch"]
    halts: Float[Tensor, "batch 1"]
    errors: Float[Tensor, "batch errors"]
    going: Float[Tensor, "batch rules"]
    given: Float[Tensor, "batch rules_and_staying"]
    scales: Float[Tensor, "batch scales"]
    chosen: Float[Tensor, "batch selection"]
    selection: Selection


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
    sight = look(memory, registers, tables)
    decision = decide(sight, memory.layout, tables)
    return act(memory, registers, here, sight, decision, tables)


def look(memory: Readable, registers: Float[Tensor, "batch 3 addresses"], tables: Tables) -> Sight:
    """Read under control and continuation."""
    pointers, per_pointer = share(memory, registers)
    return see(pointers, per_pointer, memory.read(pointers), tables)


def share(
    memory: Readable, registers: Float[Tensor, "*steps batch 3 addresses"]
) -> tuple[Float[Tensor, "*steps batch 2 addresses"], Float[Tensor, "*steps batch 2 1"]]:
    """The pointers to read under, and what makes them sum to one.

    Control stands on code and values, continuation on frames: an address that is both by halves is read as what it is
    pointed at for, and one that is not that at all is left out.
    """
    shares = registers[..., ::2, :] * memory.per_role
    per_pointer = inverse((shares * memory.roles[:, :2]).sum(-1, keepdim=True))
    return shares * per_pointer, per_pointer


def see(
    pointers: Float[Tensor, "batch 2 addresses"],
    per_pointer: Float[Tensor, "batch 2 1"],
    records: Float[Tensor, "batch 2 record"],
    tables: Tables,
) -> Sight:
    """What was read, and how much of it is what."""
    masses, rest = (records[:, :, : len(Tag)] @ tables.seen).tensor_split((len(PER),), dim=-1)
    owned_by_value, kinds, integer = rest[:, 0].split((len(OWNED), len(KINDS), 1), dim=-1)
    return Sight(pointers, per_pointer, records, masses, inverse(masses), owned_by_value, kinds, integer)


def decide(sight: Sight, layout: Layout, tables: Tables) -> Decision:
    """Match all rules, and compute what they may need."""
    control, frame = sight.records.unbind(1)
    control_scales, frame_scales = sight.scales.unbind(1)
    tag, operator = layout.slices[Field.TAG], layout.slices[Field.OPERATOR]
    factors = (
        control[:, tag] @ tables.control,
        frame[:, tag] @ tables.frame,
        torch.addcmul(tables.any_operator, frame[:, operator] @ tables.operator, frame_scales[:, AT[Field.OPERATOR]]),
    )
    rules = factors[0] * factors[1] * factors[2]
    computes, halts, errors = (rules @ tables.ends).split((1, 1, len(ERRORS)), dim=-1)
    integer_share = sight.integer * control_scales[:, AT[Field.LITERAL]]
    computed = nothing(control[:, layout.slices[Field.LITERAL]])
    if not is_nothing(computes):
        computed = compute(operands(sight, integer_share, computes, layout, tables), tables.operations)
        errors = torch.addcmul(errors, computes, computed.errors @ tables.computed_errors)
    goes_on = (1 - halts[:, 0] - errors.sum(-1)).clamp_min(0)

    going = rules * torch.addcmul(tables.goes_on, tables.computes, computed.succeeds)
    some = going.sum(-1, keepdim=True)
    idle = (some <= torch.finfo(some.dtype).eps).to(some.dtype)  # no rule goes on: stay as you are
    given = torch.cat([going * inverse(some), idle], dim=-1)
    chosen = given @ tables.select
    kept = sight.owned_by_value * control_scales[:, : len(OWNED)] * control_scales[:, AT[ANY_VALUE]]
    scales = torch.cat([sight.scales.flatten(1), kept, integer_share, torch.ones_like(idle)], dim=-1)
    selected = selection(chosen, scales, tables)
    return Decision(factors, rules, computed, computes, goes_on, halts, errors, going, given, scales, chosen, selected)


def act(
    memory: Readable,
    registers: Float[Tensor, "batch 3 addresses"],
    here: Float[Tensor, " addresses"],
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
    next_registers = torch.addcmul(next_registers, selected.here[:, :, None], here)
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


def operands(sight: Sight, integer_share: Tensor, computes: Tensor, layout: Layout, tables: Tables) -> Operands:
    """What is computed of: the frame's operator and what it holds, and the value under control; no operator in programs
    where nothing is computed.
    """
    control, frame = sight.records.unbind(1)
    at = layout.slices
    operator = frame[:, at[Field.OPERATOR]] * (tables.computing * (computes > 0))
    operator = operator * inverse(operator.sum(-1, keepdim=True))
    held, per_value = sight.scales[:, 1, AT[RIGHT_OPERAND]], sight.scales[:, 0, AT[ANY_VALUE]]
    return Operands(
        operator,
        frame[:, at[Field.LITERAL]] * held,
        frame[:, at[Field.KIND]] * held,
        control[:, at[Field.LITERAL]] * (integer_share * per_value),
        sight.kinds * per_value,
    )


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
