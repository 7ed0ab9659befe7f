"""What must hold of a cellular automaton before it exists. Every message says where, what came and what fits."""

import json
from collections.abc import Sequence

from neurallambda.automata.cells.lookup import clash
from neurallambda.automata.cells.rule import CellRule, OutputRule
from neurallambda.automata.rules.problem import MachineError
from neurallambda.automata.rules.rule import Slot
from neurallambda.automata.rules.vocabulary import ANY, INITIAL

SIDES = ("left", "right")
"""The neighbours that a cell may look at."""


def check_neighbours(neighbours: Sequence[str]) -> None:
    """Neighbours are sides, each at most once."""
    for index, side in enumerate(neighbours):
        if side not in SIDES:
            raise MachineError(
                f"{json.dumps(side)} is no side; a cell looks at {' and '.join(map(json.dumps, SIDES))}",
                place=f"neighbours[{index}]",
            )
    if len(set(neighbours)) < len(neighbours):
        raise MachineError("a side is named twice; name each at most once", place="neighbours")


def check_cell_rules(rules: Sequence[CellRule], *, symbols: Sequence[str], neighbours: Sequence[str]) -> None:
    """Rules see declared symbols, name real states, do not contradict each other, and one of them leaves `INITIAL`."""
    for index, rule in enumerate(rules):
        left = f"rules[{index}][0]"
        if len(rule.neighbours) != len(neighbours):
            raise MachineError(
                f"the states of {len(rule.neighbours)} neighbours; the cells of this machine look at {len(neighbours)}",
                place=left,
            )
        for slot, what in ((rule.symbol, "a cell with"), (rule.seen, "sees")):
            _check_symbol(slot, what, symbols, left)
        if not all((rule.state, *rule.neighbours)):
            raise MachineError("a state without a name; name a state, or ANY", place=left)
        if rule.target == ANY or not rule.target:
            raise MachineError(
                f"enters {json.dumps(rule.target)}, which is not one state; name a state", place=f"rules[{index}][1][0]"
            )
    if not any(rule.state in (INITIAL, ANY) for rule in rules):
        named = ", ".join(dict.fromkeys(rule.state for rule in rules)) or "none"
        raise MachineError(
            f"no rule leaves {INITIAL}, where every cell starts; states with rules: {named}. "
            f"Rename the first state to {INITIAL}",
            place="rules",
        )
    _check_agreement(rules, [rule.target for rule in rules], "rules")


def check_outputs(outputs: Sequence[OutputRule], *, symbols: Sequence[str], states: Sequence[str]) -> None:
    """Outputs are for symbols and states that there are, and do not contradict each other."""
    for index, rule in enumerate(outputs):
        _check_symbol(rule.seen, "sees", symbols, f"outputs[{index}][0]")
        if rule.state not in (*states, ANY):
            raise MachineError(
                f"{rule.state!r} is in no rule; the rules have {', '.join(states)}", place=f"outputs[{index}][0]"
            )
    _check_agreement(outputs, [rule.output for rule in outputs], "outputs")


def _check_symbol(slot: Slot, what: str, symbols: Sequence[str], place: str) -> None:
    if slot is not None and slot not in (*symbols, ANY):
        declared = ", ".join(json.dumps(symbol, ensure_ascii=False) for symbol in symbols[:20]) or "none"
        raise MachineError(
            f"{what} {slot!r}, which is not in symbols; declared: {declared}. Add it to symbols, or write null where "
            f"there is none",
            place=place,
        )


def _check_agreement(rows: Sequence[CellRule] | Sequence[OutputRule], says: Sequence[str], key: str) -> None:
    found = clash(rows, says)
    if found is not None:
        one, other = found
        raise MachineError(
            f"fits what {key}[{one}] fits too, and says {says[other]!r} where that says {says[one]!r}; "
            f"a cell goes one way, so keep one or tell them apart",
            place=f"{key}[{other}]",
        )
