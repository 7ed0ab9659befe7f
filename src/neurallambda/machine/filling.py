"""Filling: the distributions of holes are written into the cells of programs; gradients flow from the cells to the logits.

A value that is an integer out of range is the error `overflow`, met where the hole is evaluated. Were one cell both that
and a value, nobody could point at the value without the error: a pair that holds it, say. So such a hole is two cells, and
what points at the hole points at either with its probability. (The program as a whole is pointed at by nothing.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.holes import Soft
from neurallambda.lang.core import unfilled_hole
from neurallambda.lang.terms import UNARY_PRIMITIVES
from neurallambda.machine.alphabet import CODE_FIELDS, OPERATORS, Field, Tag
from neurallambda.machine.assemble import ROOT_ADDRESS, Cell, Cells


@dataclass(frozen=True)
class Place:
    """Where a hole is: the program, the address of its cell, and that of the cell for integers out of range, if any."""

    row: int
    address: int
    outside: int | None


def places(
    programs: Sequence[Cells], filled: Mapping[str, Soft], integers: range
) -> tuple[list[Cells], dict[str, list[Place]]]:
    """The programs, with one more cell for each hole that needs it, and the places of each hole.

    Raises:
        SourceError: where a program has a hole that is not filled.
    """
    wider: list[Cells] = []
    found: dict[str, list[Place]] = {}
    for row, program in enumerate(programs):
        cells = list(program.cells)
        for address, cell in enumerate(program.cells):
            if cell.hole is None:
                continue
            if cell.hole not in filled:
                assert cell.node is not None
                raise unfilled_hole(cell.hole, cell.node)
            outside = None
            if address != ROOT_ADDRESS and 0 < len(_inside(filled[cell.hole], integers)) < len(
                filled[cell.hole].values
            ):
                outside = len(cells)
                cells.append(Cell(Tag.OVERSIZED, node=cell.node))
            found.setdefault(cell.hole, []).append(Place(row, address, outside))
        wider.append(program if len(cells) == len(program) else replace(program, cells=tuple(cells)))
    return wider, found


def fill(
    tensors: dict[str, Tensor],
    programs: Sequence[Cells],
    found: Mapping[str, Sequence[Place]],
    filled: Mapping[str, Soft],
    integers: range,
) -> None:
    """Write the fillings into `tensors`, which hold the programs field by field."""
    for name, all_places in found.items():
        logits = filled[name].logits.to(tensors["tag"])
        whole = [place for place in all_places if place.outside is None]
        if whole:
            _write(tensors, whole, filled[name].values, _rows(logits, whole).softmax(-1), integers)
        split = [place for place in all_places if place.outside is not None]
        if split:
            _write_split(tensors, programs, split, filled[name], _rows(logits, split), integers)


def _rows(logits: Float[Tensor, "*batch values"], somewhere: Sequence[Place]) -> Float[Tensor, "places values"]:
    """The logits of a hole at each of its places."""
    if logits.dim() == 1:
        return logits.expand(len(somewhere), -1)
    return logits[torch.tensor([place.row for place in somewhere], device=logits.device)]


def _write_split(
    tensors: dict[str, Tensor],
    programs: Sequence[Cells],
    somewhere: Sequence[Place],
    filling: Soft,
    logits: Float[Tensor, "places values"],
    integers: range,
) -> None:
    """Write what is in range into the cell, given that it is, and let what points there point at either cell."""
    inside = _inside(filling, integers)
    among = logits[:, inside]
    among = among.masked_fill(
        among.detach().amax(-1, keepdim=True).isneginf(), 0
    )  # nothing in range: then it is no matter
    _write(tensors, somewhere, tuple(filling.values[i] for i in inside), among.softmax(-1), integers)
    is_inside = torch.zeros(len(filling.values), device=logits.device, dtype=logits.dtype)
    is_inside[inside] = 1
    either = logits.softmax(-1) @ torch.stack([is_inside, 1 - is_inside], dim=-1)
    for field in CODE_FIELDS:
        pointing = [
            (place.row, address, target, number, side)
            for number, place in enumerate(somewhere)
            for address, cell in enumerate(programs[place.row].cells)
            if cell.pointer(field) == place.address
            for side, target in enumerate((place.address, place.outside))
        ]
        if pointing:
            row, address, target, number, side = torch.tensor(pointing, device=logits.device).unbind(-1)
            tensors[field.value] = tensors[field.value].index_put((row, address, target), either[number, side])


def _write(
    tensors: dict[str, Tensor],
    somewhere: Sequence[Place],
    values: Sequence[int | bool | str],
    probabilities: Float[Tensor, "places values"],
    integers: range,
) -> None:
    """Write a distribution over values into the cells of a hole."""
    device = probabilities.device
    rows, addresses = torch.tensor([(place.row, place.address) for place in somewhere], device=device).unbind(-1)
    for field, letters in _alphabets(values, integers).items():
        known, target = torch.tensor(letters, device=device).unbind(-1)
        row = probabilities.new_zeros(len(somewhere), tensors[field.value].shape[-1])
        row = row.index_add(1, target, probabilities[:, known])
        tensors[field.value] = tensors[field.value].index_put((rows, addresses), row)


def _inside(filling: Soft, integers: range) -> list[int]:
    """The positions of the values that there are: all but integers out of range."""
    return [position for position, value in enumerate(filling.values) if type(value) is not int or value in integers]


def _alphabets(values: Sequence[int | bool | str], integers: range) -> dict[Field, list[tuple[int, int]]]:
    """For each field, the positions of the values that it takes part in, and their letters there."""
    letters: dict[Field, list[tuple[int, int]]] = {Field.TAG: []}
    for position, value in enumerate(values):
        if isinstance(value, str):
            tag = Tag.UNARY_PRIMITIVE if value in UNARY_PRIMITIVES else Tag.BINARY_PRIMITIVE
            letters.setdefault(Field.OPERATOR, []).append((position, OPERATORS.index(value)))
        elif isinstance(value, bool):
            tag = Tag.TRUE if value else Tag.FALSE
        elif value in integers:
            tag = Tag.INTEGER
            letters.setdefault(Field.LITERAL, []).append((position, value - integers.start))
        else:
            tag = Tag.OVERSIZED
        letters[Field.TAG].append((position, int(tag)))
    return letters
