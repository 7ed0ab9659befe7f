"""The task of a single step: from what a step sees to what it does, learned from a few short traces, and judged by whole runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.tasks.task import Draw, Rows, Task
from neurallambda.tasks.traces.record import TraceRecord
from neurallambda.tasks.traces.runs import Run, Situation

SAMPLES = 50
"""How many traces there are to learn from."""
LONGEST = 5
"""The greatest size of their inputs, where nothing else is said."""

Inputs = tuple[str, ...]
"""An input of a run: the string of a machine, or each argument of a program, as text."""
DrawInputs = Callable[[int, np.random.Generator], Inputs]


@dataclass(frozen=True)
class Runs:
    """The runs that a step is learned for. `machine_runs` and `program_runs` make them.

    Attributes:
        draw: draws an input of a size.
        trace: the run of the exact machine on an input.
        begin: a run on an input that waits to be told what to do.
        answer: the right answer to an input.
        limit: how many steps a run on an input of a size may take.
        channels: how many of the actions, from the first on, say all; None: it takes all of them.
    """

    draw: DrawInputs
    trace: Callable[[Inputs], TraceRecord]
    begin: Callable[[Inputs], Run]
    answer: Callable[[Inputs], tuple[str, ...]]
    limit: Callable[[int], int]
    channels: int | None = None


@checked
def step_task(
    runs: Runs,
    *,
    name: str = "step",
    description: str = "a step of a run, from traces",
    longest: int = LONGEST,
    samples: int = SAMPLES,
) -> Task:
    """A task whose input is what a step sees, and whose answer is what it does.

    The steps are those of a few traces, the same for all seeds. An input has a token for the state and one for each channel
    in which a step sees something, as `TraceRecord.seen` names them; an answer has one for each channel in which it acts. So
    all inputs are equally long: `shortest` tokens, the only length that there is. A model of it (`StepModel`, or any other)
    is judged by whole runs, whose lengths are the sizes of their inputs: `evaluate` does what it answers until the run is over.

    Args:
        runs: what the step is learned for: `machine_runs` makes it of a machine, `program_runs` of a Lisp program.
        name: the name of the task.
        description: what it is, in one sentence.
        longest: the greatest size of the inputs of the traces; sizes are uniform from 1 to this.
        samples: how many traces there are.

    Raises:
        ArgumentError: a number is below 1; no trace has a step; two steps see the same and act otherwise; or the actions of
            a trace, done again, do not lead to the right answer within the limit.

    Example:
        >>> from neurallambda.automata.library import load
        >>> from neurallambda.tasks.traces import machine_runs
        >>> brackets = step_task(machine_runs(load("dyck1")), name="brackets")
        >>> situation = [brackets.symbols.index(token) for token in ("OPEN", ")", "(")]
        >>> [brackets.answers[number] for number in brackets.answer(situation)]
        ['OPEN', 'read', 'pop']
        >>> brackets.shortest, brackets.time(3)  # a state and what two channels show; then three actions
        (3, 6)
    """
    check_count("longest", longest)
    check_count("samples", samples)
    random = np.random.default_rng(0)
    sizes = random.integers(1, longest + 1, samples)
    steps: dict[Situation, tuple[str, ...]] = {}
    for size in sizes.tolist():
        for situation, actions in _steps(runs, runs.draw(size, random), size):
            if steps.setdefault(situation, actions) != actions:
                raise ArgumentError(
                    f"runs: the situation {_listed(situation)} is followed by {_listed(steps[situation])}, and elsewhere by "
                    f"{_listed(actions)}; expected what a step sees to determine what it does"
                )
    if not steps:
        raise ArgumentError("runs: no trace has a step, so there is nothing to learn; draw inputs that take some")
    symbols = tuple(dict.fromkeys(token for situation in steps for token in situation))
    answers = tuple(dict.fromkeys(token for actions in steps.values() for token in actions))
    inputs = np.array([[symbols.index(token) for token in situation] for situation in steps])
    targets = np.array([[answers.index(token) for token in actions] for actions in steps.values()])
    known = {tuple(row): answer for row, answer in zip(inputs.tolist(), targets.tolist(), strict=True)}

    def reference(input: Sequence[int]) -> list[int]:  # noqa: A002
        if tuple(input) not in known:
            raise ArgumentError("input: got a situation that none of the traces has")
        return known[tuple(input)]

    return Task(
        name=name,
        description=description,
        level=None,
        symbols=symbols,
        answers=answers,
        draw=_drawer(inputs, targets),
        reference=reference,
        answer_length=lambda length: targets.shape[1],
        shortest=inputs.shape[1],
        runs=runs,
        notes=(
            f"Steps are drawn from {samples} traces of inputs of sizes up to {longest}, the same for all seeds, each situation as "
            f"often as any other. Models are judged by whole runs: what they answer is done, on tapes or other memories, "
            f"until the run is over, and its result has to be right."
        ),
    )


def _steps(runs: Runs, inputs: Inputs, size: int) -> list[tuple[Situation, tuple[str, ...]]]:
    """The situations of a trace and what is done in each; all is done again, to see that it leads to the right answer."""
    record, run = runs.trace(inputs), runs.begin(inputs)
    shown, wanted, found = _listed(inputs), runs.answer(inputs), []
    for number, step in enumerate(record.steps):
        situation, actions = (step.state, *step.seen), step.actions[: runs.channels]
        if run.is_over or run.situation() != situation:
            stands = "is over" if run.is_over else f"stands at {_listed(run.situation())}"
            raise ArgumentError(
                f"runs: on {shown} the trace has {_listed(situation)} in step {number}, where the run {stands}; expected both "
                f"to go through the same situations"
            )
        run.act(actions)
        found.append((situation, actions))
    if not run.is_over:
        raise ArgumentError(
            f"runs: on {shown} the trace ends after {len(record.steps)} steps, and the run is not over; expected a trace of "
            f"the whole run"
        )
    if run.answer() != wanted:
        raise ArgumentError(
            f"runs: on {shown} the trace leads to {_listed(run.answer())}, and the right answer is said to be "
            f"{_listed(wanted)}; one of the two is wrong"
        )
    if len(record.steps) > runs.limit(size):
        raise ArgumentError(
            f"runs: on {shown}, of size {size}, the trace takes {len(record.steps)} steps, and the limit is "
            f"{runs.limit(size)}; give a higher one"
        )
    return found


def _listed(tokens: Sequence[str]) -> str:
    """Tokens as one text; they may have blanks in them."""
    return "(" + "; ".join(tokens) + ")"


def _drawer(inputs: np.ndarray, targets: np.ndarray) -> Draw:
    def draw(lengths: np.ndarray, random: np.random.Generator) -> Rows:
        if (lengths != inputs.shape[1]).any():
            raise ArgumentError(f"lengths: expected {inputs.shape[1]} alone, as many as a step sees")
        chosen = random.integers(0, len(inputs), len(lengths))
        sizes = np.full(len(lengths), targets.shape[1])
        return Rows(inputs=inputs[chosen], lengths=lengths, answers=targets[chosen], sizes=sizes)

    return draw
