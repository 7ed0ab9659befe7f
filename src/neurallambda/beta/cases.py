"""Which move a step makes: all cases that there are, each with its weight."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.beta.alphabet import Demand, Tag
from neurallambda.beta.asking import add, is_present, present, stacked
from neurallambda.beta.look import View
from neurallambda.beta.reading import Lexicon, Reading
from neurallambda.beta.redex import LEAST, Visits, Weights, at_redex
from neurallambda.beta.rules import ERRORS, PARTS, Move, Part, Wrong
from neurallambda.beta.strategy import Strategy
from neurallambda.beta.tables import PATTERNS, Tables
from neurallambda.errors import ErrorKind
from neurallambda.machine.compute import Operations

PLACES = ("1", "2", "12")
"""The paths to what a step may visit next."""

_VISITS = tuple((place, demand) for place in PLACES for demand in Demand)
_CALL = PATTERNS.index(PARTS[Tag.CALL])


@dataclass(frozen=True)
class Cases:
    """The weight of each thing that a step may do. Moves sum to one: all of the program does one of them.

    Only where a column holds no address and should, in a mixture that is not well formed, there is less, and the rest
    does nothing.

    Attributes:
        moves: the weight of each move; that of `FAIL` is the sum of the errors.
        visits: of visiting each of `PLACES`, with each demand; they are what the move `VISIT` consists of.
        errors: of each of `ERRORS`.
        integers: of each integer, where the move is `INTEGER`.
        column_1: of finding that column 1 is reduced as a normal form demands.
        normal: of finding both so, with each demand; together, the move `NORMAL`.
        waits: of finding that the head waits for a decision; see `Flag.WAITS`.
        wrong: of finding that it waits for something wrong.
    """

    moves: Float[Tensor, "batch moves"]
    visits: Float[Tensor, "batch places demands"]
    errors: Float[Tensor, "batch errors"]
    integers: Float[Tensor, "batch integers"]
    column_1: Float[Tensor, " batch"]
    normal: Float[Tensor, "batch demands"]
    waits: Float[Tensor, " batch"]
    wrong: Float[Tensor, " batch"]


def weigh(
    view: View, lexicon: Lexicon, reading: Reading, tables: Tables, operations: Operations, strategy: Strategy
) -> Cases:
    """Compute all cases that there are.

    Args:
        view: what the step sees.
        lexicon: the vectors of the symbols.
        reading: how they are read.
        tables: the rules.
        operations: the primitives that may occur.
        strategy: which redex comes first.
    """
    here = view[""]
    met = here.met
    base, constructor, redex, _, root = (here.tag @ tables.classes).unbind(-1)
    demand = view.demand * (1 - root)[:, None]
    open_ = demand * (1 - met)
    # Where only the head is demanded and that is not met, the head is not reduced; the other demands ask for it.
    unreduced = 1 - met[:, Demand.HEAD]
    raw = open_ * torch.stack([torch.ones_like(unreduced), unreduced, unreduced], dim=-1)
    acts, descends, certain = raw.sum(-1), open_ - raw, open_[:, Demand.CERTAIN]
    nothing = torch.zeros_like(acts)
    is_redex, is_inside, is_root = present(torch.stack([redex * (acts + certain), descends.sum(-1), root], dim=-1))

    moves: Weights = {Move.BASE: open_.sum(-1) * base, Move.REDUCED: (demand * met).sum(-1)}
    moves[Move.HEAD] = acts * constructor
    visits: Visits = {}
    errors: dict[ErrorKind, Tensor] = {}
    waits = is_wrong = column_1 = nothing
    integers, normal = nothing[:, None].expand(-1, len(lexicon.literals.vectors)), torch.zeros_like(met)
    unfolds: Tensor | None = None
    if is_redex:
        found = at_redex(view, lexicon, reading, tables, operations, strategy)
        wrong = {kind: found.responses.pop(kind) for kind in Wrong if kind in found.responses}
        add(moves, {move: acts * weight for move, weight in found.responses.items()})
        add(visits, {visit: acts * weight for visit, weight in found.visits.items()})
        waits, is_wrong = acts * found.waits, acts * found.wrong
        if found.integers is not None:
            integers = acts[:, None] * found.integers
            errors[ErrorKind.OVERFLOW] = acts * found.overflow
        if wrong:
            errors |= {kind.kind: certain * weight for kind, weight in wrong.items()}
            passes, total = raw[:, Demand.HEAD] + raw[:, Demand.NORMAL], torch.stack(list(wrong.values())).sum(0)
            stays = passes * total
            add(moves, {Move.HEAD: stays})
            waits, is_wrong = waits + passes * found.wrong_choice, is_wrong + stays
            known = constructor + redex
            sound = 1 - torch.where(known > LEAST, total / known.clamp_min(LEAST), 0)
            descends = descends * torch.stack([torch.ones_like(sound), torch.ones_like(sound), sound], dim=-1)
    if is_inside:
        if is_redex:
            # What is wrong in a call, and certain to be met, is met in what it unfolds to.
            unfolds = descends[:, Demand.CERTAIN] * here.tag[:, Tag.CALL] * here.wrong
            add(moves, {Move.GO_1: unfolds})
        column_1, normal, inside = _parts(view, descends, unfolds, tables)
        add(visits, inside)
        moves[Move.NORMAL] = normal.sum(-1)
    if is_root:
        finished = root * view["1"].met[:, Demand.CERTAIN]
        moves[Move.FINISH] = finished
        add(visits, {("1", Demand.CERTAIN): root - finished})
    failed, visited = stacked(errors, ERRORS, nothing), stacked(visits, _VISITS, nothing)
    moves[Move.FAIL], moves[Move.VISIT] = failed.sum(-1), visited.sum(-1)
    return Cases(
        moves=stacked(moves, tuple(Move), nothing),
        visits=visited.unflatten(-1, (len(PLACES), len(Demand))),
        errors=failed,
        integers=integers,
        column_1=column_1,
        normal=normal,
        waits=waits,
        wrong=is_wrong,
    )


def refuse(cases: Cases, move: Move, share: Float[Tensor, " batch"], kind: ErrorKind) -> Cases:
    """The cases where a share of a move cannot be made, and ends in an error instead."""
    lost = cases.moves[:, move] * share
    moves = cases.moves + _at(Move.FAIL, lost, len(Move)) - _at(move, lost, len(Move))
    errors = cases.errors + _at(ERRORS.index(kind), lost, len(ERRORS))
    visits = cases.visits * (1 - share)[:, None, None] if move is Move.VISIT else cases.visits
    return replace(cases, moves=moves, visits=visits, errors=errors)


def _parts(
    view: View, descends: Float[Tensor, "batch demands"], unfolds: Float[Tensor, " batch"] | None, tables: Tables
) -> tuple[Float[Tensor, " batch"], Float[Tensor, "batch demands"], Visits]:
    """Reduce the columns, one after the other, as a normal form demands; not of a call that unfolds after all.

    Returns:
        The weight of having found column 1 reduced; that of both, for each demand; and the visits.
    """
    both = descends[:, None, :] * (view[""].tag @ tables.patterns)[..., None]
    if unfolds is not None:
        both = both - pad(unfolds[:, None, None], [Demand.CERTAIN, 0, _CALL, len(PATTERNS) - _CALL - 1])
    visits: Visits = {}
    found: list[Tensor] = []
    for column, path in enumerate(("1", "2")):
        met = view[path].met
        # Axes: batch, pattern, kind of part, demand.
        kinds = both[:, :, None] * tables.parts[:, column, :, None]
        reached = torch.stack([torch.ones_like(met), met[:, Demand.NORMAL, None].expand_as(met), met], dim=1)
        done = kinds * reached[:, None]
        lacking = (kinds - done).sum(1)
        same = lacking[:, Part.SAME]
        visits[path, Demand.NORMAL] = lacking[:, Part.NORMAL].sum(-1) + same[:, Demand.NORMAL]
        visits[path, Demand.CERTAIN] = same[:, Demand.CERTAIN]
        both = done.sum(2)
        found.append(both.sum(1))
        if not is_present(both):
            break
    return found[0].sum(-1), found[-1] if len(found) == 2 else torch.zeros_like(descends), visits


def _at(place: int, weight: Float[Tensor, " batch"], count: int) -> Float[Tensor, "batch count"]:
    """The weight at one of so many places, and nothing at the others."""
    return pad(weight[:, None], [place, count - place - 1])
