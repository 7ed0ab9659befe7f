"""What a rule moves, as one gather: where each number of the new record and of the next registers comes from.

Where everything is certain, the sums over rules and sources that make a step have one term each, and it has weight one. So a
step moves numbers, and which it moves is known for each rule.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.machine.alphabet import CODE_FIELDS, KINDS, OPERATORS, VALUES, WIDE_FIELDS, Field
from neurallambda.machine.layout import WIDE, Layout
from neurallambda.machine.rules import RULES, From, Operand, Rule, Take

STAY = len(RULES)
"""The row, behind those of the rules, of a program that stays where it is and writes nothing."""


@dataclass(frozen=True)
class Computing:
    """What a certain step computed: in which programs, none for all; the results, the errors and the cases."""

    rows: Int[Tensor, " some"] | None
    results: Float[Tensor, "some 3"]
    errors: Float[Tensor, "some 3"]
    cases: Float[Tensor, "some cases"]


@dataclass(frozen=True)
class Moved:
    """A step that was certain.

    Attributes:
        addresses: what control and continuation pointed at.
        rule: the rule that applied; one past the last where a program stayed as it was, its computation having failed.
        errors, goes_on: as in `Step`.
        computing: what was computed, if anything.
    """

    addresses: Int[Tensor, "batch 2"]
    rule: Int[Tensor, " batch"]
    errors: Float[Tensor, "batch errors"]
    goes_on: Float[Tensor, " batch"]
    computing: Computing | None


_REGISTERS = (From.CONTROL, From.ENVIRONMENT, From.CONTINUATION)


class Moves:
    """The sources of all targets of a step, one row a rule, each made when it is first asked for.

    Sources: the records under control and continuation, the three registers, the one-hot new address, a zero and a one.
    Targets: the new record and the three registers.

    Args:
        layout: how records are laid out.
        width: how many addresses memory has.
    """

    def __init__(self, layout: Layout, width: int) -> None:
        self.layout, self.width = layout, width
        self.record = layout.narrow + WIDE * width
        self.here = 2 * self.record + WIDE * width
        self.zero, self.one = self.here + width, self.here + width + 1
        self.rows = torch.full((STAY + 1, self.record + WIDE * width), self.zero)
        self.known: set[int] = set()

    def of(self, rules: set[int]) -> Int[Tensor, "rules targets"]:
        """The table, with the rows of some rules ready."""
        for rule in rules - self.known:
            self._fill(self.rows[rule], RULES[rule] if rule != STAY else None)
            self.known.add(rule)
        return self.rows

    def _fill(self, row: Int[Tensor, " targets"], rule: Rule | None) -> None:
        if rule is None or rule.halts or rule.error is not None:
            _copy(row, self.record, 2 * self.record, WIDE * self.width)
            return
        for position, source in enumerate((rule.next_control, rule.next_environment, rule.next_continuation)):
            self._move(row, self.record + position * self.width, source)
        at = self.layout.slices
        if rule.copies:
            for tag in VALUES:
                row[tag] = int(tag)
            for field in (Field.OPERATOR, Field.KIND, Field.LITERAL, Field.FIRST, Field.SECOND):
                _copy(row, at[field].start, at[field].start, at[field].stop - at[field].start)
            _copy(row, self.layout.narrow, self.layout.narrow, WIDE * self.width)
        elif not rule.computes:
            row[rule.writes] = self.one
        if rule.takes_operator:
            owner = 0 if rule.takes_operator is Take.CONTROL else self.record
            _copy(row, at[Field.OPERATOR].start, owner + at[Field.OPERATOR].start, len(OPERATORS))
        if rule.operand:
            kind = at[Field.KIND].start if rule.operand is Operand.HELD else KINDS[0]
            _copy(row, at[Field.KIND].start, int(kind), len(KINDS))
            _copy(row, at[Field.LITERAL].start, at[Field.LITERAL].start, self.layout.integers)
        for field, source in rule.pointers.items():
            self._move(row, self._at(field), source)

    def _move(self, row: Int[Tensor, " targets"], target: int, source: From) -> None:
        """Move a pointer; one at code is as wide as the code."""
        owner, name = source.value
        if owner == "here":
            _copy(row, target, self.here, self.width)
        elif owner == "register":
            _copy(row, target, 2 * self.record + _REGISTERS.index(source) * self.width, self.width)
        else:
            assert isinstance(name, Field)
            start = self._at(name) + (self.record if owner == "frame" else 0)
            _copy(row, target, start, self.layout.code if name in CODE_FIELDS else self.width)

    def _at(self, field: Field) -> int:
        """Where a pointer stands in a record."""
        if field in CODE_FIELDS:
            return self.layout.slices[field].start
        return self.layout.narrow + WIDE_FIELDS.index(field) * self.width


def _copy(row: Int[Tensor, " targets"], target: int, source: int, size: int) -> None:
    row[target : target + size] = torch.arange(source, source + size)


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # they are kept, and filled by other runs
def moves(layout: Layout, width: int) -> Moves:
    """The moves within memory of one size; kept, since programs of one size are run again and again."""
    return Moves(layout, width)
