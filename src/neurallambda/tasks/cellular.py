"""What a cellular automaton writes, as a task: two strings, one in its cells and one shown to them."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from neurallambda.arguments import checked
from neurallambda.automata import CellularAutomaton
from neurallambda.errors import ArgumentError
from neurallambda.tasks.task import Rows, Task

BETWEEN = ("|", "||")
"""What stands between the two strings: the first of these that is no symbol of the machine."""
NOTHING = "nothing"


@checked
def cell_transduction(machine: CellularAutomaton, *, name: str = "transduction") -> Task:
    """The task to write what the first cell of a cellular automaton writes, one symbol for each step of its run.

    Args:
        machine: a machine with outputs.
        name: the name of the task.

    Returns:
        The task. An input is the string in the cells, a bar, and the string that is shown; both have random lengths of at
        least 1, and any symbols. Where nothing is written the answer is `nothing`.

    Raises:
        ArgumentError: the machine has no outputs.

    Example:
        >>> from neurallambda.automata import library
        >>> times = cell_transduction(library.load("binary_multiplication", CellularAutomaton))
        >>> [times.answers[answer] for answer in times.answer([1, 1, 2, 1, 1])]  # 3 times 3, the lowest digit first
        ['1', '0', '0', '1']
    """
    if not machine.outputs:
        raise ArgumentError("machine: has no outputs, so it writes nothing; expected a cellular automaton with outputs")
    bar = len(machine.symbols)
    symbols = (*machine.symbols, next(one for one in BETWEEN if one not in machine.symbols))
    answers = tuple(dict.fromkeys([*(rule.output for rule in machine.outputs), NOTHING]))

    def reference(input: Sequence[int]) -> list[int]:  # noqa: A002
        place = input.index(bar) if bar in input else 0
        cells, shown = input[:place], input[place + 1 :]
        if not cells or not shown or bar in shown:
            raise ArgumentError(f"input: expected two strings with one {symbols[bar]} between them")
        written = machine.transduce([symbols[n] for n in cells], [symbols[n] for n in shown])
        return [answers.index(NOTHING if one is None else one) for one in written]

    def draw(lengths: Int[np.ndarray, " rows"], random: np.random.Generator) -> Rows:
        inputs = []
        for length in lengths.tolist():
            one = random.integers(0, bar, length).tolist()
            one[int(random.integers(1, length - 1))] = bar
            inputs.append(one)
        return Rows.of(inputs, [reference(one) for one in inputs])

    return Task(
        name=name,
        description=f"what the first cell writes of a cellular automaton: {machine.description or 'one local rule'}",
        level="context-sensitive",
        symbols=symbols,
        answers=answers,
        draw=draw,
        reference=reference,
        answer_length=lambda length: length - 1,
        shortest=3,
    )
