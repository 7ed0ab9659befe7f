"""Following all runs to their ends, tick by tick."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from neurallambda.arguments import checked
from neurallambda.automata.runs.configuration import Configuration
from neurallambda.errors import check_count
from neurallambda.twins import ring
from neurallambda.twins.axes import Layout, Strings
from neurallambda.twins.configurations import Endings, Worlds, rows_left, rows_of, start, tick
from neurallambda.twins.ending import Mass
from neurallambda.twins.program import Program
from neurallambda.weighted import is_something, total

_LOOK_EVERY = 8
"""Looking whether anything is left waits for the device, so it is done only now and then."""


@checked
@dataclass(frozen=True, kw_only=True)
class Room:
    """How much a run may use.

    Attributes:
        worlds: how many configurations of one string are followed at a time; a deterministic machine needs one.
        cells: how many cells each memory has; None: twice the longest string and 32 more.
        steps: how many ticks.

    Raises:
        ArgumentError: a number is not an integer of at least 1.
    """

    worlds: int = 64
    cells: int | None = None
    steps: int = 10_000

    def __post_init__(self) -> None:
        check_count("worlds", self.worlds)
        if self.cells is not None:
            check_count("cells", self.cells)
        check_count("steps", self.steps)


def follow(
    layout: Layout, program: Program, strings: Strings, *, room: Room, history: list[Worlds] | None = None
) -> Mass:
    """Follow all runs on each string. Once half of the strings are settled, only the others are gone on with.

    Args:
        layout: what the axes of the table mean.
        program: the table.
        strings: the strings.
        room: how much there is to use.
        history: where to put the worlds at the start and after each tick; then no string is left out.

    Returns:
        How the runs ended.
    """
    places = strings.tokens.shape[1]
    cells = 2 * places + 32 if room.cells is None else max(room.cells, places if layout.machine.reads_from_tape else 1)
    now, endings = start(layout, strings, capacity=cells, dtype=program.log_weights.dtype)
    rows = torch.arange(len(strings.tokens), device=strings.tokens.device)
    settled: list[tuple[Tensor, Mass]] = []
    for step in range(room.steps + 1):
        if step % _LOOK_EVERY == 0:
            left = rows_left(now)
            count = int(left.sum())
            if count == 0:
                break
            if history is None and 2 * count <= len(rows):
                done, going = (~left).nonzero()[:, 0], left.nonzero()[:, 0]
                settled.append((rows[done], _mass(now, endings, done)))
                rows, now, endings = rows[going], rows_of(now, going), _endings_of(endings, going)
                strings = strings.rows(going)
        if history is not None:
            history.append(now)
        now, endings = tick(layout, program, strings, now, endings, most=room.worlds)
    settled.append((rows, _mass(now, endings, torch.arange(len(rows), device=rows.device))))
    return _in_order(settled)


def _mass(now: Worlds, endings: Endings, rows: Int[Tensor, " rows"]) -> Mass:
    """How the runs of some rows stand."""
    ended = _endings_of(endings, rows)
    return Mass(
        accepted=ended.accepted,
        refused=ended.refused,
        lost=ended.lost,
        running=total(now.log_weight[rows]),
    )


def _endings_of(endings: Endings, rows: Int[Tensor, " rows"]) -> Endings:
    return Endings(accepted=endings.accepted[rows], refused=endings.refused[rows], lost=endings.lost[rows])


def _in_order(settled: list[tuple[Tensor, Mass]]) -> Mass:
    """The rows of several parts, each with the numbers of its rows, in the order of the batch."""
    order = torch.cat([rows for rows, _ in settled]).argsort()
    parts = [mass for _, mass in settled]
    return Mass(
        accepted=torch.cat([part.accepted for part in parts])[order],
        refused=torch.cat([part.refused for part in parts])[order],
        lost=torch.cat([part.lost for part in parts])[order],
        running=torch.cat([part.running for part in parts])[order],
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
