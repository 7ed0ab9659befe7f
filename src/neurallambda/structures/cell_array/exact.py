"""From a table of chances to the exact machine, and back."""

from collections.abc import Sequence
from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.arguments import checked
from neurallambda.automata.cells.automaton import CellularAutomaton
from neurallambda.automata.cells.lookup import Lookup
from neurallambda.automata.cells.rule import CellRule, OutputRule
from neurallambda.automata.rules.vocabulary import INITIAL
from neurallambda.errors import ArgumentError
from neurallambda.structures.cell_array.array import CellArray


@checked
def array_of(machine: CellularAutomaton) -> CellArray:
    """The soft array with room for a machine: its states, its symbols and one for "none", its neighbours and edge."""
    return CellArray(
        states=len(machine.states),
        symbols=len(machine.symbols) + 1,
        neighbours=machine.neighbours,
        edge=machine.states.index(machine.edge),
    )


@checked
def table_of(
    machine: CellularAutomaton, *, device: torch.device | str | None = None, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "*axes"]:
    """The local rule of a machine as a table of chances that are all 0 or 1.

    Args:
        machine: the machine.
        device: where the table shall lie.
        dtype: its floating point type.

    Returns:
        A table for `array_of(machine)`; its symbols are those of the machine in order, then none.

    Example:
        >>> from neurallambda.automata import library
        >>> machine = library.load("binary_multiplication", CellularAutomaton)
        >>> table_of(machine).shape
        torch.Size([3, 3, 4, 4, 4])
    """
    shape = array_of(machine).table_shape
    table = torch.zeros(shape, dtype=dtype)
    symbols, rules = (*machine.symbols, None), Lookup(machine.rules)
    for place in product(*map(range, shape[:-1])):
        one, seen, *states = place
        rule = rules.at((symbols[one], symbols[seen], *(machine.states[number] for number in states)))
        table[*place, machine.states.index(rule.target) if rule else states[0]] = 1
    return table.to(device)


@checked
def machine_of(
    table: Tensor,
    readout: Tensor,
    *,
    symbols: Sequence[str],
    answers: Sequence[str],
    neighbours: tuple[str, ...] = ("right",),
    edge: int = 0,
    description: str | None = None,
) -> CellularAutomaton:
    """The exact machine of the likeliest entries of a table: a rule file that runs without tensors.

    Of states that no cell can ever be in, and of rules for them, nothing is kept; nor of rules that change nothing.

    Args:
        table: logits or chances of the next state, of `CellArray.table_shape`.
        readout: logits or chances of the answer after a step, [seen, state, answers].
        symbols: the names of the symbols, without that for none.
        answers: the names of the answers.
        neighbours: the sides that a cell looks at, in the order of the table's axes.
        edge: the number of the state beyond the ends.
        description: what the machine is for.

    Raises:
        ArgumentError: if a shape or the number of names does not fit.

    Example:
        >>> table = torch.zeros(2, 2, 2, 2, 2)
        >>> table[0, 0, 0, :, 1] = 1.0  # a cell whose symbol is seen goes from the first state to the second ...
        >>> table[:, :, 1, :, 1] = 1.0  # ... and stays there
        >>> readout = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).expand(2, 2, 2)
        >>> machine_of(table, readout, symbols=["a"], answers=["no", "yes"]).transduce("a", "a")
        ('yes', 'yes')
    """
    count = readout.shape[1] if readout.ndim == 3 else 0
    array = CellArray(states=max(count, 1), symbols=len(symbols) + 1, neighbours=neighbours, edge=edge)
    if tuple(table.shape) != array.table_shape or tuple(readout.shape) != (array.symbols, count, len(answers)):
        raise ArgumentError(
            f"table: got {tuple(table.shape)}, and a readout of {tuple(readout.shape)}; expected {array.table_shape}, and "
            f"{(array.symbols, array.states, len(answers))} for {len(symbols)} symbols and {len(answers)} answers"
        )
    following = table.detach().cpu().argmax(-1)
    names: dict[int, str] = {0: INITIAL}
    for number in _reachable(following, edge):
        names.setdefault(number, f"Q{len(names)}")
    known = (*symbols, None)
    rules = []
    for place in product(range(array.symbols), range(array.symbols), *(list(names),) * (len(neighbours) + 1)):
        one, seen, own, *near = place
        target = int(following[place])
        if target != own:
            beside = tuple(names[number] for number in near)
            rules.append(CellRule(known[one], known[seen], names[own], beside, names[target]))
    said = readout.detach().cpu().argmax(-1)
    return CellularAutomaton(
        symbols=tuple(symbols),
        rules=tuple(rules) or (CellRule("ANY", "ANY", INITIAL, ("ANY",) * len(neighbours), INITIAL),),
        outputs=tuple(
            OutputRule(known[seen], name, answers[int(said[seen, number])])
            for seen in range(array.symbols)
            for number, name in names.items()
        ),
        neighbours=neighbours,
        edge=names[edge],
        description=description,
    )


def _reachable(following: Tensor, edge: int) -> list[int]:
    """The states that a cell can be in, or that stand beyond the ends, in the order in which they are found."""
    found = list(dict.fromkeys([0, edge]))
    while True:
        index = torch.tensor(found)
        near = following
        for axis in range(2, following.ndim):
            near = near.index_select(axis, index)
        fresh = [number for number in near.unique().tolist() if number not in found]
        if not fresh:
            return found
        found += fresh
