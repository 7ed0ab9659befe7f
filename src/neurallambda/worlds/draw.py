"""Drawing: each world becomes as many as there are values, and the weight of each is that of the value."""

import math

import torch
from torch import Tensor

from neurallambda.errors import ErrorKind
from neurallambda.worlds.code import Instruction
from neurallambda.worlds.packet import NOT_DRAWN, Packet
from neurallambda.worlds.state import Run
from neurallambda.worlds.words import ERRORS, FALSE, TRUE, Kind, column, is_part, part_of, word

_LEAST_ERROR = word(Kind.ERROR, 0)


def settle(run: Run, packet: Packet, register: int) -> Packet | None:
    """Draw what a register holds in each world that has not drawn it yet; gives the worlds there are then."""
    values = packet.registers[register]
    if isinstance(values, int):
        parts = [values] if values >> 44 == Kind.PART else []
    else:
        waiting = is_part(values)
        if not bool(waiting.any()):
            return packet
        parts = torch.unique(values[waiting]).tolist()
    left: Packet | None = packet
    for part in parts:
        left = None if left is None else _drawn(run, left, register, part)
    return left


def _drawn(run: Run, packet: Packet, register: int, part: int) -> Packet | None:
    """The worlds in which a register no longer holds one part."""
    packet.registers[register] = column(packet.registers[register], len(packet))
    if not bool(_recall(packet, register, part).any()):
        return _without_errors(run, packet, register)
    if packet.is_dirty:
        before = run.code.instructions[packet.at].before
        packet.keep([*before, *(one for one in packet.registers if one < 0)])
        packet = run.merged(packet)
        packet.registers[register] = column(packet.registers[register], len(packet))
    here = _recall(packet, register, part)
    hole, distance = part_of(part)
    first = run.holes.leaves[hole][packet.rows, distance]
    domain = run.holes.domains[hole][packet.rows, distance]
    forked = fork(run, packet, first, domain, here)
    if forked is None:
        return None
    packet, drawn, here = forked
    old = packet.registers[register]
    packet.registers[register] = drawn if here is None else torch.where(here, drawn, old)
    known = packet.known.get(part)
    if here is not None:
        drawn = torch.where(here, drawn, NOT_DRAWN if known is None else known)
    packet.known[part] = drawn
    return _without_errors(run, packet, register)


def _recall(packet: Packet, register: int, part: int) -> Tensor:
    """Put what is known of a part where a register holds it; gives the worlds in which it is not drawn."""
    values = packet.registers[register]
    assert isinstance(values, Tensor)
    here = values == part
    known = packet.known.get(part)
    if known is None:
        return here
    is_drawn = known != NOT_DRAWN
    packet.registers[register] = torch.where(here & is_drawn, known, values)
    return here & ~is_drawn


def _without_errors(run: Run, packet: Packet, register: int) -> Packet | None:
    """The worlds in which what was drawn is an integer that is declared, or no integer."""
    if not run.holes.overflows:
        return packet
    wrong = column(packet.registers[register], len(packet)) >= _LEAST_ERROR
    return run.fail(packet, [(wrong, ErrorKind.OVERFLOW)]) if bool(wrong.any()) else packet


