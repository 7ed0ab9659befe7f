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
    SHIFTED_COSINE = "shifted_cosine"
    """Half of one plus the cosine, so 0 only for opposed vectors: keys learn from any angle, and none is exact alone."""
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
        merged: the mass of inserted items that went to slots with a key unlike theirs: what was mixed up.
        overflow: the mass of inserted items for which there was no free slot.
    """

    values: Float[Tensor, "batch capacity width"]
    keys: Float[Tensor, "batch capacity key_width"]
    used: Float[Tensor, "batch capacity"]
    focus: Float[Tensor, "batch capacity"]
    merged: Float[Tensor, " batch"]
    overflow: Float[Tensor, " batch"]


def alike(
    pattern: Float[Tensor, "batch width"], vectors: Float[Tensor, "batch n width"], similarity: str
) -> Float[Tensor, "batch n"]:
    """How alike each of the vectors is to the pattern, from 0 to 1."""
    if similarity == Similarity.DOT:
        return torch.clamp((vectors @ pattern[..., None])[..., 0], min=0, max=1)
    cosine = _cosine(_at_length_of_order_one(pattern), _at_length_of_order_one(vectors)).to(vectors.dtype)
    return torch.clamp((1 + cosine) / 2 if similarity == Similarity.SHIFTED_COSINE else cosine, min=0, max=1)


def _cosine(pattern: Float[Tensor, "batch width"], vectors: Float[Tensor, "batch n width"]) -> Float[Tensor, "batch n"]:
    """The cosines of vectors whose largest number is 1, or which are zero: these have no direction, and get 0."""
    products = vectors.square().sum(-1) * pattern.square().sum(-1, keepdim=True)
    return (vectors @ pattern[..., None])[..., 0] / products.clamp_min(0.5).sqrt()


def _at_length_of_order_one(vectors: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The vectors over their largest numbers, so that no square is too large or too small for the type.

    An angle does not change with the length, so the divisor needs no gradient. Half precision is left, as it has not
    the range for sums of squares.
    """
    wide = vectors.float() if vectors.dtype in (torch.float16, torch.bfloat16) else vectors
    largest = wide.detach().abs().amax(-1, keepdim=True)
    return wide / torch.where(largest > 0, largest, 1)


def crosstalk(
    keys: Float[Tensor, "n key_width"], *, similarity: str = Similarity.COSINE, sharpness: float = 1.0
) -> Float[Tensor, " n"]:
    """How much of each key a memory that holds all of them takes for others: the sum of its likenesses to them.

    At 0 keys are kept apart exactly; from 1 on, an item with a new key finds no free slot and is merged into others.

    Args:
        keys: the keys that shall be told apart, such as the vectors of a codebook.
        similarity: that of the memory.
        sharpness: that of the memory.

    Example:
        >>> crosstalk(torch.eye(3))
        tensor([0., 0., 0.])
        >>> crosstalk(torch.tensor([[1.0, 0.0], [0.6, 0.8]]), sharpness=2.0)
        tensor([0.3600, 0.3600])
    """
    likenesses = _sharpened(alike(keys, keys.expand(len(keys), *keys.shape), similarity), sharpness)
    return likenesses.sum(1) - likenesses.diagonal()


def _sharpened(likeness: Tensor, sharpness: float) -> Tensor:
    """The likeness to a power; no likeness has a finite gradient also where the power is less than one."""
    if sharpness >= 1:
        return likeness**sharpness
    some = likeness > 0
    return torch.where(some, torch.where(some, likeness, 1) ** sharpness, 0)


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
    every likeness is 0 or 1 and the memory is exact. Other keys are taken for one another as far as they are alike:
    `crosstalk` says how far, a higher sharpness makes it less, and `merged` in the state counts what was mixed up.

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
            merged=(nothing := torch.zeros(batch, device=device, dtype=dtype)),
            overflow=nothing,
        )

    def advance(self, state: MemoryState, *operands: Tensor) -> MemoryState:
        action, value, address, key, pattern = operands
        hold, seek, find, write, insert, replace, remove = action[..., None].unbind(1)
        likeness = self._likeness(state, key)
        found = _at_most_one(likeness)
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
            merged=state.merged + (insert * found * (1 - likeness)).sum(1),
            overflow=state.overflow + (insert * (1 - target.sum(1, keepdim=True)))[:, 0],
        )

    def found(self, state: MemoryState, key: Float[Tensor, "batch key_width"]) -> Float[Tensor, "batch capacity"]:
        """How surely each slot is the one with `key`; it sums to less than one where the key is unknown."""
        return _at_most_one(self._likeness(state, key))

    def _likeness(self, state: MemoryState, key: Float[Tensor, "batch key_width"]) -> Float[Tensor, "batch capacity"]:
        """How alike the key of each slot is to `key`, on its own; 0 where the slot is free."""
        return state.used * _sharpened(alike(key, state.keys, self.similarity), self.sharpness)

    def matching(self, state: MemoryState, pattern: Float[Tensor, "batch width"]) -> Float[Tensor, "batch capacity"]:
        """How surely each slot holds `pattern`; any number of slots may."""
        return state.used * _sharpened(alike(pattern, state.values, self.similarity), self.sharpness)

    def read(self, state: MemoryState) -> Tensor:
        return (state.focus[:, None] @ state.values)[:, 0]

    def size(self, state: MemoryState) -> Tensor:
        return state.used.sum(1)

    def contents(self, state: MemoryState) -> Tensor:
        return state.used[..., None] * state.values

    def reference(self) -> PlainMemory:
        return PlainMemory(capacity=self.capacity, width=self.width)


def _at_most_one(likeness: Float[Tensor, "batch capacity"]) -> Float[Tensor, "batch capacity"]:
    """Likenesses as weights: scaled down where they sum to more than one."""
    return likeness / torch.clamp(likeness.sum(1, keepdim=True), min=1)


def first_free(used: Float[Tensor, "batch capacity"]) -> Float[Tensor, "batch capacity"]:
    """How surely each slot is the first free one; it sums to less than one where all may be used."""
    used_so_far = torch.cumprod(used, dim=1)
    before = torch.cat([torch.ones_like(used[:, :1]), used_so_far[:, :-1]], dim=1)
    return before * (1 - used)
