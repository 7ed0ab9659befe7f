"""Memories of whole symbols, many at once: stacks, deques and tapes as rings of cells.

A ring has a fixed number of cells and a head. What lies at the head is what the memory shows: the top of a stack, the
left end of a deque, the cell under the head of a tape. All operations are a move of the head and the change of one cell,
so each costs the same whatever is stored. Symbols are numbers; 0 is nothing, or a blank.
"""

from collections.abc import Sequence
from enum import IntEnum

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn import functional

from neurallambda.automata.memory import Memory, Tape
from neurallambda.automata.rules import Operation, Slot
from neurallambda.automata.vocabulary import KEEP
from neurallambda.state import state

_KEEP = -1


class Verb(IntEnum):
    """What an operation does to a ring."""

    NONE = 0
    PUT_FRONT = 1
    PUT_BACK = 2
    GET_FRONT = 3
    GET_BACK = 4
    WRITE = 5
    WRITE_LEFT = 6
    WRITE_RIGHT = 7


_VERBS = {
    "nullop": Verb.NONE,
    "push": Verb.PUT_FRONT,
    "pop": Verb.GET_FRONT,
    "NULLOP": Verb.NONE,
    "ENQL": Verb.PUT_FRONT,
    "ENQR": Verb.PUT_BACK,
    "DEQL": Verb.GET_FRONT,
    "DEQR": Verb.GET_BACK,
    "S": Verb.WRITE,
    "L": Verb.WRITE_LEFT,
    "R": Verb.WRITE_RIGHT,
}


@state
class Ring:
    """Memories, each a ring of cells.

    Attributes:
        cells: the symbols.
        head: the cell that is shown.
        before: on a tape, how many cells to the left of the head have been visited; 0 otherwise.
        after: on a tape, how many to its right; otherwise how many cells are in use.
    """

    cells: Int[Tensor, "batch worlds capacity"]
    head: Int[Tensor, "batch worlds"]
    before: Int[Tensor, "batch worlds"]
    after: Int[Tensor, "batch worlds"]


def coded(operations: Sequence[Operation], shown: Sequence[Slot]) -> tuple[list[int], list[int]]:
    """The verbs of operations, and their symbols as numbers; what leaves the cell as it is has -1."""
    symbols = []
    for operation in operations:
        keeps = operation.symbol == KEEP or _VERBS[operation.verb] is Verb.NONE
        symbols.append(_KEEP if keeps else shown.index(operation.symbol))
    return [int(_VERBS[operation.verb]) for operation in operations], symbols


def empty(batch: int, capacity: int, device: torch.device | str | None) -> Ring:
    """Empty memories, or blank tapes: one world for each row."""
    cells = torch.zeros(batch, 1, capacity, dtype=torch.int16, device=device)
    nothing = torch.zeros(batch, 1, dtype=torch.long, device=device)
    return Ring(cells=cells, head=nothing, before=nothing, after=nothing)


def written(tokens: Int[Tensor, "batch places"], capacity: int) -> Ring:
    """Tapes with a string on each, the head on its first symbol. Cells that hold the string count as visited."""
    blank = empty(len(tokens), capacity, tokens.device)
    room = capacity - tokens.shape[1]
    cells = functional.pad(tokens, [0, room]).to(blank.cells.dtype)[:, None]
    used = (tokens != 0).sum(1, keepdim=True)
    return Ring(cells=cells, head=blank.head, before=blank.before, after=(used - 1).clamp_min(0))


def read(ring: Ring) -> Int[Tensor, "batch worlds"]:
    """What each memory shows."""
    return ring.cells.gather(-1, ring.head[..., None])[..., 0].long()


def is_empty(ring: Ring) -> Bool[Tensor, "batch worlds"]:
    """Which memories hold nothing; not for tapes."""
    return ring.after == 0


def apply(
    ring: Ring, verb: Int[Tensor, "batch worlds"], symbol: Int[Tensor, "batch worlds"]
) -> tuple[Ring, Bool[Tensor, "batch worlds"]]:
    """Carry out one operation on each memory.

    Args:
        ring: the memories.
        verb: a `Verb` for each.
        symbol: what is put or written.

    Returns:
        The memories, and where there was no room; what those hold then means nothing.
    """
    capacity = ring.cells.shape[-1]
    in_use = ring.after > 0
    puts_front, puts_back = verb == Verb.PUT_FRONT, verb == Verb.PUT_BACK
    gets_front, gets_back = (verb == Verb.GET_FRONT) & in_use, (verb == Verb.GET_BACK) & in_use
    left, right = verb == Verb.WRITE_LEFT, verb == Verb.WRITE_RIGHT

    start = (ring.head - puts_front.long()) % capacity
    offset = torch.where(puts_back, ring.after, torch.where(gets_back, ring.after - 1, 0))
    place = ((start + offset) % capacity)[..., None]
    held = ring.cells.gather(-1, place)[..., 0]
    gets = (verb == Verb.GET_FRONT) | (verb == Verb.GET_BACK)
    value = torch.where(gets, 0, torch.where(symbol == _KEEP, held.long(), symbol))

    head = (start + gets_front.long() + right.long() - left.long()) % capacity
    puts = (puts_front | puts_back).long()
    after = ring.after + puts - (gets_front | gets_back).long() + left.long() - right.long()
    moved = Ring(
        cells=ring.cells.scatter(-1, place, value[..., None].to(ring.cells.dtype)),
        head=head,
        before=(ring.before + right.long() - left.long()).clamp_min(0),
        after=after.clamp_min(0),
    )
    is_tape = verb >= Verb.WRITE
    used = moved.before + moved.after + is_tape.long()
    return moved, used > capacity


def choose(ring: Ring, parents: Int[Tensor, "batch chosen"]) -> Ring:
    """The memories of some worlds of each row, in the order given; one may come several times."""
    wide = parents[..., None].expand(*parents.shape, ring.cells.shape[-1])
    return Ring(
        cells=ring.cells.gather(1, wide),
        head=ring.head.gather(1, parents),
        before=ring.before.gather(1, parents),
        after=ring.after.gather(1, parents),
    )


def rows_of(ring: Ring, rows: Int[Tensor, " rows"]) -> Ring:
    """The memories of some rows."""
    return Ring(cells=ring.cells[rows], head=ring.head[rows], before=ring.before[rows], after=ring.after[rows])


def canonical(ring: Ring) -> Int[Tensor, "batch worlds capacity"]:
    """The cells from the head on: equal for memories that hold the same."""
    steps = torch.arange(ring.cells.shape[-1], device=ring.cells.device)
    return ring.cells.gather(-1, (ring.head[..., None] + steps) % ring.cells.shape[-1])


def decode(ring: Ring, row: int, world: int, *, shown: Sequence[Slot], kind: str) -> Memory:
    """One memory as the exact machines have it; a tape without blanks at its far ends."""
    cells = [shown[number] for number in canonical(ring)[row, world].tolist()]
    before, after = int(ring.before[row, world]), int(ring.after[row, world])
    if kind != "tape":
        held = tuple(cells[:after])
        return held[::-1] if kind == "stack" else held
    left, right = cells[len(cells) - before :] if before else [], cells[: after + 1]
    while left and left[0] is None:
        left.pop(0)
    while right and right[-1] is None:
        right.pop()
    return Tape(tuple(left), tuple(right))
