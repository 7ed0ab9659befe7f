"""Tasks of a single step: from what a step sees to what it does, learned from a few short traces, and judged by whole runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import isqrt

import numpy as np

from neurallambda.errors import ArgumentError
from neurallambda.tasks.task import Draw, Rows, Task
from neurallambda.tasks.traces.adder import adder
from neurallambda.tasks.traces.machines import trace_machine
from neurallambda.tasks.traces.programs import trace_program
from neurallambda.tasks.traces.record import TraceRecord
from neurallambda.tasks.traces.root import square_rooter
from neurallambda.tasks.traces.runs import ProgramRun, Run, TapeRun
from neurallambda.tasks.traces.traced import MEMBER, REVERSE

SAMPLES = 50
"""How many traces there are to learn from."""
LONGEST = 5
"""How many digits an input of them has at most, where nothing else is said."""

Inputs = tuple[str, ...]


@dataclass(frozen=True)
class Runs:
    """The runs that a step is learned for.

    Attributes:
        draw: draws an input of a size.
        trace: the run of the exact machine on an input.
        begin: a run on an input that waits to be told what to do.
        answer: the right answer to an input, found without the machine.
        limit: how many steps a run on an input of a size may take.
    """

    draw: Callable[[int, np.random.Generator], Inputs]
    trace: Callable[[Inputs], TraceRecord]
    begin: Callable[[Inputs], Run]
    answer: Callable[[Inputs], tuple[str, ...]]
    limit: Callable[[int], int]


def _step_task(name: str, description: str, runs: Runs, channels: int, longest: int = LONGEST) -> Task:
    """A task whose input is what a step sees, and whose answer is what it does.

    Args:
        name: of the task.
        description: of the task.
        runs: what the step is learned for.
        channels: how many of the actions say all.
        longest: how many digits an input of the traces has at most.
    """
    random = np.random.default_rng(0)
    sizes = random.integers(1, longest + 1, SAMPLES)
    records = [runs.trace(runs.draw(int(size), random)) for size in sizes]
    steps = {(step.state, *step.seen): step.actions[:channels] for record in records for step in record.steps}
    symbols = tuple(dict.fromkeys(token for situation in steps for token in situation))
    answers = tuple(dict.fromkeys(token for actions in steps.values() for token in actions))
    inputs = np.array([[symbols.index(token) for token in situation] for situation in steps])
    targets = np.array([[answers.index(token) for token in actions] for actions in steps.values()])
    known = {tuple(row): answer for row, answer in zip(inputs.tolist(), targets.tolist(), strict=True)}
    width = inputs.shape[1]

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
        answer_length=lambda length: channels,
        shortest=width,
        runs=runs,
        notes=(
            f"Steps are drawn from {SAMPLES} traces of inputs with at most {longest} digits, the same for all seeds, each situation "
            f"as often as any other. Models are judged by whole runs: what they answer is done, on tapes or registers, until "
            f"the run is over, and its result has to be right."
        ),
    )


def _drawer(inputs: np.ndarray, targets: np.ndarray) -> Draw:
    def draw(lengths: np.ndarray, random: np.random.Generator) -> Rows:
        if (lengths != inputs.shape[1]).any():
            raise ArgumentError(f"lengths: expected {inputs.shape[1]} alone, as many as a step sees")
        chosen = random.integers(0, len(inputs), len(lengths))
        sizes = np.full(len(lengths), targets.shape[1])
        return Rows(inputs=inputs[chosen], lengths=lengths, answers=targets[chosen], sizes=sizes)

    return draw


def _number(size: int, random: np.random.Generator) -> str:
    return "".join(map(str, random.integers(0, 2, size)))


def _draw_sum(size: int, random: np.random.Generator) -> Inputs:
    """Two binary numbers, one of that many digits, the other of as many or fewer; they may begin with zeros."""
    numbers = [_number(size, random), _number(int(random.integers(1, size + 1)), random)]
    return ("+".join(numbers[:: int(random.choice([-1, 1]))]),)


def _sum(inputs: Inputs) -> tuple[str, ...]:
    first, second = inputs[0].split("+")
    longest = max(len(first), len(second))
    return tuple(f"{int(first, 2) + int(second, 2):0{longest}b}")


def _draw_list(size: int, random: np.random.Generator) -> Inputs:
    return (_list(random.integers(0, 10, size).tolist()),)


def _draw_member(size: int, random: np.random.Generator) -> Inputs:
    """A number and a list of that many others, in half of the cases with the number in it."""
    wanted = int(random.integers(0, 10))
    others = [int(digit) for digit in (random.integers(1, 10, size) + wanted) % 10]
    if random.integers(0, 2):
        others[int(random.integers(0, size))] = wanted
    return str(wanted), _list(others)


def _list(digits: Sequence[int]) -> str:
    return f"'({' '.join(map(str, digits))})"


def _digits(text: str) -> list[str]:
    return text.removeprefix("'(").removesuffix(")").split()


def _of_program(
    source: str, draw: Callable[[int, np.random.Generator], Inputs], answer: Callable[[Inputs], str]
) -> Runs:
    return Runs(
        draw=draw,
        trace=lambda inputs: trace_program(source, inputs, memory=False),
        begin=lambda inputs: ProgramRun(source, inputs),
        answer=lambda inputs: tuple(answer(inputs).split()),
        limit=lambda size: 100 * size + 1_000,
    )


@cache
def addition_steps() -> Task:
    """The steps of a machine with three tapes that adds two binary numbers."""
    machine = adder(2)
    runs = Runs(
        draw=_draw_sum,
        trace=lambda inputs: trace_machine(machine, inputs[0], memory=False),
        begin=lambda inputs: TapeRun(machine, inputs[0]),
        answer=_sum,
        limit=lambda size: 10 * size + 100,
    )
    return _step_task("addition-steps", "a step of a machine that adds two binary numbers, from traces", runs, 4)


@cache
def sqrt_steps() -> Task:
    """The steps of a machine with four tapes that takes the square root of a binary number."""
    machine = square_rooter()
    runs = Runs(
        draw=lambda size, random: (_number(size, random),),
        trace=lambda inputs: trace_machine(machine, inputs[0], memory=False),
        begin=lambda inputs: TapeRun(machine, inputs[0]),
        answer=_root,
        limit=lambda size: size**2 + 20 * size + 100,
    )
    description = "a step of a machine that takes the square root of a binary number, from traces"
    return _step_task("sqrt-steps", description, runs, 5, longest=20)


def _root(inputs: Inputs) -> tuple[str, ...]:
    number = inputs[0]
    return tuple(f"{isqrt(int(number, 2)):0{(len(number) + 1) // 2}b}")


@cache
def reverse_steps() -> Task:
    """The steps of a Lisp program that reverses a list."""
    runs = _of_program(REVERSE, _draw_list, lambda inputs: " ".join(["'(", *reversed(_digits(inputs[0])), ")"]))
    return _step_task("reverse-steps", "a step of a Lisp program that reverses a list, from traces", runs, 1)


@cache
def member_steps() -> Task:
    """The steps of a Lisp program that looks for a digit in a list."""
    runs = _of_program(MEMBER, _draw_member, lambda inputs: str(inputs[0] in _digits(inputs[1])).lower())
    return _step_task("member-steps", "a step of a Lisp program that looks for a digit in a list, from traces", runs, 1)


STEPS: dict[str, Callable[[], Task]] = {
    "addition-steps": addition_steps,
    "sqrt-steps": sqrt_steps,
    "reverse-steps": reverse_steps,
    "member-steps": member_steps,
}
"""The tasks of a step, by name; their traces are made when one is asked for."""
