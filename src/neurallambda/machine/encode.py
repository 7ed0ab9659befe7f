"""Encoding: a batch of different programs becomes tensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.lang.core import unfilled_hole
from neurallambda.lang.terms import BINARY_PRIMITIVES, UNARY_PRIMITIVES
from neurallambda.machine.alphabet import CODE_FIELDS, OPERATORS, Field, Tag
from neurallambda.machine.assemble import Cell, Cells
from neurallambda.machine.compute import COMPUTING
from neurallambda.machine.layout import Code, Layout


@dataclass(frozen=True)
class Soft:
    """A distribution over atoms, for a hole: the softmax of `logits` over `values`.

    Attributes:
        values: integers, booleans and names of primitives.
        logits: one for each value; with a leading axis, one row for each program of the batch.

    >>> Soft(("+", "-"), torch.tensor([0.0, 0.0])).probabilities
    tensor([0.5000, 0.5000])
    """

    values: tuple[int | bool | str, ...]
    logits: Float[Tensor, "*batch values"]

    def __post_init__(self) -> None:
        if self.logits.shape[-1:] != (len(self.values),):
            raise ArgumentError(
                f"logits: got shape {tuple(self.logits.shape)} for {len(self.values)} values; "
                f"its last axis must have one entry for each value"
            )
        if len({(type(value), value) for value in self.values}) != len(self.values):
            raise ArgumentError(f"values: got {self.values}; each may stand there once")

    @property
    def probabilities(self) -> Float[Tensor, "*batch values"]:
        """The distribution over the values."""
        return self.logits.softmax(-1)


Filling = Soft | Tensor | int | bool | str
"""What may fill a hole: a distribution; logits over all declared integers; or one certain value."""


@dataclass(frozen=True)
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

    def to(self, *args: object, **kwargs: object) -> "NeuralLambda":
        """The same programs on another device or of another dtype, as `Tensor.to`."""
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if isinstance(getattr(self, f.name), Tensor)}
        return replace(self, **{name: tensor.to(*args, **kwargs) for name, tensor in tensors.items()})

    def select(self, rows: Sequence[int]) -> "NeuralLambda":
        """Some programs of the batch."""
        index = torch.tensor(rows, device=self.tag.device)
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
    fillings = {name: _soft(name, filling, integers, len(programs)) for name, filling in (holes or {}).items()}
    layout = Layout(code=max(map(len, programs)), integers=len(integers))
    ones: dict[Field, list[int]] = {field: [] for field in (Field.TAG, Field.OPERATOR, Field.LITERAL, *CODE_FIELDS)}
    widths = {Field.TAG: len(Tag), Field.OPERATOR: len(OPERATORS), Field.LITERAL: len(integers)}
    widths |= dict.fromkeys(CODE_FIELDS, layout.code)
    open_holes: list[tuple[int, int, str]] = []
    operations: set[str] = set()
    for row, program in enumerate(programs):
        for address, cell in enumerate(program.cells):
            place = row * layout.code + address
            if cell.hole is not None:
                if cell.hole not in fillings:
                    assert cell.node is not None
                    raise unfilled_hole(cell.hole, cell.node)
                open_holes.append((row, address, cell.hole))
                operations.update(str(value) for value in fillings[cell.hole].values if value in COMPUTING)
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
    _fill(tensors, open_holes, fillings, integers)
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


def _fill(
    tensors: dict[str, Tensor], open_holes: list[tuple[int, int, str]], fillings: Mapping[str, Soft], integers: range
) -> None:
    """Write the fillings into the cells of the holes; gradients flow from the cells to the logits."""
    for name in dict.fromkeys(name for _, _, name in open_holes):
        places = [(row, address) for row, address, hole in open_holes if hole == name]
        rows, addresses = (torch.tensor(part, device=tensors["tag"].device) for part in zip(*places, strict=True))
        filling = fillings[name]
        probabilities = filling.probabilities.to(tensors["tag"])
        probabilities = probabilities[rows] if probabilities.dim() == 2 else probabilities.expand(len(places), -1)
        for field, index in _alphabets(filling, integers).items():
            known = torch.tensor([position for position, _ in index], device=rows.device)
            target = torch.tensor([letter for _, letter in index], device=rows.device)
            row = probabilities.new_zeros(len(places), tensors[field.value].shape[-1])
            row = row.index_add(1, target, probabilities[:, known])
            tensors[field.value] = tensors[field.value].index_put((rows, addresses), row)


def _alphabets(filling: Soft, integers: range) -> dict[Field, list[tuple[int, int]]]:
    """For each field, the positions of the values that it takes part in, and their letters there."""
    letters: dict[Field, list[tuple[int, int]]] = {Field.TAG: []}
    for position, value in enumerate(filling.values):
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


def _soft(name: str, filling: Filling, integers: range, batch: int) -> Soft:
    """A filling in its general form."""
    if isinstance(filling, Tensor):
        if filling.shape[-1:] != (len(integers),):
            raise ArgumentError(
                f"holes[{name!r}]: got a tensor of shape {tuple(filling.shape)}; logits over the declared integers have "
                f"{len(integers)} entries on the last axis. For other values give neurallambda.Soft(values, logits)."
            )
        filling = Soft(tuple(integers), filling)
    elif not isinstance(filling, Soft):
        filling = Soft((filling,), torch.zeros(1))
    strange = [v for v in filling.values if isinstance(v, str) and v not in UNARY_PRIMITIVES + BINARY_PRIMITIVES]
    if strange:
        raise ArgumentError(f"holes[{name!r}]: {strange[0]!r} is not a primitive; those are {' '.join(OPERATORS)}")
    if filling.logits.dim() not in (1, 2) or (filling.logits.dim() == 2 and filling.logits.shape[0] != batch):
        raise ArgumentError(
            f"holes[{name!r}]: got logits of shape {tuple(filling.logits.shape)} for a batch of {batch} programs; "
            f"expected ({len(filling.values)},) or ({batch}, {len(filling.values)})"
        )
    return filling
