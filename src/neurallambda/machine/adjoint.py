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

from neurallambda.machine.alphabet import Field, Tag
from neurallambda.machine.compute import Operands
from neurallambda.machine.compute_adjoint import carry_computed
from neurallambda.machine.masses import inverse, is_nothing, some
from neurallambda.machine.memory import WIDE, Memory
from neurallambda.machine.retake import Outcome, Retaken
from neurallambda.machine.step import AT
from neurallambda.machine.tables import ANY_VALUE, CODE_TARGETS, OWNED, PER, RIGHT_OPERAND, WIDE_TARGETS, Tables

_VALUE_POINTER = 2 * WIDE
"""Where the value pointer stands among `WIDE_SOURCES`; the registers follow."""


@dataclass(frozen=True)
class Arriving:
    """What arrives at the results of a step: the next registers, the record, and what goes on running."""

    registers: Float[Tensor, "batch 3 addresses"]
    record: Float[Tensor, "batch record"]
    running: Float[Tensor, "batch 1"]


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


@dataclass(frozen=True)
class _Acted:
    """What arrives, by way of `act`, at what it used."""

    sources: Float[Tensor, "batch 10 addresses"]
    records: Float[Tensor, "batch 2 record"]
    kinds: Float[Tensor, "batch kinds"]
    per_second: Float[Tensor, "batch 1"]
    scaled: Float[Tensor, "batch scaled"]
    rest: tuple[Tensor, Tensor, Tensor]
    integers: Float[Tensor, "batch integers"]
    results: Float[Tensor, "batch 3"]
    succeeds: Float[Tensor, "batch 1"]
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
    acted = _through_act(memory, taken, after, arriving, tables)

    # The outcome is linear in what ends here: running times (halts . answer + errors . errors + goes_on running + steps).
    to_running = torch.addcmul(taken.ended, taken.goes_on, arriving.running)
    acted.records[:, 1, Tag.HALT, None] += taken.running * taken.answered
    to_value_pointer = torch.addcmul(acted.sources[:, _VALUE_POINTER], taken.running_under_halt, outcome.answer)
    to_goes_on = taken.running_if_any * arriving.running
    to_errors = taken.running * outcome.errors - to_goes_on

    to_seen = _through_decide(acted, to_goes_on, to_errors, taken, memory, tables)
    acted.records[:, :, : len(Tag)] += to_seen @ tables.seen.t()

    to_pointers = _under(memory, acted.records)
    to_pointers[:, 0].addcmul_(to_value_pointer, memory.roles[:, 2])
    along = (to_pointers * taken.pointers).sum(-1, keepdim=True) * some(taken.per_pointer)
    to_shares = torch.addcmul(to_pointers, along, memory.roles[:, :2], value=-1).mul_(taken.per_pointer)
    to_registers = acted.sources[:, _VALUE_POINTER + 1 :]
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


