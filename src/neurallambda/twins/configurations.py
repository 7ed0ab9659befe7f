"""Many configurations at once, each with its weight: a machine whose choices are weighted, followed exactly.

The state of a machine and what its memories hold depend on one another: after a guess, one stack belongs to one state.
So they are not kept as a distribution each, but as *worlds*: whole configurations, each with the weight of the runs that
lead to it. A world with several moves splits, worlds that come to hold the same are added up, and weights are
logarithms, so that a run of small chances does not vanish. Every row of a batch has its own worlds.

A tick is one move of every world. Nothing is approximate: where there is no room for a world or for a cell of its memory,
its weight is counted as lost.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from neurallambda.automata.rules.memory import TAPE
from neurallambda.state import Batched, state
from neurallambda.twins import ring
from neurallambda.twins.axes import Layout, Strings
from neurallambda.twins.program import Program
from neurallambda.twins.ring import Ring
from neurallambda.weighted import NOTHING, add, is_something, merge, total


@state
class Worlds(Batched):
    """Configurations with their weights.

    Attributes:
        log_weight: the logarithm of the weight of each world, `NOTHING` where there is none.
        control: the state of each world.
        position: how many symbols it has read.
        memories: what its memories hold.
    """

    log_weight: Float[Tensor, "batch worlds"]
    control: Int[Tensor, "batch worlds"]
    position: Int[Tensor, "batch worlds"]
    memories: tuple[Ring, ...]


@state
class Endings(Batched):
    """How runs have ended so far: the logarithms of their weights.

    Attributes:
        accepted: they accepted.
        refused: they stopped without.
        lost: there was no room for them.
    """

    accepted: Float[Tensor, " batch"]
    refused: Float[Tensor, " batch"]
    lost: Float[Tensor, " batch"]


def start(layout: Layout, strings: Strings, *, capacity: int, dtype: torch.dtype) -> tuple[Worlds, Endings]:
    """The worlds before the first step: one for each string, in the first state with empty memories."""
    batch, device = len(strings.tokens), strings.tokens.device
    log_weight = torch.zeros(batch, 1, dtype=dtype, device=device)
    zeros = torch.zeros(batch, 1, dtype=torch.long, device=device)
    memories = [ring.empty(batch, capacity, device) for _ in layout.shown]
    if layout.machine.reads_from_tape:
        memories[0] = ring.written(strings.tokens, capacity)
    nothing = torch.full((batch,), NOTHING, dtype=dtype, device=device)
    refused = nothing
    if layout.machine.reads_from_tape:  # elsewhere a run gets stuck at what is amiss; on a tape it may never look there
        log_weight = torch.where(strings.legible[:, None], log_weight, NOTHING)
        refused = torch.where(strings.legible, NOTHING, torch.zeros_like(nothing))
    return (
        Worlds(log_weight=log_weight, control=zeros, position=zeros, memories=tuple(memories)),
        Endings(accepted=nothing, refused=refused, lost=nothing),
    )


def tick(
    layout: Layout, program: Program, strings: Strings, now: Worlds, endings: Endings, *, most: int
) -> tuple[Worlds, Endings]:
    """One move of every world.

    Where cells have several moves, the number of worlds is looked up on the device, which waits for it.

    Args:
        layout: what the axes of the table mean.
        program: the table.
        strings: the strings.
        now: the worlds.
        endings: how runs have ended so far.
        most: how many worlds of each string to keep, at most.

    Returns:
        The worlds after it, and how runs have ended.
    """
    accepting = _may_accept(layout, strings, now)
    log_accept = torch.where(accepting, program.log_accept[now.control], NOTHING)
    log_decline = torch.where(accepting, program.log_decline[now.control], 0.0)
    goes_on = (now.log_weight + log_decline).clamp_min(NOTHING)

    cell = _cells(layout, strings, now)
    accepted = total((now.log_weight + log_accept).clamp_min(NOTHING))
    refused = total((goes_on + program.log_stop[cell]).clamp_min(NOTHING))

    batch, worlds = cell.shape
    choices = program.moves.shape[1]
    log_weight = (goes_on[..., None] + program.log_weights[cell]).clamp_min(NOTHING).reshape(batch, worlds * choices)
    move = program.moves[cell].reshape(batch, worlds * choices)
    parents = torch.arange(worlds, device=cell.device).repeat_interleave(choices).expand(batch, -1)
    memories, overflows = [], torch.zeros_like(log_weight, dtype=torch.bool)
    for number, memory in enumerate(now.memories):
        mine = memory if choices == 1 else ring.choose(memory, parents)
        changed, overflow = ring.apply(
            mine, program.effects[number][move], is_tape=layout.machine.memories[number] is TAPE
        )
        memories.append(changed)
        overflows |= overflow
    lost = total(torch.where(overflows, log_weight, NOTHING))
    candidates = Worlds(
        log_weight=torch.where(overflows, NOTHING, log_weight),
        control=program.target[move],
        position=torch.minimum(now.position.gather(1, parents) + program.reads[move], strings.lengths[:, None]),
        memories=tuple(memories),
    )
    after, crowded_out = _settle(candidates, most)
    return (
        after,
        Endings(
            accepted=add(endings.accepted, accepted),
            refused=add(endings.refused, refused),
            lost=add(endings.lost, add(lost, crowded_out)),
        ),
    )


def _may_accept(layout: Layout, strings: Strings, now: Worlds) -> Bool[Tensor, "batch worlds"]:
    """Where acceptance depends on the state alone: the string is read, or on a tape, and memories are as they must be."""
    if layout.machine.reads_from_tape:
        return torch.ones_like(now.control, dtype=torch.bool)
    accepting = now.position == strings.lengths[:, None]
    if layout.machine.acceptance.empty_memory:
        for memory in now.memories:
            accepting = accepting & ring.is_empty(memory)
    return accepting


def _cells(layout: Layout, strings: Strings, now: Worlds) -> Int[Tensor, "batch worlds"]:
    """The number of the cell that each world is in."""
    cell = now.control * layout.shape[1]
    if not layout.machine.reads_from_tape:
        cell = cell + strings.tokens.gather(1, now.position)
    for size, memory in zip(layout.shape[2:], now.memories, strict=True):
        cell = cell * size + ring.read(memory)
    return cell


def _settle(candidates: Worlds, most: int) -> tuple[Worlds, Float[Tensor, " batch"]]:
    """Equal candidates added up, and the heaviest that there is room for; and the weight of the others."""
    if candidates.log_weight.shape[1] == 1:
        return candidates, torch.full_like(candidates.log_weight[:, 0], NOTHING)
    log_weight = merge(
        candidates.log_weight,
        (candidates.control, candidates.position),
        tuple(map(ring.canonical, candidates.memories)),
    )
    needed = int(is_something(log_weight).sum(1).max())
    kept = torch.topk(log_weight.detach(), max(1, min(most, needed)), dim=1).indices
    after = Worlds(
        log_weight=log_weight.gather(1, kept),
        control=candidates.control.gather(1, kept),
        position=candidates.position.gather(1, kept),
        memories=tuple(ring.choose(memory, kept) for memory in candidates.memories),
    )
    return after, total(log_weight.scatter(1, kept, NOTHING))


def rows_left(now: Worlds) -> Bool[Tensor, " batch"]:
    """The rows in which a world is still on its way."""
    return is_something(now.log_weight).any(1)


def rows_of(now: Worlds, rows: Int[Tensor, " rows"]) -> Worlds:
    """The worlds of some rows."""
    return Worlds(
        log_weight=now.log_weight[rows],
        control=now.control[rows],
        position=now.position[rows],
        memories=tuple(ring.rows_of(memory, rows) for memory in now.memories),
    )
