"""From leaves back to holes: what was drawn in a world, and how likely each value of a part is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurallambda.holes import Soft
from neurallambda.lang.chances import Chances
from neurallambda.worlds.circuit import Circuit
from neurallambda.worlds.given import Rows
from neurallambda.worlds.inputs import Holes


@dataclass(frozen=True)
class Assignment:
    """What was drawn in one world.

    Attributes:
        holes: what each uncertain hole is.
        draws: what samples and coins gave, in order.
        log: the logarithm of the probability that every part is its likeliest value.
    """

    holes: dict[str, Any]
    draws: tuple[Any, ...]
    log: float


def assignments(
    holes: Holes, circuit: Circuit, named: tuple[str, ...], log: Tensor, row: int, leaves: list[int]
) -> Assignment:
    """What a world of a row has drawn, by its leaves in the order in which they were drawn."""
    count = circuit.leaves
    drawn = {leaf for leaf in leaves if leaf < count}
    draws: list[Any] = []
    constants = list(circuit.constants)
    sampled = iter([leaf for leaf in leaves if leaf >= count])
    for leaf in sampled:
        if leaf < 2 * count:
            draws.append(_value(holes, leaf - count))
        elif (meaning := constants[leaf - 2 * count]) is not None:
            if len(meaning) == 1:  # of a list the parts that are drawn come next
                following = (_value(holes, one - count) for one in sampled if one < 2 * count)
                draws.append(_sampled(of_row(holes.given[meaning[0]], row), row, following))
            else:
                draws.append(meaning[2])
    rest = 0.0
    found: dict[str, Any] = {}
    for number, name in enumerate(holes.names):
        if name not in named:
            continue
        parts: dict[int, Any] = {}
        for one, start, first in holes.blocks[number]:
            if one.row not in (None, row):
                continue
            values = len(one.values)
            place = 0 if one.row is not None else row
            if one.lengths is None:
                value, more = _chosen(one.values, start + place * values, drawn, log)
                parts[first] = value
                rest += more
                continue
            time, length = one.log.shape[1], int(one.lengths[row])
            items = []
            for item in range(length):
                value, more = _chosen(one.values, start + (row * time + item) * values, drawn, log)
                items.append(value)
                rest += more
            parts[first] = items
        given = of_row(holes.given[name], row)
        ordered = iter([parts[first] for first in sorted(parts, reverse=True)])
        found[name] = _filled(given, ordered)
    return Assignment(found, tuple(draws), rest)


def _chosen(values: tuple[Any, ...], start: int, drawn: set[int], log: Tensor) -> tuple[Any, float]:
    """The value of a part, of one that was not drawn the likeliest; and the logarithm of the probability of that."""
    numbers = log[start : start + len(values)]
    likeliest = int(numbers.argmax())
    place = next((place for place in range(len(values)) if start + place in drawn), likeliest)
    return values[place], float(numbers[likeliest])


def relative(holes: Holes, log: Tensor) -> Tensor:
    """The leaves of each part compared with its likeliest value, which is what a part is where nobody looks at it."""
    found = log.clone()
    for blocks in holes.blocks:
        for one, start, _ in blocks:
            values = log[start : start + one.log.numel()].view(one.log.shape)
            if values.numel():
                found[start : start + one.log.numel()] = (values - values.amax(-1, keepdim=True)).reshape(-1)
    return found


def _value(holes: Holes, leaf: int) -> Any:
    for blocks in holes.blocks:
        for one, start, _ in blocks:
            if start <= leaf < start + one.log.numel():
                return one.values[(leaf - start) % len(one.values)]
    raise AssertionError("a leaf is of some block")


def _sampled(given: Any, row: int, parts: Iterator[Any]) -> Any:
    """What was sampled of a hole, its parts in order of the text in the place of what is uncertain."""
    if isinstance(given, Soft) and given.logits.dim() == 3:
        length = given.logits.shape[1] if given.lengths is None else int(given.lengths[row])
        return [next(parts) for _ in range(length)]
    if isinstance(given, (Soft, Chances)):
        return next(parts)
    return [_sampled(item, row, parts) for item in given] if isinstance(given, (list, tuple)) else given


def _filled(given: Any, parts: Iterator[Any]) -> Any:
    """What stands for a hole, its parts in order of the text in the place of what is uncertain."""
    if isinstance(given, (Soft, Chances)):
        return next(parts)
    return [_filled(item, parts) for item in given] if isinstance(given, (list, tuple)) else given


def of_row(given: Any, row: int) -> Any:
    """What was given for a hole, in one row."""
    match given:
        case Rows(values):
            return values[row]
        case Tensor():
            return given[row].tolist()
        case _:
            return given


def marginals(holes: Holes, name: str, counts: Tensor, log: Tensor) -> Any:
    """How likely each value of a hole is, from how often each leaf is expected to be drawn, and the numbers of the leaves."""
    number = holes.numbers[name]
    given = holes.given[name]
    parts: dict[tuple[int | None, int], Tensor] = {}
    for one, start, first in holes.blocks[number]:
        drawn = counts[start : start + one.log.numel()].view(one.log.shape)
        prior = log[start : start + one.log.numel()].view(one.log.shape).exp()
        whole = drawn + (1 - drawn.sum(-1, keepdim=True)).clamp_min(0) * prior
        if one.lengths is not None:
            lengths = one.lengths.to(whole.device)
            there = torch.arange(one.log.shape[1], device=whole.device) < lengths[:, None]
            whole = torch.where(there[..., None], whole, 0.0)
        parts[one.row, first] = whole
    if isinstance(given, Rows):
        rows = []
        for row, value in enumerate(given.values):
            mine = sorted((first for at, first in parts if at == row), reverse=True)
            rows.append(_filled(value, iter([parts[row, first][0] for first in mine])))
        return rows
    return _filled(given, iter([parts[None, first] for _, first in sorted(parts, key=lambda key: -key[1])]))
