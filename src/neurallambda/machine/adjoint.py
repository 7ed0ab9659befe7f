"""The derivative of a step, by hand: what arrives at its results, carried back to what it read.

This is `step` transposed, in the opposite order: `act`, `decide`, `look`. Nothing is kept of a step but the registers
before and after it; what it saw and decided is seen and decided again, for several steps at once. Memory holds more by then
than it held at the step, but the step's registers do not point there. `to_x` is what arrives at `x`.
"""

from dataclasses import dataclass, fields
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.machine.alphabet import Field, Tag
from neurallambda.machine.compute_adjoint import carry_computed
from neurallambda.machine.masses import inverse, inverse_derivative
from neurallambda.machine.memory import WIDE, Memory
from neurallambda.machine.step import (
    AT,
    HALT,
    Decision,
    Sight,
    code_sources,
    decide,
    is_nothing,
    operands,
    see,
    share,
    wide_sources,
)
from neurallambda.machine.tables import ANY_VALUE, OWNED, PER, RIGHT_OPERAND, SCALED, Tables

_VALUE_POINTER = 2 * WIDE
"""Where the value pointer stands among `WIDE_SOURCES`; the registers follow."""


@dataclass(frozen=True)
class Taken:
    """A step that was taken, or several, one after another along the batch.

    Attributes:
        before: the registers before it.
        settled: as `Step.settled`.
        running: how much of each program had not ended before.
        sight, decision: what it saw and decided.
        at_code: what it made of what points at code.
        asked, matched: the parameters it matched, and the addresses that bind them, if they are older than the step.
    """

    before: Float[Tensor, "batch 3 addresses"]
    settled: Float[Tensor, "batch 1"]
    running: Float[Tensor, " batch"]
    sight: Sight
    decision: Decision
    at_code: Float[Tensor, "batch 4 code"]
    asked: Float[Tensor, "batch 2 code"]
    matched: Float[Tensor, "batch 2 addresses"]


def retake(
    memory: Memory,
    before: Float[Tensor, "steps batch 3 addresses"],
    settled: Float[Tensor, "steps batch 1"],
    running: Float[Tensor, "steps batch"],
    tables: Tables,
) -> list[Taken]:
    """Take several steps again, as far as their derivatives need it."""
    layout = memory.layout
    pointers, per_pointer = share(memory, before)
    records = memory.read(pointers)
    sight = see(pointers.flatten(0, 1), per_pointer.flatten(0, 1), records.flatten(0, 1), tables)
    decision = decide(sight, layout, tables)
    at_code = decision.selection.code @ code_sources(sight, layout)
    name = at_code[:, 0].unflatten(0, before.shape[:2]).transpose(0, 1) @ memory.code.variables
    second = sight.records[:, 1, layout.slices[Field.SECOND]] * sight.scales[:, 1, AT[Field.SECOND]]
    asked = torch.stack([second, name.transpose(0, 1).flatten(0, 1)], dim=1)
    matched = memory.match(asked.unflatten(0, before.shape[:2])).flatten(0, 1)
    flat = (part.flatten(0, 1) for part in (before, settled, running))
    return _parts(Taken(*flat, sight, decision, at_code, asked, matched), len(before))


Parted = TypeVar("Parted")


def _parts(whole: Parted, count: int) -> list[Parted]:
    """A nest of tensors, cut along the batch."""
    if isinstance(whole, Tensor):
        return list(whole.chunk(count))
    if isinstance(whole, tuple):
        return list(zip(*(_parts(part, count) for part in whole), strict=True))  # pyright: ignore[reportReturnType]
    parts = (_parts(getattr(whole, part.name), count) for part in fields(whole))  # pyright: ignore[reportArgumentType]
    return [type(whole)(*values) for values in zip(*parts, strict=True)]


@dataclass(frozen=True)
class Arriving:
    """What arrives at the results of a step: the next registers, the record, and what is summed over the steps."""

    registers: Float[Tensor, "batch 3 addresses"]
    record: Float[Tensor, "batch record"]
    answer: Float[Tensor, "batch addresses"]
    errors: Float[Tensor, "batch errors"]
    steps: Float[Tensor, " batch"]
    running: Float[Tensor, " batch"]


