"""Learned rules as rule files, which the exact room runs, and judges at lengths that no training showed."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from neurallambda.arguments import checked
from neurallambda.automata.cells.automaton import CellularAutomaton
from neurallambda.automata.fsm import FSM
from neurallambda.automata.turing import TuringMachine
from neurallambda.errors import ArgumentError
from neurallambda.nn import CellArrayModel, Controller, TableAutomaton, WindowAutomaton
from neurallambda.tasks import Task
from neurallambda.tasks.task import generator_from
from neurallambda.train.discrete_controller import machine_of_controller
from neurallambda.train.exporting_window import machine_of_window

Exported = FSM | TuringMachine | CellularAutomaton
LENGTHS = (41, 100, 200, 300, 400, 500)
"""The lengths at which a rule file is judged."""


@dataclass(frozen=True)
class Verified:
    """How an exact machine answered.

    Attributes:
        lengths: of the inputs.
        rows: how many inputs of each.
        exact: how many of them were answered right from the first symbol to the last, by length.
    """

    lengths: tuple[int, ...]
    rows: int
    exact: tuple[int, ...]

    @property
    def is_right(self) -> bool:
        """Whether every answer was."""
        return all(count == self.rows for count in self.exact)

    def __str__(self) -> str:
        parts = [f"{length}: {count}/{self.rows}" for length, count in zip(self.lengths, self.exact, strict=True)]
        return ", ".join(parts)


@checked
def export(model: nn.Module, task: Task) -> Exported:
    """The rules that a network follows when every choice is made, as an exact machine.

    Args:
        model: a `TableAutomaton`, which becomes a Moore machine that reads the input and then an empty symbol for each symbol
            of the answer; a `WindowAutomaton`, which becomes a machine with one queue that reads the same (see
            `machine_of_window`); a `Controller` with a categorical cell, which becomes a Turing machine with stacks and queues
            that reads one more (see `machine_of_controller`); or a `CellArrayModel`, which becomes a cellular automaton.
        task: what it was trained on.

    Raises:
        ArgumentError: if the model is of another kind.
    """
    description = f"Learned from answers to {task.name}."
    if isinstance(model, TableAutomaton):
        return model.export(symbols=[*task.symbols, empty_symbol(task)], answers=task.answers, description=description)
    if isinstance(model, CellArrayModel):
        how = ["The longer operand lies in the cells."] if model.longer_first else []
        if model.pause:
            how.append(f"Show {task.symbols[model.operator]} {model.pause} times before the other operand.")
        return model.export(symbols=task.symbols, answers=task.answers, description=" ".join([description, *how]))
    if isinstance(model, Controller):
        return machine_of_controller(model, task, empty=empty_symbol(task), description=description)
    if isinstance(model, WindowAutomaton):
        return machine_of_window(
            model, symbols=[*task.symbols, empty_symbol(task)], answers=task.answers, description=description
        )
    raise ArgumentError(
        f"model: got a {type(model).__name__}, expected a TableAutomaton, a WindowAutomaton, a Controller or a "
        f"CellArrayModel: only for these is it written down which machine they are when every choice is made"
    )


@checked
def verify(
    machine: Exported,
    task: Task,
    *,
    lengths: Sequence[int] = LENGTHS,
    rows: int = 16,
    seed: int = 0,
    model: nn.Module | None = None,
) -> Verified:
    """Let an exact machine answer inputs, and compare with the right answers.

    Args:
        machine: what `export` gave.
        task: what is asked.
        lengths: of the inputs.
        rows: how many inputs of each length.
        seed: that they come from.
        model: what the machine was exported from; needed where it is a `CellArrayModel` that shows its operands otherwise than
            they come.
    """
    generator = generator_from(seed)
    exact = []
    for length in lengths:
        batch = task.batch(length, rows, generator=generator)
        inputs = [tokens[:size] for tokens, size in zip(batch.tokens.tolist(), batch.lengths.tolist(), strict=True)]
        exact.append(sum(answered(machine, task, one, model) == named(task, one) for one in inputs))
    return Verified(tuple(lengths), rows, tuple(exact))


def answered(machine: Exported, task: Task, symbols: Sequence[int], model: nn.Module | None = None) -> list[str | None]:
    """What an exact machine answers to an input, as long as the right answer is.

    Args:
        machine: what `export` gave.
        task: what is asked.
        symbols: the numbers of the input's symbols.
        model: as in `verify`.

    Returns:
        The names of the answers; None where a cellular automaton writes nothing, and no names where a machine is stuck.
    """
    names = [task.symbols[symbol] for symbol in symbols]
    wanted = len(task.answer(symbols))
    if isinstance(machine, CellularAutomaton):
        return _cells_answered(machine, task, names, wanted, model)
    row = [*names, *[empty_symbol(task)] * (task.time(len(names)) - len(names))]
    begin = len(names) if task.reads == "after" else 0
    if isinstance(machine, FSM):
        written = machine.transduce(row)[1:]  # the first output comes before any symbol is read
    else:
        # One symbol more: a controller writes the last answer while it reads that.
        try:
            written = machine.transduce([*row, empty_symbol(task)])
        except ArgumentError:  # a situation for which it has no rule
            written = ()
    return list(written[begin : begin + wanted])


def _cells_answered(
    machine: CellularAutomaton, task: Task, names: list[str], wanted: int, model: nn.Module | None
) -> list[str | None]:
    if isinstance(model, CellArrayModel):
        pause, longer_first = model.pause, model.longer_first
        operators = {task.symbols[model.operator]}
    else:
        pause, longer_first = 0, False
        operators = set(names) - set(machine.symbols)
    place = next((place for place, name in enumerate(names) if name in operators), len(names))
    cells, shown = names[:place], names[place + 1 :]
    if longer_first and len(cells) < len(shown):
        cells, shown = shown, cells
    return list(machine.transduce(cells, [*operators] * pause + shown, steps=pause + wanted))[pause:]


def named(task: Task, symbols: Sequence[int]) -> list[str | None]:
    """The right answer to an input, by the names of its symbols."""
    return [task.answers[answer] for answer in task.answer(symbols)]


def empty_symbol(task: Task) -> str:
    """What the empty token is called in a rule file: `_`, or something longer where the task has that."""
    name = "_"
    while name in task.symbols:
        name += "_"
    return name
