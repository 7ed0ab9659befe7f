"""Strategies: which redex comes first."""

from dataclasses import dataclass

from neurallambda.beta.alphabet import Demand


@dataclass(frozen=True)
class Strategy:
    """An order of reduction, as what a redex demands of its parts before it is reduced.

    Attributes:
        name: as on the command line.
        operand: how far functions, conditions and operands are reduced before they are used.
        argument: how far an argument is reduced before it is substituted; None: not at all.
    """

    name: str
    operand: Demand
    argument: Demand | None


NORMAL = Strategy("normal", Demand.HEAD, None)
"""Leftmost outermost first: finds the normal form wherever there is one. Arguments are shared, so reduced once at most."""

APPLICATIVE = Strategy("applicative", Demand.NORMAL, Demand.NORMAL)
"""Leftmost innermost first, under binders too, the textbook order: no recursion ends under it."""

BY_VALUE = Strategy("by-value", Demand.HEAD, Demand.HEAD)
"""Arguments before calls, and no function's body before it is called: recursion ends, and eager programs run as written."""

STRATEGIES = {strategy.name: strategy for strategy in (NORMAL, APPLICATIVE, BY_VALUE)}