@dataclass(frozen=True)
class Carried:
    """What arrives at everything that a step took in.

    Attributes:
        records: what arrives at the records read.
        name, next_code: what arrives at the name looked up, and the code it is the name of.
        settled: what arrives at `Code.settled`.
        matched: what arrives at the matches.
    """

    registers: Float[Tensor, "batch 3 addresses"]
    running: Float[Tensor, " batch"]
    roles: Float[Tensor, "batch 3 addresses"]
    per_role: Float[Tensor, "batch 2 addresses"]
    name: Float[Tensor, "batch code"]
    settled: Float[Tensor, "batch code"]
    records: Float[Tensor, "batch 2 record"]
    matched: Float[Tensor, "batch 2 addresses"]


@dataclass(frozen=True)
class _Acted:
    """What arrives, by way of `act`, at what it used."""

    registers: Float[Tensor, "batch 3 addresses"]
    value_pointer: Float[Tensor, "batch addresses"]
    records: Float[Tensor, "batch 2 record"]
    kinds: Float[Tensor, "batch kinds"]
    per_second: Float[Tensor, "batch 1"]
    chosen: Float[Tensor, "batch selection"]
    scales: Float[Tensor, "batch scales"]
    computed: tuple[Tensor, Tensor, Tensor]
    name: Float[Tensor, "batch code"]
    settled: Float[Tensor, "batch code"]
    matched: Float[Tensor, "batch 2 addresses"]


def carry(
    memory: Memory, taken: Taken, after: Float[Tensor, "batch 3 addresses"], arriving: Arriving, tables: Tables
) -> Carried:
    """Carry back through one step.

    Args:
        memory: as it was before the step.
        taken: the step.
        after: the registers after it.
        arriving: what arrives at its results.
        tables: the rules as tensors.
    """
    sight, decision = taken.sight, taken.decision
    acted = _through_act(memory, taken, after, arriving, tables)
    frame, running = sight.records[:, 1], taken.running

    # The outcome is linear in what ends here: running times (halts . answer + errors . errors + goes_on running + steps).
    halts = (sight.pointers[:, 0] * memory.roles[:, 2] * arriving.answer).sum(-1)
    to_running = torch.addcmul(arriving.steps, halts, frame[:, Tag.HALT])
    to_running = to_running + (decision.errors * arriving.errors).sum(-1) + decision.goes_on * arriving.running
    acted.records[:, 1, Tag.HALT].addcmul_(running, halts)
    to_value_pointer = torch.addcmul(acted.value_pointer, (running[:, None] * frame[:, HALT]), arriving.answer)
    remains = 1 - decision.halts[:, 0] - decision.errors.sum(-1)
    to_goes_on = (running * arriving.running * (remains >= 0))[:, None]
    to_errors = running[:, None] * arriving.errors - to_goes_on

    to_scales, to_seen = _through_decide(acted, to_goes_on, to_errors, sight, decision, memory, tables)
    to_seen[:, :, : len(PER)] = to_scales.mul_(inverse_derivative(sight.scales))
    acted.records[:, :, : len(Tag)] += to_seen @ tables.seen.t()
    return _through_look(memory, taken, sight, acted, to_running, to_value_pointer)


