"""What a redex does: the responses of the rules, each with its weight."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.beta.alphabet import Demand, Tag
from neurallambda.beta.asking import add, is_present, present
from neurallambda.beta.look import View
from neurallambda.beta.reading import Lexicon, Reading
from neurallambda.beta.rules import AT_THE_END, CONS, Ask, Move, Response, Wrong
from neurallambda.beta.strategy import Strategy
from neurallambda.beta.tables import RESPONSES, UNARY_RESPONSES, Tables
from neurallambda.machine.compute import Computed, Operands, Operations, compute

LEAST = 1e-12
"""What weighs less is not divided by."""

_KINDS = slice(Tag.TRUE, Tag.NIL + 1)

Weights = dict[Response, Tensor]
"""The weight [batch] of each response; those that are not there have none."""

Visits = dict[tuple[str, Demand], Tensor]
"""The weight [batch] of visiting what a path leads to, with a demand."""


@dataclass
class Redex:
    """What a redex does if its head is not reduced yet, as far as it is a redex.

    Attributes:
        responses: moves, and wrong applications.
        visits: of visiting a part, which is the move `VISIT`.
        integers: of each integer, where the move is `INTEGER`; None where nothing is computed.
        overflow: of a result outside of the integers.
        waits: of staying because it waits for a decision; see `Flag.WAITS`.
        wrong: of staying because it waits for something wrong.
        wrong_choice: of a choice whose condition is no boolean. If it stays, it waits for a decision, too.
    """

    responses: Weights
    visits: Visits
    integers: Float[Tensor, "batch integers"] | None
    overflow: Float[Tensor, " batch"]
    waits: Float[Tensor, " batch"]
    wrong: Float[Tensor, " batch"]
    wrong_choice: Float[Tensor, " batch"]

    def stays(self, weight: Float[Tensor, " batch"], waits: Tensor | float, wrong: Tensor) -> None:
        """Let it stay as it is, since a part of it waits: for a decision, or for something wrong."""
        add(self.responses, {Move.HEAD: weight})
        self.waits, self.wrong = self.waits + weight * waits, self.wrong + weight * wrong


def at_redex(
    view: View, lexicon: Lexicon, reading: Reading, tables: Tables, operations: Operations, strategy: Strategy
) -> Redex:
    """Compute what the visited cell does, as far as it is a redex; the arguments are those of `cases.weigh`."""
    here, under, operand = view[""], view["1"], strategy.operand
    ready = under.met[:, operand, None]
    pairs = _pairs(here.tag, under.tag)
    nested = pairs @ tables.nested * (1 - ready)
    visit = (here.tag @ tables.classes)[:, 2, None] * (1 - ready) - nested
    weights = torch.cat([pairs @ tables.responses * ready, nested, visit], dim=-1)
    responses = _those_there((*RESPONSES, Move.GO_1, Move.VISIT), weights)
    nothing = torch.zeros_like(under.waits)
    visits: Visits = {}
    if Move.VISIT in responses:
        visits["1", operand] = responses.pop(Move.VISIT)
    found = Redex(responses, visits, None, nothing, nothing, nothing, nothing)
    found.wrong_choice = found.responses.get(Wrong.NOT_A_BOOLEAN, nothing)
    if (head := found.responses.pop(Move.HEAD, None)) is not None:
        found.stays(head, under.waits, under.wrong)
    if (choice := found.responses.pop(Ask.CHOICE, None)) is not None:
        found.stays(choice, 1.0, under.wrong)
    if (decision := found.responses.pop(Ask.DECISION, None)) is not None:
        undecided = decision * under.waits
        found.stays(undecided, 0.0, under.wrong)
        add(found.responses, {Move.GO_1: decision - undecided})
    if (asked := found.responses.pop(Ask.UNARY, None)) is not None:
        _unary(found, asked, view, lexicon, reading, tables, operand)
    if (asked := found.responses.pop(Ask.BINARY, None)) is not None:
        _binary(found, asked, view, lexicon, reading, tables, operations, operand)
    for adopts, path in ((Move.ADOPT_2, "2"), (Move.ADOPT_22, "22")):
        if adopts in found.responses:
            ends = found.responses[adopts] * view[path].tag[:, Tag.ELSE]
            add(found.responses, {adopts: -ends, AT_THE_END[adopts]: ends})
    if strategy.argument is not None and Move.APPLY in found.responses:
        early = found.responses[Move.APPLY] * (1 - view["2"].met[:, strategy.argument])
        add(found.responses, {Move.APPLY: -early})
        add(found.visits, {("2", strategy.argument): early})
    return found


def _unary(
    found: Redex,
    asked: Float[Tensor, " batch"],
    view: View,
    lexicon: Lexicon,
    reading: Reading,
    tables: Tables,
    operand: Demand,
) -> None:
    """Add what the application of a primitive of one operand does."""
    right = view["2"]
    ready = asked * right.met[:, operand]
    add(found.visits, {("2", operand): asked - ready})
    if not is_present(ready):
        return
    primitive = reading(view.first("1")[:, None], lexicon.operators)[:, 0]
    weights = ready[:, None] * (_pairs(primitive, right.tag) @ tables.unary)
    responses = _those_there(UNARY_RESPONSES, weights)
    if (head := responses.pop(Move.HEAD, None)) is not None:
        found.stays(head, right.waits, right.wrong)
    add(found.responses, responses)


def _binary(
    found: Redex,
    asked: Float[Tensor, " batch"],
    view: View,
    lexicon: Lexicon,
    reading: Reading,
    tables: Tables,
    operations: Operations,
    operand: Demand,
) -> None:
    """Add what the application of a primitive to its second operand does."""
    primitive = reading(view.first("11")[:, None], lexicon.operators)[:, 0]
    pairs = asked * primitive[:, CONS]
    add(found.responses, {Move.PAIR: pairs})
    asked = asked - pairs
    values: list[Tensor] = []
    for path in ("12", "2"):
        sight = view[path]
        ready = asked * sight.met[:, operand]
        add(found.visits, {(path, operand): asked - ready})
        values.append(1 - (sight.tag @ tables.classes)[:, 3])
        asked = ready * values[-1]
        found.stays(ready - asked, sight.waits, sight.wrong)
    if not is_present(asked):
        return
    computed = _compute(primitive * asked[:, None], view, values, lexicon, reading, operations)
    _, true, false = computed.results.unbind(-1)
    not_an_integer, overflow, by_zero = computed.errors.unbind(-1)
    add(found.responses, {Move.INTEGER: computed.integers.sum(-1), Move.TRUE: true, Move.FALSE: false})
    add(found.responses, {Wrong.NOT_AN_INTEGER: not_an_integer, Wrong.DIVISION_BY_ZERO: by_zero})
    found.integers, found.overflow = computed.integers, overflow


def _compute(
    operator: Float[Tensor, "batch operators"],
    view: View,
    values: list[Float[Tensor, " batch"]],
    lexicon: Lexicon,
    reading: Reading,
    operations: Operations,
) -> Computed:
    """What primitives make of two operands, given that both are values."""
    given: list[Tensor] = []
    for path, value in zip(("12", "2"), values, strict=True):
        tag = view[path].tag
        integers = reading(view.first(path)[:, None], lexicon.literals)[:, 0] * tag[:, Tag.INTEGER, None]
        share = torch.where(value > LEAST, 1 / value.clamp_min(LEAST), 0)[:, None]
        given += [integers * share, tag[:, _KINDS] * share]
    return compute(Operands(operator, *given), operations)


def _pairs(left: Float[Tensor, "batch m"], right: Float[Tensor, "batch n"]) -> Float[Tensor, "batch mn"]:
    return (left[:, :, None] * right[:, None, :]).flatten(1)


def _those_there(responses: Sequence[Response], weights: Float[Tensor, "batch responses"]) -> Weights:
    found: Weights = {}
    for response, weight, is_there in zip(responses, weights.unbind(-1), present(weights), strict=True):
        if is_there:
            add(found, {response: weight})
    return found
