"""Memories of whole symbols, many at once: stacks, deques and tapes as rings of cells.

A ring has a fixed number of cells and a head. What lies at the head is what the memory shows: the top of a stack, the
left end of a deque, the cell under the head of a tape. All operations are a move of the head and the change of one cell,
so each costs the same whatever is stored. Symbols are numbers; 0 is nothing, or a blank.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn import functional

from neurallambda.automata.rules.memory import Memory, Tape
from neurallambda.automata.rules.rule import Operation, Slot
from neurallambda.automata.rules.vocabulary import KEEP
from neurallambda.state import Batched, state

_KEEP = -1


class Effect(NamedTuple):
    """What an operation does to a ring, in numbers that are added: 0 or 1 where nothing else is said.

    Attributes:
        put_front: it puts a symbol before the head.
        put_back: it puts one behind the last.
        get_front: it takes the one at the head, if there is one.
        get_back: it takes the last, if there is one.
        turn: where the head of a tape moves: -1, 0 or 1.
        symbol: what is then in the cell that changes; -1 for what was there.
    """

    put_front: int = 0
    put_back: int = 0
    get_front: int = 0
    get_back: int = 0
    turn: int = 0
    symbol: int = _KEEP


def effect_of(operation: Operation, shown: Sequence[Slot]) -> Effect:
    """An operation in numbers, given what the memory may show."""
    symbol = _KEEP if operation.symbol == KEEP else shown.index(operation.symbol)
    match operation.verb:
        case "push" | "ENQL":
            return Effect(put_front=1, symbol=symbol)
        case "ENQR":
            return Effect(put_back=1, symbol=symbol)
        case "pop" | "DEQL":
            return Effect(get_front=1, symbol=0)
        case "DEQR":
            return Effect(get_back=1, symbol=0)
        case "L" | "R" | "S":
            return Effect(turn={"L": -1, "R": 1, "S": 0}[operation.verb], symbol=symbol)
        case _:
            return Effect()


@state
class Ring(Batched):
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
    ring: Ring, effects: Int[Tensor, "batch worlds numbers"], *, is_tape: bool
) -> tuple[Ring, Bool[Tensor, "batch worlds"]]:
    """Carry out one operation on each memory.

    Args:
        ring: the memories.
        effects: the numbers of an `Effect` for each.
        is_tape: whether they are tapes, on which the cell at the head is always in use.

    Returns:
        The memories, and where there was no room; what those hold then means nothing.
    """
    capacity = ring.cells.shape[-1]
    put_front, put_back, get_front, get_back, turn, symbol = effects.unbind(-1)
    in_use = ring.after.clamp_max(1)
    get_front, get_back = get_front * in_use, get_back * in_use

    first = ring.head - put_front
    place = ((first + (put_back + get_back) * ring.after - get_back) % capacity)[..., None]
    held = ring.cells.gather(-1, place)
    value = torch.where(symbol[..., None] == _KEEP, held, symbol[..., None].to(held.dtype))
    moved = Ring(
        cells=ring.cells.scatter(-1, place, value),
        head=(first + get_front + turn) % capacity,
        before=(ring.before + turn).clamp_min(0),
        after=(ring.after + put_front + put_back - get_front - get_back - turn).clamp_min(0),
    )
    return moved, moved.before + moved.after > capacity - int(is_tape)


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