def _through_act(memory: Memory, taken: Retaken, after: Tensor, arriving: Arriving, tables: Tables) -> _Acted:
    code, layout, here = memory.code, memory.layout, memory.written
    control, frame = taken.records.unbind(1)
    at, narrow = layout.slices, layout.narrow
    next_code, name, parameter = taken.at_code[:, 0], taken.asked[:, 1], taken.at_code[:, 3]
    older, named = taken.matched.unbind(1)
    named[:, here] = (parameter * name).sum(-1)  # the step's own record

    # The lookup, from the next registers to what they are made of.
    next_control, next_environment, _ = after.unbind(1)
    to_next, to_environment, to_continuation = arriving.registers.unbind(1)
    along = (to_next * next_control).sum(-1, keepdim=True) * some(taken.per_settled)
    to_settling = (to_next - along).mul_(taken.per_settled)
    to_code_part = to_settling[:, : layout.code]
    to_environment = torch.addcmul(to_environment, to_settling, named)
    to_named = to_settling * next_environment
    to_itself = to_named[:, here, None]
    binds = taken.binds
    to_replaced = to_environment * taken.sources[:, WIDE]
    to_matched = torch.stack([to_replaced * -binds, to_named], dim=1)
    bound = memory.parameters[:, layout.code : here]
    to_second, to_name = (to_matched[:, :, layout.code : here] @ bound).unbind(1)
    to_name = torch.addcmul(to_name, to_itself, parameter)
    to_next_code = (to_name[:, None] @ code.variables.transpose(1, 2))[:, 0].addcmul_(to_code_part, code.settled)

    # The sums over all sources.
    of_record = arriving.record
    sizes = (*layout.sizes[:4], WIDE * layout.code, WIDE * memory.width)
    of_tag, of_operator, of_kind, of_literal, of_code, of_wide = of_record.split(sizes, dim=-1)
    to_wide = [part[:, None] for part in (to_settling, to_environment, to_continuation)]
    to_wide = torch.cat([*to_wide, of_wide.unflatten(-1, (WIDE, -1))], dim=1)
    to_at_code = torch.cat([to_next_code, of_code], dim=-1).unflatten(-1, (CODE_TARGETS, -1))
    to_at_code[:, 3].addcmul_(to_itself, name)
    wide, at_code = taken.wide.unflatten(-1, (WIDE_TARGETS, -1)), taken.code.unflatten(-1, (CODE_TARGETS, -1))
    to_sources, to_at_sources = wide.transpose(1, 2) @ to_wide, at_code.transpose(1, 2) @ to_at_code
    at_sources = taken.records[:, :, layout.pointers_at_code].reshape(len(control), -1, layout.code)

    # The record.
    of_results = of_tag @ tables.results.t()
    to_share = (of_results * taken.computed[:, :3]).sum(-1, keepdim=True)
    to_share = to_share + (of_literal * taken.integers).sum(-1, keepdim=True)
    to_records = torch.empty_like(taken.records)
    torch.mul(of_record, taken.takes @ memory.take_columns, out=to_records[:, 0])
    to_frame = to_records[:, 1].zero_()
    torch.mul(of_operator, taken.operator, out=to_frame[:, at[Field.OPERATOR]])
    fields = to_sources[:, :_VALUE_POINTER].unflatten(1, (2, WIDE))
    to_records[:, :, narrow:].unflatten(-1, (WIDE, -1)).add_(fields)
    to_records[:, :, layout.pointers_at_code].unflatten(-1, (WIDE, -1)).add_(to_at_sources.unflatten(1, (2, WIDE)))
    to_frame[:, narrow : narrow + older.shape[-1]].addcmul_(to_environment, binds * older, value=-1)
    to_frame[:, at[Field.SECOND]].addcmul_(to_second, taken.per_second)
    to_scaled = [
        (to_at_code @ at_sources.transpose(1, 2)).flatten(1),
        (to_wide @ taken.sources.transpose(1, 2)).flatten(1),
        (memory.take_columns @ (of_record * control).t()).t(),
        (of_operator * frame[:, at[Field.OPERATOR]]).sum(-1, keepdim=True),
        (of_kind * taken.kinds).sum(-1, keepdim=True),
        -(to_replaced * older).sum(-1, keepdim=True),
    ]
    return _Acted(
        sources=to_sources,
        records=to_records,
        kinds=of_kind * taken.kind,
        per_second=(to_second * frame[:, at[Field.SECOND]]).sum(-1, keepdim=True),
        scaled=torch.cat(to_scaled, dim=-1),
        rest=(to_wide[:, :3, here], of_tag, to_share * taken.per_success),
        integers=of_literal * taken.share,
        results=of_results * taken.share,
        succeeds=to_share * taken.per_success_derivative,
        name=to_name,
        settled=to_code_part * next_code,
        matched=to_matched,
    )


def _through_decide(
    acted: _Acted, to_goes_on: Tensor, to_errors: Tensor, taken: Retaken, memory: Memory, tables: Tables
) -> Float[Tensor, "batch 2 seen"]:
    """Adds to `acted.records`, and returns what arrives at what was seen of their tags."""
    at, records, to_records = memory.layout.slices, taken.records, acted.records
    to_chosen = torch.cat([acted.scaled * taken.factors, *acted.rest], dim=-1)
    to_given = to_chosen @ tables.select[:-1].t()
    along = (to_given * taken.given).sum(-1, keepdim=True) * some(taken.per_going)
    to_going = (to_given - along).mul_(taken.per_going)
    to_computes = (to_errors * taken.computed_errors).sum(-1, keepdim=True)
    to_rules = torch.cat([to_computes, -to_goes_on, to_errors], dim=-1) @ tables.ends.t()
    to_rules.addcmul_(to_going, taken.rules_go_on)
    of_control, of_frame, of_operator = taken.but_control, taken.but_frame, taken.but_operator
    to_records[:, 0, at[Field.TAG]] += (to_rules * of_control) @ tables.control.t()
    to_records[:, 1, at[Field.TAG]] += (to_rules * of_frame) @ tables.frame.t()
    to_operator = (to_rules * of_operator) @ tables.operator.t()
    to_records[:, 1, at[Field.OPERATOR]].addcmul_(to_operator, taken.per_operator)

    # The scales: of control, of the frame, of what is kept of control where it is a value, of its integer.
    to_scales = (acted.scaled * taken.chosen) @ tables.scaled
    to_control, to_frame, to_kept, to_integer_share, _ = to_scales.split((len(PER), len(PER), len(OWNED), 1, 1), dim=-1)
    to_kinds = acted.kinds
    to_frame[:, AT[Field.SECOND]] += acted.per_second
    to_frame[:, AT[Field.OPERATOR]] += (to_operator * records[:, 1, at[Field.OPERATOR]]).sum(-1, keepdim=True)
    if not is_nothing(taken.computes):
        to_succeeds = acted.succeeds + (to_going * taken.rules) @ tables.computes[:, None]
        _through_computing(acted, to_succeeds, to_errors, to_scales, to_kinds, taken, memory, tables)
    to_owned = to_kept * taken.owned_by_value
    to_control[:, : len(OWNED)].addcmul_(to_owned, taken.per_value)
    to_control[:, AT[ANY_VALUE]] += (to_owned * taken.scales[:, : len(OWNED)]).sum(-1, keepdim=True)
    to_control[:, AT[Field.LITERAL]].addcmul_(to_integer_share, taken.integer)
    to_masses = to_scales[:, : 2 * len(PER)] * taken.scale_derivatives
    to_seen = to_scales.new_zeros(len(records), 2, tables.seen.shape[1])
    to_seen[:, :, : len(PER)] = to_masses.unflatten(-1, (2, -1))
    to_seen[:, 0, len(PER) :] = torch.cat(
        [to_kept * taken.kept_per_owned, to_kinds, to_integer_share * taken.per_literal], dim=-1
    )
    return to_seen


