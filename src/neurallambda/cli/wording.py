"""The records of a trace in words: one short phrase for each tag."""

from collections.abc import Mapping
from dataclasses import dataclass

from neurallambda.machine.alphabet import Field, Tag
from neurallambda.machine.trace import Binding, Mixture, TraceRecord, Weighted

SHOWN = 3
"""How many of the things that may be are named; `…` stands for the others."""

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
    weight: float
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
        return mixture(tuple(Weighted(self.names.get(at, at), weight) for at, weight in self.mixture))


def phrases(record: TraceRecord, names: Mapping[str, str]) -> list[Phrase]:
    """What a record says, as each of the things it may be.

    Args:
        record: a cell of code, or what a step wrote.
        names: the parameters that addresses stand for.
    """
    parts: dict[str, object] = {field.value: _Part(record.parts.get(field, ()), names) for field in Field}
    parts["operand"] = mixture(_operand(record))
    parts["environment"] = f"{{{environment(record.environment)}}}" if record.environment else ""
    bound = f" as {mixture(record.parameter)}" if record.parameter else ""
    found = []
    for tag, weight in record.tags[:SHOWN]:
        text = PHRASES.get(Tag[tag.upper()], "").format_map(parts)
        found.append(Phrase(tag.replace("_", " "), weight, " ".join((text + bound).split())))
    return found


def label(record: TraceRecord) -> str:
    """What a record is in a word: an atom itself, and of anything else what kind of thing it is."""
    if not record.tags:
        return ""
    tag = Tag[record.tags[0].name.upper()]
    field = {Tag.INTEGER: Field.LITERAL, Tag.UNARY_PRIMITIVE: Field.OPERATOR, Tag.BINARY_PRIMITIVE: Field.OPERATOR}.get(
        tag
    )
    atom = record.parts.get(field) if field else None
    word = atom[0].name if atom else tag.name.lower().partition("_")[0]
    several = len(record.tags) > 1 or (atom is not None and len(atom) > 1)
    return f"{word}…" if several else word


def mixture(things: Mixture) -> str:
    """What may be, each with its weight where that is not 1.

    >>> mixture((Weighted("A1", 1.0),)), mixture((Weighted("A1", 0.75), Weighted("A2", 0.25)))
    ('A1', '(A1 0.75 | A2 0.25)')
    """
    shown = [f"{name}{weight_after(weight)}" for name, weight in things[:SHOWN]] + ["…"] * (len(things) > SHOWN)
    return f"({' | '.join(shown)})" if len(shown) > 1 else "".join(shown)


def environment(bindings: tuple[Binding, ...]) -> str:
    """What is visible, innermost last."""
    return " ".join(f"{name}={address}{weight_after(weight)}" for name, address, weight in bindings)


def weight_after(weight: float) -> str:
    """A weight as it stands after something: nothing where it is as good as 1."""
    return "" if weight > 0.995 else f" {weight:.2f}"


def _operand(record: TraceRecord) -> Mixture:
    """The operand that a record holds: as far as it is known here, itself, and beyond that where it stands."""
    known = (*record.parts.get(Field.LITERAL, ()), *record.parts.get(Field.KIND, ()))
    rest = 1 - sum(weight for _, weight in known)
    elsewhere = tuple(Weighted(at, weight * rest) for at, weight in record.parts.get(Field.VALUE, ()) if rest > 0.005)
    return tuple(sorted((*known, *elsewhere), key=lambda thing: -thing.weight))
