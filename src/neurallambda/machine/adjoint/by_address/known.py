"""What is known of steps before anything is carried back through them, several steps at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.machine.adjoint.by_address.constants import SOURCES, Constants
from neurallambda.machine.adjoint.by_address.index import AS, POINTING, Index
from neurallambda.machine.adjoint.by_address.inverse import cases
from neurallambda.machine.adjoint.history import Kept, Outcome
from neurallambda.machine.alphabet import KINDS, OPERATORS, VALUES, Field, Tag
from neurallambda.machine.memory import Memory
from neurallambda.machine.moves import Computing
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
        rule, case: the rule that applied, and its row in `Inverse`; one for all programs where it is.
        products: where in what arrives the products of all entries of a selection stand.
        factors, chosen: how these are scaled; which entries are selected.
        goes_on: the rules that would go on.
        fit: how far each rule fits but for control, for the frame, for the operator; and how far it asks for the operator.
        coefficients: `Constants.coefficients`.
        ends: what arrives at each rule by way of errors, but for what arrives at `running` after the step.
        running: how much of the program ran.
        halting: what arrives at the frame as far as it would halt.
        ended, on: what arrives at `running` from what ended here; how much goes on.
        answers: how much halts here, where anything does.
        stays: which programs stay as they are, where any does.
        sets: the environments of control, of the frame, and of the register; after: the register after it.
        older: the addresses that bind the parameter of the frame.
        binds: which programs bind it, where any does; second: this parameter.
        named: the addresses that bind the variable looked up, where any is; name: it.
        next_code: the address of code under the next control, among all; one past the last where it is none.
        literal: where its literal stands among all, where any record written has one.
        literals: the same for control and the frame.
        integer: the literal of control, and where it is one.
        takes: which programs take the literal of control along, where any does.
        computing: what was computed.
    """

    here: int
    control: Int[Tensor, "batch 1"]
    frame: Int[Tensor, "batch 1"]
    after: Int[Tensor, "batch 1"]
    rows: Int[Tensor, "2 batch"]
    rule: Int[Tensor, "batch 1"]
    case: Int[Tensor, " batch"]
    present: frozenset[int]
    products: Int[Tensor, "batch selection"]
    factors: Float[Tensor, "batch selection"]
    chosen: Float[Tensor, "batch selection"]
    goes_on: Float[Tensor, "batch rules"]
    fit: Float[Tensor, "batch 4 rules"]
    coefficients: Float[Tensor, "batch pairs"]
    ends: Float[Tensor, "batch rules"]
    running: Float[Tensor, "batch 1"]
    halting: Float[Tensor, "batch 1"]
    ended: Float[Tensor, "batch 1"]
    on: Float[Tensor, "batch 1"]
    answers: Float[Tensor, "batch 1"] | None
    stays: Float[Tensor, "batch 1"] | None
    sets: Float[Tensor, "batch 3 addresses"]
    environment: Float[Tensor, "batch addresses"]
    older: Float[Tensor, "batch addresses"]
    binds: Float[Tensor, "batch 1"] | None
    second: Int[Tensor, "batch 1"]
    named: Float[Tensor, "batch addresses"] | None
    name: Int[Tensor, "batch 1"]
    next_code: Int[Tensor, " batch"]
    literal: Int[Tensor, " batch"] | None
    literals: Int[Tensor, "2 batch"]
    integer: Int[Tensor, "batch 1"]
    takes: Float[Tensor, "batch 1"] | None
    computing: Computing | None


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
    batch, width, code = len(memory.records), memory.width, memory.layout.code
    dtype = end.dtype
    moved = [step.moved for step in kept if step.moved is not None]
    assert len(moved) == len(kept)
    rule = torch.stack([step.rule for step in moved])
    last = end[:, [CONTROL, CONTINUATION]].argmax(-1)
    addresses = torch.stack([*(step.addresses for step in moved), last])
    environments = [*(step.registers[:, ENVIRONMENT] for step in kept), end[:, ENVIRONMENT]]
    environments = torch.stack([pad(one, (0, width - one.shape[-1])) for one in environments])
    rows = addresses[:-1] + torch.arange(0, batch * width, width)[:, None]
    fields = index.fields.flatten(0, 1)[rows]
    control, frame = fields.unbind(2)
    tag, frame_tag = control[..., AS[Field.TAG]], frame[..., AS[Field.TAG]]
    operator = frame[..., AS[Field.OPERATOR]]
    operator = torch.where(operator < 0, len(OPERATORS), operator)
    second = frame[..., AS[Field.SECOND]]

    here = torch.arange(start, start + len(kept))[:, None].expand(-1, batch)
    is_value = _IS_VALUE[tag]
    at, under = addresses[:-1].unbind(-1)
    nothing, zero = torch.full_like(here, -1), torch.zeros_like(here)
    points = [nothing, zero, here, torch.where(is_value, tag, -1), _KIND[tag], torch.where(is_value, at, -1), at, under]
    sources = torch.cat([torch.stack(points, dim=-1), control, frame], dim=-1)
    places = sources[..., constants.source]
    last_place = constants.last
    products = torch.where(places < 0, last_place, places + constants.base)

    of_control, of_frame, of_operator = constants.control[tag], constants.frame[frame_tag], constants.operator[operator]
    but_operator = of_control * of_frame
    fit = torch.stack(
        [
            of_frame * of_operator,
            of_control * of_operator,
            but_operator * constants.per_operator[frame_tag],
            but_operator * constants.of_operator[operator] * constants.operator_derivative[frame_tag],
        ],
        dim=2,
    )
    running = torch.stack([step.running for step in kept])[..., None]
    errors = torch.stack([step.errors for step in moved])
    answered = outcome.answer.gather(1, at.t()).t()[..., None] * is_value[..., None]
    halts = (frame_tag == Tag.HALT)[..., None].to(dtype)
    ended = outcome.steps[:, None] + halts * answered + (errors * outcome.errors).sum(-1, keepdim=True)
    stays, binds = _STAYS[rule], _BINDS[rule]

    by = _NEXT_CODE[rule]
    next_code = sources.gather(-1, by[..., None])[..., 0]
    numbers = torch.arange(batch) * (code + 1)
    name = torch.where(next_code < 0, code + 1, index.names.gather(1, next_code.clamp_min(0).t()).t())
    looks = name < code
    sets = memory.records.flatten(0, 1)[:, memory.layout.narrow : memory.layout.narrow + width][rows]
    sets = torch.cat([sets, environments[:-1, :, None]], dim=2)
    bound = index.bound
    older = (bound == second[..., None]).to(dtype)
    named = (bound == name[..., None]).to(dtype)
    slots = torch.arange(batch) * (int(index.slots.max()) + 1)
    literals = index.slots.flatten()[rows] + slots[:, None]
    own = index.slots[:, start : start + len(kept)].t()
    integer = control[..., AS[Field.LITERAL]]
    takes = (_TAKES[rule] | (_HOLDS[rule] & (tag == Tag.INTEGER))) & (integer >= 0)
    case = cases(rule, tag)

    flags = torch.stack([halts[..., 0] > 0, stays, binds, looks, own > 0, takes]).any(2).t().tolist()
    steps: list[Known] = []
    for number, (any_halts, any_stays, any_binds, any_looks, any_own, any_takes) in enumerate(flags):
        steps.append(
            Known(
                here=start + number,
                control=at[number, :, None],
                frame=under[number, :, None],
                after=addresses[number + 1, :, :1],
                rows=rows[number].t(),
                rule=rule[number, :, None].clamp_max(len(RULES) - 1),
                case=case[number],
                present=frozenset(case[number].tolist()),
                products=products[number],
                factors=constants.factors[0][tag[number]] * constants.factors[1][frame_tag[number]],
                chosen=constants.chosen[rule[number]],
                goes_on=constants.goes_on[rule[number]],
                fit=fit[number],
                coefficients=constants.coefficients[0][tag[number]] * constants.coefficients[1][frame_tag[number]],
                ends=running[number] * (outcome.errors @ constants.errors),
                running=running[number],
                halting=running[number] * answered[number],
                ended=ended[number],
                on=moved[number].goes_on[:, None],
                answers=running[number] * halts[number] if any_halts else None,
                stays=stays[number, :, None].to(dtype) if any_stays else None,
                sets=sets[number],
                environment=environments[number + 1],
                older=older[number],
                binds=binds[number, :, None].to(dtype) if any_binds else None,
                second=second[number, :, None],
                named=named[number] if any_looks else None,
                name=name[number, :, None],
                next_code=torch.where(next_code[number] < 0, code, next_code[number]) + numbers,
                literal=own[number] + slots if any_own else None,
                literals=literals[number].t(),
                integer=integer[number, :, None],
                takes=takes[number, :, None].to(dtype) if any_takes else None,
                computing=moved[number].computing,
            )
        )
    return steps


assert len(SOURCES) == 8 + 2 * len(POINTING)
