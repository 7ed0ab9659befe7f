"""Twins with random tables, and the weight of their runs counted one by one."""

import torch

from neurallambda.automata import Automaton, Configuration
from neurallambda.automata.rules.memory import Memory
from neurallambda.automata.runs.stepping import accepting, start
from neurallambda.twins.twin import Twin


def shaken(twin: Twin, seed: int = 0, *, may_stop: bool = True) -> Twin:
    """The twin with random scores."""
    twin.table.reset(generator=torch.Generator().manual_seed(seed), may_stop=may_stop)
    return twin


def counted(twin: Twin, machine: Automaton, string: str) -> tuple[float, float]:
    """The weight of accepting and of refusing, over all runs of a machine whose rules all read a symbol, one by one."""
    layout, weights = twin.table.layout, twin.table.log_weights.exp()
    accept = twin.table.log_accept.exp()
    tokens = machine.tokens(string)
    kinds = machine.memories

    def follow(state: str, position: int, memories: tuple[Memory, ...]) -> tuple[float, float]:
        here = start(machine)._replace(state=state, position=position, memories=memories)
        at_end = position == len(tokens)
        ends = float(accept[layout.states.index(state)]) if at_end and _may_accept(machine, here) else 0.0
        symbol = len(layout.inputs) - 1 if at_end else layout.inputs.index(tokens[position])
        seen = [
            shown.index(kind.read(memory)) for shown, kind, memory in zip(layout.shown, kinds, memories, strict=True)
        ]
        cell = weights[(layout.states.index(state), symbol, *seen)]
        accepted, refused = ends, (1 - ends) * float(cell[-1])
        for number, move in enumerate(layout.moves):
            chance = (1 - ends) * float(cell[number])
            if chance:
                after = tuple(kind.apply(m, op) for kind, m, op in zip(kinds, memories, move.operations, strict=True))
                one, other = follow(move.target, position + 1, after)
                accepted, refused = accepted + chance * one, refused + chance * other
        return accepted, refused

    first = start(machine)
    with torch.no_grad():
        return follow(first.state, 0, first.memories)


def _may_accept(machine: Automaton, here: Configuration) -> bool:
    """Is acceptance a question of the state alone?"""
    return accepting(machine, here._replace(state=machine.acceptance.states[0]))
