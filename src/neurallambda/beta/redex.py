"""What a redex does: the responses of the rules, each with its weight."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.beta.alphabet import Demand, Tag
from neurallambda.beta.look import Sight, View
from neurallambda.beta.reading import Lexicon, Reading
from neurallambda.beta.rules import AT_THE_END, CONS, Ask, Move, Response, Wrong
from neurallambda.beta.strategy import Strategy
from neurallambda.beta.tables import RESPONSES, UNARY_RESPONSES, Tables
from neurallambda.machine.compute import Computed, Operands, Operations, compute

PLACES = ("1", "2", "12")
"""The paths to what a step may visit next."""

LEAST = 1e-12
"""What weighs less is not divided by."""

_FRAMES = slice(Tag.CALL, Tag.GIVEN + 1)
_KINDS = slice(Tag.TRUE, Tag.NIL + 1)

Weights = dict[Response, Tensor]
"""The weight [batch] of each response; those that are not there have none."""


@dataclass(frozen=True)
class Redex:
    """What a redex does if its head is not reduced yet, as far as it is a redex.

    Attributes:
        responses: moves, and wrong applications.
        visits: of visiting each of `PLACES`, with each demand.
        integers: of each integer, where the move is `INTEGER`.
        overflow: of a result outside of the integers.
        waits: of staying because it waits for a decision; see `Flag.WAITS`.
        wrong: of staying because it waits for something wrong.
        wrong_choice: of a choice whose condition is no boolean. If it stays, it waits for a decision, too.
    """

    responses: Weights
    visits: Float[Tensor, "batch places demands"]
    integers: Float[Tensor, "batch integers"]
    overflow: Float[Tensor, " batch"]
    waits: Float[Tensor, " batch"]
    wrong: Float[Tensor, " batch"]
    wrong_choice: Float[Tensor, " batch"]


def at_redex(
    view: View, lexicon: Lexicon, reading: Reading, tables: Tables, operations: Operations, strategy: Strategy
) -> Redex:
    """Compute what the visited cell does, as far as it is a redex; the arguments are those of `cases.weigh`."""
    here, under, right, left = (view.at[path] for path in ("", "1", "2", "12"))
    operand = strategy.operand
    ready = under.met[:, operand]
    nested = here.tag[:, _FRAMES].sum(-1) * under.tag[:, _FRAMES].sum(-1) * (1 - ready)
    found = _pairs(here.tag, under.tag) @ tables.responses * ready[:, None]
    responses: Weights = dict(zip(RESPONSES, found.unbind(-1), strict=True))
    visits = visit((here.tag @ tables.classes)[:, 2] * (1 - ready) - nested, "1", operand)

    wrong_choice, choice, decision = (
        responses[Wrong.NOT_A_BOOLEAN],
        responses.pop(Ask.CHOICE),
        responses.pop(Ask.DECISION),
    )
    undecided = decision * under.waits
    waits = responses[Move.HEAD] * under.waits + choice
    _add(responses, {Move.HEAD: choice + undecided, Move.GO_1: nested + decision - undecided})
    wrong = responses[Move.HEAD] * under.wrong

    asked = responses.pop(Ask.UNARY)
    primitive = reading(under.first[:, None], lexicon.operators)[:, 0]
    unary = (asked * right.met[:, operand])[:, None] * (_pairs(primitive, right.tag) @ tables.unary)
    unary = dict(zip(UNARY_RESPONSES, unary.unbind(-1), strict=True))
    _add(responses, unary)
    waits, wrong = waits + unary[Move.HEAD] * right.waits, wrong + unary[Move.HEAD] * right.wrong
    visits = visits + visit(asked * (1 - right.met[:, operand]), "2", operand)

    asked = responses.pop(Ask.BINARY)
    primitive = reading(view.at["11"].first[:, None], lexicon.operators)[:, 0]
    _add(responses, {Move.PAIR: asked * primitive[:, CONS]})
    asked = asked * (1 - primitive[:, CONS])
    values = [1 - (sight.tag @ tables.classes)[:, 3] for sight in (left, right)]
    for path, sight, value in zip(("12", "2"), (left, right), values, strict=True):
        visits = visits + visit(asked * (1 - sight.met[:, operand]), path, operand)
        asked = asked * sight.met[:, operand]
        stuck = asked * (1 - value)
        _add(responses, {Move.HEAD: stuck})
        waits, wrong = waits + stuck * sight.waits, wrong + stuck * sight.wrong
        asked = asked * value
    computed = _compute(primitive * asked[:, None], (left, right), values, lexicon, reading, operations)
    _, true, false = computed.results.unbind(-1)
    not_an_integer, overflow, by_zero = computed.errors.unbind(-1)
    _add(responses, {Move.INTEGER: computed.integers.sum(-1), Move.TRUE: true, Move.FALSE: false})
    _add(responses, {Wrong.NOT_AN_INTEGER: not_an_integer, Wrong.DIVISION_BY_ZERO: by_zero})

    for adopts, path in ((Move.ADOPT_2, "2"), (Move.ADOPT_22, "22")):
        ends = responses[adopts] * view.at[path].tag[:, Tag.ELSE]
        _add(responses, {adopts: -ends, AT_THE_END[adopts]: ends})
    if strategy.argument is not None:
        early = responses[Move.APPLY] * (1 - right.met[:, strategy.argument])
        _add(responses, {Move.APPLY: -early})
        visits = visits + visit(early, "2", strategy.argument)
    return Redex(responses, visits, computed.integers, overflow, waits, wrong, wrong_choice)


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
        share = torch.where(value > LEAST, 1 / value.clamp_min(LEAST), 0)[:, None]
        given.append((integers * share, sight.tag[:, _KINDS] * share))
    return compute(Operands(operator, *given[0], *given[1]), operations)


def _pairs(left: Float[Tensor, "batch m"], right: Float[Tensor, "batch n"]) -> Float[Tensor, "batch mn"]:
    return (left[:, :, None] * right[:, None, :]).flatten(1)


def _add(weights: Weights, more: Weights) -> None:
    """Add to some of the weights."""
    for response, weight in more.items():
        weights[response] = weights[response] + weight


def visit(weight: Float[Tensor, " batch"], place: str, demand: Demand) -> Float[Tensor, "batch places demands"]:
    """The weight of visiting a place with a demand."""
    index = PLACES.index(place) * len(Demand) + demand
    rest = len(PLACES) * len(Demand) - index - 1
    return pad(weight[:, None], [index, rest]).unflatten(1, (len(PLACES), len(Demand)))
