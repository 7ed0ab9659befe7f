"""What is known of steps before anything is carried back through them, several steps at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.machine.adjoint.by_address.computing import Computation, Operands
from neurallambda.machine.adjoint.by_address.constants import SOURCES, Constants
from neurallambda.machine.adjoint.by_address.index import AS, Index
from neurallambda.machine.adjoint.by_address.inverse import cases
from neurallambda.machine.adjoint.history import Kept, Outcome
from neurallambda.machine.alphabet import KINDS, OPERATORS, VALUES, Field, Tag
from neurallambda.machine.memory import Memory
from neurallambda.machine.rules import RULES, Operand
from neurallambda.machine.selection import CODE_SOURCES
from neurallambda.machine.step import CONTINUATION, CONTROL, ENVIRONMENT

_BINDS = torch.tensor([rule.binds for rule in RULES] + [False])
_STAYS = torch.tensor([rule.halts or rule.error is not None for rule in RULES] + [True])
_HOLDS = torch.tensor([rule.operand is Operand.VALUE for rule in RULES] + [False])
_TAKES = torch.tensor([rule.copies or rule.operand is Operand.HELD for rule in RULES] + [False])
_NEXT_CODE = torch.tensor(
    [SOURCES.index(rule.next_control.value) if rule.next_control in CODE_SOURCES else 0 for rule in RULES] + [0]
)
_IS_VALUE = torch.tensor([tag in VALUES for tag in Tag])
_KIND = torch.tensor([KINDS.index(tag) if tag in KINDS else -1 for tag in Tag])


@dataclass(frozen=True)
class Known:
    """A step.

    Attributes:
        here: the address that it wrote.
        control, frame, after: the addresses under control and continuation, and under control after it.
        rows: the first two among the addresses of all programs; `both` in turn.
        rule, case: the rule that applied, and its row in `Inverse`; `present` are the rows of all programs.
        products: where in what arrives the products of all entries of a selection stand.
        factors, chosen: how these are scaled; which entries are selected.
        goes_on: the rules that would go on.
        fit, coefficients: how far each rule fits but for control, then but for the frame; those that ask for an operator but for this, and
            then how much less they fit where the frame has an operator to a lesser degree. The coefficients of pairs; then what
            arrives at the frame as far as it would halt.
        ends: what arrives at each rule by way of errors, if anything does, but for what arrives at `running` after the step.
        running: how much of the program ran.
        ended, on: what arrives at `running` from what ended here; how much goes on.
        answers: how much halts here, where anything does.
        stays: which programs stay as they are, where any does.
        sets: the environments of control, of the frame, and of the register; the second by itself.
        environment: the register after it.
        older: the addresses in the environment of the frame that bind its parameter, where any does.
        binds: which programs bind it, where any does; second: this parameter.
        named: the addresses that bind the variable looked up, where any is; name: it.
        next_code: the address of code under the next control, among all; one past the last where it is none.
        literal: where its literal stands among all, where any record written has one.
        literals: the same for control and the frame.
        integer, has_integer: the literal of control, and where it has one.
        takes: which programs take the literal of control along, where any does.
        computation: what was computed, if anything.
    """

    here: int
    control: Int[Tensor, "batch 1"]
    frame: Int[Tensor, "batch 1"]
    after: Int[Tensor, "batch 1"]
    rows: Int[Tensor, "2 batch"]
    both: Int[Tensor, " twice_batch"]
    rule: Int[Tensor, "batch 1"]
    case: Int[Tensor, " batch"]
    present: frozenset[int]
    products: Int[Tensor, "batch selection"]
    factors: Float[Tensor, "batch selection"]
    chosen: Float[Tensor, "batch selection"]
    goes_on: Float[Tensor, "batch rules"]
    fit: Float[Tensor, "batch reasons"]
    coefficients: Float[Tensor, "batch pairs_and_halting"]
    ends: Float[Tensor, "batch rules"] | None
    running: Float[Tensor, "batch 1"]
    ended: Float[Tensor, "batch 1"]
    on: Float[Tensor, "batch 1"]
    answers: Float[Tensor, "batch 1"] | None
    stays: Float[Tensor, "batch 1"] | None
    sets: Float[Tensor, "batch addresses 3"]
    frame_set: Float[Tensor, "batch addresses"]
    environment: Float[Tensor, "batch addresses"]
    older: Float[Tensor, "batch addresses"] | None
    binds: Float[Tensor, "batch 1"] | None
    second: Int[Tensor, "batch 1"]
    named: Float[Tensor, "batch addresses"] | None
    name: Int[Tensor, "batch 1"]
    next_code: Int[Tensor, " batch"]
    literal: Int[Tensor, " batch"] | None
    literals: Int[Tensor, "2 batch"]
    integer: Int[Tensor, "batch 1"]
    has_integer: Float[Tensor, "batch 1"]
    takes: Float[Tensor, "batch 1"] | None
    computation: Computation | None


def know(
    memory: Memory,
    index: Index,
    constants: Constants,
    outcome: Outcome,
    kept: Sequence[Kept],
    end: Float[Tensor, "batch 3 addresses"],
    start: int,
) -> list[Known]:
    """Find what is known of the steps that began at the address `start`; `end` are the registers after them."""
    batch, width, layout = len(memory.records), memory.width, memory.layout
    code, count = layout.code, len(kept)
    moved = [step.moved for step in kept if step.moved is not None]
    assert len(moved) == count
    rule = torch.stack([step.rule for step in moved])
    last = end[:, [CONTROL, CONTINUATION]].argmax(-1)
    addresses = torch.stack([*(step.addresses for step in moved), last])
    environments = [*(step.registers[:, ENVIRONMENT] for step in kept), end[:, ENVIRONMENT, : start + count]]
    written = start + count
    environments = torch.stack([pad(one, (0, written - one.shape[-1])) for one in environments])
    rows = addresses[:-1].transpose(1, 2) + torch.arange(0, batch * width, width)
    flat = rows.flatten()
    fields = index.fields.flatten(0, 1).index_select(0, flat).view(count, 2, batch, -1)
    control, frame = fields.unbind(1)
    tag, frame_tag = control[..., AS[Field.TAG]], frame[..., AS[Field.TAG]]
    operator, second, integer = frame[..., AS[Field.OPERATOR]], frame[..., AS[Field.SECOND]], control[..., AS[Field.LITERAL]]  # fmt: skip
    operator = torch.where(operator < 0, len(OPERATORS), operator)

    # Where the products of a selection stand.
    here = torch.arange(start, start + count)[:, None].expand(-1, batch)
    at, under = addresses[:-1].unbind(-1)
    is_value, no_value = _IS_VALUE[tag], torch.full_like(here, -1)
    points = [no_value, no_value + 1, here, torch.where(is_value, tag, -1), _KIND[tag], torch.where(is_value, at, -1), at, under]  # fmt: skip
    sources = torch.cat([torch.stack(points, dim=-1), control, frame], dim=-1)
    places = sources.index_select(-1, constants.source)
    products = torch.where(places < 0, constants.last, places + constants.base)

    # How these are scaled, and how far each rule fits.
    def of(table: Tensor, index: Tensor) -> Tensor:
        return table.index_select(0, index.flatten()).unflatten(0, (count, batch))

    of_control, of_frame = of(constants.of_control, tag), of(constants.of_frame, frame_tag)
    scales = (of_control * of_frame).split(constants.sizes, dim=-1)
    factors, coefficients, but_operator, scaled_operator, operator_derivative = scales
    of_operator = of(constants.operator, operator)
    control_fits, frame_fits = of(constants.control, tag), of(constants.frame, frame_tag)
    fit = [
        frame_fits * of_operator,
        control_fits * of_operator,
        but_operator * scaled_operator,
        but_operator * operator_derivative * of(constants.of_operator, operator),
    ]
    fit = torch.cat(fit, dim=-1)

    # What ends.
    running = torch.stack([step.running for step in kept])[..., None]
    errors = torch.stack([step.errors for step in moved])
    answered = outcome.answer.gather(1, at.t()).t()[..., None] * is_value[..., None]
    halts = (frame_tag == Tag.HALT)[..., None].to(answered.dtype)
    ended = outcome.steps[:, None] + halts * answered + (errors * outcome.errors).sum(-1, keepdim=True)
    ends = (running * (outcome.errors @ constants.errors)).unbind(0) if bool(outcome.errors.any()) else [None] * count
    stays, binds = _STAYS[rule], _BINDS[rule]

    # What is bound, and looked up.
    next_code = sources.gather(-1, _NEXT_CODE[rule][..., None])[..., 0]
    name = torch.where(next_code < 0, code + 1, index.names.gather(1, next_code.clamp_min(0).t()).t())
    looks = name < code
    bound = index.bound[:, :written]
    sets = memory.records.flatten(0, 1)[:, layout.narrow : layout.narrow + written]
    sets = sets.index_select(0, flat).view(count, 2, batch, written)
    frame_set = sets[:, 1]
    sets = torch.stack([*sets.unbind(1), environments[:-1]], dim=3)
    older = frame_set * (bound == second[..., None])
    named = (bound == name[..., None]).to(answered.dtype)

    # Literals.
    slots = torch.arange(batch) * (int(index.slots.max()) + 1)
    literals = (index.slots.flatten().index_select(0, flat).view(count, 2, batch) + slots).unbind(0)
    own = index.slots[:, start : start + count].t()
    takes = (_TAKES[rule] | (_HOLDS[rule] & (tag == Tag.INTEGER))) & (integer >= 0)
    case = cases(rule, tag)

    flags = torch.stack([halts[..., 0] > 0, stays, binds, looks, own > 0, takes, older.any(-1)]).any(2).t().tolist()
    operands = Operands.of(operator, frame[..., AS[Field.LITERAL]], frame[..., AS[Field.KIND]], integer, tag)
    results = index.fields[:, start : start + count, AS[Field.LITERAL]].t()
    computations: list[Computation | None] = []
    for number, done in enumerate(step.computing for step in moved):
        rows_done = None if done is None else done.rows
        result = results[number] if rows_done is None else results[number][rows_done]
        computations.append(done and Computation(done, operands.at(number, rows_done), result))
    column = slice(None), slice(None), None
    numbers = torch.arange(batch) * (code + 1)
    parts = zip(
        at[column].unbind(0),
        under[column].unbind(0),
        addresses[1:, :, :1].unbind(0),
        rows.unbind(0),
        rows.transpose(1, 2).flatten(1).unbind(0),
        rule[column].clamp_max(len(RULES) - 1).unbind(0),
        case.unbind(0),
        [frozenset(row) for row in case.tolist()],
        products.unbind(0),
        factors.unbind(0),
        of(constants.chosen, rule).unbind(0),
        of(constants.goes_on, rule).unbind(0),
        fit.unbind(0),
        torch.cat([coefficients, running * answered], dim=-1).unbind(0),
        ends,
        running.unbind(0),
        ended.unbind(0),
        [step.goes_on[:, None] for step in moved],
        _where((running * halts).unbind(0), flags, 0),
        _where(stays[column].to(answered.dtype).unbind(0), flags, 1),
        sets.unbind(0),
        frame_set.unbind(0),
        environments[1:].unbind(0),
        _where(older.unbind(0), flags, 6),
        _where(binds[column].to(answered.dtype).unbind(0), flags, 2),
        second[column].clamp_min(0).unbind(0),
        _where(named.unbind(0), flags, 3),
        name[column].unbind(0),
        (torch.where(next_code < 0, code, next_code) + numbers).unbind(0),
        _where((own + slots).unbind(0), flags, 4),
        literals,
        integer[column].clamp_min(0).unbind(0),
        (integer >= 0)[column].to(answered.dtype).unbind(0),
        _where(takes[column].to(answered.dtype).unbind(0), flags, 5),
        computations,
        strict=True,
    )
    return [Known(start + number, *part) for number, part in enumerate(parts)]


def _where(steps: Sequence[Tensor], flags: list[list[bool]], flag: int) -> list[Tensor | None]:
    """What is of use in some steps alone."""
    return [step if flags[number][flag] else None for number, step in enumerate(steps)]
