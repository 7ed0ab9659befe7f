"""What a step sees: the records under control and under continuation, and how much of them is what."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from neurallambda.arithmetic.masses import inverse
from neurallambda.machine.alphabet import KINDS, Tag
from neurallambda.machine.layout import Code, Layout
from neurallambda.machine.selection import OWNED, PER
from neurallambda.machine.tables import Tables


@runtime_checkable
class Readable(Protocol):
    """What a step needs of the memory."""

    @property
    def layout(self) -> Layout:
        """How records are laid out."""
        ...

    @property
    def take_columns(self) -> Float[Tensor, "taken record"]:
        """From `Selection.taken` to the numbers of a record."""
        ...

    @property
    def code(self) -> Code:
        """The programs."""
        ...

    @property
    def roles(self) -> Float[Tensor, "batch 3 addresses"]:
        """How far what stands at each address is something for control to stand on, a frame, a value."""
        ...

    @property
    def per_role(self) -> Float[Tensor, "batch 2 addresses"]:
        """One over the first two of these, and zero where there is nothing."""
        ...

    def read(self, pointers: Float[Tensor, "batch 2 addresses"]) -> Float[Tensor, "batch 2 record"]:
        """The records under control and continuation."""
        ...

    def match(self, parameters: Float[Tensor, "batch 2 code"]) -> Float[Tensor, "batch 2 addresses"]:
        """How far each address binds each of two parameters."""
        ...


@dataclass(frozen=True)
class Sight:
    """What a step sees: the records under control and continuation, in this order on the axis of size 2.

    Attributes:
        pointers: control and continuation, as shares of what they are pointed at for.
        per_pointer: what makes them sum to one.
        records: what stands there.
        scales: one over how much of each record has each field, in the order of `PER`.
        owned_by_value: how much of control is a value that has each of `OWNED`.
        kinds, integer: how much of control is a value of each kind, is an integer.
    """

    pointers: Float[Tensor, "batch 2 addresses"]
    per_pointer: Float[Tensor, "batch 2 1"]
    records: Float[Tensor, "batch 2 record"]
    scales: Float[Tensor, "batch 2 per"]
    owned_by_value: Float[Tensor, "batch owned"]
    kinds: Float[Tensor, "batch kinds"]
    integer: Float[Tensor, "batch 1"]


def look(memory: Readable, registers: Float[Tensor, "batch 3 addresses"], tables: Tables) -> Sight:
    """Read under control and continuation."""
    pointers, per_pointer = share(memory, registers)
    return see(pointers, per_pointer, memory.read(pointers), tables)


def share(
    memory: Readable, registers: Float[Tensor, "*steps batch 3 addresses"]
) -> tuple[Float[Tensor, "*steps batch 2 addresses"], Float[Tensor, "*steps batch 2 1"]]:
    """The pointers to read under, and what makes them sum to one.

    Control stands on code and values, continuation on frames: an address that is both by halves is read as what it is
    pointed at for, and one that is not that at all is left out.
    """
    shares = registers[..., ::2, :] * memory.per_role
    per_pointer = inverse((shares * memory.roles[:, :2]).sum(-1, keepdim=True))
    return shares * per_pointer, per_pointer


def see(
    pointers: Float[Tensor, "batch 2 addresses"],
    per_pointer: Float[Tensor, "batch 2 1"],
    records: Float[Tensor, "batch 2 record"],
    tables: Tables,
) -> Sight:
    """What was read, and how much of it is what."""
    masses, rest = (records[:, :, : len(Tag)] @ tables.seen).tensor_split((len(PER),), dim=-1)
    owned_by_value, kinds, integer = rest[:, 0].split((len(OWNED), len(KINDS), 1), dim=-1)
    return Sight(pointers, per_pointer, records, inverse(masses), owned_by_value, kinds, integer)
