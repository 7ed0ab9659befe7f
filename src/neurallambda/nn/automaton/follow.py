"""Following all runs to their ends, tick by tick."""

from dataclasses import dataclass

import torch

from neurallambda.automata.configuration import Configuration
from neurallambda.nn.automaton import ring
from neurallambda.nn.automaton.ending import Mass
from neurallambda.nn.automaton.layout import Layout, Strings
from neurallambda.nn.automaton.program import Program
from neurallambda.nn.automaton.weights import is_something
from neurallambda.nn.automaton.worlds import Worlds, is_anything_left, start, tick

_LOOK_EVERY = 8
"""Looking whether anything is left waits for the device, so it is done only now and then."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """How much a run may use.

    Attributes:
        worlds: how many configurations of one string are followed at a time; a deterministic machine needs one.
        cells: how many cells each memory has; None: twice the longest string and 32 more.
        steps: how many ticks.
    """

    worlds: int = 64
    cells: int | None = None
    steps: int = 10_000


def follow(
    layout: Layout, program: Program, strings: Strings, *, room: Room, history: list[Worlds] | None = None
) -> Mass:
    """Follow all runs on each string.

    Args:
        layout: what the axes of the table mean.
        program: the table.
        strings: the strings.
        room: how much there is to use.
        history: where to put the worlds at the start and after each tick.

    Returns:
        How the runs ended.
    """
    places = strings.tokens.shape[1]
    cells = 2 * places + 32 if room.cells is None else max(room.cells, places if layout.machine.reads_from_tape else 1)
    now, endings = start(layout, strings, capacity=cells, dtype=program.log_weights.dtype)
    for step in range(room.steps + 1):
        if step % _LOOK_EVERY == 0 and not is_anything_left(now):
            break
        if history is not None:
            history.append(now)
        now, endings = tick(layout, program, strings, now, endings, most=room.worlds)
    return Mass(
        accepted=endings.accepted,
        refused=endings.refused,
        lost=endings.lost,
        running=torch.logsumexp(now.log_weight, -1),
    )


def configurations(layout: Layout, worlds: Worlds, row: int) -> dict[Configuration, float]:
    """The configurations of one row, as the exact machines have them, and the logarithms of their weights."""
    kinds = [kind.name for kind in layout.machine.memories]
    found: dict[Configuration, float] = {}
    for world in is_something(worlds.log_weight[row]).nonzero()[:, 0].tolist():
        memories = tuple(
            ring.decode(memory, row, world, shown=shown, kind=kind)
            for memory, shown, kind in zip(worlds.memories, layout.shown, kinds, strict=True)
        )
        control = layout.states[int(worlds.control[row, world])]
        configuration = Configuration(control, int(worlds.position[row, world]), memories)
        found[configuration] = float(worlds.log_weight[row, world])
    return found