def _through_computing(
    acted: _Acted,
    to_succeeds: Tensor,
    to_errors: Tensor,
    to_scales: Float[Tensor, "batch scales"],
    to_kinds: Float[Tensor, "batch kinds"],
    taken: Retaken,
    memory: Memory,
    tables: Tables,
) -> None:
    """Adds to `acted.records`, `to_scales` and `to_kinds`."""
    control, frame = taken.records.unbind(1)
    at, to_records = memory.layout.slices, acted.records
    held, per_value = taken.scales[:, len(PER) :][:, AT[RIGHT_OPERAND]], taken.per_value
    integer_share = taken.integer * taken.per_literal
    computing = tables.computing * (taken.computes > 0)
    operator = frame[:, at[Field.OPERATOR]] * computing
    per_operator = inverse(operator.sum(-1, keepdim=True))
    left, left_kinds, right = frame[:, at[Field.LITERAL]], frame[:, at[Field.KIND]], control[:, at[Field.LITERAL]]
    given = Operands(
        operator * per_operator,
        left * held,
        left_kinds * held,
        right * (integer_share * per_value),
        taken.kinds * per_value,
    )
    to_errors = taken.computes * (to_errors @ tables.computed_errors.t())
    to = carry_computed(
        given, taken.cases, taken.computed, acted.integers, acted.results + to_succeeds, to_errors, tables.operations
    )
    along = (to.operator * given.operator).sum(-1, keepdim=True) * some(per_operator)
    to_records[:, 1, at[Field.OPERATOR]] += (to.operator - along) * per_operator * computing
    to_records[:, 1, at[Field.LITERAL]].addcmul_(to.left, held)
    to_records[:, 1, at[Field.KIND]].addcmul_(to.left_kinds, held)
    to_records[:, 0, at[Field.LITERAL]].addcmul_(to.right, integer_share * per_value)
    to_kinds.addcmul_(to.right_kinds, per_value)
    to_control, to_frame, _, to_integer_share, _ = to_scales.split((len(PER), len(PER), len(OWNED), 1, 1), dim=-1)
    to_frame[:, AT[RIGHT_OPERAND]] += (to.left * left).sum(-1, keepdim=True) + (to.left_kinds * left_kinds).sum(
        -1, keepdim=True
    )
    to_right, to_right_kind = (
        (to.right * right).sum(-1, keepdim=True),
        (to.right_kinds * taken.kinds).sum(-1, keepdim=True),
    )
    to_control[:, AT[ANY_VALUE]] += to_right * integer_share + to_right_kind
    to_integer_share.addcmul_(to_right, per_value)


def _under(memory: Memory, to_records: Float[Tensor, "batch 2 record"]) -> Float[Tensor, "batch 2 addresses"]:
    """What arrives at the pointers that records were read under: how much each address would have added."""
    records, literal = memory.records[:, : memory.written], memory.layout.slices[Field.LITERAL]
    if is_nothing(to_records[:, :, literal]):
        to_pointers = to_records[:, :, : literal.start] @ records[:, :, : literal.start].transpose(1, 2)
        to_pointers.baddbmm_(to_records[:, :, literal.stop :], records[:, :, literal.stop :].transpose(1, 2))
    else:
        to_pointers = to_records @ records.transpose(1, 2)
    return pad(to_pointers, (0, memory.width - memory.written))
