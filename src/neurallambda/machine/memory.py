"""The memory: code, then one record a step, append-only.

Records live in blocks, each as wide as the addresses it may point at; a full memory goes on in a new block, and nothing
written is ever moved or written again. Reading is attention: a pointer is a distribution over addresses, and what it
reads is the mixture of the records under it.
"""

from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.machine.alphabet import KINDS, OPERATORS, WIDE_FIELDS, Field, Tag

WIDE = len(WIDE_FIELDS)


@dataclass(frozen=True)
class Layout:
    """Where each field of a record lies. A record is `narrow` numbers, then its wide pointers."""

    code: int
    """How many addresses of code there are: the width of a pointer at code."""
    integers: int

    @cached_property
    def slices(self) -> dict[Field, slice]:
        """The columns of each narrow field."""
        sizes = {
            Field.TAG: len(Tag),
            Field.OPERATOR: len(OPERATORS),
            Field.KIND: len(KINDS),
            Field.LITERAL: self.integers,
            Field.FIRST: self.code,
            Field.SECOND: self.code,
        }
        slices, start = {}, 0
        for name, size in sizes.items():
            slices[name] = slice(start, start + size)
            start += size
        return slices

    @property
    def narrow(self) -> int:
        """How many numbers a record has besides its wide pointers."""
        return self.slices[Field.SECOND].stop


@dataclass(frozen=True)
class Code:
    """The code of a batch of programs, as a step reads it.

    Attributes:
        narrow: the cells, all fields but the third pointer.
        third: the third pointer.
        variables: from the address of a variable to the address that names its parameter.
        settled: which addresses hold no variable, so that control may stand there.
    """

    narrow: Float[Tensor, "batch code narrow"]
    third: Float[Tensor, "batch code code"]
    variables: Float[Tensor, "batch code code"]
    settled: Float[Tensor, "batch code"]


@dataclass(frozen=True)
class Block:
    """Room for the records at addresses `start` to `start + len(block)`.

    Attributes:
        records: narrow fields, then three wide pointers of `width` addresses each.
        parameters: the parameter that a bound value is bound to.
    """

    start: int
    records: Float[Tensor, "batch rows record"]
    parameters: Float[Tensor, "batch rows code"]

    def __len__(self) -> int:
        return self.records.shape[1]

    @property
    def width(self) -> int:
        """How many addresses its wide pointers reach: all up to its own end."""
        return self.start + len(self)

    @staticmethod
    def empty(like: Tensor, layout: Layout, start: int, rows: int) -> "Block":
        """A block of nothing, on the device and of the dtype of `like`."""
        batch = like.shape[0]
        records = like.new_zeros(batch, rows, layout.narrow + WIDE * (start + rows))
        return Block(start, records, like.new_zeros(batch, rows, layout.code))


@dataclass(frozen=True)
class Reading:
    """What a step reads: the records under control and continuation, in this order on the axis of size 2.

    Of a third pointer only the one under control is ever needed.
    """

    narrow: Float[Tensor, "batch 2 narrow"]
    third: Float[Tensor, "batch code"]
    wide: Float[Tensor, "batch 2 3 addresses"]


@dataclass
class Memory:
    """Code and the blocks written so far; `written` addresses are in use."""

    layout: Layout
    code: Code
    blocks: list[Block] = field(default_factory=list)
    written: int = 0

    def __post_init__(self) -> None:
        self.written = self.written or self.layout.code

    @property
    def width(self) -> int:
        """How many addresses there are, written or not: the width of the registers."""
        return self.blocks[-1].width if self.blocks else self.layout.code

    def grow(self, rows: int) -> None:
        """Add a block of `rows` records."""
        self.blocks.append(Block.empty(self.code.narrow, self.layout, self.width, rows))

    def append(self, narrow: Tensor, third: Tensor, wide: Tensor) -> None:
        """Write the next record, in place; there must be room for it."""
        block = self.blocks[-1]
        row = self.written - block.start
        block.records[:, row, : self.layout.narrow] = narrow
        block.records[:, row, self.layout.narrow :] = wide.flatten(1)
        block.parameters[:, row] = third
        self.written += 1

    def read(self, pointers: Float[Tensor, "batch 2 addresses"]) -> Reading:
        """Read the records under control and continuation: one batched product with everything written."""
        code, layout = self.code, self.layout
        narrow = pointers[:, :, : layout.code] @ code.narrow
        third = (pointers[:, :1, : layout.code] @ code.third)[:, 0]
        batch, width = pointers.shape[0], self.width
        wide = pointers.new_zeros(batch, 2, WIDE, width) if not self.blocks else None
        for block in reversed(self.blocks):  # the widest first: the others add to a part of it
            rows = min(len(block), self.written - block.start)
            if rows == 0:
                continue
            under = pointers[:, :, block.start : block.start + rows] @ block.records[:, :rows]
            narrow = narrow + under[:, :, : layout.narrow]
            part = under[:, :, layout.narrow :].unflatten(-1, (WIDE, block.width))
            if wide is None:
                wide = torch.nn.functional.pad(part, (0, width - block.width))
            else:
                wide = wide + torch.nn.functional.pad(part, (0, width - block.width))
        if wide is None:
            wide = pointers.new_zeros(batch, 2, WIDE, width)
        return Reading(narrow, third, wide)

    def match(self, parameters: Float[Tensor, "batch 2 code"]) -> Float[Tensor, "batch 2 addresses"]:
        """How far the parameter that each address binds is each of two given ones."""
        parts = [parameters.new_zeros(parameters.shape[0], 2, self.layout.code)]
        parts += [parameters @ block.parameters.transpose(1, 2) for block in self.blocks]
        return torch.cat(parts, dim=-1)
