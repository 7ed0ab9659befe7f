"""Machines of the library at any size."""

from neurallambda.arguments import checked
from neurallambda.automata.fsm import FSM
from neurallambda.automata.pda import PDA
from neurallambda.automata.rules.machine import Acceptance
from neurallambda.automata.rules.rule import Operation, Rule
from neurallambda.automata.rules.vocabulary import ACCEPT, ANY, END, INITIAL, START
from neurallambda.errors import ArgumentError

BRACKETS = ("()", "[]", "{}", "<>")
_MOST_STATES = 100_000


@checked
def dyck(kinds: int) -> PDA:
    """Balanced brackets of some kinds, of any depth: Dyck-k.

    Args:
        kinds: how many kinds of brackets; past four they are written `(5` and `)5`.

    Raises:
        ArgumentError: there is no kind at all.

    Example:
        >>> dyck(2).accepts("([])"), dyck(2).accepts("([)]")
        (True, False)
    """
    pairs = _pairs(kinds)
    nothing, drop = Operation("nullop"), Operation("pop")
    rules = [Rule(START, INITIAL, (None,), "OPEN", (nothing,))]
    for left, right in pairs:
        rules.append(Rule(left, "OPEN", (ANY,), "OPEN", (Operation("push", left),)))
        rules.append(Rule(right, "OPEN", (left,), "OPEN", (drop,)))
    rules.append(Rule(END, "OPEN", (None,), ACCEPT, (nothing,)))
    return PDA(
        symbols=(START, *(symbol for pair in pairs for symbol in pair), END),
        rules=tuple(rules),
        description=f"Dyck-{kinds}: balanced brackets of {kinds} kinds, of any depth.",
    )


@checked
def bounded_dyck(kinds: int, depth: int) -> FSM:
    """Balanced brackets of some kinds, nested at most `depth` deep, for which a finite-state machine is enough.

    Args:
        kinds: how many kinds of brackets.
        depth: how deep they may be nested; the machine has one state for each stack of that many open brackets.

    Raises:
        ArgumentError: there is no kind, the depth is below 1, or there would be too many states.

    Example:
        >>> bounded_dyck(1, 2).accepts("(())"), bounded_dyck(1, 2).accepts("((()))")
        (True, False)
    """
    pairs = _pairs(kinds)
    if depth < 1 or sum(kinds**level for level in range(depth + 1)) > _MOST_STATES:
        raise ArgumentError(
            f"a depth of at least 1 and at most {_MOST_STATES:,} states; got {kinds} kinds, depth {depth}"
        )
    rules = []
    stacks: list[tuple[int, ...]] = [()]
    for stack in stacks:
        for kind, (left, right) in enumerate(pairs):
            if len(stack) < depth:
                rules.append(Rule(left, _name(stack), (), _name((*stack, kind)), ()))
                stacks.append((*stack, kind))
            if stack and stack[-1] == kind:
                rules.append(Rule(right, _name(stack), (), _name(stack[:-1]), ()))
    return FSM(
        symbols=tuple(symbol for pair in pairs for symbol in pair),
        rules=tuple(rules),
        description=f"Dyck-{kinds} of depth {depth}: balanced brackets of {kinds} kinds, nested at most {depth} deep.",
        acceptance=Acceptance(states=(INITIAL,)),
    )


@checked
def modular_counter(modulus: int) -> FSM:
    """Strings of a and b in which the number of a is a multiple of `modulus`.

    Raises:
        ArgumentError: the modulus is below 1.
    """
    if modulus < 1:
        raise ArgumentError(f"a modulus is at least 1, got {modulus}")
    states = [INITIAL, *(f"R{i}" for i in range(1, modulus))]
    rules = []
    for number, state in enumerate(states):
        rules.append(Rule("a", state, (), states[(number + 1) % modulus], ()))
        rules.append(Rule("b", state, (), state, ()))
    return FSM(
        symbols=("a", "b"),
        rules=tuple(rules),
        description=f"Strings of a and b in which the number of a is a multiple of {modulus}.",
        acceptance=Acceptance(states=(INITIAL,)),
    )


def _pairs(kinds: int) -> list[tuple[str, str]]:
    if kinds < 1:
        raise ArgumentError(f"at least one kind of brackets, got {kinds}")
    known = [(pair[0], pair[1]) for pair in BRACKETS[:kinds]]
    return known + [(f"({i}", f"){i}") for i in range(len(known) + 1, kinds + 1)]


def _name(stack: tuple[int, ...]) -> str:
    return "IN_" + "_".join(map(str, stack)) if stack else INITIAL
