"""Cells of the trace record in words: one short phrase for each tag of the machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurallambda.machine.alphabet import Field, Tag
from neurallambda.traces.pictures import Json

Mixture = Sequence[Sequence[Any]]
"""Names with their weights, the heaviest first."""

SHOWN = 3
"""How many of the things that may be are named; `…` stands for the others."""
LEAST = 0.005
"""What weighs less would be written as 0.00, and is left out."""

PHRASES = {
    Tag.VARIABLE: "{first.name}",
    Tag.FUNCTION: "[{second.name}] {first}",
    Tag.DELAY: "[] {first}",
    Tag.APPLY: "{first} {second}",
    Tag.BIND: "{third.name} = {first} in {second}",
    Tag.FORCE: "{first}",
    Tag.IF: "{first} then {second} else {third}",
    Tag.UNARY: "{operator} {first}",
    Tag.BINARY: "{operator} {first} {second}",
    Tag.INTEGER: "{literal}",
    Tag.UNARY_PRIMITIVE: "{operator}",
    Tag.BINARY_PRIMITIVE: "{operator}",
    Tag.PARTIAL: "{operator} {operand}",
    Tag.CLOSURE: "[{second.name}] {first} {environment}",
    Tag.THUNK: "[] {first} {environment}",
    Tag.PAIR: "{value} {link}",
    Tag.ARGUMENT: "_ {first} {environment} → {link}",
    Tag.CALL: "{second.name} = _ in {first} {environment} → {link}",
    Tag.REFUSE: "_ → {link}",
    Tag.FORCING: "_ → {link}",
    Tag.BRANCH: "_ then {first} else {second} {environment} → {link}",
    Tag.OPERAND: "{operator} _ {first} {environment} → {link}",
    Tag.SECTION: "{operator} _ → {link}",
    Tag.COMPUTE_UNARY: "{operator} _ → {link}",
    Tag.COMPUTE_BINARY: "{operator} {operand} _ → {link}",
}
"""What a record says besides its tag. `_` is the value that a frame waits for, `→` leads to the frame below it."""


@dataclass(frozen=True)
class Phrase:
    """A record as one of its tags: the tag in words, how much it is that, and what it then says."""

    tag: str
    weight: int | float
    text: str


@dataclass(frozen=True)
class _Part:
    """A field: `{field}` writes it as it is, `{field.name}` as the parameter that it names."""

    mixture: Mixture
    names: Mapping[str, str]

    def __str__(self) -> str:
        return mixture(self.mixture)

    @property
    def name(self) -> str:
        return mixture([[self.names.get(at, at), weight] for at, weight in self.mixture])


def phrases(cell: Json, names: Mapping[str, str]) -> list[Phrase]:
    """What a cell says, as each of the things it may be.

    Args:
        cell: a cell of the code, or what a step wrote, as the trace record has it.
        names: the parameters that addresses stand for.
    """
    parts: dict[str, object] = {field.value: _Part(part(cell, field), names) for field in Field}
    parts["operand"] = mixture(_operand(cell))
    bindings = cell.get("bindings", ())
    parts["environment"] = f"{{{environment(bindings)}}}" if bindings else ""
    # A cell of code has the name of its parameter among its pointers already.
    binds = cell["tag"] and cell["tag"][0][0] in ("function", "bind")
    parameter = () if binds else cell.get("columns", {}).get("parameter", ())
    bound = f" as {mixture(parameter)}" if parameter else ""
    found = []
    for tag, weight in heavy(cell["tag"])[:SHOWN]:
        text = PHRASES.get(Tag[tag.upper()], "").format_map(parts)
        found.append(Phrase(tag.replace("_", " "), weight, " ".join((text + bound).split())))
    return found


def part(cell: Json, field: Field) -> Mixture:
    """What a field of a cell may hold; nothing, where it has none."""
    if field is Field.LITERAL:
        return heavy(cell.get("literal", ()))
    found = cell.get("columns" if field in (Field.OPERATOR, Field.KIND) else "pointers", {})
    return heavy(found.get(field.value, ()))


def heavy(things: Mixture) -> Mixture:
    """What weighs enough to be written with two digits."""
    return [one for one in things if one[1] >= LEAST]


def label(cell: Json) -> str:
    """What a cell is in a word: an atom itself, and of anything else what kind of thing it is."""
    tags = heavy(cell["tag"])
    if not tags:
        return ""
    tag = Tag[tags[0][0].upper()]
    field = {Tag.INTEGER: Field.LITERAL, Tag.UNARY_PRIMITIVE: Field.OPERATOR, Tag.BINARY_PRIMITIVE: Field.OPERATOR}.get(
        tag
    )
    atom = part(cell, field) if field else None
    word = atom[0][0] if atom else tag.name.lower().partition("_")[0]
    several = len(tags) > 1 or (atom is not None and len(atom) > 1)
    return f"{word}…" if several else word


def mixture(things: Mixture) -> str:
    """What may be, each with its weight where that is not 1.

    >>> mixture([["A1", 1]]), mixture([["A1", 0.75], ["A2", 0.25]])
    ('A1', '(A1 0.75 | A2 0.25)')
    """
    shown = [f"{name}{weight_after(weight)}" for name, weight in things[:SHOWN]] + ["…"] * (len(things) > SHOWN)
    return f"({' | '.join(shown)})" if len(shown) > 1 else "".join(shown)


def environment(bindings: Sequence[Json]) -> str:
    """What is visible, innermost last."""
    seen = [one for one in bindings if one["weight"] >= LEAST]
    return " ".join(f"{one['name']}={one['address']}{weight_after(one['weight'])}" for one in seen)


def weight_after(weight: int | float) -> str:
    """A weight as it stands after something: nothing where it is as good as 1."""
    return "" if weight > 0.995 else f" {weight:.2f}"


def _operand(cell: Json) -> Mixture:
    """The operand that a cell holds: as far as it is known here, itself, and beyond that where it stands."""
    known = [*part(cell, Field.LITERAL), *part(cell, Field.KIND)]
    rest = 1 - sum(weight for _, weight in known)
    elsewhere = [[at, weight * rest] for at, weight in part(cell, Field.VALUE) if rest > LEAST]
    return sorted([*known, *elsewhere], key=lambda thing: -thing[1])
