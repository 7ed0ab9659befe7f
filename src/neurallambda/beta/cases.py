"""Which move a step makes: all cases are computed, each with its weight."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.beta.alphabet import Demand, Tag
from neurallambda.beta.look import Sight, View
from neurallambda.beta.reading import Lexicon, Reading
from neurallambda.beta.rules import AT_THE_END, CONS, ERRORS, FRAMES, PARTS, Ask, Move, Part, Wrong
from neurallambda.beta.strategy import Strategy
from neurallambda.beta.tables import INDEX, PATTERNS, Tables
from neurallambda.errors import ErrorKind
from neurallambda.machine.compute import Computed, Operands, Operations, compute

PLACES = ("1", "2", "12")
"""The paths to what a step may visit next."""

_FRAMES = list(FRAMES)
_CALL = PATTERNS.index(PARTS[Tag.CALL])
_KINDS = [Tag.TRUE, Tag.FALSE, Tag.NIL]
_WRONG = [INDEX[wrong] for wrong in Wrong]
_LEAST = 1e-12


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


@dataclass(frozen=True)
class _Redex:
    """What a redex does if its head is not reduced yet, as far as it is a redex.

    Where it stays, since it is stuck, it waits for a decision, or for something wrong; a wrong choice waits for a decision,
    too.
    """

    responses: Float[Tensor, "batch responses"]
    visits: Float[Tensor, "batch places demands"]
    integers: Float[Tensor, "batch integers"]
    overflow: Float[Tensor, " batch"]
    waits: Float[Tensor, " batch"]
    wrong: Float[Tensor, " batch"]
    wrong_choice: Float[Tensor, " batch"]


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

    found = _redex(view, lexicon, reading, tables, operations, strategy)
    wrong = found.responses[:, _WRONG]
    fails = open_[:, Demand.CERTAIN, None] * wrong
    # Where only the head is demanded and that is not met, the head is not reduced; the other demands ask for it.
    raw = torch.stack([torch.ones_like(head), 1 - head, 1 - head], dim=-1) * open_
    passes = raw.sum(-1) - raw[:, Demand.CERTAIN]
    stays = passes * wrong.sum(-1)
    acts = raw.sum(-1, keepdim=True)

    known = constructor + redex
    sound = 1 - torch.where(known > _LEAST, wrong.sum(-1) / known.clamp_min(_LEAST), 0)
    ratio = torch.stack([torch.ones_like(sound), torch.ones_like(sound), sound], dim=-1)
    descends = (open_ - raw) * ratio
    # What is wrong in a call, and certain to be met, is met in what it unfolds to.
    unfolds = descends[:, Demand.CERTAIN] * here.tag[:, Tag.CALL] * here.wrong
    column_1, normal, inside = _parts(view, descends, unfolds, tables)

    moves = found.responses[:, : len(Move)] * acts
    moves = _add(
        moves,
        {
            Move.BASE: unmet * base,
            Move.REDUCED: (1 - root) * met,
            Move.NORMAL: normal.sum(-1),
            Move.HEAD: acts[:, 0] * constructor + stays,
            Move.GO_1: unfolds,
            Move.FINISH: root * finished,
        },
    )
    visits = found.visits * acts[..., None] + inside
    visits = visits + _visit(root * (1 - finished), "1", Demand.CERTAIN)
    errors = torch.cat([fails, (acts[:, 0] * found.overflow)[:, None], torch.zeros_like(fails[:, :2])], dim=-1)
    moves = _add(moves, {Move.VISIT: visits.sum((1, 2)), Move.FAIL: errors.sum(-1)})
    waits = acts[:, 0] * found.waits + passes * found.wrong_choice
    return Cases(
        moves, visits, errors, acts * found.integers, column_1, normal, waits, acts[:, 0] * found.wrong + stays
    )


def refuse(cases: Cases, move: Move, share: Float[Tensor, " batch"], kind: ErrorKind) -> Cases:
    """The cases where a share of a move cannot be made, and ends in an error instead."""
    lost = cases.moves[:, move] * share
    moves = _add(cases.moves, {move: -lost, Move.FAIL: lost})
    index = ERRORS.index(kind)
    errors = cases.errors + pad(lost[:, None], [index, len(ERRORS) - index - 1])
    visits = cases.visits * (1 - share)[:, None, None] if move is Move.VISIT else cases.visits
    return replace(cases, moves=moves, visits=visits, errors=errors)


def _redex(
    view: View, lexicon: Lexicon, reading: Reading, tables: Tables, operations: Operations, strategy: Strategy
) -> _Redex:
    here, under, right, left = (view.at[path] for path in ("", "1", "2", "12"))
    operand = strategy.operand
    redex = (here.tag @ tables.classes)[:, 2]
    ready = under.met[:, operand]
    nested = here.tag[:, _FRAMES].sum(-1) * under.tag[:, _FRAMES].sum(-1) * (1 - ready)
    responses = _pairs(here.tag, under.tag) @ tables.responses * ready[:, None]
    visits = _visit(redex * (1 - ready) - nested, "1", operand)

    wrong_choice = responses[:, INDEX[Wrong.NOT_A_BOOLEAN]]
    waits, wrong = _stuck(responses, under)
    responses, choice = _take(responses, Ask.CHOICE)
    responses, decision = _take(responses, Ask.DECISION)
    undecided = decision * under.waits
    responses = _add(responses, {INDEX[Move.HEAD]: choice + undecided, INDEX[Move.GO_1]: nested + decision - undecided})
    waits, wrong = waits + choice, wrong + (choice + undecided) * under.wrong

    responses, asked = _take(responses, Ask.UNARY)
    primitive = reading(under.first[:, None], lexicon.operators)[:, 0]
    found = (asked * right.met[:, operand])[:, None] * (_pairs(primitive, right.tag) @ tables.unary)
    responses = responses + found
    waits, wrong = _sum((waits, wrong), _stuck(found, right))
    visits = visits + _visit(asked * (1 - right.met[:, operand]), "2", operand)

    responses, asked = _take(responses, Ask.BINARY)
    primitive = reading(view.at["11"].first[:, None], lexicon.operators)[:, 0]
    conses = asked * primitive[:, CONS]
    asked = asked * (1 - primitive[:, CONS])
    values = [1 - (sight.tag @ tables.classes)[:, 3] for sight in (left, right)]
    for path, sight, value in zip(("12", "2"), (left, right), values, strict=True):
        visits = visits + _visit(asked * (1 - sight.met[:, operand]), path, operand)
        asked = asked * sight.met[:, operand]
        found = _response(responses, Move.HEAD, asked * (1 - value))
        responses = responses + found
        waits, wrong = _sum((waits, wrong), _stuck(found, sight))
        asked = asked * value
    computed = _compute(primitive * asked[:, None], (left, right), values, lexicon, reading, operations)
    _, true, false = computed.results.unbind(-1)
    not_an_integer, overflow, by_zero = computed.errors.unbind(-1)
    responses = _add(
        responses,
        {
            INDEX[Move.PAIR]: conses,
            INDEX[Move.INTEGER]: computed.integers.sum(-1),
            INDEX[Move.TRUE]: true,
            INDEX[Move.FALSE]: false,
            INDEX[Wrong.NOT_AN_INTEGER]: not_an_integer,
            INDEX[Wrong.DIVISION_BY_ZERO]: by_zero,
        },
    )

    for adopts, path in ((Move.ADOPT_2, "2"), (Move.ADOPT_22, "22")):
        ends = responses[:, INDEX[adopts]] * view.at[path].tag[:, Tag.ELSE]
        responses = _add(responses, {INDEX[adopts]: -ends, INDEX[AT_THE_END[adopts]]: ends})
    if strategy.argument is not None:
        waits = responses[:, INDEX[Move.APPLY]] * (1 - right.met[:, strategy.argument])
        responses = _add(responses, {INDEX[Move.APPLY]: -waits})
        visits = visits + _visit(waits, "2", strategy.argument)
    return _Redex(responses, visits, computed.integers, overflow, waits, wrong, wrong_choice)


def _stuck(responses: Float[Tensor, "batch responses"], sight: Sight) -> tuple[Tensor, Tensor]:
    """How much the head stays because of a cell that waits for a decision, and of one that waits for something wrong."""
    stays = responses[:, INDEX[Move.HEAD]]
    return stays * sight.waits, stays * sight.wrong


def _sum(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return one[0] + other[0], one[1] + other[1]


def _compute(
    operator: Float[Tensor, "batch operators"],
    operands: tuple[Sight, Sight],
    values: list[Float[Tensor, " batch"]],
    lexicon: Lexicon,
    reading: Reading,
    operations: Operations,
) -> Computed:
    """What primitives make of two operands, given that both are values."""
    given = []
    for sight, value in zip(operands, values, strict=True):
        integers = reading(sight.first[:, None], lexicon.literals)[:, 0] * sight.tag[:, Tag.INTEGER, None]
        share = torch.where(value > _LEAST, 1 / value.clamp_min(_LEAST), 0)[:, None]
        given.append((integers * share, sight.tag[:, _KINDS] * share))
    return compute(Operands(operator, *given[0], *given[1]), operations)


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
        visits = visits + _visit(lacking[:, Part.NORMAL].sum(-1), path, Demand.NORMAL)
        for demand in (Demand.NORMAL, Demand.CERTAIN):
            visits = visits + _visit(lacking[:, Part.SAME, demand], path, demand)
        both = (kinds * reached).sum(2)
        found.append(both.sum(1))
    return found[0].sum(-1), found[1], visits


def _pairs(left: Float[Tensor, "batch m"], right: Float[Tensor, "batch n"]) -> Float[Tensor, "batch mn"]:
    return (left[:, :, None] * right[:, None, :]).flatten(1)


def _take(responses: Float[Tensor, "batch responses"], asked: Ask) -> tuple[Tensor, Tensor]:
    """Take the weight of a question out of the responses."""
    weight = responses[:, INDEX[asked]]
    return _add(responses, {INDEX[asked]: -weight}), weight


def _response(like: Tensor, response: Move, weight: Float[Tensor, " batch"]) -> Tensor:
    return _add(torch.zeros_like(like), {INDEX[response]: weight})


def _add(weights: Float[Tensor, "batch n"], more: dict[int, Tensor]) -> Float[Tensor, "batch n"]:
    """The weights with something added at some of the places."""
    places = torch.tensor(list(more), device=weights.device)
    return weights.index_add(1, places, torch.stack(list(more.values()), dim=1))


def _visit(weight: Float[Tensor, " batch"], place: str, demand: Demand) -> Float[Tensor, "batch places demands"]:
    """The weight of visiting a place with a demand."""
    index = PLACES.index(place) * len(Demand) + demand
    rest = len(PLACES) * len(Demand) - index - 1
    return pad(weight[:, None], [index, rest]).unflatten(1, (len(PLACES), len(Demand)))
