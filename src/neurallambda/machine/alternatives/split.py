"""Splitting: which rule each alternative may apply, to what record, under which frame, and how likely each of these is."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from neurallambda.machine.alternatives.matching import Matching, match, read_apart
from neurallambda.machine.memory import Memory
from neurallambda.machine.step import CONTINUATION, CONTROL
from neurallambda.machine.tables import Tables

CONTROLS, FRAMES = 6, 4
"""So many addresses under control and under continuation are told apart; what lies beyond them stays together."""


@dataclass(frozen=True)
class Parts:
    """The parts that alternatives are split into. Rows that have fewer are filled up with parts of no weight.

    Attributes:
        weights: how much of the program each part is.
        lost: how much of it no rule applies to, since a register points at nothing.
        pointers: the registers of each part.
        rules: the rules that it applies: one; in the last part, if it is a mixture, any.
        is_mixture: whether the last part is all that no other part is.
    """

    weights: Float[Tensor, "batch parts"]
    lost: Float[Tensor, " batch"]
    pointers: Float[Tensor, "batch parts 3 addresses"]
    rules: Float[Tensor, "batch parts rules"]
    is_mixture: bool


@dataclass(frozen=True)
class Split:
    """What was chosen to be a part of its own, so that a step can be taken again.

    Attributes:
        chosen: places among all (alternative, control, frame, rule), laid out in a row.
        controls, frames: the addresses told apart in each alternative.
        is_mixture: whether all the rest is one more part.
    """

    chosen: Int[Tensor, "batch chosen"]
    controls: Int[Tensor, "batch alternatives few_controls"]
    frames: Int[Tensor, "batch alternatives few_frames"]
    is_mixture: bool


def split(
    memory: Memory,
    pointers: Float[Tensor, "batch alternatives 3 addresses"],
    running: Float[Tensor, "batch alternatives"],
    tables: Tables,
    most: int,
    again: Split | None = None,
) -> tuple[Parts, Split]:
    """Split every alternative by rule and address.

    Args:
        memory: what is written.
        pointers: control, environment and continuation of each alternative.
        running: how much of the program each of them is.
        tables: the rules as tensors.
        most: how many parts there may be besides the mixture of the rest.
        again: what was chosen when this step was taken before.
    """
    written = memory.written
    matching, apart = match(memory, tables), read_apart(memory)
    control, frame = pointers[:, :, CONTROL, :written], pointers[:, :, CONTINUATION, :written]
    if again is None:
        controls = control.topk(min(CONTROLS, written), dim=-1).indices
        frames = frame.topk(min(FRAMES, written), dim=-1).indices
    else:
        controls, frames = again.controls, again.frames
    of_control = _by_address(control, controls, matching.control, apart)
    of_frame = _by_address(frame, frames, matching.frame, None)
    joint = of_control[:, :, :, None] * of_frame[:, :, None]
    total = joint.flatten(2).sum(-1)
    is_lost = total <= torch.finfo(total.dtype).tiny
    joint = joint * (running * ~is_lost / torch.where(is_lost, 1, total))[:, :, None, None, None]
    flat = joint.flatten(1)
    if again is None:
        again = _choose(flat, controls, frames, most)
    weights = flat.gather(1, again.chosen)
    place = _Place.of(again.chosen, joint.shape)
    chosen_pointers = torch.stack(
        [
            _conditioned(control, place.alternative, place.control, controls, place.rule, matching.control, apart),
            pointers[:, :, 1, :written].gather(1, _over(place.alternative, written)),
            _conditioned(frame, place.alternative, place.frame, frames, place.rule, matching.frame, None),
        ],
        dim=2,
    )
    rules = torch.nn.functional.one_hot(place.rule, joint.shape[-1]).to(weights.dtype)
    if again.is_mixture:
        rest = flat.scatter(1, again.chosen, 0.0).view_as(joint)
        weights = torch.cat([weights, rest.flatten(1).sum(-1, keepdim=True)], dim=1)
        chosen_pointers = torch.cat([chosen_pointers, _rest(pointers[..., :written], rest, matching)[:, None]], dim=1)
        rules = torch.cat([rules, torch.ones_like(rules[:, :1])], dim=1)
    beyond = pointers.shape[-1] - written
    lost = (running * is_lost).sum(-1)
    return Parts(weights, lost, torch.nn.functional.pad(chosen_pointers, (0, beyond)), rules, again.is_mixture), again


def needs_splitting(
    memory: Memory, pointers: Float[Tensor, "batch 3 addresses"], rules: Float[Tensor, "batch rules"]
) -> bool:
    """Whether a step cannot be taken exactly with one set of registers in some program of the batch."""
    if bool((rules.count_nonzero(-1) > 1).any()):
        return True
    several = pointers[:, ::2].count_nonzero(-1) > 1
    if not bool(several.any()):
        return False
    of_control = (pointers[:, CONTROL, : memory.written, None] > 0) & read_apart(memory) & (rules[:, None] > 0)
    return bool((several[:, 1] | (several[:, 0] & of_control.flatten(1).any(-1))).any())


def _by_address(
    pointer: Float[Tensor, "batch alternatives addresses"],
    few: Int[Tensor, "batch alternatives few"],
    matching: Float[Tensor, "batch addresses rules"],
    apart: Bool[Tensor, "batch addresses rules"] | None,
) -> Float[Tensor, "batch alternatives few_and_rest rules"]:
    """How far each rule is matched by each of a few addresses under a pointer, and last by all others together.

    A rule that may read a mixture of records, as `apart` says, is matched by all addresses together, in the last place.
    """
    matched = _at(matching, few) * pointer.gather(2, few)[..., None]
    beyond = pointer.scatter(2, few, 0.0)
    if apart is None:
        return torch.cat([matched, (beyond @ matching)[:, :, None]], dim=2)
    rest = beyond @ (matching * apart) + pointer @ (matching * ~apart)
    return torch.cat([matched * _at(apart, few), rest[:, :, None]], dim=2)


def _at(matching: Tensor, few: Int[Tensor, "batch alternatives few"]) -> Tensor:
    """What a matching says of a few addresses."""
    batch = torch.arange(len(few), device=few.device)[:, None, None]
    return matching[batch, few]


def _choose(flat: Float[Tensor, "batch places"], controls: Tensor, frames: Tensor, most: int) -> Split:
    """The likeliest parts; all that are left over are one more."""
    least = torch.finfo(flat.dtype).eps ** 2
    count = int((flat > least).sum(-1).max())
    chosen = flat.topk(max(1, min(count, most)), dim=-1).indices
    return Split(chosen, controls, frames, is_mixture=count > most)


@dataclass(frozen=True)
class _Place:
    """The coordinates of chosen parts."""

    alternative: Int[Tensor, "batch chosen"]
    control: Int[Tensor, "batch chosen"]
    frame: Int[Tensor, "batch chosen"]
    rule: Int[Tensor, "batch chosen"]

    @staticmethod
    def of(chosen: Int[Tensor, "batch chosen"], shape: torch.Size) -> "_Place":
        """Read places in a row."""
        _, _, controls, frames, rules = shape
        rest, rule = chosen // rules, chosen % rules
        rest, frame = rest // frames, rest % frames
        return _Place(rest // controls, rest % controls, frame, rule)


def _over(index: Int[Tensor, "batch chosen"], width: int) -> Int[Tensor, "batch chosen width"]:
    return index[:, :, None].expand(-1, -1, width)


def _conditioned(
    pointer: Float[Tensor, "batch alternatives addresses"],
    alternative: Int[Tensor, "batch chosen"],
    place: Int[Tensor, "batch chosen"],
    few: Int[Tensor, "batch alternatives few"],
    rule: Int[Tensor, "batch chosen"],
    matching: Float[Tensor, "batch addresses rules"],
    apart: Bool[Tensor, "batch addresses rules"] | None,
) -> Float[Tensor, "batch chosen addresses"]:
    """A register, given that the part's rule applies to what it points at in the part's place."""
    width, count = pointer.shape[-1], few.shape[-1]
    own = pointer.gather(1, _over(alternative, width))
    matched = matching.transpose(1, 2).gather(1, _over(rule, width))
    of_few = few.gather(1, _over(alternative, count))
    one = torch.zeros_like(own).scatter(2, of_few.gather(2, place.clamp_max(count - 1)[..., None]), 1.0)
    is_few = torch.zeros_like(own).scatter(2, of_few, 1.0)
    rest = 1 - is_few
    if apart is not None:
        told = apart.transpose(1, 2).gather(1, _over(rule, width)).to(own.dtype)
        rest = rest * told + (1 - told)
    masked = own * matched * torch.where((place < count)[..., None], one, rest)
    return masked / masked.sum(-1, keepdim=True).clamp_min(torch.finfo(masked.dtype).tiny)


def _rest(
    pointers: Float[Tensor, "batch alternatives 3 addresses"],
    rest: Float[Tensor, "batch alternatives controls frames rules"],
    matching: Matching,
) -> Float[Tensor, "batch 3 addresses"]:
    """The registers of all the rest together: of each register its mixture, independent of the others."""
    of_rule = rest.sum((2, 3))
    control, environment, frame = pointers.unbind(2)
    mixed = torch.stack(
        [
            _mixed(control, matching.control, of_rule),
            (environment * of_rule.sum(-1, keepdim=True)).sum(1),
            _mixed(frame, matching.frame, of_rule),
        ],
        dim=1,
    )
    return mixed / of_rule.sum((1, 2))[:, None, None].clamp_min(torch.finfo(mixed.dtype).tiny)


def _mixed(
    pointer: Float[Tensor, "batch alternatives addresses"],
    matching: Float[Tensor, "batch addresses rules"],
    of_rule: Float[Tensor, "batch alternatives rules"],
) -> Float[Tensor, "batch addresses"]:
    """A register, where each rule applies so far."""
    per_rule = of_rule / (pointer @ matching).clamp_min(torch.finfo(of_rule.dtype).tiny)
    return (pointer * (per_rule @ matching.transpose(1, 2))).sum(1)
