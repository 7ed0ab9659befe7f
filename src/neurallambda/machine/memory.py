"""The memory: code, then one record a step, append-only.

Records live in blocks, each as wide as the addresses it may point at; a full memory goes on in a new block, and nothing
written is ever moved or written again. Reading is attention: a pointer is a distribution over addresses, and what it
reads is the mixture of the records under it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.machine.alphabet import CODE, FRAMES, KINDS, NARROW_FIELDS, OPERATORS, VALUES, WIDE_FIELDS, Field, Tag

WIDE = len(WIDE_FIELDS)
ROLE_TAGS = tuple(slice(min(tags), max(tags) + 1) for tags in (CODE, VALUES, FRAMES))
"""The columns of a record, which begins with its tag, that hold the tags of code, of values and of frames."""

_FEW = 4


@dataclass(frozen=True)
class Layout:
    """Where each field of a record lies. A record is `narrow` numbers, then its wide pointers."""

    code: int
    """How many addresses of code there are: the width of a pointer at code."""
    integers: int

    @cached_property
    def sizes(self) -> list[int]:
        """The sizes of the narrow fields, in order."""
        return [len(Tag), len(OPERATORS), len(KINDS), self.integers, self.code, self.code]

    @cached_property
    def slices(self) -> dict[Field, slice]:
        """The columns of each narrow field."""
        ends = list(accumulate(self.sizes))
        return {name: slice(end - size, end) for name, size, end in zip(NARROW_FIELDS, self.sizes, ends, strict=True)}

    def widen(self, records: Float[Tensor, "*axes record"], width: int) -> Float[Tensor, "*axes wider_record"]:
        """The same records with wide pointers of `width` addresses, the new ones last."""
        missing = width - (records.shape[-1] - self.narrow) // WIDE
        if missing == 0:
            return records
        wide = pad(records[..., self.narrow :].unflatten(-1, (WIDE, -1)), (0, missing))
        return torch.cat([records[..., : self.narrow], wide.flatten(-2)], dim=-1)

    def narrowed(self, records: Float[Tensor, "*axes record"], width: int) -> Float[Tensor, "*axes narrower_record"]:
        """The same records with wide pointers at the first `width` addresses alone."""
        wide = records[..., self.narrow :].unflatten(-1, (WIDE, -1))
        if wide.shape[-1] == width:
            return records
        return torch.cat([records[..., : self.narrow], wide[..., :width].flatten(-2)], dim=-1)

    @property
    def narrow(self) -> int:
        """How many numbers a record has besides its wide pointers."""
        return sum(self.sizes)


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

    records: Float[Tensor, "batch 2 record"]
    third: Float[Tensor, "batch code"]


@dataclass
class Memory:
    """Code and the blocks written so far; `written` addresses are in use."""

    layout: Layout
    code: Code
    blocks: list[Block] = field(default_factory=list)
    written: int = 0
    roles: Float[Tensor, "batch 3 addresses"] = field(init=False)
    """How far what stands at each address is code, a value, a frame."""
    columns: Int[Tensor, " narrow"] = field(init=False)
    """The number of the field that each narrow column belongs to."""

    def __post_init__(self) -> None:
        self.written = self.written or self.layout.code
        parts = [roles(self.code.narrow), *(roles(block.records) for block in self.blocks)]
        self.roles = torch.cat(parts, dim=-1)
        sizes = torch.tensor(self.layout.sizes)
        self.columns = torch.arange(len(sizes)).repeat_interleave(sizes).to(self.roles.device)

    @staticmethod
    def of(
        layout: Layout, code: Code, records: Sequence[Tensor], parameters: Sequence[Tensor], *, written: int
    ) -> "Memory":
        """The memory that the tensors of its blocks make."""
        blocks, start = [], layout.code
        for one, other in zip(records, parameters, strict=True):
            blocks.append(Block(start, one, other))
            start = blocks[-1].width
        return Memory(layout, code, blocks, written)

    def select(self, rows: Int[Tensor, " rows"]) -> "Memory":
        """The memory of some programs of the batch."""
        code = Code(self.code.narrow[rows], self.code.third[rows], self.code.variables[rows], self.code.settled[rows])
        records, parameters = [block.records[rows] for block in self.blocks], [b.parameters[rows] for b in self.blocks]
        return Memory.of(self.layout, code, records, parameters, written=self.written)

    @property
    def width(self) -> int:
        """How many addresses there are, written or not: the width of the registers."""
        return self.blocks[-1].width if self.blocks else self.layout.code

    def grow(self, rows: int) -> None:
        """Add a block of `rows` records."""
        self.blocks.append(Block.empty(self.code.narrow, self.layout, self.width, rows))
        self.roles = pad(self.roles, (0, rows))

    def append(self, record: Float[Tensor, "batch record"], parameter: Float[Tensor, "batch code"]) -> None:
        """Write the next record, in place; there must be room for it."""
        block = self.blocks[-1]
        row = self.written - block.start
        block.records[:, row] = record
        block.parameters[:, row] = parameter
        self.roles[:, :, self.written] = roles(record[:, None])[:, :, 0]
        self.written += 1

    def read(self, pointers: Float[Tensor, "batch 2 addresses"]) -> Reading:
        """Read the records under control and continuation.

        In general that is one batched product with everything written. On the CPU, where asking is free, only the
        addresses under a pointer are read while they are few: a sharp pointer costs one record and not the whole memory.
        """
        few = self._few_addresses(pointers)
        code, layout = self.code, self.layout
        third = _mix(pointers[:, :1], code.third, 0, layout.code, None if few is None else few[:, :1])[:, 0]
        records = pad(_mix(pointers, code.narrow, 0, layout.code, few), (0, WIDE * self.width))
        for block in self.blocks:
            rows = min(len(block), self.written - block.start)
            if rows > 0:
                records = records + layout.widen(_mix(pointers, block.records, block.start, rows, few), self.width)
        return Reading(records, third)

    def _few_addresses(self, pointers: Tensor) -> Int[Tensor, "batch 2 few"] | None:
        """The addresses under each pointer, where they are few and asking costs no synchronisation."""
        if pointers.device.type != "cpu" or torch.compiler.is_compiling() or pointers.requires_grad:
            return None
        most = int((pointers != 0).sum(-1).max())
        return pointers.topk(most, dim=-1).indices if 0 < most <= _FEW else None

    def match(self, parameters: Float[Tensor, "batch 2 code"]) -> Float[Tensor, "batch 2 addresses"]:
        """How far the parameter that each address binds is each of two given ones."""
        parts = [parameters.new_zeros(parameters.shape[0], 2, self.layout.code)]
        for block in self.blocks:
            rows = max(0, min(len(block), self.written - block.start))
            part = parameters @ block.parameters[:, :rows].transpose(1, 2)
            parts.append(pad(part, (0, len(block) - rows)))
        return torch.cat(parts, dim=-1)


def roles(records: Float[Tensor, "batch rows record"]) -> Float[Tensor, "batch 3 rows"]:
    """How far records are code, values, frames."""
    return torch.stack([records[..., tags].sum(-1) for tags in ROLE_TAGS], dim=1)


def _mix(
    pointers: Float[Tensor, "batch p addresses"],
    records: Float[Tensor, "batch rows record"],
    start: int,
    rows: int,
    few: Int[Tensor, "batch p few"] | None,
) -> Float[Tensor, "batch p record"]:
    """The mixture of the first `rows` records under each pointer, the first of them at address `start`."""
    if few is None or few.shape[-1] * 2 >= rows:
        return pointers[:, :, start : start + rows] @ records[:, :rows]
    weights = pointers.gather(-1, few) * ((few >= start) & (few < start + rows))
    row = (few - start).clamp(0, rows - 1)
    batch = torch.arange(records.shape[0])[:, None, None]
    return (weights[:, :, None] @ records[batch, row])[:, :, 0]
