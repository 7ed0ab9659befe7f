"""The derivative of a decision, by hand: `decide` transposed. `to_x` is what arrives at `x`."""

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.arithmetic.masses import inverse, some
from neurallambda.machine.adjoint.by_hand.act import Acted
from neurallambda.machine.adjoint.by_hand.compute import carry_computed
from neurallambda.machine.adjoint.by_hand.retaken import Retaken
from neurallambda.machine.alphabet import Field
from neurallambda.machine.compute import Operands
from neurallambda.machine.memory import Memory
from neurallambda.machine.selection import ANY_VALUE, AT, OWNED, PER
from neurallambda.machine.tables import Tables


def through_decide(
    acted: Acted, to_goes_on: Tensor, to_errors: Tensor, taken: Retaken, memory: Memory, tables: Tables
) -> Float[Tensor, "batch 2 seen"]:
    """Adds to `acted.records`, and returns what arrives at what was seen of their tags."""
    at, records, to_records = memory.layout.slices, taken.records, acted.records
    to_chosen = torch.cat([acted.scaled * taken.factors, *acted.rest], dim=-1)
    to_given = to_chosen @ tables.select[:-1].t()
    along = (to_given * taken.given).sum(-1, keepdim=True) * taken.goes
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
    if taken.computing:
        to_succeeds = acted.succeeds + (to_going * taken.rules) @ tables.computes[:, None]
        _through_computing(acted, to_succeeds, to_errors, to_scales, to_kinds, taken, memory, tables)
    to_owned = to_kept * taken.owned_by_value
    to_control[:, : len(OWNED)].addcmul_(to_owned, taken.per_value)
    to_control[:, AT[ANY_VALUE]] += (to_owned * taken.scales[:, : len(OWNED)]).sum(-1, keepdim=True)
    to_control[:, AT[Field.LITERAL]].addcmul_(to_integer_share, taken.integer * taken.per_value)
    to_control[:, AT[ANY_VALUE]].addcmul_(to_integer_share, taken.integer * taken.per_literal)
    to_masses = to_scales[:, : 2 * len(PER)] * taken.scale_derivatives
    to_seen = to_scales.new_zeros(len(records), 2, tables.seen.shape[1])
    to_seen[:, :, : len(PER)] = to_masses.unflatten(-1, (2, -1))
    to_seen[:, 0, len(PER) :] = torch.cat(
        [to_kept * taken.kept_per_owned, to_kinds, to_integer_share * taken.per_literal * taken.per_value], dim=-1
    )
    return to_seen


def _through_computing(
    acted: Acted,
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
    held, per_value = taken.scales[:, len(PER) :][:, AT[Field.LITERAL]], taken.per_value
    integer_share = taken.integer * taken.per_literal * per_value
    computing = tables.computing * (taken.computes > 0)
    operator = frame[:, at[Field.OPERATOR]] * computing
    per_operator = inverse(operator.sum(-1, keepdim=True))
    left, left_kinds, right = frame[:, at[Field.LITERAL]], frame[:, at[Field.KIND]], control[:, at[Field.LITERAL]]
    given = Operands(
        operator * per_operator,
        left * held,
        left_kinds * held,
        right * integer_share,
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
    to_records[:, 0, at[Field.LITERAL]].addcmul_(to.right, integer_share)
    to_kinds.addcmul_(to.right_kinds, per_value)
    to_control, to_frame, _, to_integer_share, _ = to_scales.split((len(PER), len(PER), len(OWNED), 1, 1), dim=-1)
    to_frame[:, AT[Field.LITERAL]] += (to.left * left).sum(-1, keepdim=True) + (to.left_kinds * left_kinds).sum(
        -1, keepdim=True
    )
    to_control[:, AT[ANY_VALUE]] += (to.right_kinds * taken.kinds).sum(-1, keepdim=True)
    to_integer_share += (to.right * right).sum(-1, keepdim=True)
