"""Traces of cellular automata: what each cell sees, and the state that it goes to."""

from collections.abc import Sequence

from neurallambda.arguments import checked
from neurallambda.automata import CellularAutomaton
from neurallambda.automata.cells.lookup import Lookup
from neurallambda.automata.rules.vocabulary import INITIAL
from neurallambda.automata.runs.limits import DEFAULT_LIMITS, Limits
from neurallambda.errors import ArgumentError, check_count
from neurallambda.tasks.cellular import BETWEEN
from neurallambda.tasks.traces.machines import NOTHING
from neurallambda.tasks.traces.record import Cell, TraceRecord, TraceStep
from neurallambda.tasks.traces.runs import Situation

Text = str | Sequence[str]


@checked
def trace_cells(
    machine: CellularAutomaton,
    cells: Text,
    shown: Text = (),
    *,
    steps: int | None = None,
    width: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
    memory: bool = True,
) -> TraceRecord:
    """The run of a cellular automaton, cell by cell.

    There is no head and no control: each cell has a state of its own. So a step of the record is the part of one cell in a
    step of the row, from the first cell to the last, and the state is that of the cell. It sees the symbol that is written in
    it (`symbol`), what all cells are shown (`input`), and the states of the neighbours that the machine looks at (`left`,
    `right`). It acts by the state that it enters (`state`). All cells of a row see it as it was before any of them acted.

    Args:
        machine: the machine.
        cells: the string in the cells.
        shown: the string that all cells see, a symbol in each step of the row.
        steps: how many steps the row takes; without it as many as there are symbols in both strings.
        width: how many cells the row has. Without it there are as many as symbols in the cells and steps together: those of
            the string then do what they do in a row without an end.
        limits: how many steps, and how many states to keep.
        memory: keep the row at each step; for long runs that is much.

    Returns:
        The record. Its answer is what the first cell writes in each step of the row, `_` where that is nothing, or the
        states in which the cells of the string end, of a machine without outputs. The memory is the row: each token the state of
        a cell, with the channels `symbol` and `acts`, which is `yes` for the cell whose part it is.

    Raises:
        ArgumentError: a string has a symbol that is none of the machine, or a number makes no sense.
        ProgramError: the limits do not reach that far.

    Example:
        >>> from neurallambda.automata import CellularAutomaton, library
        >>> record = trace_cells(library.load("binary_multiplication", CellularAutomaton), "11", "11")  # 3 times 3
        >>> record.seen, record.steps[0].state, record.steps[0].seen, record.steps[0].actions
        (('symbol', 'input', 'right'), 'INITIAL', ('1', '1', 'INITIAL'), ('SUM',))
        >>> record.answer
        ('1', '0', '0', '1')
    """
    written, seen = machine.tokens(cells), machine.tokens(shown)
    count, room = _extent(len(written), len(seen), steps, width)
    run = machine.run(written, seen, steps=count, width=room, limits=limits)
    found = []
    for before, after in zip(run.steps, run.steps[1:], strict=False):
        for place, target in enumerate(after.states):
            sight = (_name(run.cells[place]), _name(after.seen), *_beside(machine, before.states, place))
            held = (_row(run.cells, before.states, place),) if memory else ()
            found.append(TraceStep(state=before.states[place], seen=sight, actions=(target,), memory=held))
    bar = next(one for one in BETWEEN if one not in machine.symbols)
    return TraceRecord(
        input=(*written, *((bar, *seen) if seen else ())),
        seen=("symbol", "input", *machine.neighbours),
        actions=("state",),
        memories=(("cells", ("symbol", "acts")),) if memory else (),
        steps=tuple(found),
        answer=tuple(map(_name, run.outputs)) if machine.outputs else run.steps[-1].states[: len(written)],
    )


