"""Steps taken again: all that their derivatives need and that does not depend on what arrives, several steps at once."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.arithmetic.masses import inverse, inverse_derivative, some
from neurallambda.machine.adjoint.by_hand.retaken import Retaken
from neurallambda.machine.adjoint.history import Kept, Outcome
from neurallambda.machine.alphabet import Field
from neurallambda.machine.decision import Decision, decide
from neurallambda.machine.memory import Few, Memory
from neurallambda.machine.selection import ANY_VALUE, AT, OWNED, SCALED, SCALED_SIZES, TAKES_LITERAL
from neurallambda.machine.sight import Sight, see, share
from neurallambda.machine.step import HALT, code_sources, wide_sources
from neurallambda.machine.tables import Tables


def retake(memory: Memory, kept: Sequence[Kept], outcome: Outcome, tables: Tables) -> list[Retaken]:
    """Take several steps again that followed one another. Memory may hold more by now: no register points there."""
    count, batch = len(kept), len(memory.records)
    registers = torch.stack([pad(step.registers, (0, memory.width - step.registers.shape[-1])) for step in kept])
    pointers, per_pointer = share(memory, registers)
    few = memory.few(pointers)
    records = memory.read(pointers) if few is None else memory.read_few(*few)
    value_pointer = (pointers[:, :, 0] * memory.roles[:, 2]).flatten(0, 1)
    sight = see(pointers.flatten(0, 1), per_pointer.flatten(0, 1), records.flatten(0, 1), tables)
    decision = decide(sight, memory.layout, tables)
    sources = wide_sources(sight, value_pointer, registers.flatten(0, 1), memory.layout)
    at_code = decision.selection.code @ code_sources(sight, memory.layout)
    name = at_code[:, 0].unflatten(0, (count, batch)).transpose(0, 1) @ memory.code.variables
    second = sight.records[:, 1, memory.layout.slices[Field.SECOND]] * sight.scales[:, 1, AT[Field.SECOND]]
    asked = torch.stack([second, name.transpose(0, 1).flatten(0, 1)], dim=1)
    matched = memory.match(asked.unflatten(0, (count, batch))).flatten(0, 1)
    whole = (
        sight.records,
        sight.pointers,
        sight.per_pointer,
        sources,
        at_code,
        asked,
        matched,
        decision.computed.integers,
    )
    per_settled = inverse(torch.cat([step.settled for step in kept]))
    small = [
        *_decided(sight, decision, tables),
        *_ended(sight, decision, kept, value_pointer, outcome),
        per_settled,
        some(per_settled).to(per_settled.dtype),
        1 - decision.given[:, -1:],
        some(sight.per_pointer[:, :, 0]).to(per_settled.dtype),
    ]
    sizes = [part.shape[-1] for part in small]
    parts = zip(*(part.chunk(count) for part in (*whole, torch.cat(small, dim=-1))), strict=True)
    fews = _fews(few, count)
    steps = zip(*_asked(decision, count), fews, parts, strict=True)
    return [
        Retaken(computing, takes_literals, few, *part, *rest.split(sizes, dim=-1))
        for computing, takes_literals, few, (*part, rest) in steps
    ]


def _asked(decision: Decision, count: int) -> tuple[list[bool], list[bool]]:
    """Of each step, whether it may have computed anything; whether it may have taken a literal, or computed one."""
    if decision.computes.device.type != "cpu":
        return [True] * count, [True] * count
    computes = decision.computes.unflatten(0, (count, -1)).flatten(1).any(1)
    takes = decision.selection.taken[:, TAKES_LITERAL].unflatten(0, (count, -1)).flatten(1).any(1)
    return computes.tolist(), (takes | computes).tolist()


def _fews(few: Few | None, count: int) -> list[tuple[Tensor | None, Tensor] | None]:
    """The few addresses of each step."""
    if few is None:
        return [None] * count
    weights, addresses = few
    parts = [None] * count if weights is None else weights.unbind(0)
    return list(zip(parts, addresses.unbind(0), strict=True))


def _decided(sight: Sight, decision: Decision, tables: Tables) -> list[Tensor]:
    """The fields of `Retaken` from `code` to `integer`."""
    computed, selected = decision.computed, decision.selection
    of_control, of_frame, of_operator = decision.factors
    factors, chosen = decision.scales.index_select(-1, tables.scaling), decision.chosen[:, :SCALED]
    per_success = inverse(computed.succeeds)
    of_fields, of_any = sight.scales[:, 0, : len(OWNED)], sight.scales[:, 0, AT[ANY_VALUE]]
    return [
        *(chosen * factors).split(SCALED_SIZES, dim=-1),
        factors,
        chosen,
        selected.computes * per_success,
        per_success,
        selected.computes * inverse_derivative(per_success),
        decision.given[:, :-1],
        inverse(decision.going.sum(-1, keepdim=True)) * (1 - decision.given[:, -1:]),
        decision.rules,
        torch.addcmul(tables.goes_on, tables.computes, computed.succeeds),
        of_frame * of_operator,
        of_control * of_operator,
        of_control * of_frame,
        decision.computes,
        computed.errors @ tables.computed_errors,
        torch.cat([computed.results, computed.errors], dim=-1),
        computed.cases,
        sight.scales.flatten(1),
        inverse_derivative(sight.scales).flatten(1),
        sight.owned_by_value,
        of_fields * of_any,
        sight.kinds,
        sight.integer,
    ]


def _ended(
    sight: Sight, decision: Decision, kept: Sequence[Kept], value_pointer: Tensor, outcome: Outcome
) -> list[Tensor]:
    """The fields of `Retaken` from `running` to `goes_on`."""
    running = torch.cat([step.running for step in kept])[:, None]
    answer, errors = outcome.answer.repeat(len(kept), 1), outcome.errors.repeat(len(kept), 1)
    halts = sight.records[:, 1, HALT]
    answered = (value_pointer * answer).sum(-1, keepdim=True)
    ended = torch.addcmul(outcome.steps.repeat(len(kept))[:, None], halts, answered)
    remains = 1 - decision.halts - decision.errors.sum(-1, keepdim=True)
    return [
        running,
        running * halts,
        running * (remains >= 0),
        answered,
        ended + (decision.errors * errors).sum(-1, keepdim=True),
        decision.goes_on[:, None],
    ]