def _through_act(memory: Memory, taken: Taken, after: Tensor, arriving: Arriving, tables: Tables) -> _Acted:
    sight, decision, code, layout = taken.sight, taken.decision, memory.code, memory.layout
    selected, computed = decision.selection, decision.computed
    control, frame = sight.records.unbind(1)
    at, here = layout.slices, memory.written
    at_sources = code_sources(sight, layout)
    sources = wide_sources(sight, sight.pointers[:, 0] * memory.roles[:, 2], taken.before, layout)
    next_code, parameter, name = taken.at_code[:, 0], taken.at_code[:, 3], taken.asked[:, 1]
    per_second = sight.scales[:, 1, AT[Field.SECOND]]
    older, named = taken.matched.unbind(1)
    named[:, here] = (parameter * name).sum(-1)

    # The lookup, from the next registers to what they are made of.
    next_control, next_environment, _ = after.unbind(1)
    to_next, to_environment, to_continuation = arriving.registers.unbind(1)
    per_settled = inverse(taken.settled)
    along = (to_next * next_control).sum(-1, keepdim=True) * (per_settled * torch.finfo(named.dtype).eps < 1)
    to_settling = (to_next - along) * per_settled
    to_code_part = to_settling[:, : layout.code]
    to_settled = to_code_part * next_code
    to_environment = torch.addcmul(to_environment, to_settling, named)
    to_named = to_settling * next_environment
    to_itself = to_named[:, here, None]
    visible = sight.records[:, 1, layout.narrow :].unflatten(-1, (WIDE, -1))[:, 0]
    to_replaced = to_environment * visible
    to_older = to_replaced * -selected.binds
    to_binds = -(to_replaced * older).sum(-1, keepdim=True)
    to_matched = torch.stack([to_older, to_named], dim=1)
    bound = memory.parameters[:, layout.code : memory.written]
    to_asked = to_matched[:, :, layout.code : memory.written] @ bound
    to_name = torch.addcmul(to_asked[:, 1], to_itself, parameter)
    to_next_code = (to_name[:, None] @ code.variables.transpose(1, 2))[:, 0]
    to_next_code = torch.addcmul(to_next_code, to_code_part, code.settled)

    # The record, and the sums over all sources.
    of_record = arriving.record
    to_pointers = of_record[:, layout.narrow :].unflatten(-1, (WIDE, -1))
    to_wide = torch.cat([torch.stack([to_settling, to_environment, to_continuation], dim=1), to_pointers], dim=1)
    to_at_code = of_record[:, layout.pointers_at_code].unflatten(-1, (-1, layout.code))
    to_at_code = torch.cat([to_next_code[:, None], to_at_code], dim=1)
    to_at_code[:, 3].addcmul_(to_itself, name)
    to_sources = selected.wide.transpose(1, 2) @ to_wide
    to_at_sources = selected.code.transpose(1, 2) @ to_at_code
    to_taken = (memory.take_columns @ (of_record * control).t()).t()
    of_tag, of_operator, of_kind, of_literal = of_record[:, : at[Field.FIRST].start].split(layout.sizes[:4], dim=-1)
    of_results = of_tag @ tables.results.t()
    share = selected.computes * (per_success := inverse(computed.succeeds))
    to_share = (of_results * computed.results).sum(-1, keepdim=True)
    to_share = to_share + (of_literal * computed.integers).sum(-1, keepdim=True)
    to_succeeds = to_share * selected.computes * inverse_derivative(per_success)

    to_records = torch.empty_like(sight.records)
    torch.mul(of_record, selected.taken @ memory.take_columns, out=to_records[:, 0])
    to_records[:, 1] = 0
    to_records[:, 1, at[Field.OPERATOR]] = of_operator * selected.operator
    fields = to_sources[:, :_VALUE_POINTER].unflatten(1, (2, WIDE))
    to_records[:, :, layout.narrow :].unflatten(-1, (WIDE, -1)).add_(fields)
    to_records[:, :, layout.pointers_at_code].unflatten(-1, (WIDE, -1)).add_(to_at_sources.unflatten(1, (2, WIDE)))
    to_records[:, 1, layout.narrow :].unflatten(-1, (WIDE, -1))[:, 0].addcmul_(to_environment, selected.binds * older, value=-1)
    to_records[:, 1, at[Field.SECOND]].addcmul_(to_asked[:, 0], per_second)

    to_scaled = torch.cat(
        [
            (to_at_code @ at_sources.transpose(1, 2)).flatten(1),
            (to_wide @ sources.transpose(1, 2)).flatten(1),
            to_taken,
            (of_operator * frame[:, at[Field.OPERATOR]]).sum(-1, keepdim=True),
            (of_kind * sight.kinds).sum(-1, keepdim=True),
            to_binds,
        ],
        dim=-1,
    )
    factors = decision.scales.index_select(-1, tables.scaling)
    to_chosen = torch.cat([to_scaled * factors, to_wide[:, :3, here], of_tag, to_share * per_success], dim=-1)
    return _Acted(
        registers=to_sources[:, _VALUE_POINTER + 1 :],
        value_pointer=to_sources[:, _VALUE_POINTER],
        records=to_records,
        kinds=of_kind * selected.kind,
        per_second=(to_asked[:, 0] * frame[:, at[Field.SECOND]]).sum(-1, keepdim=True),
        chosen=to_chosen,
        scales=(to_scaled * decision.chosen[:, :SCALED]) @ tables.scaled,
        computed=(of_literal * share, of_results * share, to_succeeds),
        name=to_name,
        settled=to_settled,
        matched=to_matched,
    )


