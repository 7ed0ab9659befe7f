"""A Turing machine that takes square roots of binary numbers, for traces of them."""

from functools import cache
from itertools import product

from neurallambda.arguments import checked
from neurallambda.automata import Acceptance, Operation, Rule, TuringMachine
from neurallambda.automata.rules.vocabulary import EPSILON, INITIAL, KEEP

BITS = ("0", "1")
ACCEPT = "ACCEPT"
STAY, LEFT, RIGHT = (Operation(move, KEEP) for move in "SLR")
Seen = tuple[str | None, str | None, str | None, str | None]
"""What stands under the heads: on the number, the remainder, the difference and the root."""
Table = dict[tuple[str, Seen], tuple[str, tuple[Operation, Operation, Operation, Operation]]]


@checked
@cache
def square_rooter() -> TuringMachine:
    """The machine that takes square roots digit by digit, as they are taken by hand.

    It has four tapes. The number stands on the first, its greatest bit first. The remainder is on the second, the difference on
    the third, and the root, rounded down, on the fourth, a bit for every two of the number:

    1. take the next two bits of the number (at first one, where there is an odd number of them) to the end of the remainder,
    2. from the end to the beginning, subtract four times the root and one from it; what comes out is the difference,
    3. where it is not negative, it is the remainder from now on, and the next bit of the root is 1; else that is 0.

    In each of these passes only what it needs is under the heads, or blank: bits are taken off the first tape.

    Example:
        >>> square_rooter().compute("11001", tape=3)  # of 25
        '101'
    """
    table = _parity() | _taking() | _subtracting() | _keeping()
    return TuringMachine(
        description="Takes the square root of a binary number, rounded down, with four tapes; the root is on the fourth.",
        symbols=BITS,
        tapes=4,
        rules=tuple(
            Rule(EPSILON, state, seen, target, operations) for (state, seen), (target, operations) in table.items()
        ),
        acceptance=Acceptance(states=(ACCEPT,)),
    )


def _parity() -> Table:
    """Go to the end of the number and back, and find out whether a pair or a single bit comes first."""
    table: Table = {}
    after = {INITIAL: "ODD", "ODD": "EVEN", "EVEN": "ODD"}
    for state, bit in product(after, BITS):
        table[state, (bit, None, None, None)] = after[state], (RIGHT, STAY, STAY, STAY)
    for state, first in (("EVEN", "FIRST"), ("ODD", "SECOND")):
        table[state, (None, None, None, None)] = f"TO_{first}", (LEFT, STAY, STAY, STAY)
        table[f"TO_{first}", (None, None, None, None)] = first, (RIGHT, STAY, STAY, STAY)
        for bit in BITS:
            table[f"TO_{first}", (bit, None, None, None)] = f"TO_{first}", (LEFT, STAY, STAY, STAY)
    return table


def _taking() -> Table:
    """Two bits of the number become the last of the remainder."""
    table: Table = {}
    for bit in BITS:
        taken = (Operation("R", None), Operation("R", bit), STAY, STAY)
        table["FIRST", (bit, None, None, None)] = "SECOND", taken
        last = (Operation("S", None), Operation("S", bit), STAY, STAY)
        table["SECOND", (bit, None, None, None)] = "MINUS_ONE", last
    table["NEXT", (None, None, None, None)] = "FIRST", (RIGHT, STAY, STAY, STAY)
    table["FIRST", (None, None, None, None)] = ACCEPT, (STAY, STAY, STAY, STAY)
    return table


def _subtracting() -> Table:
    """The remainder less the root, which 0 and 1 follow, from the last bit to the first."""
    table: Table = {}
    for bit in BITS:
        operations = (STAY, LEFT, _difference(int(bit) - 1), STAY)
        table["MINUS_ONE", (None, bit, None, None)] = f"MINUS_ZERO_{_borrow(int(bit) - 1)}", operations
    for borrow, bit in product((0, 1), (*BITS, None)):
        left = _value(bit) - borrow
        operations = (STAY, LEFT, _difference(left), LEFT)
        table[f"MINUS_ZERO_{borrow}", (None, bit, None, None)] = f"MINUS_{_borrow(left)}", operations
    for borrow, bit, subtracted in product((0, 1), (*BITS, None), (*BITS, None)):
        seen: Seen = (None, bit, None, subtracted)
        if bit is subtracted is None:
            table[f"MINUS_{borrow}", seen] = "KEEP" if borrow else "TRIM", (STAY, RIGHT, RIGHT, LEFT)
        else:
            left = _value(bit) - _value(subtracted) - borrow
            table[f"MINUS_{borrow}", seen] = f"MINUS_{_borrow(left)}", (STAY, LEFT, _difference(left), LEFT)
    return table


def _keeping() -> Table:
    """Take the difference off its tape, from the first bit to the last: to the remainder, without zeros in front, or nowhere."""
    table: Table = {}
    for bit, difference, root in product((*BITS, None), BITS, (*BITS, None)):
        seen: Seen = (None, bit, difference, root)
        gone = Operation("R", None)
        table["KEEP", seen] = "KEEP", (STAY, RIGHT, gone, RIGHT)
        table["COPY", seen] = "COPY", (STAY, Operation("R", difference), gone, RIGHT)
        first = ("TRIM", Operation("R", None)) if difference == "0" else ("COPY", Operation("R", "1"))
        table["TRIM", seen] = first[0], (STAY, first[1], gone, RIGHT)
    for state, bit in (("KEEP", "0"), ("COPY", "1"), ("TRIM", "1")):
        table[state, (None, None, None, None)] = "NEXT", (STAY, STAY, STAY, Operation("R", bit))
    return table


def _value(bit: str | None) -> int:
    return int(bit or 0)


def _borrow(difference: int) -> int:
    return int(difference < 0)


def _difference(number: int) -> Operation:
    return Operation("L", str(number % 2))
