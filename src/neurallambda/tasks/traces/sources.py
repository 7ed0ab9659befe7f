"""The runs that a step is learned for: of a machine, of a cellular automaton, or of a Lisp program."""

from collections.abc import Callable
from random import Random

import numpy as np

from neurallambda.arguments import checked
from neurallambda.automata import FSM, Automaton, CellularAutomaton, TuringMachine
from neurallambda.errors import ArgumentError
from neurallambda.lang import parse
from neurallambda.lang.terms import Program
from neurallambda.tasks.machines.recognition import recognition
from neurallambda.tasks.machines.strings import accepted_string, fitting, some_accepted
from neurallambda.tasks.task import Task
from neurallambda.tasks.traces.cells import RowRun, trace_cells
from neurallambda.tasks.traces.machines import (
    NOTHING,
    action_channels,
    exact_actions,
    has_outputs,
    seen_channels,
)
from neurallambda.tasks.traces.programs import trace_program
from neurallambda.tasks.traces.record import TraceRecord, TraceStep
from neurallambda.tasks.traces.runs import ProgramRun, Run, StreamRun, TapeRun
from neurallambda.tasks.traces.step_task import DrawInputs, Inputs, Runs, step_task

MOST_STEPS = 1_000_000
"""How many steps the run of an exact machine or program may take."""
LONGEST_STRING = 12
SAMPLES_OF_STRINGS = 200
"""Of how many strings the traces of `machine_steps` are, and how long they are at most: nearly all rules of the machines in the
library come up in them."""


@checked
def machine_runs(
    machine: Automaton | CellularAutomaton,
    draw: DrawInputs | None = None,
    *,
    answer: Callable[[Inputs], tuple[str, ...]] | None = None,
    limit: Callable[[int], int] | None = None,
) -> Runs:
    """The runs of a machine, for `step_task`.

    Where no rule applies, which says that a string is not accepted, a step goes to the state `REJECT`: that is learned as
    anything else. A run is over there, and where the machine accepts.

    Args:
        machine: the machine, deterministic, or a cellular automaton. None of its symbols may be `_`.
        draw: draws an input of a size: the string, as a tuple of one text, or for a cellular automaton the string in the cells
            and the one that is shown. Without it the size is a length: half of the strings of an acceptor are not
            accepted, and all of those of a machine that computes something are.
        answer: the right answer to an input, as tokens: what the machine leaves on its last tape, or writes, or `accepted`
            or `rejected`. Without it, what the exact machine comes to.
        limit: how many steps a run on an input of a size may take; without it the square of the size, and a hundred for each
            symbol, and a thousand. Runs of a cellular automaton end by themselves.

    Raises:
        ArgumentError: the machine is not deterministic, has a symbol `_`, or accepts no string up to length 64.

    Example:
        >>> from neurallambda.automata.library import load
        >>> runs = machine_runs(load("binary_increment"), lambda size, random: ("1" * size,))
        >>> runs.answer(("1011",))
        ('1', '1', '0', '0')
        >>> run = runs.begin(("1011",))
        >>> run.situation()
        ('INITIAL', '1')
    """
    if isinstance(machine, CellularAutomaton):
        return _cell_runs(machine, draw, answer)
    if not machine.is_deterministic:
        raise ArgumentError(
            "machine: is not deterministic, expected one whose steps follow from what they see; a model could not learn which "
            "of its rules is taken"
        )
    _check_names({*machine.symbols, *(symbol for symbols in machine.memory_symbols for symbol in symbols)})

    def begin(inputs: Inputs) -> Run:
        (string,) = inputs
        if isinstance(machine, TuringMachine) and machine.tapes:
            return TapeRun(machine, string)
        return StreamRun(machine, string)

    return Runs(
        draw=_strings(machine) if draw is None else draw,
        trace=lambda inputs: _followed(machine, begin(inputs), inputs[0]),
        begin=begin,
        answer=(lambda inputs: _end(machine, begin(inputs))) if answer is None else answer,
        limit=(lambda size: size**2 + 100 * size + 1_000) if limit is None else limit,
    )


@checked
def program_runs(
    source: str | Program,
    draw: DrawInputs,
    *,
    answer: Callable[[Inputs], tuple[str, ...]] | None = None,
    limit: Callable[[int], int] | None = None,
) -> Runs:
    """The runs of a Lisp program, for `step_task`: what is learned is which rule of the Lisp machine is applied.

    Args:
        source: a function, as text or parsed.
        draw: draws the arguments for a size, each as text.
        answer: the tokens of the right value; without it, of the one that the program has.
        limit: how many steps a run on an input of a size may take; without it a hundred for each unit of size, and a thousand.

    Raises:
        SourceError: it is no program.

    Example:
        >>> runs = program_runs("(fn [xs] (length xs))", lambda size, random: (f"'({'1 ' * size})",))
        >>> runs.answer(("'(1 1 1)",))
        ('3',)
        >>> len(runs.trace(("'(1 1 1)",)).steps), runs.begin(("'(1 1 1)",)).situation()
        (40, ('1 bind', 'halt', 'nothing'))
    """
    program = parse(source) if isinstance(source, str) else source

    def trace(inputs: Inputs) -> TraceRecord:
        return trace_program(program, inputs, max_steps=MOST_STEPS, memory=False)

    return Runs(
        draw=draw,
        trace=trace,
        begin=lambda inputs: ProgramRun(program, inputs),
        answer=(lambda inputs: trace(inputs).answer) if answer is None else answer,
        limit=(lambda size: 100 * size + 1_000) if limit is None else limit,
        channels=1,  # the rule; the others say in words what it does
    )


