"""From a rule table back to rules: the likeliest move in each cell, written as briefly as rule files are."""

from dataclasses import replace
from itertools import product
from math import log

from jaxtyping import Float
from torch import Tensor

from neurallambda.automata.automaton import Automaton
from neurallambda.automata.rules.machine import Acceptance
from neurallambda.automata.rules.rule import Rule
from neurallambda.automata.rules.vocabulary import ANY, EPSILON, INITIAL
from neurallambda.errors import ArgumentError
from neurallambda.twins.axes import Layout
from neurallambda.twins.rule_table import RuleTable

_Seen = tuple[int, ...]


def rules_of(table: RuleTable, *, keep: float) -> Automaton:
    """The machine that a table has become.

    Args:
        table: the rule table.
        keep: which moves of a cell are kept: those with at least this share of the weight of the likeliest.

    Returns:
        A machine like the one the table was made for, with the rules of its likeliest moves, and without the states that
        no chain of rules leads to from the first.

    Raises:
        ArgumentError: a silent move depends on the symbol that comes next, which no rule can say.
    """
    layout = table.layout
    weights = table.log_weights.detach()
    rules = _reachable(
        [rule for state in range(len(layout.states)) for rule in _rules_leaving(layout, weights[state], state, keep)]
    )
    if not any(rule.state == INITIAL for rule in rules):
        raise ArgumentError("table: it stops in the first state whatever comes, and a machine needs a rule there")
    named = {INITIAL, *(state for rule in rules for state in (rule.state, rule.target))}
    accepting = (table.log_accept > table.log_decline).tolist()
    states = tuple(state for state, accepts in zip(layout.states, accepting, strict=True) if accepts and state in named)
    acceptance = Acceptance(states=states, empty_memory=layout.machine.acceptance.empty_memory)
    return replace(layout.machine, rules=tuple(rules), acceptance=acceptance, framed=layout.machine.is_framed)


def _reachable(rules: list[Rule]) -> list[Rule]:
    """The rules of the states that rules lead to from the first."""
    reached, grows = {INITIAL}, True
    while grows:
        more = reached | {rule.target for rule in rules if rule.state in reached}
        grows, reached = more != reached, more
    return [rule for rule in rules if rule.state in reached]


def _rules_leaving(layout: Layout, scores: Float[Tensor, "*cells moves"], state: int, keep: float) -> list[Rule]:
    """The rules of one state: for each move the cells that take it, gathered into as few rules as `ANY` allows."""
    best = scores.max(-1, keepdim=True).values
    taken = (scores >= best + log(keep) - 1e-3)[..., :-1] & (scores[..., -1:] < best)
    found = []
    for number in taken.flatten(0, -2).any(0).nonzero()[:, 0].tolist():
        cells = {tuple(cell) for cell in taken[..., number].nonzero().tolist()}
        move = layout.moves[number]
        if move.reads:
            cells = {cell for cell in cells if cell[0] < len(layout.inputs) - 2}  # no rule reads what is no symbol
        elif not layout.machine.reads_from_tape:
            cells = _silent(layout, cells, layout.states[state])
        for cell in sorted(
            _gathered(layout, cells, move.reads), key=lambda seen: [-1 if i is None else i for i in seen]
        ):
            symbol, *memory = cell
            slots = tuple(
                ANY if index is None else shown[index] for index, shown in zip(memory, layout.shown, strict=True)
            )
            read = EPSILON if not move.reads else ANY if symbol is None else layout.inputs[symbol]
            found.append(Rule(read, layout.states[state], slots, move.target, move.operations))
    return found


def _silent(layout: Layout, cells: set[_Seen], state: str) -> set[_Seen]:
    """The cells of a silent move, which must be the same whatever comes next; given once, as if the end came next."""
    every = range(len(layout.inputs))
    seen = {memory for _, *rest in cells for memory in [tuple(rest)]}
    if {(symbol, *memory) for symbol, memory in product(every, seen)} != cells:
        raise ArgumentError(
            f"table: what {state} does silently depends on the symbol that follows, which no rule file can say; "
            f"train a table whose moves all read, such as those of a blank machine"
        )
    return {(len(layout.inputs) - 1, *memory) for memory in seen}


def _gathered(layout: Layout, cells: set[_Seen], reads: bool) -> set[tuple[int | None, ...]]:
    """Cells with `ANY`, here None, along each axis that does not matter; the input is gathered last."""
    gathered: set[tuple[int | None, ...]] = set(cells)
    whole: list[set[int]] = [set(range(len(shown))) for shown in layout.shown]
    for axis, every in reversed(list(enumerate(whole, start=1))):
        gathered = _merged(gathered, axis, every)
    declared = {i for i, symbol in enumerate(layout.inputs) if symbol in layout.machine.index.symbols}
    return _merged(gathered, 0, declared) if reads and len(declared) > 1 else gathered


def _merged(cells: set[tuple[int | None, ...]], axis: int, every: set[int]) -> set[tuple[int | None, ...]]:
    """Replace cells that differ only along an axis, and take up all of `every` there, by one with None."""
    groups: dict[tuple[int | None, ...], set[int | None]] = {}
    for cell in cells:
        groups.setdefault((*cell[:axis], *cell[axis + 1 :]), set()).add(cell[axis])
    merged: set[tuple[int | None, ...]] = set()
    for rest, values in groups.items():
        left = values - every if every <= values else values
        if every <= values:
            merged.add((*rest[:axis], None, *rest[axis:]))
        merged |= {(*rest[:axis], value, *rest[axis:]) for value in left}
    return merged
