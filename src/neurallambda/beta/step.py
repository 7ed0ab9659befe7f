"""One step: survey the cells, look around the visited one, weigh all cases, and write what they do, weighted."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from neurallambda.beta.alphabet import Demand, Flag, Tag
from neurallambda.beta.cases import PLACES, Cases, refuse, weigh
from neurallambda.beta.graph import EDGE, mentions, placement
from neurallambda.beta.look import Graph, View, survey, view
from neurallambda.beta.memory import Memory, stack_for
from neurallambda.beta.reading import Lexicon, Reading
from neurallambda.beta.rules import Move
from neurallambda.beta.strategy import Strategy
from neurallambda.beta.tables import Tables
from neurallambda.errors import ErrorKind
from neurallambda.machine.compute import Operations
from neurallambda.structures.pointer_stack import PointerStackState

_LEAST = 1e-6
_GOES = {Move.GO_1: "1", Move.GO_12: "12", Move.GO_21: "21", Move.GO_22: "22", Move.GO_221: "221"}


@dataclass(frozen=True)
class Rules:
    """What stays the same from step to step."""

    lexicon: Lexicon
    reading: Reading
    tables: Tables
    operations: Operations
    strategy: Strategy


@dataclass(frozen=True)
class _Clones:
    """What an application clones.

    Attributes:
        to: where each clone goes.
        gains: what a reference to each cell gains, as it is copied into a clone or into the place of the application: a
            reference to a cloned cell becomes one to the clone, one to the variable becomes the argument.
    """

    to: Float[Tensor, "batch cells cells"]
    gains: Float[Tensor, "batch cells width"]


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
    clones = _clones(cloned & ~lacking[:, None], free, seen, rules.lexicon)
    contents = _cloned(graph, clones) + _redirected(graph, seen, cases, clones, rules.lexicon)
    contents = contents + _rewritten(graph, seen, cases, rules.lexicon)
    stack = _moved(memory, seen, cases, rules.lexicon)
    return replace(memory, contents=contents, flags=_marked(graph, seen, cases, clones), stack=stack), cases


def _wanted(graph: Graph, seen: View, cases: Cases) -> tuple[Bool[Tensor, "batch cells"], Bool[Tensor, "batch cells"]]:
    """Which cells an application clones, if one is made, and which are free."""
    function = seen.at["1"]
    variable = function.refers_first.detach() > EDGE
    owners = ((graph.first.detach() > EDGE) & (graph.tags[:, :, Tag.FUNCTION, None].detach() > EDGE)).to(graph.first)
    applies = cases.moves[:, Move.APPLY, None].detach() > EDGE
    cloned = mentions(graph.edges, owners, variable & applies) & applies
    return cloned, graph.tags[:, :, Tag.FREE].detach() > 1 - EDGE


def _clones(
    cloned: Bool[Tensor, "batch cells"], free: Bool[Tensor, "batch cells"], seen: View, lexicon: Lexicon
) -> _Clones:
    """Where clones go, and where references go that are copied."""
    placed = placement(cloned, free).to(lexicon.nothing.dtype)
    addresses = lexicon.addresses.vectors
    variable = (seen.at["1"].refers_first * ~cloned)[:, :, None]
    leaves = placed.sum(-1, keepdim=True) + variable
    return _Clones(placed, placed @ addresses - leaves * addresses + variable * seen.at[""].second[:, None])


def _cloned(graph: Graph, clones: _Clones) -> Float[Tensor, "batch cells 3 width"]:
    """The contents with the clones written into free cells."""
    columns = torch.stack([graph.first @ clones.gains, graph.second @ clones.gains], dim=2)
    copies = graph.contents + torch.nn.functional.pad(columns, [0, 0, 1, 0])
    taken = clones.to.sum(1)[:, :, None, None]
    return (1 - taken) * graph.contents + (clones.to.mT @ copies.flatten(2)).unflatten(2, copies.shape[2:])


def _redirected(
    graph: Graph, seen: View, cases: Cases, clones: _Clones, lexicon: Lexicon
) -> Float[Tensor, "batch cells 3 width"]:
    """What references to the visited cell gain, where something takes its place."""
    here, function, choice, rest = (seen.at[path] for path in ("", "1", "2", "22"))
    body = function.second + (function.refers_second[:, None] @ clones.gains)[:, 0]
    columns = [here.first, function.second, choice.first, choice.second, rest.first, body]
    targets = torch.stack(columns, dim=1)
    weights = cases.moves[:, [*_GOES, Move.APPLY]]
    gain = (weights[:, None] @ targets)[:, 0]
    references = torch.stack([graph.first, graph.second], dim=1) * here.address[:, None, None]
    losses = (references * weights.sum(-1)[:, None, None, None]) @ lexicon.addresses.vectors
    change = references.sum(-1, keepdim=True) * gain[:, None, None] - losses
    return torch.nn.functional.pad(change.transpose(1, 2), [0, 0, 1, 0])


def _rewritten(graph: Graph, seen: View, cases: Cases, lexicon: Lexicon) -> Float[Tensor, "batch cells 3 width"]:
    """What the visited cell gains, where it becomes something else in place."""
    choice, rest, under = (seen.at[path] for path in ("2", "22", "1"))
    tags = [Move.PAIR, Move.PARTIAL, Move.TRUE, Move.FALSE, Move.INTEGER]
    adopt_2, adopt_22, pair, true, false, integer = (
        cases.moves[:, move, None]
        for move in (Move.ADOPT_2, Move.ADOPT_22, Move.PAIR, Move.TRUE, Move.FALSE, Move.INTEGER)
    )
    weights = cases.moves[:, tags]
    tag = weights @ lexicon.tags.vectors[[Tag[move.name] for move in tags]]
    first = adopt_2 * choice.first + adopt_22 * rest.first + pair * under.second
    first = first + (true + false) * lexicon.nothing + cases.integers @ lexicon.literals.vectors
    second = adopt_2 * choice.second + adopt_22 * rest.second + (true + false + integer) * lexicon.nothing
    replaced = adopt_2 + adopt_22 + true + false + integer
    lost = torch.stack([weights.sum(-1, keepdim=True), replaced + pair, replaced], dim=1)
    gained = torch.stack([tag, first, second], dim=1)
    return seen.at[""].address[:, :, None, None] * (gained[:, None] - lost[:, None] * graph.contents)


def _marked(graph: Graph, seen: View, cases: Cases, clones: _Clones) -> Float[Tensor, "batch cells 4"]:
    """The flags: of clones none, of the visited cell what has been found out."""
    moves = cases.moves
    both = moves[:, Move.NORMAL]
    head = moves[:, Move.HEAD] + moves[:, Move.PARTIAL]
    base = moves[:, Move.BASE]
    rises = dict.fromkeys(Flag, base)
    rises[Flag.HEAD] = base + head
    rises[Flag.IR1] = base + cases.column_1
    rises[Flag.IR2] = base + both
    rises[Flag.CERTAIN] = base + cases.normal[:, Demand.CERTAIN]
    flags = graph.flags * (1 - clones.to.sum(1))[:, :, None]
    raised = seen.at[""].address[:, :, None] * torch.stack(list(rises.values()), dim=-1)[:, None]
    return flags + raised * (1 - flags)


def _moved(memory: Memory, seen: View, cases: Cases, lexicon: Lexicon) -> PointerStackState:
    """The stack after the step."""
    pushes = cases.moves[:, Move.VISIT]
    pops = cases.moves[:, [Move.BASE, Move.REDUCED, Move.NORMAL, Move.APPLY, *_GOES]].sum(-1)
    share = torch.where(pushes.abs() > _LEAST, 1 / torch.where(pushes.abs() > _LEAST, pushes, 1), 0)[:, None]
    here, function = seen.at[""], seen.at["1"]
    columns = {"1": here.first, "2": here.second, "12": function.second}
    targets = torch.stack([columns[place] for place in PLACES], dim=1)
    address = (cases.visits.sum(-1)[:, None] @ targets)[:, 0]
    item = torch.cat([address, cases.visits.sum(1)], dim=-1) * share
    action = torch.stack([pushes, pops, 1 - pushes - pops], dim=-1)
    cells, width = memory.contents.shape[1], memory.contents.shape[-1]
    return stack_for(cells, width).advance(memory.stack, action, item, torch.zeros_like(pushes)[:, None])