def _through_decide(
    acted: _Acted, to_goes_on: Tensor, to_errors: Tensor, sight: Sight, decision: Decision, memory: Memory, tables: Tables
) -> tuple[Float[Tensor, "batch 2 per"], Float[Tensor, "batch 2 seen"]]:
    """Adds to `acted.records`; returns what arrives at the scales, and at what was seen but for the masses behind them."""
    computed, records, at = decision.computed, sight.records, memory.layout.slices
    to_given = acted.chosen @ tables.select[:-1].t()
    per_going = inverse(decision.going.sum(-1, keepdim=True))
    along = (to_given * decision.given[:, :-1]).sum(-1, keepdim=True) * (per_going * torch.finfo(records.dtype).eps < 1)
    to_going = (to_given - along) * per_going
    to_rules = to_going * torch.addcmul(tables.goes_on, tables.computes, computed.succeeds)
    to_computes = (to_errors * (computed.errors @ tables.computed_errors)).sum(-1, keepdim=True)
    to_rules = to_rules + torch.cat([to_computes, -to_goes_on, to_errors], dim=-1) @ tables.ends.t()
    of_control, of_frame, of_operator = decision.factors
    for_frame = to_rules * of_control
    acted.records[:, 0, at[Field.TAG]] += (to_rules * of_frame * of_operator) @ tables.control.t()
    acted.records[:, 1, at[Field.TAG]] += (for_frame * of_operator) @ tables.frame.t()
    to_operator = (for_frame * of_frame) @ tables.operator.t()
    acted.records[:, 1, at[Field.OPERATOR]].addcmul_(to_operator, sight.scales[:, 1, AT[Field.OPERATOR]])

    to_scales, to_kept, to_integer_share, _ = acted.scales.split((2 * len(PER), len(OWNED), 1, 1), dim=-1)
    to_scales, to_kinds = to_scales.reshape(-1, 2, len(PER)), acted.kinds.clone()
    to_scales[:, 1, AT[Field.SECOND]] += acted.per_second
    to_scales[:, 1, AT[Field.OPERATOR]] += (to_operator * records[:, 1, at[Field.OPERATOR]]).sum(-1, keepdim=True)
    if not is_nothing(decision.computes):
        to_integers, to_results, to_succeeds = acted.computed
        to_results = to_results + to_succeeds + (to_going * decision.rules) @ tables.computes[:, None]
        to_integer_share = to_integer_share + _through_operands(
            to_integers, to_results, to_errors, acted.records, to_scales, to_kinds, sight, decision, memory, tables
        )

    control = sight.scales[:, 0]
    of_fields, of_any = control[:, : len(OWNED)], control[:, AT[ANY_VALUE]]
    to_scaled = to_kept * sight.owned_by_value
    to_scales[:, 0, : len(OWNED)].addcmul_(to_scaled, of_any)
    to_scales[:, 0, AT[ANY_VALUE]] += (to_scaled * of_fields).sum(-1, keepdim=True)
    to_scales[:, 0, AT[Field.LITERAL]].addcmul_(to_integer_share, sight.integer)
    to_seen = records.new_zeros(len(records), 2, tables.seen.shape[1])
    to_seen[:, 0, len(PER) :] = torch.cat(
        [to_kept * of_fields * of_any, to_kinds, to_integer_share * control[:, AT[Field.LITERAL]]], dim=-1
    )
    return to_scales, to_seen


