"""The memory: code, then one record a step, append-only.

Nothing written is ever written again; a full memory moves on to a larger place as it stands. Reading is attention: a
pointer is a distribution over addresses, and what it reads is the mixture of the records under it.
"""

from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.machine.alphabet import CODE, FRAMES, KINDS, NARROW_FIELDS, OPERATORS, VALUES, WIDE_FIELDS, Field, Tag

WIDE = len(WIDE_FIELDS)
FEW = 4
"""So many addresses under a pointer at most are read one by one."""


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
class Reading:
    """What a step reads: the records under control and continuation, in this order on the axis of size 2.

    Of a third pointer only the one under control is ever needed.
    """

    records: Float[Tensor, "batch 2 record"]
    third: Float[Tensor, "batch code"]


@dataclass
class Memory:
    """Code and the records written so far; `written` addresses are in use, and there may be room for more.

    Attributes:
        records: of each address the narrow fields, then three wide pointers.
        parameters: of each address the parameter that it binds; of code, the third pointer.
        roles: how far what stands at each address is something for control to stand on, a frame, a value.
        per_role: one over the first two of these, and zero where there is nothing.
        columns: the number of the field that each narrow column belongs to.
    """

    layout: Layout
    code: Code
    records: Float[Tensor, "batch addresses record"]
    parameters: Float[Tensor, "batch addresses code"]
    written: int
    roles: Float[Tensor, "batch 3 addresses"] = field(init=False)
    per_role: Float[Tensor, "batch 2 addresses"] = field(init=False)
    columns: Int[Tensor, " narrow"] = field(init=False)

    def __post_init__(self) -> None:
        self.role_table = role_table(self.records)
        self.roles = (self.records[:, :, : len(Tag)] @ self.role_table).transpose(1, 2).contiguous()
        self.per_role = per_role(self.roles)
        sizes = torch.tensor(self.layout.sizes)
        self.columns = torch.arange(len(sizes)).repeat_interleave(sizes).to(self.records.device)
        self.rows = torch.arange(len(self.records), device=self.records.device)[:, None, None]

    @staticmethod
    def start(layout: Layout, code: Code) -> "Memory":
        """Memory that holds code and has no room yet."""
        return Memory(layout, code, pad(code.narrow, (0, WIDE * layout.code)), code.third, layout.code)

    def select(self, rows: Int[Tensor, " rows"]) -> "Memory":
        """The memory of some programs of the batch."""
        code = Code(self.code.narrow[rows], self.code.third[rows], self.code.variables[rows], self.code.settled[rows])
        return Memory(self.layout, code, self.records[rows], self.parameters[rows], self.written)

    @property
    def width(self) -> int:
        """How many addresses there are, written or not: the width of the registers."""
        return self.records.shape[1]

    def grow(self, rows: int) -> None:
        """Make room for so many more records."""
        narrow, old, new = self.layout.narrow, self.width, self.width + rows
        records = self.records.new_zeros(len(self.records), new, narrow + WIDE * new)
        records[:, :old, :narrow] = self.records[:, :, :narrow]
        wide = self.records[:, :, narrow:].unflatten(-1, (WIDE, old))
        records[:, :old, narrow:].unflatten(-1, (WIDE, new))[..., :old] = wide
        self.records = records
        self.parameters = pad(self.parameters, (0, 0, 0, rows))
        self.roles, self.per_role = pad(self.roles, (0, rows)), pad(self.per_role, (0, rows))

    def append(self, record: Float[Tensor, "batch record"], parameter: Float[Tensor, "batch code"]) -> None:
        """Write the next record, in place; there must be room for it."""
        address = self.written
        self.records[:, address] = record
        self.parameters[:, address] = parameter
        roles = record[:, : len(Tag)] @ self.role_table
        self.roles[:, :, address] = roles
        self.per_role[:, :, address] = per_role(roles[:, :, None])[:, :, 0]
        self.written += 1

    def read(self, pointers: Float[Tensor, "batch 2 addresses"]) -> Reading:
        """Read the records under control and continuation.

        In general that is one batched product with everything written. On the CPU, where asking is free, only the
        addresses under a pointer are read while they are few: a sharp pointer costs one record and not the whole memory.
        """
        few = self.few(pointers)
        if few is not None:
            weights, addresses = few
            records = (weights[:, :, None] @ self.records[self.rows, addresses])[:, :, 0]
            third = (weights[:, :1] @ self.parameters[self.rows[:, 0], addresses[:, 0]])[:, 0]
            return Reading(records, third)
        pointers = pointers[:, :, : self.written]
        third = pointers[:, :1] @ self.parameters[:, : self.written]
        return Reading(pointers @ self.records[:, : self.written], third[:, 0])

    def few(
        self, pointers: Float[Tensor, "batch 2 addresses"]
    ) -> tuple[Float[Tensor, "batch 2 few"], Int[Tensor, "batch 2 few"]] | None:
        """The addresses under each pointer with their weights, where they are few and asking is free."""
        if pointers.device.type != "cpu" or torch.compiler.is_compiling() or pointers.requires_grad:
            return None
        weights, addresses = pointers.topk(min(FEW + 1, self.width), dim=-1)
        some = (weights != 0).any(0).any(0).tolist()
        if some[-1] and self.width > FEW:
            return None
        count = max(1, sum(some))
        return weights[..., :count], addresses[..., :count]

    def match(self, parameters: Float[Tensor, "batch 2 code"]) -> Float[Tensor, "batch 2 addresses"]:
        """How far the parameter that each address binds is each of two given ones."""
        found = parameters @ self.parameters[:, : self.written].transpose(1, 2)
        return pad(found, (0, self.width - self.written))


def role_table(like: Tensor) -> Float[Tensor, "tags 3"]:
    """From tags to the roles of a record: what control may stand on, frames, values."""
    rows = [[tag in CODE | VALUES, tag in FRAMES, tag in VALUES] for tag in Tag]
    return torch.tensor(rows, device=like.device, dtype=like.dtype)


def per_role(roles: Float[Tensor, "batch 3 addresses"]) -> Float[Tensor, "batch 2 addresses"]:
    """One over the mass of what control may stand on, and of frames; zero where there is none."""
    roles = roles[:, :2]
    return roles * roles.clamp_min(torch.finfo(roles.dtype).eps).square().reciprocal()
