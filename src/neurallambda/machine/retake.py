"""Steps taken again: all that their derivatives need and that does not depend on what arrives, several steps at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.machine.alphabet import Field
from neurallambda.machine.decision import Decision, decide
from neurallambda.machine.masses import inverse, inverse_derivative, some
from neurallambda.machine.memory import Few, Memory
from neurallambda.machine.selection import ANY_VALUE, AT, OWNED, PER, SCALED, SCALED_SIZES, TAKES_LITERAL
from neurallambda.machine.sight import Sight, see, share
from neurallambda.machine.step import HALT, code_sources, wide_sources
from neurallambda.machine.tables import Tables


@dataclass(frozen=True)
class Kept:
    """What a run keeps of a step: the registers and what was running before it; what settled, as in `Step`."""

    registers: Float[Tensor, "batch 3 addresses"]
    running: Float[Tensor, " batch"]
    settled: Float[Tensor, "batch 1"]


@dataclass(frozen=True)
class Retaken:
    """A step, taken again.

    Attributes:
        computing, takes_literals: whether it may have computed anything; taken a literal, or computed.
        few: the addresses under its pointers, with their weights, where they are few.
        records, pointers, per_pointer: what it saw, as in `Sight`.
        sources: what points anywhere, as `WIDE_SOURCES` names it; the registers before the step are the last three.
        at_code: the next control as far as it is code, and the record's pointers at code.
        asked, matched: the parameters it matched, and the addresses that bind them.
        integers, computed, cases: what it computed: the integers; the results and the errors; the cases.
        code, wide, takes, operator, kind, binds: its selection.
        factors, chosen: the scales of that, and the mixture of the rules that they scaled.
        share, per_success, per_success_derivative: how much of the record is computed, over how much succeeds.
        given, per_going: the rules, given that one goes on; one over how much does.
        rules, rules_go_on: the rules; how much each goes on.
        but_control, but_frame, but_operator: the rules but for one of their factors.
        computes, computed_errors: how much is computed, and to which `ERRORS` it leads.
        scales, scale_derivatives: of control and of the frame, in the order of `PER`; the derivatives of these by the masses.
        owned_by_value, kinds, integer: as in `Sight`.
        kept_per_owned: the derivatives of how much is kept, by `owned_by_value`.
        running, running_under_halt, running_if_any: how much of the program had not ended before; the same under the frame that
            halts; and where anything goes on.
        answered, ended: what arrives at the value pointer's outcome; what arrives at `running` from all that ended here.
        goes_on: how much goes on.
        per_settled: one over what settled.
        settles, goes, points: whether anything settled; whether any rule goes on; whether control and continuation point at
            anything.
    """

    computing: bool
    takes_literals: bool
    few: tuple[Float[Tensor, "batch 2 few"] | None, Int[Tensor, "batch 2 few"]] | None
    records: Float[Tensor, "batch 2 record"]
    pointers: Float[Tensor, "batch 2 addresses"]
    per_pointer: Float[Tensor, "batch 2 1"]
    sources: Float[Tensor, "batch 10 addresses"]
    at_code: Float[Tensor, "batch 4 code"]
    asked: Float[Tensor, "batch 2 code"]
    matched: Float[Tensor, "batch 2 addresses"]
    integers: Float[Tensor, "batch integers"]
    code: Float[Tensor, "batch 24"]
    wide: Float[Tensor, "batch 60"]
    takes: Float[Tensor, "batch taken"]
    operator: Float[Tensor, "batch 1"]
    kind: Float[Tensor, "batch 1"]
    binds: Float[Tensor, "batch 1"]
    factors: Float[Tensor, "batch scaled"]
    chosen: Float[Tensor, "batch scaled"]
    share: Float[Tensor, "batch 1"]
    per_success: Float[Tensor, "batch 1"]
    per_success_derivative: Float[Tensor, "batch 1"]
    given: Float[Tensor, "batch rules"]
    per_going: Float[Tensor, "batch 1"]
    rules: Float[Tensor, "batch rules"]
    rules_go_on: Float[Tensor, "batch rules"]
    but_control: Float[Tensor, "batch rules"]
    but_frame: Float[Tensor, "batch rules"]
    but_operator: Float[Tensor, "batch rules"]
    computes: Float[Tensor, "batch 1"]
    computed_errors: Float[Tensor, "batch errors"]
    computed: Float[Tensor, "batch 6"]
    cases: Float[Tensor, "batch cases"]
    scales: Float[Tensor, "batch scales"]
    scale_derivatives: Float[Tensor, "batch scales"]
    owned_by_value: Float[Tensor, "batch owned"]
    kept_per_owned: Float[Tensor, "batch owned"]
    kinds: Float[Tensor, "batch kinds"]
    integer: Float[Tensor, "batch 1"]
    running: Float[Tensor, "batch 1"]
    running_under_halt: Float[Tensor, "batch 1"]
    running_if_any: Float[Tensor, "batch 1"]
    answered: Float[Tensor, "batch 1"]
    ended: Float[Tensor, "batch 1"]
    goes_on: Float[Tensor, "batch 1"]
    per_settled: Float[Tensor, "batch 1"]
    settles: Float[Tensor, "batch 1"]
    goes: Float[Tensor, "batch 1"]
    points: Float[Tensor, "batch 2"]

    @property
    def registers(self) -> Float[Tensor, "batch 3 addresses"]:
        """The registers before the step."""
        return self.sources[:, -3:]

    @property
    def per_value(self) -> Float[Tensor, "batch 1"]:
        """One over how much of control is a value."""
        return self.scales[:, AT[ANY_VALUE]]

    @property
    def per_literal(self) -> Float[Tensor, "batch 1"]:
        """One over how much of control has a literal."""
        return self.scales[:, AT[Field.LITERAL]]

    @property
    def per_operator(self) -> Float[Tensor, "batch 1"]:
        """One over how much of the frame has an operator."""
        return self.scales[:, len(PER) :][:, AT[Field.OPERATOR]]

    @property
    def per_second(self) -> Float[Tensor, "batch 1"]:
        """One over how much of the frame has a second pointer at code."""
        return self.scales[:, len(PER) :][:, AT[Field.SECOND]]


@dataclass(frozen=True)
class Outcome:
    """What arrives at the outcome, to which every step adds: what has ended, by address and by error; the steps."""

    answer: Float[Tensor, "batch addresses"]
    errors: Float[Tensor, "batch errors"]
    steps: Float[Tensor, " batch"]


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
        inverse(decision.going.sum(-1, keepdim=True)),
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
