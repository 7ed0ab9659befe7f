"""Back through a run that was certain, by the addresses and rules that are known of it.

Each pointer stands on one address and each program follows one rule, so that what arrives is moved rather than multiplied.
What other rules and other addresses would have added is asked for all the same, where it can be more than nothing: of the
fields that a record has, at the places where they point.
"""

from collections.abc import Sequence

from neurallambda.machine.adjoint.by_address.carry import Carrier
from neurallambda.machine.adjoint.by_address.known import know
from neurallambda.machine.adjoint.history import End, Kept, KeptAlternatives, ToCode

STRETCH = 12
"""So many steps are looked at at once."""


def by_address(end: End, history: Sequence[Kept | KeptAlternatives]) -> ToCode:
    """Carry back through steps that were certain, where nothing arrives at the records but by the answer."""
    steps = [kept for kept in history if isinstance(kept, Kept) and kept.moved is not None]
    assert len(steps) == len(history), "steps that are not certain are for the other forms"
    carrier = Carrier(end)
    first, after = end.memory.layout.code, end.pointers
    for start in reversed(range(0, len(steps), STRETCH)):
        kept = steps[start : start + STRETCH]
        known = know(end.memory, carrier.index, carrier.constants, end.outcome, kept, after, first + start)
        carrier.carry_all(known, written=first + start + len(kept))
        after = kept[0].registers
    return carrier.to_code()
