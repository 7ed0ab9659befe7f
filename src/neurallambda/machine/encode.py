"""Encoding: a batch of different programs becomes tensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.arguments import checked_methods
from neurallambda.errors import ArgumentError
from neurallambda.holes import Filling, fillings
from neurallambda.html import table
from neurallambda.machine.alphabet import CODE_FIELDS, OPERATORS, Field, Tag
from neurallambda.machine.assemble import Cell, Cells
from neurallambda.machine.compute import COMPUTING
from neurallambda.machine.filling import fill, places
from neurallambda.machine.layout import Code, Layout

SHOWN = 60
"""So many cells are shown in a notebook."""


@checked_methods("select")
@dataclass(frozen=True, repr=False)
class NeuralLambda:
    """A batch of programs as tensors: cells at addresses, every part of a cell a distribution.

    Attributes:
        tag, operator, literal: what each cell is; a literal has the mass of the tag `INTEGER`.
        first, second, third: where it points, as far as its tag points anywhere.
        cells: the same programs as discrete cells, to read results by.
        integers: the declared range, the alphabet of `literal`.
        operations: the binary operators that may occur.
    """

    tag: Float[Tensor, "batch code tags"]
    operator: Float[Tensor, "batch code operators"]
    literal: Float[Tensor, "batch code integers"]
    first: Float[Tensor, "batch code code"]
    second: Float[Tensor, "batch code code"]
    third: Float[Tensor, "batch code code"]
    cells: tuple[Cells, ...]
    integers: range
    operations: frozenset[str]

    def __len__(self) -> int:
        return self.tag.shape[0]

    def __repr__(self) -> str:
        batch, code, _ = self.tag.shape
        return f"NeuralLambda(batch of {batch}, {code} cells, {self.integers}, {self.tag.dtype} on {self.tag.device})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the cells of the first program, each with what it likeliest is."""
        from neurallambda.machine.trace import listing

        rows = []
        for cell in listing(self)[:SHOWN]:
            sure = cell.tags[0].weight if cell.tags else 0.0
            parts = ", ".join(f"{field} {part[0].name}" for field, part in cell.parts.items())
            rows.append((cell.address, cell.tags[0].name if cell.tags else "", parts, min(1.0, sure)))
        return table(("address", "tag", "parts", "how sure"), rows, note=repr(self))

    def to(self, *args: object, **kwargs: object) -> "NeuralLambda":
        """The same programs on another device or of another dtype, as `Tensor.to`."""
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if isinstance(getattr(self, f.name), Tensor)}
        return replace(self, **{name: tensor.to(*args, **kwargs) for name, tensor in tensors.items()})

    def select(self, rows: Sequence[int]) -> "NeuralLambda":
        """Some programs of the batch."""
        index = torch.tensor(rows, dtype=torch.long, device=self.tag.device)
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if isinstance(getattr(self, f.name), Tensor)}
        cells = tuple(self.cells[row] for row in rows)
        return replace(self, **{name: tensor[index] for name, tensor in tensors.items()}, cells=cells)

    def check(self) -> None:
        """Refuse what is no mass: such a program would run on without an end, and mean nothing.

        Raises:
            ArgumentError: naming the part that is not finite, or negative.
        """
        for name in ("tag", "operator", "literal", "first", "second", "third"):
            part = getattr(self, name)
            low, high = (float(bound) for bound in part.detach().aminmax())
            if not (low >= 0 and high < float("inf")):
                what = "negative" if low < 0 else "not finite"
                raise ArgumentError(f"{name}: got a part that is {what} somewhere; expected distributions")

    @property
    def layout(self) -> Layout:
        """How the records of a run of these programs are laid out."""
        return Layout(code=self.tag.shape[1], integers=self.literal.shape[-1])

    def code(self) -> Code:
        """The programs as a step reads them."""
        kind = self.tag.new_zeros(*self.tag.shape[:2], self.layout.slices[Field.KIND].stop - len(Tag) - len(OPERATORS))
        narrow = torch.cat([self.tag, self.operator, kind, self.literal, self.first, self.second, self.third], dim=-1)
        variable = self.tag[:, :, Tag.VARIABLE]
        return Code(narrow, variable[:, :, None] * self.first, 1 - variable)


def encode(
    programs: Sequence[Cells],
    integers: range,
    *,
    holes: Mapping[str, Filling] | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> NeuralLambda:
    """Write programs as tensors, the shorter ones padded.

    Raises:
        SourceError: where a program has a hole that `holes` does not fill.
        ArgumentError: where a filling does not fit.
    """
    filled = fillings(holes, integers, len(programs))
    programs, found = places(programs, filled, integers)
    layout = Layout(code=max(map(len, programs)), integers=len(integers))
    ones: dict[Field, list[int]] = {field: [] for field in (Field.TAG, Field.OPERATOR, Field.LITERAL, *CODE_FIELDS)}
    widths = {Field.TAG: len(Tag), Field.OPERATOR: len(OPERATORS), Field.LITERAL: len(integers)}
    widths |= dict.fromkeys(CODE_FIELDS, layout.code)
    operations = {str(value) for name in found for value in filled[name].values if value in COMPUTING}
    for row, program in enumerate(programs):
        for address, cell in enumerate(program.cells):
            place = row * layout.code + address
            for field, index in _ones(cell, integers):
                ones[field].append(place * widths[field] + index)
            if cell.operator in COMPUTING:
                operations.add(cell.operator)
        for place in range(row * layout.code + len(program), (row + 1) * layout.code):
            ones[Field.TAG].append(place * widths[Field.TAG] + Tag.NONE)
    tensors: dict[str, Tensor] = {}
    for field, width in widths.items():
        flat = torch.zeros(len(programs) * layout.code * width, dtype=dtype)
        flat[torch.tensor(ones[field], dtype=torch.long)] = 1
        tensors[field.value] = flat.view(len(programs), layout.code, width).to(device)
    fill(tensors, programs, found, filled, integers)
    return NeuralLambda(**tensors, cells=tuple(programs), integers=integers, operations=frozenset(operations))


def _ones(cell: Cell, integers: range) -> list[tuple[Field, int]]:
    """Where a cell's one-hot vectors are one."""
    oversized = cell.tag is Tag.INTEGER and cell.literal not in integers
    ones = [] if cell.hole is not None else [(Field.TAG, int(Tag.OVERSIZED if oversized else cell.tag))]
    if cell.operator is not None:
        ones.append((Field.OPERATOR, OPERATORS.index(cell.operator)))
    if cell.literal is not None and not oversized:
        ones.append((Field.LITERAL, cell.literal - integers.start))
    ones += [(field, pointer) for field in CODE_FIELDS if (pointer := cell.pointer(field)) is not None]
    return ones
