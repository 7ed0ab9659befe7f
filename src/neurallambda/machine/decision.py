"""What a step decides: how far each rule applies, and what it selects."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.arithmetic.masses import inverse, is_nothing
from neurallambda.machine.alphabet import Field
from neurallambda.machine.compute import Computed, Operands, compute, nothing, spread
from neurallambda.machine.layout import Layout
from neurallambda.machine.selection import ANY_VALUE, AT, OWNED, Selection, selection
from neurallambda.machine.sight import Sight
from neurallambda.machine.tables import ERRORS, Tables


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


def decide(sight: Sight, layout: Layout, tables: Tables, only: Float[Tensor, "batch rules"] | None = None) -> Decision:
    """Match all rules, and compute what they may need.

    Args:
        sight: what the step sees.
        layout: how records are laid out.
        tables: the rules as tensors.
        only: the rules that may apply, given that one of them does.
    """
    control, frame = sight.records.unbind(1)
    control_scales, frame_scales = sight.scales.unbind(1)
    tag, operator = layout.slices[Field.TAG], layout.slices[Field.OPERATOR]
    factors = (
        control[:, tag] @ tables.control,
        frame[:, tag] @ tables.frame,
        torch.addcmul(tables.any_operator, frame[:, operator] @ tables.operator, frame_scales[:, AT[Field.OPERATOR]]),
    )
    rules = factors[0] * factors[1] * factors[2]
    if only is not None:
        rules = given_one_of(rules, only)
    computes, halts, errors = (rules @ tables.ends).split((1, 1, len(ERRORS)), dim=-1)
    integer_share = sight.integer * control_scales[:, AT[Field.LITERAL]] * control_scales[:, AT[ANY_VALUE]]
    if is_nothing(computes):
        computed = nothing(len(control), layout.integers, control.device, control.dtype)
    else:
        computed = _compute(sight, integer_share, computes, layout, tables)
        errors = torch.addcmul(errors, computes, computed.errors @ tables.computed_errors)
    goes_on = (1 - halts[:, 0] - errors.sum(-1)).clamp_min(0)

    going = rules * torch.addcmul(tables.goes_on, tables.computes, computed.succeeds)
    some = going.sum(-1, keepdim=True)
    idle = (some <= torch.finfo(some.dtype).eps).to(some.dtype)  # no rule goes on: stay as you are
    given = torch.cat([going * (inverse(some) * (1 - idle)), idle], dim=-1)
    chosen = given @ tables.select
    kept = sight.owned_by_value * control_scales[:, : len(OWNED)] * control_scales[:, AT[ANY_VALUE]]
    scales = torch.cat([sight.scales.flatten(1), kept, integer_share, torch.ones_like(idle)], dim=-1)
    selected = selection(chosen, scales, tables.scaling)
    return Decision(factors, rules, computed, computes, goes_on, halts, errors, going, given, scales, chosen, selected)


def given_one_of(
    rules: Float[Tensor, "batch rules"], only: Float[Tensor, "batch rules"]
) -> Float[Tensor, "batch rules"]:
    """How likely each rule is, given that one of some applies; where that is one rule, it applies for certain."""
    some = rules * only
    some = some / some.sum(-1, keepdim=True).clamp_min(torch.finfo(some.dtype).tiny)
    return torch.where(only.sum(-1, keepdim=True) == 1, only, some)


def _compute(sight: Sight, integer_share: Tensor, computes: Tensor, layout: Layout, tables: Tables) -> Computed:
    """Compute; where asking is free and only a part of the programs computes anything, in that part."""
    is_free = computes.device.type == "cpu" and not (torch.is_grad_enabled() or torch.compiler.is_compiling())
    rows = computes[:, 0].nonzero()[:, 0] if is_free else None
    given = [sight.records, sight.scales, sight.kinds, integer_share, computes]
    if rows is None or 2 * len(rows) > len(computes):
        return compute(_operands(given, layout, tables), tables.operations)
    some = _operands([part.index_select(0, rows) for part in given], layout, tables)
    return spread(compute(some, tables.operations), rows, len(computes))


def _operands(given: Sequence[Tensor], layout: Layout, tables: Tables) -> Operands:
    """What is computed of: the frame's operator and what it holds, and the value under control; no operator in programs
    where nothing is computed.
    """
    records, scales, kinds, integer_share, computes = given
    control, frame = records.unbind(1)
    at = layout.slices
    operator = frame[:, at[Field.OPERATOR]] * (tables.computing * (computes > 0))
    operator = operator * inverse(operator.sum(-1, keepdim=True))
    held, per_value = scales[:, 1, AT[Field.LITERAL]], scales[:, 0, AT[ANY_VALUE]]
    return Operands(
        operator,
        frame[:, at[Field.LITERAL]] * held,
        frame[:, at[Field.KIND]] * held,
        control[:, at[Field.LITERAL]] * integer_share,
        kinds * per_value,
    )