def fork(
    run: Run, packet: Packet, first: Tensor, domain: Tensor, here: Tensor | None = None
) -> tuple[Packet, Tensor, Tensor | None] | None:
    """Make a world for each value that may be drawn.

    Args:
        run: the run.
        packet: the worlds.
        first: for each world the leaf of the first value.
        domain: for each world which values there are.
        here: the worlds that draw; None: all.

    Returns:
        The new worlds, the value that each has drawn, and which of them have drawn; None: none is left.
    """
    holes = run.holes
    here = None if here is None or bool(here.all()) else here
    sizes = holes.sizes[domain]
    if here is not None:
        sizes = torch.where(here, sizes, 1)
    left = within_limit(run, packet, sizes)
    if left is not None and left is not packet:
        keep = ~_over(run, packet, sizes)
        first, domain, sizes = first[keep], domain[keep], sizes[keep]
        here = None if here is None else here[keep]
    if left is None:
        return None
    packet, worlds = left, len(left)
    least, largest = int(sizes.min()), int(sizes.max())
    if least == largest:
        index = torch.arange(worlds).repeat_interleave(largest)
        choice = torch.arange(largest).repeat(worlds)
    else:
        index = torch.arange(worlds).repeat_interleave(sizes)
        choice = torch.arange(len(index)) - (sizes.cumsum(0) - sizes)[index]
    leaf = first[index] + choice
    drawing = None if here is None else here[index]
    if drawing is not None:
        leaf = torch.where(drawing, leaf, run.circuit.constant(None, 0.0))
    drawn = holes.words[domain[index], choice]
    if run.possible is not None:
        some = run.possible[torch.where(leaf < len(run.possible), leaf, 0)] | (leaf >= len(run.possible))
        if not bool(some.all()):
            chosen = some.nonzero().squeeze(1)
            index, leaf, drawn = index[chosen], leaf[chosen], drawn[chosen]
            drawing = None if drawing is None else drawing[chosen]
    forked = packet.take(index)
    forked.weight = forked.weight.times(leaf)
    forked.is_dirty = True
    run.most = max(run.most, len(forked))
    return forked, drawn, drawing


def flip(run: Run, packet: Packet, heads: int, sides: int) -> tuple[Packet, Tensor] | None:
    """Toss a coin in each world; gives the worlds and how it fell in each."""
    sizes = torch.full((len(packet),), 2)
    left = within_limit(run, packet, sizes)
    if left is None:
        return None
    worlds = len(left)
    forked = left.take(torch.arange(worlds).repeat_interleave(2))
    leaves = [
        run.circuit.constant((heads, sides, True), _log_share(heads, sides)),
        run.circuit.constant((heads, sides, False), _log_share(sides - heads, sides)),
    ]
    forked.weight = forked.weight.times(torch.tensor(leaves).repeat(worlds))
    forked.is_dirty = True
    run.most = max(run.most, len(forked))
    return forked, torch.tensor([TRUE, FALSE]).repeat(worlds)


def _log_share(part: int, whole: int) -> float:
    """The logarithm of a share, exact also where the share is next to one, or too small for a floating point number."""
    if 2 * part > whole:
        return math.log1p(-((whole - part) / whole))
    share = part / whole
    return math.log(share) if share > 1e-300 else math.log(part) - math.log(whole)


def within_limit(run: Run, packet: Packet, sizes: Tensor) -> Packet | None:
    """The worlds of those rows that would not become too many; the others end in `out-of-memory`."""
    if len(packet) and int(sizes.sum()) <= run.settings.max_worlds:
        return packet
    over = _over(run, packet, sizes)
    if not bool(over.any()):
        return packet
    instruction = run.code.instructions[packet.at]
    wrong, others = packet.split(over)
    assert wrong is not None
    counts = torch.bincount(wrong.rows)
    for row in counts.nonzero().squeeze(1).tolist():
        text = _too_many(run, wrong, row, int(counts[row]), instruction)
        run.limits.setdefault((row, ErrorKind.OUT_OF_MEMORY), (packet.at, text))
    run.end(wrong, ERRORS[ErrorKind.OUT_OF_MEMORY])
    return others


def _over(run: Run, packet: Packet, sizes: Tensor) -> Tensor:
    """The worlds whose row would have too many."""
    totals = torch.zeros(run.holes.batch, dtype=torch.int64).index_add_(0, packet.rows, sizes.to(torch.int64))
    return (totals > run.settings.max_worlds)[packet.rows]


def _too_many(run: Run, packet: Packet, row: int, worlds: int, instruction: Instruction) -> str:
    limit = f"there would be more than max_worlds={run.settings.max_worlds:,}"
    if worlds == 1:
        return f"one world draws here, and {limit}"
    return f"{worlds:,} worlds draw here, and {limit}. What keeps them apart: {run.differing(packet, row, instruction)}"
