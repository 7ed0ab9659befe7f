"""Which move a step makes: all cases are computed, each with its weight."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.beta.alphabet import Demand, Tag
from neurallambda.beta.look import View
from neurallambda.beta.reading import Lexicon, Reading
from neurallambda.beta.redex import LEAST, PLACES, at_redex, visit
from neurallambda.beta.rules import ERRORS, PARTS, Move, Part, Wrong
from neurallambda.beta.strategy import Strategy
from neurallambda.beta.tables import PATTERNS, Tables
from neurallambda.errors import ErrorKind
from neurallambda.machine.compute import Operations

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
    """Compute all cases.

    Args:
        view: what the step sees.
        lexicon: the vectors of the symbols.
        reading: how they are read.
        tables: the rules.
        operations: the primitives that may occur.
        strategy: which redex comes first.
    """
    here, demand, head = view.at[""], view.demand, view.head
    base, constructor, redex, _, root = (here.tag @ tables.classes).unbind(-1)
    met = (demand * here.met).sum(-1)
    open_ = (1 - root)[:, None] * demand * (1 - here.met)
    unmet = open_.sum(-1)
    finished = view.at["1"].met[:, Demand.CERTAIN]

    found = at_redex(view, lexicon, reading, tables, operations, strategy)
    wrong = torch.stack([found.responses[kind] for kind in Wrong], dim=-1)
    fails = open_[:, Demand.CERTAIN, None] * wrong
    # Where only the head is demanded and that is not met, the head is not reduced; the other demands ask for it.
    raw = torch.stack([torch.ones_like(head), 1 - head, 1 - head], dim=-1) * open_
    passes = raw.sum(-1) - raw[:, Demand.CERTAIN]
    stays = passes * wrong.sum(-1)
    acts = raw.sum(-1)

    known = constructor + redex
    sound = 1 - torch.where(known > LEAST, wrong.sum(-1) / known.clamp_min(LEAST), 0)
    ratio = torch.stack([torch.ones_like(sound), torch.ones_like(sound), sound], dim=-1)
    descends = (open_ - raw) * ratio
    # What is wrong in a call, and certain to be met, is met in what it unfolds to.
    unfolds = descends[:, Demand.CERTAIN] * here.tag[:, Tag.CALL] * here.wrong
    column_1, normal, inside = _parts(view, descends, unfolds, tables)

    visits = found.visits * acts[:, None, None] + inside
    visits = visits + visit(root * (1 - finished), "1", Demand.CERTAIN)
    errors = torch.cat([fails, (acts * found.overflow)[:, None], torch.zeros_like(fails[:, :2])], dim=-1)
    nothing = torch.zeros_like(acts)
    more = {
        Move.BASE: unmet * base,
        Move.REDUCED: (1 - root) * met,
        Move.NORMAL: normal.sum(-1),
        Move.HEAD: acts * constructor + stays,
        Move.VISIT: visits.sum((1, 2)),
        Move.GO_1: unfolds,
        Move.FINISH: root * finished,
        Move.FAIL: errors.sum(-1),
    }
    moves = torch.stack([found.responses.get(move, nothing) * acts + more.get(move, nothing) for move in Move], dim=-1)
    integers = acts[:, None] * found.integers
    waits, is_wrong = acts * found.waits + passes * found.wrong_choice, acts * found.wrong + stays
    return Cases(moves, visits, errors, integers, column_1, normal, waits, is_wrong)


def refuse(cases: Cases, move: Move, share: Float[Tensor, " batch"], kind: ErrorKind) -> Cases:
    """The cases where a share of a move cannot be made, and ends in an error instead."""
    lost = cases.moves[:, move] * share
    moves = cases.moves + _at(Move.FAIL, lost, len(Move)) - _at(move, lost, len(Move))
    errors = cases.errors + _at(ERRORS.index(kind), lost, len(ERRORS))
    visits = cases.visits * (1 - share)[:, None, None] if move is Move.VISIT else cases.visits
    return replace(cases, moves=moves, visits=visits, errors=errors)


def _parts(
    view: View, descends: Float[Tensor, "batch demands"], unfolds: Float[Tensor, " batch"], tables: Tables
) -> tuple[Float[Tensor, " batch"], Float[Tensor, "batch demands"], Float[Tensor, "batch places demands"]]:
    """Reduce the columns, one after the other, as a normal form demands; not of a call that unfolds after all.

    Returns:
        The weight of having found column 1 reduced; that of both, for each demand; and the visits.
    """
    both = descends[:, None, :] * (view.at[""].tag @ tables.patterns)[..., None]
    both = both - pad(unfolds[:, None, None], [Demand.CERTAIN, 0, _CALL, len(PATTERNS) - _CALL - 1])
    visits = view.demand.new_zeros(len(view.demand), len(PLACES), len(Demand))
    found: list[Tensor] = []
    for column, path in enumerate(("1", "2")):
        met = view.at[path].met
        normal = met[:, Demand.NORMAL, None].expand_as(met)
        # Axes: batch, pattern, kind of part, demand.
        kinds = both[:, :, None] * tables.parts[:, column, :, None]
        reached = torch.stack([torch.ones_like(met), normal, met], dim=1)[:, None]
        lacking = (kinds * (1 - reached)).sum(1)
        visits = visits + visit(lacking[:, Part.NORMAL].sum(-1), path, Demand.NORMAL)
        for demand in (Demand.NORMAL, Demand.CERTAIN):
            visits = visits + visit(lacking[:, Part.SAME, demand], path, demand)
        both = (kinds * reached).sum(2)
        found.append(both.sum(1))
    return found[0].sum(-1), found[1], visits


def _at(place: int, weight: Float[Tensor, " batch"], count: int) -> Float[Tensor, "batch count"]:
    """The weight at one of so many places, and nothing at the others."""
    return pad(weight[:, None], [place, count - place - 1])
