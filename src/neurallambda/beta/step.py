"""One step: survey the cells, look around the visited one, weigh all cases, and write what they do, weighted."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.beta.alphabet import Demand, Flag
from neurallambda.beta.asking import is_present, present
from neurallambda.beta.cases import Cases, refuse, weigh
from neurallambda.beta.clones import Clones, clones_of, wanted
from neurallambda.beta.look import Graph, View, survey
from neurallambda.beta.memory import Memory, stack_for
from neurallambda.beta.reading import Lexicon, Reading
from neurallambda.beta.rules import Move
from neurallambda.beta.strategy import Strategy
from neurallambda.beta.tables import Tables
from neurallambda.beta.writing import PUTS, cleared, written
from neurallambda.errors import ErrorKind
from neurallambda.machine.compute import Operations
from neurallambda.structures.pointer_stack import PointerStackState

_LEAST = 1e-12
_WRITES = frozenset(Move(move) for move in range(Move.APPLY, Move.INTEGER + 1))
"""The moves that change cells."""
_POPS = frozenset(Move(move) for move in range(Move.NORMAL + 1)) | PUTS
"""The moves that pop the visited cell."""


@dataclass(frozen=True)
class Rules:
    """What stays the same from step to step."""

    lexicon: Lexicon
    reading: Reading
    tables: Tables
    operations: Operations
    strategy: Strategy


@dataclass(frozen=True)
class Step:
    """What a step leaves.

    Attributes:
        memory: the memory after it.
        cases: the weight of each thing that it did.
        graph: what the next step would read of the cells, where this one changed none.
    """

    memory: Memory
    cases: Cases
    graph: Graph | None


def take_step(memory: Memory, rules: Rules, graph: Graph | None = None) -> Step:
    """Take one step.

    What nobody does has no weight, and is not computed where that is known for free; see `asking`.

    Args:
        memory: what the step before left.
        rules: what all steps share.
        graph: what there is to read of the memory's cells; without it, it is read.
    """
    is_new = graph is None
    if graph is None:
        graph = survey(memory, rules.lexicon, rules.reading, rules.tables)
    seen = View(graph, memory, rules.lexicon, rules.reading)
    cases = weigh(seen, rules.lexicon, rules.reading, rules.tables, rules.operations, rules.strategy)
    moves = _moves_there(cases)
    clones: Clones | None = None
    if Move.APPLY in moves:
        cloned, free = wanted(graph, seen, cases)
        lacking = cloned.sum(-1) > free.sum(-1)
        cases = refuse(cases, Move.APPLY, lacking.to(graph.letters), ErrorKind.OUT_OF_MEMORY)
        clones = clones_of(cloned & ~lacking[:, None], free, seen)
    if Move.VISIT in moves and is_present(full := memory.stack.depth[:, -1]):
        cases = refuse(cases, Move.VISIT, full, ErrorKind.OUT_OF_STEPS)
    after = replace(memory, flags=_marked(seen, cases, clones), stack=_moved(memory, seen, cases, moves))
    if moves.isdisjoint(_WRITES):
        return Step(cleared(after, graph, rules.lexicon) if is_new else after, cases, graph)
    tag, first, second = written(memory, graph, seen, cases, moves, clones, rules.lexicon, rules.tables)
    return Step(replace(after, tag=tag, first=first, second=second), cases, None)


def _moves_there(cases: Cases) -> frozenset[Move]:
    """The moves that are made at all."""
    return frozenset(move for move, is_there in zip(Move, present(cases.moves), strict=True) if is_there)


def _marked(seen: View, cases: Cases, clones: Clones | None) -> Float[Tensor, "batch cells flags"]:
    """The flags: of clones none, of the visited cell what has been found out."""
    moves = cases.moves
    base = moves[:, Move.BASE]
    rises = {
        Flag.HEAD: base + moves[:, Move.HEAD] + moves[:, Move.PARTIAL],
        Flag.IR1: base + cases.column_1,
        Flag.IR2: base + moves[:, Move.NORMAL],
        Flag.CERTAIN: base + cases.normal[:, Demand.CERTAIN],
        Flag.WAITS: cases.waits,
        Flag.WRONG: cases.wrong,
    }
    flags = seen.flags if clones is None else seen.flags * (1 - clones.taken)[:, :, None]
    raised = seen[""].address[:, :, None] * torch.stack(list(rises.values()), dim=-1)[:, None]
    return flags + raised * (1 - flags)


def _moved(memory: Memory, seen: View, cases: Cases, moves: frozenset[Move]) -> PointerStackState:
    """The stack after the step."""
    stack = memory.stack
    pushes = cases.moves[:, Move.VISIT]
    pops = cases.moves[:, : Move.NORMAL + 1].sum(-1) + cases.moves[:, Move.APPLY : Move.GO_221 + 1].sum(-1)
    action, sharpness = torch.stack([pushes, pops, 1 - pushes - pops], dim=-1), torch.zeros_like(pushes)[:, None]
    pointer = stack_for(*memory.tag.shape[1:])
    if Move.VISIT in moves:
        return pointer.advance(stack, action, _pushed(memory, seen, cases), sharpness)
    if moves.isdisjoint(_POPS):
        return stack
    # A pop writes nothing, so the cells take no part.
    narrow = replace(stack, cells=stack.cells[:, :, :0])
    return replace(pointer.advance(narrow, action, narrow.cells[:, 0], sharpness), cells=stack.cells)


def _pushed(memory: Memory, seen: View, cases: Cases) -> Float[Tensor, "batch item"]:
    """What is pushed: the address that is visited, and the demand."""
    here = seen[""].address[:, None]
    first, second, under = cases.visits.sum(-1)[:, :, None, None].unbind(1)
    from_first, from_second = first * here, second * here + under * seen["1"].address[:, None]
    address = (torch.bmm(from_first, memory.first) + torch.bmm(from_second, memory.second))[:, 0]
    weight = (from_first + from_second).sum((1, 2))
    return torch.cat([_share(address, weight), _share(cases.visits.sum(1), cases.moves[:, Move.VISIT])], dim=-1)


def _share(weighted: Float[Tensor, "batch n"], weight: Float[Tensor, " batch"]) -> Float[Tensor, "batch n"]:
    """What was weighted, given that there is any weight at all."""
    is_any = (weight.abs() > _LEAST)[:, None]
    return torch.where(is_any, weighted / torch.where(is_any, weight[:, None], 1), 0)
