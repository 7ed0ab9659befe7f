"""Machines with every rule that there could be: what learning starts from. Their tables have a place for every move."""

from collections.abc import Sequence
from itertools import product

from neurallambda.arguments import checked
from neurallambda.automata.fsm import FSM
from neurallambda.automata.pda import PDA
from neurallambda.automata.queue_automaton import QueueAutomaton
from neurallambda.automata.rules.machine import Acceptance
from neurallambda.automata.rules.memory import DEQUE, STACK, TAPE, MemoryKind
from neurallambda.automata.rules.rule import Operation, Rule
from neurallambda.automata.rules.vocabulary import ACCEPT, EPSILON, INITIAL, KEEP
from neurallambda.automata.turing import TuringMachine
from neurallambda.errors import ArgumentError, check_count


@checked
def blank_fsm(symbols: Sequence[str], *, states: int, separator: str = "") -> FSM:
    """A finite-state machine that goes from every state to every state on every symbol.

    Args:
        symbols: the input symbols.
        states: how many states it has.
        separator: what stands between two symbols of a string written as text.

    Example:
        >>> machine = blank_fsm("ab", states=3)
        >>> len(machine.rules), machine.states
        (18, ('INITIAL', 'Q1', 'Q2'))
    """
    rules = _rules(symbols, _states(states), (), ())
    return FSM(
        symbols=tuple(symbols), rules=rules, acceptance=Acceptance(states=(INITIAL,)), framed=False, separator=separator
    )


@checked
def blank_pda(symbols: Sequence[str], *, states: int, stack: Sequence[str], separator: str = "") -> PDA:
    """A pushdown automaton with every rule that reads a symbol; it accepts with an empty stack.

    Args:
        symbols: the input symbols.
        states: how many states it has.
        stack: the symbols that it may push.
        separator: what stands between two symbols of a string written as text.

    Example:
        >>> len(
        ...     blank_pda("ab", states=2, stack="A").rules
        ... )  # 2 symbols x 2 states x (empty or A) x 2 states x 3 operations
        48
    """
    rules = _rules(symbols, _states(states), (STACK,), (tuple(stack),))
    acceptance = Acceptance(states=(INITIAL,), empty_memory=True)
    return PDA(symbols=tuple(symbols), rules=rules, acceptance=acceptance, framed=False, separator=separator)


@checked
def blank_queue(symbols: Sequence[str], *, states: int, queue: Sequence[str], separator: str = "") -> QueueAutomaton:
    """A queue automaton with every rule that reads a symbol; it accepts with an empty queue.

    Args:
        symbols: the input symbols.
        states: how many states it has.
        queue: the symbols that it may enqueue.
        separator: what stands between two symbols of a string written as text.
    """
    rules = _rules(symbols, _states(states), (DEQUE,), (tuple(queue),))
    acceptance = Acceptance(states=(INITIAL,), empty_memory=True)
    return QueueAutomaton(symbols=tuple(symbols), rules=rules, acceptance=acceptance, framed=False, separator=separator)


@checked
def blank_turing(
    symbols: Sequence[str], *, states: int, tape: Sequence[str] = (), separator: str = ""
) -> TuringMachine:
    """A Turing machine with one tape and every rule that there could be, into `ACCEPT` too.

    Args:
        symbols: the input symbols, which it may also write.
        states: how many states it has besides `ACCEPT`.
        tape: further symbols that it may write.
        separator: what stands between two symbols of a string written as text.
    """
    written = tuple(dict.fromkeys((*symbols, *tape)))
    rules = _rules((EPSILON,), (*_states(states), ACCEPT), (TAPE,), (written,))
    return TuringMachine(symbols=tuple(symbols), rules=rules, framed=False, separator=separator)


def _states(count: int) -> tuple[str, ...]:
    check_count("states", count)
    return (INITIAL, *(f"Q{number}" for number in range(1, count)))


def _rules(
    symbols: Sequence[str], states: Sequence[str], kinds: Sequence[MemoryKind], held: Sequence[tuple[str, ...]]
) -> tuple[Rule, ...]:
    if not symbols:
        raise ArgumentError("symbols: got none, expected at least one")
    shown = list(product(*((None, *symbols) for symbols in held)))
    operations = list(product(*(_operations(kind, cells) for kind, cells in zip(kinds, held, strict=True))))
    leaves = [state for state in states if state != ACCEPT]
    return tuple(
        Rule(symbol, state, tuple(memory), target, tuple(done))
        for symbol, state, memory, target, done in product(symbols, leaves, shown, states, operations)
    )


def _operations(kind: MemoryKind, cells: tuple[str, ...]) -> list[Operation]:
    bare = [Operation(verb) for verb in kind.bare]
    written = (*cells, KEEP, None) if kind is TAPE else cells
    return bare + [Operation(verb, symbol) for verb in kind.loaded for symbol in written]
