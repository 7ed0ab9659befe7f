"""The memory: code, then one record a step, append-only.

Nothing written is ever written again; a full memory moves on to a larger place as it stands. Reading is attention: a
pointer is a distribution over addresses, and what it reads is the mixture of the records under it.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.machine.alphabet import CODE, FRAMES, VALUES, Field, Tag
from neurallambda.machine.layout import WIDE, Code, Layout

FEW = 4
"""So many addresses under a pointer at most are read one by one."""


Few = tuple[Float[Tensor, "*steps batch pointers few"] | None, Int[Tensor, "*steps batch pointers few"]]
"""Weights and addresses; no weights where there is one address of weight one under each pointer."""


@dataclass
class Memory:
    """Code and the records written so far; `written` addresses are in use, and there may be room for more.

    Attributes:
        records: of each address the narrow fields, then three wide pointers. Rows past `written` are uninitialised.
    """

    layout: Layout
    code: Code
    records: Float[Tensor, "batch addresses record"]
    written: int

    def __post_init__(self) -> None:
        batch, width, _ = self.records.shape
        self.role_table = role_table(self.records)
        self._roles = self.records.new_zeros(batch, len(self.role_table[0]), width)
        self._per_role = self.records.new_zeros(batch, 2, width)
        self._told = 0  # of so many addresses the roles are known
        self._take_columns: Tensor | None = None
        self.rows = torch.arange(batch, device=self.records.device)[:, None, None]

    @property
    def roles(self) -> Float[Tensor, "batch 3 addresses"]:
        """How far what stands at each address is something for control to stand on, a frame, a value."""
        self.tell_roles()
        return self._roles

    @property
    def per_role(self) -> Float[Tensor, "batch 2 addresses"]:
        """One over the first two of these, and zero where there is nothing."""
        self.tell_roles()
        return self._per_role

    def tell_roles(self) -> None:
        """Find the roles of what was written since they were last asked for."""
        if self._told < self.written:
            new = slice(self._told, self.written)
            roles = (self.tags[:, new] @ self.role_table).transpose(1, 2)
            self._roles[:, :, new], self._per_role[:, :, new] = roles, per_role(roles)
            self._told = self.written

    @property
    def take_columns(self) -> Float[Tensor, "taken record"]:
        """From `Selection.taken` to the numbers of a record."""
        if self._take_columns is None:
            self._take_columns = self.layout.take_columns(self.width, self.records)
        return self._take_columns

    def share_columns(self, other: "Memory") -> None:
        """Have the `take_columns` of another memory of this width."""
        self._take_columns = other.take_columns

    @staticmethod
    def start(layout: Layout, code: Code) -> "Memory":
        """Memory that holds code and has no room yet."""
        return Memory(layout, code, pad(code.narrow, (0, WIDE * layout.code)), layout.code)

    def select(self, rows: Int[Tensor, " rows"]) -> "Memory":
        """The memory of some programs of the batch."""
        code = Code(self.code.narrow[rows], self.code.variables[rows], self.code.settled[rows])
        return Memory(self.layout, code, self.records[rows], self.written)

    @property
    def width(self) -> int:
        """How many addresses there are, written or not: the width of the registers."""
        return self.records.shape[1]

    @property
    def tags(self) -> Float[Tensor, "batch written tags"]:
        """What stands at each address that is written."""
        return self.records[:, : self.written, : len(Tag)]

    @property
    def operators(self) -> Float[Tensor, "batch written operators"]:
        """The operator that each of them holds."""
        return self.records[:, : self.written, self.layout.slices[Field.OPERATOR]]

    @property
    def parameters(self) -> Float[Tensor, "batch addresses code"]:
        """Of each address the parameter that it binds; of code, the third pointer."""
        return self.records[:, :, self.layout.slices[Field.THIRD]]

    def grow(self, rows: int) -> None:
        """Make room for so many more records."""
        narrow, old, new = self.layout.narrow, self.width, self.width + rows
        records = self.records.new_empty(len(self.records), new, narrow + WIDE * new)
        records[:, :old, :narrow] = self.records[:, :, :narrow]
        wide = records[:, :old, narrow:].unflatten(-1, (WIDE, new))
        wide[..., :old] = self.records[:, :, narrow:].unflatten(-1, (WIDE, old))
        wide[..., old:] = 0
        self.records = records
        self._roles, self._per_role = pad(self._roles, (0, rows)), pad(self._per_role, (0, rows))
        self._take_columns = None

    def clear(self) -> None:
        """Make what was never written nothing."""
        self.records[:, self.written :] = 0

    def append(self, record: Float[Tensor, "batch record"]) -> None:
        """Write the next record, in place; there must be room for it."""
        self.records[:, self.written] = record
        self.written += 1

    def read(
        self, pointers: Float[Tensor, "*steps batch pointers addresses"]
    ) -> Float[Tensor, "*steps batch pointers record"]:
        """Read the records under some pointers, of one step or of several at once.

        In general that is one batched product with everything written. On the CPU, where asking is free, only the
        addresses under a pointer are read while they are few: a sharp pointer costs one record and not the whole memory.
        """
        few = self.few(pointers)
        return self._all(pointers, self.records[:, : self.written]) if few is None else self.read_few(*few)

    def few(self, pointers: Float[Tensor, "*steps batch pointers addresses"]) -> Few | None:
        """The addresses under each pointer with their weights, where they are few and asking is free."""
        if pointers.device.type != "cpu" or torch.compiler.is_compiling() or pointers.requires_grad:
            return None
        pointers = pointers[..., : self.written]
        sharpest = pointers.max(dim=-1, keepdim=True)
        if pointers.count_nonzero() == sharpest.values.count_nonzero():
            weights, addresses = sharpest
            return (None if bool((weights == 1).all()) else weights), addresses
        most = int(pointers.count_nonzero(-1).max())
        return None if most > FEW else pointers.topk(most, dim=-1)

    def read_few(
        self,
        weights: Float[Tensor, "*steps batch pointers few"] | None,
        addresses: Int[Tensor, "*steps batch pointers few"],
    ) -> Float[Tensor, "*steps batch pointers record"]:
        """Read a few addresses under each pointer."""
        records = self.records.flatten(0, 1).index_select(0, self._flat(addresses)).unflatten(0, addresses.shape)
        if weights is None or weights.shape[-1] == 1:
            return records[..., 0, :] if weights is None else weights * records[..., 0, :]
        return (weights[..., None, :] @ records)[..., 0, :]

    def spread_few(
        self,
        weights: Float[Tensor, "batch pointers few"] | None,
        addresses: Int[Tensor, "batch pointers few"],
        arriving: Float[Tensor, "batch pointers record"],
        into: Float[Tensor, "batch addresses record"],
    ) -> None:
        """Add what arrives at what was read under each pointer to the few addresses under it."""
        shared = arriving[:, :, None] if weights is None else arriving[:, :, None] * weights[..., None]
        into.flatten(0, 1).index_add_(0, self._flat(addresses), shared.flatten(0, 2))

    def _flat(self, addresses: Int[Tensor, "*steps batch pointers few"]) -> Int[Tensor, " all"]:
        return (addresses + self.rows * self.width).flatten()

    def match(
        self, parameters: Float[Tensor, "*steps batch asked code"]
    ) -> Float[Tensor, "*steps batch asked addresses"]:
        """How far the parameter that each address binds is each of some given ones; code binds none."""
        bound = self.parameters[:, self.layout.code : self.written]
        return pad(self._all(parameters, bound.transpose(1, 2)), (self.layout.code, self.width - self.written))

    @staticmethod
    def _all(
        asked: Float[Tensor, "*steps batch asked n"], everything: Float[Tensor, "batch m p"]
    ) -> Float[Tensor, "*steps batch asked p"]:
        """A product with everything, as far as it is asked for; several steps are one product."""
        if asked.dim() == 3:
            return asked[:, :, : everything.shape[1]] @ everything
        steps = asked[..., : everything.shape[1]].transpose(0, 1).flatten(1, 2)
        return (steps @ everything).unflatten(1, (-1, asked.shape[-2])).transpose(0, 1)


def role_table(like: Tensor) -> Float[Tensor, "tags 3"]:
    """From tags to the roles of a record: what control may stand on, frames, values."""
    rows = [[tag in CODE | VALUES, tag in FRAMES, tag in VALUES] for tag in Tag]
    return torch.tensor(rows, device=like.device, dtype=like.dtype)


def per_role(roles: Float[Tensor, "batch 3 addresses"]) -> Float[Tensor, "batch 2 addresses"]:
    """One over the mass of what control may stand on, and of frames; zero where there is none."""
    roles = roles[:, :2]
    return roles * roles.clamp_min(torch.finfo(roles.dtype).eps).square().reciprocal()


def per_role_derivative(roles: Float[Tensor, "batch 3 addresses"]) -> Float[Tensor, "batch 2 addresses"]:
    """The derivative of `per_role`."""
    roles, eps = roles[:, :2], torch.finfo(roles.dtype).eps
    return torch.where(roles >= eps, -roles.square().clamp_min(eps * eps).reciprocal(), 1 / eps**2)