@checked
def replay_cells(
    machine: CellularAutomaton,
    cells: Text,
    actions: Sequence[Sequence[str]],
    *,
    steps: int,
    width: int | None = None,
) -> tuple[str, ...]:
    """The states in which a row of cells ends after actions, such as a model has predicted.

    Args:
        machine: the machine; its rules play no part.
        cells: the string in the cells.
        actions: for each cell in each step of the row its action, as in `TraceRecord.actions`.
        steps: how many steps the row takes.
        width: how many cells the row has, as in `trace_cells`.

    Returns:
        The state of each cell.

    Raises:
        ArgumentError: an action is no state of the machine, or there are not as many as cells and steps.

    Example:
        >>> from neurallambda.automata import CellularAutomaton, library
        >>> machine = library.load("rule_110", CellularAutomaton)
        >>> record = trace_cells(machine, "0001", steps=3)
        >>> replay_cells(machine, "0001", [step.actions for step in record.steps], steps=3)[:4]
        ('0', '1', '1', '1')
    """
    run = RowRun(machine, cells, steps=steps, width=width)
    for number, step in enumerate(actions):
        if run.is_over:
            raise ArgumentError(f"actions: got {len(actions)}, expected {number}: one for each cell in each step")
        run.act(tuple(step))
    if not run.is_over:
        raise ArgumentError(f"actions: got {len(actions)}, which are too few: expected one for each cell in each step")
    return run.states


class RowRun:
    """A row of cells that is told what to do: each cell in turn, from the first on, which state it enters.

    Args:
        machine: what the cells see, and what the first one writes; its rules play no part.
        cells: the string in the cells.
        shown: the string that all cells see.
        steps: how many steps the row takes, as in `trace_cells`.
        width: how many cells the row has, as in `trace_cells`.

    Attributes:
        states: the states of the cells, before the step that the row is in.
    """

    def __init__(
        self,
        machine: CellularAutomaton,
        cells: Text,
        shown: Text = (),
        *,
        steps: int | None = None,
        width: int | None = None,
    ) -> None:
        self._machine, self._outputs = machine, Lookup(machine.outputs)
        written, seen = machine.tokens(cells), machine.tokens(shown)
        count, room = _extent(len(written), len(seen), steps, width)
        self._length = len(written)
        self._cells = (*written, *(None,) * (room - len(written)))
        self._shown = (*seen, *(None,) * (count - len(seen)))[:count]
        self.states: tuple[str, ...] = (INITIAL,) * room
        self._time, self._entered, self._written = 0, list[str](), list[str | None]()

    @property
    def is_over(self) -> bool:
        return self._time == len(self._shown)

    def situation(self) -> Situation:
        place = len(self._entered)
        sight = (_name(self._cells[place]), _name(self._shown[self._time]))
        return (self.states[place], *sight, *_beside(self._machine, self.states, place))

    def act(self, actions: tuple[str, ...]) -> None:
        if len(actions) != 1 or actions[0] not in self._machine.states:
            states = ", ".join(self._machine.states)
            raise ArgumentError(f"actions: got {' '.join(actions)!r}, expected one state of the machine: {states}")
        self._entered += actions
        if len(self._entered) < len(self._cells):
            return
        self.states, self._entered = tuple(self._entered), []
        rule = self._outputs.at((self._shown[self._time], self.states[0]))
        self._written.append(rule.output if rule else None)
        self._time += 1

    def answer(self) -> tuple[str, ...]:
        return tuple(map(_name, self._written)) if self._machine.outputs else self.states[: self._length]


def _extent(written: int, seen: int, steps: int | None, width: int | None) -> tuple[int, int]:
    """How many steps the row takes, and how many cells it has: in none of those of the string is an end to be seen."""
    count = written + seen if steps is None else steps
    check_count("steps", count, least=0)
    room = max(1, written + count) if width is None else width
    check_count("width", room)
    if room < written:
        raise ArgumentError(f"width: got {room}, expected room for the {written} symbols in the cells")
    return count, room


def _beside(machine: CellularAutomaton, states: Sequence[str], place: int) -> tuple[str, ...]:
    """The states of the neighbours that the machine looks at."""
    places = [place - 1 if side == "left" else place + 1 for side in machine.neighbours]
    return tuple(states[one] if 0 <= one < len(states) else machine.edge for one in places)


def _row(symbols: Sequence[str | None], states: Sequence[str], acting: int) -> tuple[Cell, ...]:
    pairs = enumerate(zip(symbols, states, strict=True))
    return tuple(Cell(state, (_name(symbol), "yes" if place == acting else "no")) for place, (symbol, state) in pairs)


def _name(symbol: str | None) -> str:
    return NOTHING if symbol is None else symbol
