"""The derivative of what a step makes, by hand: `act` transposed. `to_x` is what arrives at `x`."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.machine.adjoint.by_hand.retaken import Retaken
from neurallambda.machine.alphabet import Field
from neurallambda.machine.layout import WIDE
from neurallambda.machine.memory import Memory
from neurallambda.machine.selection import CODE_TARGETS, WIDE_TARGETS
from neurallambda.machine.tables import Tables

VALUE_POINTER = 2 * WIDE
"""Where the value pointer stands among `WIDE_SOURCES`; the registers follow."""


@dataclass(frozen=True)
class Arriving:
    """What arrives at the results of a step: the next registers, the record, and what goes on running."""

    registers: Float[Tensor, "batch 3 addresses"]
    record: Float[Tensor, "batch record"]
    running: Float[Tensor, "batch 1"]


@dataclass(frozen=True)
class Acted:
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


def through_act(memory: Memory, taken: Retaken, after: Tensor, arriving: Arriving, tables: Tables) -> Acted:
    """Carry back what arrives at the results of a step; `after` are the registers after it."""
    code, layout, here = memory.code, memory.layout, memory.written
    control, frame = taken.records.unbind(1)
    at, narrow = layout.slices, layout.narrow
    next_code, name, parameter = taken.at_code[:, 0], taken.asked[:, 1], taken.at_code[:, 3]
    older, named = taken.matched.unbind(1)
    named[:, here] = (parameter * name).sum(-1)  # the step's own record

    # The lookup, from the next registers to what they are made of.
    next_control, next_environment, _ = after.unbind(1)
    to_next, to_environment, to_continuation = arriving.registers.unbind(1)
    along = (to_next * next_control).sum(-1, keepdim=True) * taken.settles
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
    if taken.computing:
        to_share = to_share + (of_literal * taken.integers).sum(-1, keepdim=True)
    to_records = torch.empty_like(taken.records)
    torch.mul(of_record, taken.takes @ memory.take_columns, out=to_records[:, 0])
    to_frame = to_records[:, 1].zero_()
    torch.mul(of_operator, taken.operator, out=to_frame[:, at[Field.OPERATOR]])
    fields = to_sources[:, :VALUE_POINTER].unflatten(1, (2, WIDE))
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
    return Acted(
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
