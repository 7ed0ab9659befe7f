"""Results that are functions which have captured something that is not drawn: it is drawn, and they are written again."""

import torch
from torch import Tensor

from neurallambda.worlds.draw import settle
from neurallambda.worlds.packet import NOT_DRAWN, Packet
from neurallambda.worlds.state import Run
from neurallambda.worlds.words import INDEX, LEAST_OF_A_KIND, SHIFT, Kind, column

_VALUE, _PART = 0, -1


def resolve_captured(run: Run) -> None:
    """Draw what the results that wait have captured, and end with them."""
    waiting, run.unresolved = run.unresolved, []
    for packet in waiting:
        left: Packet | None = packet
        for part in _parts(run, packet):
            if left is not None:
                left = _draw(run, left, part)
        if left is None:
            continue
        values = column(left.registers[_VALUE], len(left))
        known = {part: column.tolist() for part, column in left.known.items()}
        written: dict[tuple[int, tuple[int, ...]], int] = {}
        new: list[int] = []
        for world, value in enumerate(values.tolist()):
            drawn = {part: words[world] for part, words in known.items() if words[world] != NOT_DRAWN}
            key = (value, tuple(drawn.values()))
            if key not in written:
                written[key] = _written(run, value, drawn)
            new.append(written[key])
        run.end(left, torch.tensor(new, dtype=torch.int64))


def _draw(run: Run, packet: Packet, part: int) -> Packet | None:
    """Draw a part in the worlds whose value has captured it."""
    values = column(packet.registers[_VALUE], len(packet))
    has = {value: part in _captured(run, value) for value in torch.unique(values).tolist()}
    here = torch.tensor([has[value] for value in values.tolist()])
    packet.registers[_PART] = torch.where(here, part, 0)
    packet.at = run.code.functions[run.code.resolve].start
    packet.is_dirty = False
    left = settle(run, packet, _PART)
    if left is not None:
        del left.registers[_PART]
    return left


def _parts(run: Run, packet: Packet) -> list[int]:
    """All parts that values of a packet have captured."""
    values = torch.unique(column(packet.registers[_VALUE], len(packet))).tolist()
    return sorted({part for value in values for part in _captured(run, value)})


def _captured(run: Run, value: int) -> set[int]:
    """The parts that can be reached from a value."""
    found: set[int] = set()
    todo, seen = [value], {value}
    while todo:
        value = todo.pop()
        if value < LEAST_OF_A_KIND:
            continue
        if value >> SHIFT == Kind.PART:
            found.add(value)
        for field in _fields(run, value):
            if field not in seen:
                seen.add(field)
                todo.append(field)
    return found


def _fields(run: Run, value: int) -> list[int]:
    """The values in the record of a value."""
    kind, address = value >> SHIFT, (value & INDEX) + run.heap.first
    if value < LEAST_OF_A_KIND or kind not in (Kind.PAIR, Kind.CLOSURE, Kind.PARTIAL):
        return []
    words: Tensor = run.heap.words
    if kind == Kind.PAIR:
        return words[address : address + 2].tolist()
    if kind == Kind.PARTIAL:
        return [int(words[address + 1])]
    return words[address + 1 : address + 1 + len(run.code.functions[int(words[address])].captured)].tolist()


def _written(run: Run, value: int, drawn: dict[int, int]) -> int:
    """A value with parts that are drawn in the place of what was not; written from the inside out."""
    done: dict[int, int] = {}
    todo = [value]
    while todo:
        one = todo[-1]
        if one in done:
            todo.pop()
            continue
        fields = _fields(run, one)
        waiting = [field for field in fields if field not in done]
        if waiting:
            todo += waiting
            continue
        todo.pop()
        new = [done[field] for field in fields]
        if one >= LEAST_OF_A_KIND and one >> SHIFT == Kind.PART:
            done[one] = drawn.get(one, one)
        elif new == fields:
            done[one] = one
        else:
            kind = one >> SHIFT
            first = [] if kind == Kind.PAIR else [int(run.heap.read(one, 0, kind << SHIFT))]
            sights = run.sights(run.code.functions[first[0]].sight) if kind == Kind.CLOSURE else None
            written = run.heap.write((*first, *new), 1, sights, kind << SHIFT)
            assert isinstance(written, int)
            done[one] = written
    return done[value]