@checked
def machine_steps(machine: Automaton | CellularAutomaton, *, name: str = "steps") -> Task:
    """The task of a step of a machine, from 200 traces of strings of at most twelve symbols.

    Args:
        machine: as in `machine_runs`.
        name: the name of the task.

    Raises:
        ArgumentError: as in `machine_runs`.

    Example:
        >>> from neurallambda.automata.library import load
        >>> adding = machine_steps(load("binary_addition"))
        >>> adding.runs.answer(("101+11",))
        ('1', '0', '0', '0')
    """
    return step_task(
        machine_runs(machine),
        name=name,
        description=f"a step, from traces, of a machine: {machine.description or machine.kind}",
        longest=LONGEST_STRING,
        samples=SAMPLES_OF_STRINGS,
    )


def _followed(machine: Automaton, run: Run, string: str) -> TraceRecord:
    """The record of a run that does what the rules say, without memories."""
    steps = []
    while not run.is_over:
        state, *seen = run.situation()
        actions = exact_actions(machine, (state, *seen))
        steps.append(TraceStep(state=state, seen=tuple(seen), actions=actions, memory=()))
        _act(run, actions, len(steps))
    return TraceRecord(
        input=machine.tokens(string),
        seen=seen_channels(machine),
        actions=action_channels(machine),
        memories=(),
        steps=tuple(steps),
        answer=run.answer(),
    )


def _end(machine: Automaton, run: Run) -> tuple[str, ...]:
    """What a run comes to that does what the rules say."""
    steps = 0
    while not run.is_over:
        steps += 1
        _act(run, exact_actions(machine, run.situation()), steps)
    return run.answer()


def _act(run: Run, actions: tuple[str, ...], number: int) -> None:
    if number > MOST_STEPS:
        raise ArgumentError(f"machine: takes more than {MOST_STEPS:,} steps, expected a run that ends sooner")
    run.act(actions)


def _strings(machine: Automaton) -> DrawInputs:
    """Draws strings by their lengths: of an acceptor some that it refuses, of others those that it accepts."""
    if machine.reads_from_tape or has_outputs(machine) or (isinstance(machine, FSM) and machine.outputs):
        at_most = fitting(lambda length: some_accepted(machine, length), "a string is accepted")

        def accepted(size: int, random: np.random.Generator) -> Inputs:
            source = Random(int(random.integers(2**62)))
            return (machine.text(accepted_string(machine, at_most(size), source)),)

        return accepted
    asked = recognition(machine)

    def either(size: int, random: np.random.Generator) -> Inputs:
        rows = asked.draw(np.array([size]), random)
        return (machine.text([asked.symbols[number] for number in rows.inputs[0, : rows.lengths[0]].tolist()]),)

    return either


def _cell_runs(
    machine: CellularAutomaton, draw: DrawInputs | None, answer: Callable[[Inputs], tuple[str, ...]] | None
) -> Runs:
    _check_names(set(machine.symbols))

    def strings(size: int, random: np.random.Generator) -> Inputs:
        """Two strings, neither of them empty, that have `size` symbols together, or two if that is more."""
        places = random.integers(0, len(machine.symbols), max(2, size)).tolist()
        cut = int(random.integers(1, len(places)))
        return tuple(machine.text([machine.symbols[one] for one in part]) for part in (places[:cut], places[cut:]))

    def begin(inputs: Inputs) -> Run:
        cells, shown = inputs
        return RowRun(machine, cells, shown)

    def right(inputs: Inputs) -> tuple[str, ...]:
        cells, shown = inputs
        if machine.outputs:
            return tuple(NOTHING if one is None else one for one in machine.transduce(cells, shown))
        return machine.run(cells, shown).steps[-1].states

    return Runs(
        draw=strings if draw is None else draw,
        trace=lambda inputs: trace_cells(machine, *inputs, memory=False),
        begin=begin,
        answer=right if answer is None else answer,
        limit=lambda size: MOST_STEPS,
    )


def _check_names(symbols: set[str]) -> None:
    if NOTHING in symbols:
        raise ArgumentError(
            f"machine: has the symbol {NOTHING!r}, which in a trace says that nothing is there; give it another name"
        )