def _through_operands(
    to_integers: Tensor,
    to_results: Tensor,
    to_errors: Tensor,
    to_records: Tensor,
    to_scales: Tensor,
    to_kinds: Tensor,
    sight: Sight,
    decision: Decision,
    memory: Memory,
    tables: Tables,
) -> Float[Tensor, "batch 1"]:
    """Adds to `to_records`, `to_scales` and `to_kinds`; returns what arrives at how much of control is its integer."""
    control, frame = sight.records.unbind(1)
    at = memory.layout.slices
    integer_share = sight.integer * sight.scales[:, 0, AT[Field.LITERAL]]
    given = operands(sight, integer_share, decision.computes, memory.layout, tables)
    to_errors = decision.computes * (to_errors @ tables.computed_errors.t())
    to = carry_computed(given, decision.computed, to_integers, to_results, to_errors, tables.operations)
    computing = tables.computing * (decision.computes > 0)
    per_operator = inverse((frame[:, at[Field.OPERATOR]] * computing).sum(-1, keepdim=True))
    some = per_operator * torch.finfo(per_operator.dtype).eps < 1
    along = (to.operator * given.operator).sum(-1, keepdim=True) * some
    held, per_value = sight.scales[:, 1, AT[RIGHT_OPERAND]], sight.scales[:, 0, AT[ANY_VALUE]]
    to_records[:, 1, at[Field.OPERATOR]] += (to.operator - along) * per_operator * computing
    to_records[:, 1, at[Field.LITERAL]].addcmul_(to.left, held)
    to_records[:, 1, at[Field.KIND]].addcmul_(to.left_kinds, held)
    to_records[:, 0, at[Field.LITERAL]].addcmul_(to.right, integer_share * per_value)
    to_kinds.addcmul_(to.right_kinds, per_value)
    to_held = to.left * frame[:, at[Field.LITERAL]]
    to_held_kind = to.left_kinds * frame[:, at[Field.KIND]]
    to_scales[:, 1, AT[RIGHT_OPERAND]] += to_held.sum(-1, keepdim=True) + to_held_kind.sum(-1, keepdim=True)
    to_right = (to.right * control[:, at[Field.LITERAL]]).sum(-1, keepdim=True)
    to_right_kind = (to.right_kinds * sight.kinds).sum(-1, keepdim=True)
    to_scales[:, 0, AT[ANY_VALUE]] += to_right * integer_share + to_right_kind
    return to_right * per_value


def _through_look(
    memory: Memory, taken: Taken, sight: Sight, acted: _Acted, to_running: Tensor, to_value_pointer: Tensor
) -> Carried:
    roles, pointers = memory.roles, sight.pointers
    to_pointers = torch.zeros_like(pointers)
    torch.bmm(
        acted.records, memory.records[:, : memory.written].transpose(1, 2), out=to_pointers[:, :, : memory.written]
    )
    to_pointers[:, 0].addcmul_(to_value_pointer, roles[:, 2])
    along = (to_pointers * pointers).sum(-1, keepdim=True)
    along = along * (sight.per_pointer * torch.finfo(pointers.dtype).eps < 1)
    to_shares = torch.addcmul(to_pointers, along, roles[:, :2], value=-1) * sight.per_pointer
    to_roles = torch.cat([-along * pointers, (to_value_pointer * pointers[:, 0])[:, None]], dim=1)
    to_registers = acted.registers
    to_registers[:, ::2].addcmul_(to_shares, memory.per_role)
    return Carried(
        registers=to_registers,
        running=to_running,
        roles=to_roles,
        per_role=to_shares * taken.before[:, ::2],
        name=acted.name,
        settled=acted.settled,
        records=acted.records,
        matched=acted.matched,
    )
