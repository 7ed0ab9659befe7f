"""One step: survey the cells, look around the visited one, weigh all cases, and write what they do, weighted."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from neurallambda.beta.alphabet import Demand, Flag, Tag
from neurallambda.beta.cases import Cases, refuse, weigh
from neurallambda.beta.graph import EDGE, edges, mentions, placement
from neurallambda.beta.look import Graph, View, survey, view
from neurallambda.beta.memory import Memory, stack_for
from neurallambda.beta.reading import Lexicon, Reading
from neurallambda.beta.rules import Move
from neurallambda.beta.strategy import Strategy
from neurallambda.beta.tables import Tables
from neurallambda.errors import ErrorKind
from neurallambda.machine.compute import Operations
from neurallambda.structures.pointer_stack import PointerStackState

_LEAST = 1e-12
_PUTS = slice(Move.APPLY, Move.GO_221 + 1)
"""The moves that put something in the place of the visited cell: the body, or where a path leads, 1, 11, 21, 22 and 221."""
_MADE = slice(Move.PAIR, Move.INTEGER + 1)


@dataclass(frozen=True)
class Rules:
    """What stays the same from step to step."""

    lexicon: Lexicon
    reading: Reading
    tables: Tables
    operations: Operations
    strategy: Strategy


def take_step(memory: Memory, rules: Rules) -> tuple[Memory, Cases]:
    """Take one step.

    Returns:
        The memory after it, and the weight of each thing that it did.
    """
    graph = survey(memory, rules.lexicon, rules.reading, rules.tables)
    seen = view(graph, memory, rules.lexicon, rules.reading)
    cases = weigh(seen, rules.lexicon, rules.reading, rules.tables, rules.operations, rules.strategy)
    cloned, free = _wanted(graph, seen, cases)
    lacking = cloned.sum(-1) > free.sum(-1)
    cases = refuse(cases, Move.APPLY, lacking.to(graph.tags), ErrorKind.OUT_OF_MEMORY)
    cases = refuse(cases, Move.VISIT, memory.stack.depth[:, -1], ErrorKind.OUT_OF_STEPS)
    clones = _clones(cloned & ~lacking[:, None], free, seen)
    tag, first, second = _written(memory, graph, seen, cases, clones, rules.lexicon, rules.tables)
    stack = _moved(memory, seen, cases)
    return Memory(tag, first, second, _marked(graph, seen, cases, clones), stack), cases


@dataclass(frozen=True)
class _Clones:
    """What an application clones, and what becomes of references that are copied.

    Attributes:
        to: where each clone goes.
        leaves: how much a copied reference to each cell leads elsewhere: that to a cloned cell goes to the clone, ...
        variable: ... and this much of it to the argument, where it is a reference to the variable.
    """

    to: Float[Tensor, "batch cells cells"]
    leaves: Float[Tensor, "batch cells"]
    variable: Float[Tensor, "batch cells"]

    def follow(self, references: Float[Tensor, "batch n cells"]) -> Float[Tensor, "batch n cells"]:
        """What copied references gain and lose at each address, the argument left out."""
        return references @ self.to - references * self.leaves[:, None]


def _wanted(graph: Graph, seen: View, cases: Cases) -> tuple[Bool[Tensor, "batch cells"], Bool[Tensor, "batch cells"]]:
    """Which cells an application clones, if one is made, and which are free."""
    variable = seen.at["1"].refers_first.detach() > EDGE
    is_owner = (graph.tags[:, :, Tag.FUNCTION] + graph.tags[:, :, Tag.BIND]).detach()[:, :, None] > EDGE
    owners = ((graph.first.detach() > EDGE) & is_owner).to(graph.first.dtype)
    applies = cases.moves[:, Move.APPLY, None].detach() > EDGE
    cloned = mentions(edges(graph.first, graph.second), owners, variable & applies) & applies
    return cloned, graph.tags[:, :, Tag.FREE].detach() > 1 - EDGE


def _clones(cloned: Bool[Tensor, "batch cells"], free: Bool[Tensor, "batch cells"], seen: View) -> _Clones:
    """Where clones go, and where references go that are copied."""
    variable = seen.at["1"].refers_first * ~cloned
    to = placement(cloned, free).to(variable.dtype)
    return _Clones(to, to.sum(-1) + variable * seen.at[""].mass[:, None], variable)


def _written(
    memory: Memory, graph: Graph, seen: View, cases: Cases, clones: _Clones, lexicon: Lexicon, tables: Tables
) -> tuple[Tensor, Tensor, Tensor]:
    """All cells after the step: tag, column 1 and column 2.

    A part keeps what it held as far as nothing replaces it. It gains the part that it is a clone of; references, as
    weights of addresses; and, each by a weight, a few vectors: the argument, what takes the place of the visited cell, what
    the visited cell becomes, what a free cell holds, and the tag of a call, which a copy of a recursive function's body is.
    """
    argument, here = seen.at[""].second, seen.at[""].address
    going, target = _target(seen, cases, clones, lexicon)
    lost, gained = _rewritten(seen, cases, lexicon, tables)
    taken, copies = clones.to.sum(1), clones.to.mT
    kept = graph.kept * (1 - taken)
    empty = (lexicon.tags.vectors[Tag.FREE], lexicon.nothing, lexicon.nothing)
    parts: list[Tensor] = []
    for index, part in enumerate((memory.tag, memory.first, memory.second)):
        stays = kept * (1 - here * lost[:, index, None])
        written = torch.baddbmm(stays[:, :, None] * part, copies, part)
        weights = [here * kept, (1 - taken) - kept]
        vectors = [gained[:, index], empty[index].expand_as(argument)]
        if index:
            references = (graph.first, graph.second)[index - 1]
            replaced = references * here[:, None] * kept[:, :, None]
            moved = copies @ clones.follow(references) - going[:, None, None] * replaced
            written = written + moved @ lexicon.addresses.vectors
            weights += [(copies @ (references @ clones.variable[:, :, None]))[..., 0], replaced.sum(-1)]
            vectors += [argument, target]
        else:
            called = (copies @ (seen.at["1"].refers_second * graph.tags[:, :, Tag.BODY])[:, :, None])[..., 0]
            weights += [called, -called]
            vectors += [lexicon.tags.vectors[tag].expand_as(argument) for tag in (Tag.CALL, Tag.BODY)]
        parts.append(torch.baddbmm(written, torch.stack(weights, dim=2), torch.stack(vectors, dim=1)))
    tag, first, second = parts
    return tag, first, second


def _target(
    seen: View, cases: Cases, clones: _Clones, lexicon: Lexicon
) -> tuple[Float[Tensor, " batch"], Float[Tensor, "batch width"]]:
    """How much of the visited cell something takes the place of, and the reference to that, weighted."""
    here, function, choice, rest = (seen.at[path] for path in ("", "1", "2", "22"))
    body = function.second + clones.follow(function.refers_second[:, None])[:, 0] @ lexicon.addresses.vectors
    body = body + (function.refers_second * clones.variable).sum(-1, keepdim=True) * here.second
    targets = torch.stack([body, here.first, function.first, choice.first, choice.second, rest.first], dim=1)
    weights = cases.moves[:, _PUTS]
    masses = torch.stack([cell.mass for cell in (function, here, function, choice, choice, rest)], dim=1)
    return (weights * masses).sum(-1), (weights[:, None] @ targets)[:, 0]


def _rewritten(
    seen: View, cases: Cases, lexicon: Lexicon, tables: Tables
) -> tuple[Float[Tensor, "batch 3"], Float[Tensor, "batch 3 width"]]:
    """How much of its tag and columns the visited cell loses, and what it gains, where it becomes something in place."""
    choice, rest, under = (seen.at[path] for path in ("2", "22", "1"))
    adopt_2, adopt_22, pair, true, false, integer = (
        cases.moves[:, move, None]
        for move in (Move.ADOPT_2, Move.ADOPT_22, Move.PAIR, Move.TRUE, Move.FALSE, Move.INTEGER)
    )
    weights = cases.moves[:, _MADE]
    tag = weights @ tables.made @ lexicon.tags.vectors
    first = adopt_2 * choice.first + adopt_22 * rest.first + pair * under.second
    first = first + (true + false) * lexicon.nothing + cases.integers @ lexicon.literals.vectors
    second = adopt_2 * choice.second + adopt_22 * rest.second + (true + false + integer) * lexicon.nothing
    replaced = adopt_2 * choice.mass[:, None] + adopt_22 * rest.mass[:, None] + true + false + integer
    lost = torch.cat([weights.sum(-1, keepdim=True), replaced + pair * under.mass[:, None], replaced], dim=1)
    return lost, torch.stack([tag, first, second], dim=1)


def _marked(graph: Graph, seen: View, cases: Cases, clones: _Clones) -> Float[Tensor, "batch cells flags"]:
    """The flags: of clones none, of the visited cell what has been found out."""
    moves = cases.moves
    both = moves[:, Move.NORMAL]
    head = moves[:, Move.HEAD] + moves[:, Move.PARTIAL]
    base = moves[:, Move.BASE]
    rises = {
        Flag.HEAD: base + head,
        Flag.IR1: base + cases.column_1,
        Flag.IR2: base + both,
        Flag.CERTAIN: base + cases.normal[:, Demand.CERTAIN],
        Flag.WAITS: cases.waits,
        Flag.WRONG: cases.wrong,
    }
    flags = graph.flags * (1 - clones.to.sum(1))[:, :, None]
    raised = seen.at[""].address[:, :, None] * torch.stack(list(rises.values()), dim=-1)[:, None]
    return flags + raised * (1 - flags)


def _moved(memory: Memory, seen: View, cases: Cases) -> PointerStackState:
    """The stack after the step."""
    pushes = cases.moves[:, Move.VISIT]
    pops = cases.moves[:, : Move.NORMAL + 1].sum(-1) + cases.moves[:, _PUTS].sum(-1)
    here, function = seen.at[""], seen.at["1"]
    targets = torch.stack([here.first, here.second, function.second], dim=1)
    masses = torch.stack([here.mass, here.mass, function.mass], dim=1)
    places = cases.visits.sum(-1)
    address = _share((places[:, None] @ targets)[:, 0], (places * masses).sum(-1))
    item = torch.cat([address, _share(cases.visits.sum(1), pushes)], dim=-1)
    action = torch.stack([pushes, pops, 1 - pushes - pops], dim=-1)
    return stack_for(*memory.tag.shape[1:]).advance(memory.stack, action, item, torch.zeros_like(pushes)[:, None])


def _share(weighted: Float[Tensor, "batch n"], weight: Float[Tensor, " batch"]) -> Float[Tensor, "batch n"]:
    """What was weighted, given that there is any weight at all."""
    is_any = (weight.abs() > _LEAST)[:, None]
    return torch.where(is_any, weighted / torch.where(is_any, weight[:, None], 1), 0)
