"""The table of rules in the documentation, made from the rules themselves.

`python -m docs.figures.rules` writes it into `docs/machine.md`, between its two marks; a test checks that it is current.
"""

from pathlib import Path

from neurallambda.machine.alphabet import FRAMES, FUNCTIONS, VALUES, Field, Tag
from neurallambda.machine.compute import COMPUTING
from neurallambda.machine.rules import RULES, From, Operand, Rule

PAGE = Path(__file__).parent.parent / "machine.md"
BEGIN, END = "<!-- rules: written by docs/figures/rules.py -->\n", "<!-- end of rules -->\n"
GROUPS = {FRAMES: "any frame", VALUES: "any value", FUNCTIONS: "a function"}
"""Sets of tags that have a name of their own."""


def table() -> str:
    """All rules as a Markdown table."""
    head = "| rule | control stands on | under a frame | registers | new record |\n| --- | --- | --- | --- | --- |\n"
    return head + "".join(f"| {' | '.join(_row(rule))} |\n" for rule in RULES)


def with_table(page: str) -> str:
    """A page with the table between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _row(rule: Rule) -> tuple[str, ...]:
    frame = _tags(rule.frame)
    if rule.operator:
        frame += " of " + ("any but `cons`" if rule.operator == COMPUTING else _names(rule.operator))
    return f"**{rule.name}**", _tags(rule.control), frame, _registers(rule), _record(rule)


def _tags(tags: frozenset[Tag]) -> str:
    """A set of tags in words."""
    if tags in GROUPS:
        return GROUPS[tags]
    if len(tags) < len(FUNCTIONS):
        return _names({_name(tag) for tag in tags})
    group = min((group for group in GROUPS if tags < group), key=len)
    missing = group - tags
    if missing >= FUNCTIONS:
        return ", ".join(
            [f"{GROUPS[group]} but a function", *(f"`{_name(tag)}`" for tag in sorted(missing - FUNCTIONS))]
        )
    return f"{GROUPS[group]} but {_tags(missing)}"


def _registers(rule: Rule) -> str:
    """What becomes of the registers, but for what stays as it is."""
    if rule.error:
        return f"ends in `{rule.error}`"
    if rule.halts:
        return "ends in the value"
    stays = (From.CONTROL, From.ENVIRONMENT, From.CONTINUATION)
    nexts = (rule.next_control, rule.next_environment, rule.next_continuation)
    changed = [(old, new) for old, new in zip(stays, nexts, strict=True) if new is not old]
    lines = [f"{old.value[1]} ← {_source(new)}" for old, new in changed]
    if rule.binds:
        lines.append("environment gains the new record")
    return "<br>".join(lines)


def _record(rule: Rule) -> str:
    """What the step writes."""
    if rule.computes:
        return "the operator's result"
    if not (rule.copies or rule.writes):
        return ""
    lines = ["the value, as it is" if rule.copies else f"`{_name(rule.writes)}`"]
    if rule.takes_operator:
        lines.append(f"operator ← {rule.takes_operator.value}.operator")
    if rule.operand:
        lines.append("operand ← " + ("control" if rule.operand is Operand.VALUE else "control.operand"))
    pointers = [f"{_field(field)} ← {_source(source)}" for field, source in rule.pointers.items()]
    return "<br>".join(lines + pointers)


def _field(field: Field) -> str:
    return "parameter" if field is Field.THIRD else field.value


def _source(source: From) -> str:
    owner, name = source.value
    return {"register": name, "here": "new record"}.get(owner, f"{owner}.{name}")


def _name(tag: Tag) -> str:
    return tag.name.lower().replace("_", " ")


def _names(names: set[str] | frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
