"""A Turing machine that adds two numbers written in any base, for traces of addition."""

from functools import cache
from itertools import product

from neurallambda.arguments import checked
from neurallambda.automata import Acceptance, Operation, Rule, TuringMachine
from neurallambda.automata.rules.vocabulary import EPSILON, INITIAL, KEEP
from neurallambda.errors import ArgumentError

DIGITS = "0123456789"
PLUS = "+"
COPY, SECOND, RIGHT, ACCEPT = "COPY", "SECOND", "RIGHT", "ACCEPT"
ADD = ("ADD_0", "ADD_1")
"""The states in which it adds, by the digit that is carried."""


@checked
@cache
def adder(base: int = 10) -> TuringMachine:
    """The machine that adds as it is taught at school: from the last digits to the first, with a carry.

    It has three tapes. The numbers stand on the first, with a `+` between them and their first digits first. It copies the
    first number to the second tape, goes to the end of the second number, and writes the sum on the third from right to
    left.

    Args:
        base: how many digits there are, from 2 to 10.

    Raises:
        ArgumentError: the base is out of that range.

    Example:
        >>> adder().compute("907+95", tape=2)
        '1002'
    """
    if not 2 <= base <= len(DIGITS):
        raise ArgumentError(f"base: got {base}, expected 2 to {len(DIGITS)}")
    digits = tuple(DIGITS[:base])
    keep = Operation("S", KEEP)
    left, right = Operation("L", KEEP), Operation("R", KEEP)
    rules = [
        _rule(state, (digit, None, None), COPY, (Operation("R", digit), Operation("R", digit), keep))
        for state in (INITIAL, COPY)
        for digit in digits
    ]
    rules.append(_rule(COPY, (PLUS, None, None), SECOND, (right, left, keep)))
    # In the second number the head of the second tape stays on the last digit of the first.
    for state, digit, last in product((SECOND, RIGHT), digits, digits):
        rules.append(_rule(state, (digit, last, None), RIGHT, (right, keep, keep)))
    rules += [_rule(RIGHT, (None, last, None), ADD[0], (left, keep, keep)) for last in digits]
    for carry, second, first in product((0, 1), (*digits, PLUS), (*digits, None)):
        rules.append(_sum(carry, second, first, base))
    return TuringMachine(
        description=f"Adds two numbers in base {base} written x+y, with three tapes; the sum is written on the third.",
        symbols=(*digits, PLUS),
        tapes=3,
        rules=tuple(rules),
        acceptance=Acceptance(states=(ACCEPT,)),
    )


def _sum(carry: int, second: str, first: str | None, base: int) -> Rule:
    """What is done at one place: `+` and None say that a number has no more digits."""
    state = ADD[carry]
    if second == PLUS and first is None:
        stay = Operation("S", KEEP)
        return _rule(state, (second, first, None), ACCEPT, (stay, stay, Operation("S", "1") if carry else stay))
    total = carry + (0 if second == PLUS else int(second)) + (0 if first is None else int(first))
    moves = (Operation("S" if second == PLUS else "L", KEEP), Operation("S" if first is None else "L", KEEP))
    return _rule(state, (second, first, None), ADD[total // base], (*moves, Operation("L", DIGITS[total % base])))


def _rule(state: str, seen: tuple[str | None, ...], target: str, operations: tuple[Operation, ...]) -> Rule:
    return Rule(EPSILON, state, seen, target, operations)
