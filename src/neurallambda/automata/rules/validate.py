"""What must hold of symbols and rules before a machine exists. Every message says where, what came and what fits."""

import json
from collections.abc import Sequence

from neurallambda.automata.rules.memory import MemoryKind
from neurallambda.automata.rules.problem import MachineError
from neurallambda.automata.rules.rule import Operation, Rule
from neurallambda.automata.rules.strings import misread
from neurallambda.automata.rules.vocabulary import ANY, END, EPSILON, INITIAL, KEEP, START


def check_symbols(symbols: Sequence[str], separator: str) -> None:
    """Symbols are not reserved words, and do not contain the separator."""
    for index, symbol in enumerate(symbols):
        if symbol in (ANY, KEEP):
            raise MachineError(f"{symbol} is a reserved word and cannot be a symbol", place=f"symbols[{index}]")
        if separator and separator in symbol:
            raise MachineError(
                f"the symbol {symbol!r} contains the separator {separator!r}; choose another separator",
                place=f"symbols[{index}]",
            )


def check_text(symbols: Sequence[str], separator: str) -> None:
    """Strings of these symbols, written as text, are read back as they were written."""
    found = misread(symbols, separator)
    if found is None:
        return
    symbol, read = found
    if separator:
        raise MachineError(
            f"after the symbol {symbol!r} the separator {separator!r} is read too early; choose another separator",
            place="separator",
        )
    raise MachineError(
        f"text would not be read back as it was written: where {symbol!r} was written, {read!r} may be read; "
        f'give the machine a separator to stand between symbols, such as "separator": " "',
        place="symbols",
    )


def check_rules(rules: Sequence[Rule], *, symbols: Sequence[str], memories: Sequence[MemoryKind]) -> None:
    """Rules read declared symbols, name real states, fit the memories, and one of them leaves `INITIAL`."""
    for index, rule in enumerate(rules):
        _check_rule(rule, f"rules[{index}]", symbols, memories)
    if not any(rule.state in (INITIAL, ANY) for rule in rules):
        named = ", ".join(dict.fromkeys(rule.state for rule in rules)) or "none"
        raise MachineError(
            f"no rule leaves {INITIAL}, where every run starts; states with rules: {named}. "
            f"Rename the first state to {INITIAL}",
            place="rules",
        )


def _check_rule(rule: Rule, place: str, symbols: Sequence[str], memories: Sequence[MemoryKind]) -> None:
    if len(rule.memory) != len(memories) or len(rule.operations) != len(memories):
        raise MachineError(
            f"{len(rule.memory)} memory slots and {len(rule.operations)} operations; "
            f"this kind of machine has {len(memories)} of each",
            place=place,
        )
    if rule.input not in (*symbols, ANY, EPSILON, START, END):
        raise MachineError(
            f"reads {rule.input!r}, which is not in symbols; declared: {_listed(symbols)}. Add it to symbols, or correct it",
            place=f"{place}[0]",
        )
    if not rule.state:
        raise MachineError("leaves a state without a name", place=f"{place}[0]")
    if rule.target == ANY or not rule.target:
        raise MachineError(
            f"enters {json.dumps(rule.target)}, which is not one state; name a state", place=f"{place}[1][0]"
        )
    for number, (slot, operation, kind) in enumerate(zip(rule.memory, rule.operations, memories, strict=True)):
        if slot == "":
            raise MachineError('"" is no symbol of a memory; write null for an empty one', place=f"{place}[0]")
        _check_operation(operation, kind, f"{place}[1][{number + 1}]")


def _check_operation(operation: Operation, kind: MemoryKind, place: str) -> None:
    verb, symbol = operation
    if verb not in (*kind.bare, *kind.loaded):
        raise MachineError(f"{verb!r} is no operation of a {kind.name}; it has {operations_of(kind)}", place=place)
    if verb in kind.bare and symbol is not None:
        raise MachineError(f"{verb!r} takes no symbol, got {symbol!r}", place=place)
    is_tape = kind.name == "tape"
    if verb in kind.loaded and not is_tape and (symbol is None or symbol in ("", ANY, KEEP)):
        raise MachineError(f"{verb!r} needs a symbol, got {json.dumps(symbol)}", place=place)
    if is_tape and symbol in ("", ANY):
        raise MachineError(
            f"writes {symbol!r}; write a symbol, null for a blank, or {KEEP!r} to leave the cell", place=place
        )


def operations_of(kind: MemoryKind) -> str:
    """The operations of a kind of memory as a rule file writes them."""
    if kind.name == "tape":
        return '[symbol or null or "KEEP", "L" or "R" or "S"]'
    bare = [json.dumps(verb) for verb in kind.bare]
    return ", ".join([*bare, *(f'["{verb}", symbol]' for verb in kind.loaded)])


def _listed(symbols: Sequence[str]) -> str:
    shown = [json.dumps(symbol, ensure_ascii=False) for symbol in symbols[:20]]
    return ", ".join(shown) + (", ..." if len(symbols) > 20 else "") if symbols else "none"
