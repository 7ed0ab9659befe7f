"""What a step writes: all cells after it, each part a weighted sum of what it held and of what takes its place."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.beta.alphabet import Tag
from neurallambda.beta.cases import Cases
from neurallambda.beta.clones import Clones
from neurallambda.beta.look import Graph, View
from neurallambda.beta.memory import Memory
from neurallambda.beta.reading import Lexicon
from neurallambda.beta.rules import Move
from neurallambda.beta.tables import MADE, Tables

_PLACES = {Move.GO_1: "1", Move.GO_11: "11", Move.GO_21: "21", Move.GO_22: "22", Move.GO_221: "221"}
PUTS = {Move.APPLY} | _PLACES.keys()
"""The moves that put something in the place of the visited cell: the body, or where a path leads."""
_ADOPTED = {Move.ADOPT_2: "2", Move.ADOPT_22: "22"}
BECOMES = frozenset(MADE) | _ADOPTED.keys()
"""The moves by which the visited cell becomes something in place."""
_MADE = slice(MADE[0], MADE[-1] + 1)


def cleared(memory: Memory, graph: Graph, lexicon: Lexicon) -> Memory:
    """The memory if nothing is written but that the cells that were freed hold nothing."""
    kept = graph.kept[:, :, None]
    parts = zip((memory.tag, memory.first, memory.second), _empty(lexicon), strict=True)
    tag, first, second = (torch.where(kept, part, empty) for part, empty in parts)
    return replace(memory, tag=tag, first=first, second=second)


def written(
    memory: Memory,
    graph: Graph,
    seen: View,
    cases: Cases,
    moves: frozenset[Move],
    clones: Clones | None,
    lexicon: Lexicon,
    tables: Tables,
) -> tuple[Tensor, Tensor, Tensor]:
    """All cells after the step: tag, column 1 and column 2.

    A part keeps what it held as far as nothing replaces it. It gains the part that it is a clone of; references, as
    weights of addresses; and, each by a weight, a few vectors: what a free cell holds, what the visited cell becomes, what
    takes its place, the argument, and the tag of a call, which a copy of a recursive function's body is.

    Args:
        memory: what is written over.
        graph: what the step read of it.
        seen: the cells around the visited one.
        cases: what the step does.
        moves: the moves that are made at all.
        clones: what an application clones, if one is made.
        lexicon: the vectors of the symbols.
        tables: the rules.
    """
    here = seen[""].address
    kept = graph.kept.to(here.dtype)
    free = 1 - kept
    if clones is not None:
        kept, free = kept * (1 - clones.taken), free * (1 - clones.taken)
    becomes = None if moves.isdisjoint(BECOMES) else _becomes(seen, cases, moves, lexicon, tables)
    puts = None if moves.isdisjoint(PUTS) else _put(seen, cases, moves, clones, lexicon)
    parts: list[Tensor] = []
    for index, (part, empty) in enumerate(zip((memory.tag, memory.first, memory.second), _empty(lexicon), strict=True)):
        stays, gains = kept, [(free, empty.expand(len(here), -1))]
        if becomes is not None:
            lost, gained = becomes
            stays = kept * (1 - here * lost[:, index, None])
            gains.append((here * kept, gained[:, index]))
        after = stays[:, :, None] * part
        if clones is not None:
            after = torch.baddbmm(after, clones.to.mT, part)
            gains += _cloned(index, graph, seen, clones, lexicon)
        if index and puts is not None:
            going, target = puts
            references = graph.columns[index - 1]
            replaced = references * here[:, None] * kept[:, :, None]
            moved = -going[:, None, None] * replaced
            if clones is not None:
                moved = torch.baddbmm(moved, clones.to.mT, clones.follow(references))
            after = after + moved @ lexicon.addresses.vectors
            gains.append((replaced.sum(-1), target))
        weights, vectors = zip(*gains, strict=True)
        parts.append(torch.baddbmm(after, torch.stack(weights, dim=2), torch.stack(vectors, dim=1)))
    tag, first, second = parts
    return tag, first, second


def _empty(lexicon: Lexicon) -> tuple[Tensor, Tensor, Tensor]:
    """What the parts of a free cell hold."""
    return lexicon.tags.vectors[Tag.FREE], lexicon.nothing, lexicon.nothing


def _cloned(
    index: int, graph: Graph, seen: View, clones: Clones, lexicon: Lexicon
) -> list[tuple[Float[Tensor, "batch cells"], Float[Tensor, "batch width"]]]:
    """What a part of the clones gains: the argument, where the variable was; and the tag of a call, where a body was."""

    def copied(weights: Float[Tensor, "batch cells"]) -> Float[Tensor, "batch cells"]:
        return torch.bmm(weights[:, None], clones.to)[:, 0]

    if index:
        references = graph.columns[index - 1]
        return [(copied((references @ clones.variable[:, :, None])[..., 0]), seen.second(""))]
    called = copied(seen["1"].refers_second * graph.tags[:, :, Tag.BODY])
    call, body = (lexicon.tags.vectors[tag].expand(len(called), -1) for tag in (Tag.CALL, Tag.BODY))
    return [(called, call), (-called, body)]


def _put(
    seen: View, cases: Cases, moves: frozenset[Move], clones: Clones | None, lexicon: Lexicon
) -> tuple[Float[Tensor, " batch"], Float[Tensor, "batch width"]]:
    """How much of the visited cell something takes the place of, and the reference to that, weighted."""
    going, target = torch.zeros_like(cases.waits), torch.zeros_like(seen.second(""))
    if clones is not None:
        function, weight = seen["1"], cases.moves[:, Move.APPLY]
        body = seen.second("1") + (clones.follow(function.refers_second[:, None]) @ lexicon.addresses.vectors)[:, 0]
        body = body + (function.refers_second * clones.variable).sum(-1, keepdim=True) * seen.second("")
        going, target = weight * function.mass, weight[:, None] * body
    for move, path in _PLACES.items():
        if move in moves:
            weight, cell = cases.moves[:, move], path[:-1]
            column = seen.first(cell) if path[-1] == "1" else seen.second(cell)
            going, target = going + weight * seen[cell].mass, target + weight[:, None] * column
    return going, target


def _becomes(
    seen: View, cases: Cases, moves: frozenset[Move], lexicon: Lexicon, tables: Tables
) -> tuple[Float[Tensor, "batch 3"], Float[Tensor, "batch 3 width"]]:
    """How much of its tag and columns the visited cell loses, and what it gains, where it becomes something in place."""
    weights = cases.moves[:, _MADE]
    pair, true, false, integer = (
        cases.moves[:, move, None] for move in (Move.PAIR, Move.TRUE, Move.FALSE, Move.INTEGER)
    )
    truth = true + false
    replaced = truth + integer
    first = truth * lexicon.nothing + cases.integers @ lexicon.literals.vectors
    second = replaced * lexicon.nothing
    for move, path in _ADOPTED.items():
        if move in moves:
            weight = cases.moves[:, move, None]
            first, second = first + weight * seen.first(path), second + weight * seen.second(path)
            replaced = replaced + weight * seen[path].mass[:, None]
    replaced_first = replaced
    if Move.PAIR in moves:
        first, replaced_first = first + pair * seen.second("1"), replaced + pair * seen["1"].mass[:, None]
    lost = torch.cat([weights.sum(-1, keepdim=True), replaced_first, replaced], dim=1)
    tag = weights @ tables.made @ lexicon.tags.vectors
    return lost, torch.stack([tag, first, second], dim=1)
