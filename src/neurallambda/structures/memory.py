"""Memory: read and written by address, by key, or everywhere at once; an array, a dictionary and a store in one."""

from dataclasses import dataclass
from enum import StrEnum

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.state import Batched, state
from neurallambda.structures.cells import CellStructure
from neurallambda.structures.form import Form
from neurallambda.structures.instruction.checks import check_positive
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.references.memory import PlainMemory

HOLD, SEEK, FIND, WRITE, INSERT, REPLACE, REMOVE = range(7)


class Similarity(StrEnum):
    """How alike two vectors are: from 0 (orthogonal or opposed) to 1 (the same)."""

    COSINE = "cosine"
    """Whatever their lengths."""
    DOT = "dot"
    """For vectors of length one, such as one-hot codes; cheaper, and zero vectors are like nothing."""


@state
class MemoryState(Batched):
    """Slots, and where the memory is looked at.

    Attributes:
        values: what each slot holds.
        keys: the key of each slot.
        used: the probability that a slot holds anything.
        focus: how surely each slot is looked at; what is missing to one looks at nothing.
        overflow: the mass of inserted items for which there was no free slot.
    """

    values: Float[Tensor, "batch capacity width"]
    keys: Float[Tensor, "batch capacity key_width"]
    used: Float[Tensor, "batch capacity"]
    focus: Float[Tensor, "batch capacity"]
    overflow: Float[Tensor, " batch"]


def alike(
    pattern: Float[Tensor, "batch width"], vectors: Float[Tensor, "batch n width"], similarity: str
) -> Float[Tensor, "batch n"]:
    """How alike each of the vectors is to the pattern, from 0 to 1."""
    likeness = (vectors @ pattern[..., None])[..., 0]
    if similarity == Similarity.COSINE:
        # A zero vector has no direction; the tiny length keeps it, and its gradient, at zero.
        lengths = torch.sqrt(vectors.square().sum(-1) * pattern.square().sum(-1, keepdim=True) + _TINY)
        likeness = likeness / lengths
    return torch.clamp(likeness, min=0, max=1)


_TINY = 1e-24


@checked
@dataclass(frozen=True)
class Memory(CellStructure[MemoryState]):
    """Slots with a value and a key each.

    | action | what changes |
    | --- | --- |
    | hold | nothing |
    | seek | looks at `address` |
    | find | looks at the slots whose key is like `key` |
    | write | the slot at `address` gets `value` |
    | insert | the slot whose key is like `key`, or else the first free one, gets `key` and `value` |
    | replace | every value like `pattern` becomes `value` |
    | remove | the slot whose key is like `key` becomes free |

    A read is what is looked at; write and insert look at what they wrote. With vectors from an orthonormal codebook
    every likeness is 0 or 1 and the memory is exact.

    Attributes:
        capacity: how many slots.
        width: the length of a value.
        key_width: the length of a key.
        similarity: how keys and values are compared: one of `Similarity`.
        sharpness: the power to which a likeness is raised: the higher, the less a partial likeness counts.
    """

    key_width: int
    similarity: str = Similarity.COSINE
    sharpness: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count("key_width", self.key_width)
        check_positive("sharpness", self.sharpness)
        if self.similarity not in list(Similarity):
            raise ArgumentError(f"similarity: got {self.similarity!r}, expected one of {[str(s) for s in Similarity]}")

    @property
    def operands(self) -> tuple[Operand, ...]:
        labels = ("hold", "seek", "find", "write", "insert", "replace", "remove")
        return (
            Operand("action", len(labels), Kind.DISTRIBUTION, labels, idle=HOLD),
            Operand("value", self.width, Kind.VECTOR),
            Operand("address", self.capacity, Kind.DISTRIBUTION),
            Operand("key", self.key_width, Kind.VECTOR),
            Operand("pattern", self.width, Kind.VECTOR),
        )

    @property
    def read_width(self) -> int:
        return self.width

    @property
    def forms(self) -> dict[str, Form[MemoryState]]:
        return {}

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> MemoryState:
        row = torch.zeros(batch, self.capacity, device=device, dtype=dtype)
        return MemoryState(
            values=torch.zeros(batch, self.capacity, self.width, device=device, dtype=dtype),
            keys=torch.zeros(batch, self.capacity, self.key_width, device=device, dtype=dtype),
            used=row,
            focus=row,
            overflow=torch.zeros(batch, device=device, dtype=dtype),
        )

    def advance(self, state: MemoryState, *operands: Tensor) -> MemoryState:
        action, value, address, key, pattern = operands
        hold, seek, find, write, insert, replace, remove = action[..., None].unbind(1)
        found = self.found(state, key)
        is_new = 1 - found.sum(1, keepdim=True)
        fresh = is_new * first_free(state.used)
        target = found + fresh
        written = write * address + insert * target
        changed = written + replace * self.matching(state, pattern)
        removed = remove * found
        return MemoryState(
            values=state.values
            + changed[..., None] * (value[:, None] - state.values)
            - removed[..., None] * state.values,
            keys=state.keys
            + (insert * fresh)[..., None] * (key[:, None] - state.keys)
            - removed[..., None] * state.keys,
            used=state.used + written * (1 - state.used) - removed * state.used,
            focus=(hold + replace + remove) * state.focus + (seek + write) * address + find * found + insert * target,
            overflow=state.overflow + (insert * (1 - target.sum(1, keepdim=True)))[:, 0],
        )

    def found(self, state: MemoryState, key: Float[Tensor, "batch key_width"]) -> Float[Tensor, "batch capacity"]:
        """How surely each slot is the one with `key`; it sums to less than one where the key is unknown."""
        likeness = state.used * alike(key, state.keys, self.similarity) ** self.sharpness
        return likeness / torch.clamp(likeness.sum(1, keepdim=True), min=1)

    def matching(self, state: MemoryState, pattern: Float[Tensor, "batch width"]) -> Float[Tensor, "batch capacity"]:
        """How surely each slot holds `pattern`; any number of slots may."""
        return state.used * alike(pattern, state.values, self.similarity) ** self.sharpness

    def read(self, state: MemoryState) -> Tensor:
        return (state.focus[:, None] @ state.values)[:, 0]

    def size(self, state: MemoryState) -> Tensor:
        return state.used.sum(1)

    def contents(self, state: MemoryState) -> Tensor:
        return state.used[..., None] * state.values

    def reference(self) -> PlainMemory:
        return PlainMemory(capacity=self.capacity, width=self.width)


def first_free(used: Float[Tensor, "batch capacity"]) -> Float[Tensor, "batch capacity"]:
    """How surely each slot is the first free one; it sums to less than one where all may be used."""
    used_so_far = torch.cumprod(used, dim=1)
    before = torch.cat([torch.ones_like(used[:, :1]), used_so_far[:, :-1]], dim=1)
    return before * (1 - used)
