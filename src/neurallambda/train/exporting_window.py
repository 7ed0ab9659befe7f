"""A hardened window automaton as the machine that it is: a finite automaton beside a queue of the last tokens."""

from collections.abc import Sequence
from itertools import pairwise, product

from neurallambda.automata.rules.machine import Acceptance
from neurallambda.automata.rules.rule import Operation, Rule
from neurallambda.automata.rules.vocabulary import ANY, EPSILON, INITIAL
from neurallambda.automata.turing import TuringMachine
from neurallambda.nn import WindowAutomaton


def machine_of_window(
    model: WindowAutomaton, *, symbols: Sequence[str], answers: Sequence[str], description: str
) -> TuringMachine:
    """The likeliest rules of a window automaton, as a machine with one queue that writes an answer at each token.

    The queue holds as many tokens as the automaton looks back, at first empty ones, which are put in before anything is read.
    For each token there are two steps: one reads it, sees which one stands at the left end of the queue, puts the new one in at
    the right end and writes; the next one takes the old one out.

    Args:
        model: the automaton.
        symbols: the names of the tokens, in order, that of the empty one last.
        answers: the names of the answers, in order.
        description: of the machine.
    """
    back = int(model.places.argmax()) + 1
    following: list[list[int]] = model.table.table.detach().argmax(-1).tolist()
    said: list[int] = model.table.readout.detach().argmax(-1).tolist()
    fill = [INITIAL, *(f"FILL{number}" for number in range(2, back + 1)), "Q0"]
    put_empty = (Operation("ENQR", symbols[-1]),)
    rules = [Rule(EPSILON, state, (ANY,), target, put_empty) for state, target in pairwise(fill)]
    order = [0]
    for state in order:
        for old, new in product(range(model.inputs), repeat=2):
            # The tokens that come out of the queue are counted on from those that come.
            target = following[new][following[model.inputs + old][state]]
            if target not in order:
                order.append(target)
            put = (Operation("ENQR", symbols[new]),)
            seen = (symbols[old],)
            rules.append(Rule(symbols[new], f"Q{state}", seen, f"Q{target}_READ", put, answers[said[target]]))
    rules += [Rule(EPSILON, f"Q{state}_READ", (ANY,), f"Q{state}", (Operation("DEQL"),)) for state in order]
    return TuringMachine(
        symbols=tuple(symbols),
        rules=tuple(rules),
        acceptance=Acceptance(states=(ANY,)),
        framed=False,
        separator="" if all(len(symbol) == 1 for symbol in symbols) else " ",
        tapes=0,
        queues=1,
        description=description,
    )
