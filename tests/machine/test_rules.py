"""The rules fit together: for every state there is one, and it writes what its tag says."""

import pytest

from neurallambda.lang.terms import UNARY_PRIMITIVES
from neurallambda.machine.alphabet import CODE, FIELDS_OF, FRAMES, OPERATORS, VALUES, Field, Tag
from neurallambda.machine.rules import RULES, Rule, applies

UNARY_FRAMES = {Tag.COMPUTE_UNARY}
BINARY_FRAMES = {Tag.OPERAND, Tag.SECTION, Tag.COMPUTE_BINARY}


def operators_of(frame: Tag) -> list[str | None]:
    """What a frame of a tag may hold."""
    if frame in UNARY_FRAMES:
        return list(UNARY_PRIMITIVES)
    if frame in BINARY_FRAMES:
        return [name for name in OPERATORS if name not in UNARY_PRIMITIVES]
    return [None]


@pytest.mark.parametrize("frame", sorted(FRAMES), ids=lambda tag: tag.name)
@pytest.mark.parametrize("control", sorted(CODE | VALUES), ids=lambda tag: tag.name)
def test_exactly_one_rule_applies_to_every_state(control: Tag, frame: Tag) -> None:
    for operator in operators_of(frame):
        found = [rule.name for rule in RULES if applies(rule, control, frame, operator)]
        assert len(found) == 1, (operator, found)


def test_names_are_distinct() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_record_has_the_fields_of_its_tag(rule: Rule) -> None:
    if rule.writes is Tag.NONE:
        return
    written = set(rule.pointers)
    if rule.takes_operator:
        written.add(Field.OPERATOR)
    if rule.operand:
        written |= {Field.KIND, Field.LITERAL}
    bound = {Field.THIRD} if rule.binds else set()
    assert written == FIELDS_OF.get(rule.writes, frozenset()) | bound


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_reads_only_fields_that_are_there(rule: Rule) -> None:
    for source in (rule.next_control, rule.next_environment, rule.next_continuation, *rule.pointers.values()):
        owner, field = source.value
        if owner in ("control", "frame"):
            for tag in rule.control if owner == "control" else rule.frame:
                assert field in FIELDS_OF.get(tag, ()), (source, tag)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_ends_the_program_or_goes_on(rule: Rule) -> None:
    ends = rule.halts or rule.error is not None
    assert not (ends and (rule.writes or rule.copies or rule.computes or rule.binds))
