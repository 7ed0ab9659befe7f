"""The tasks of a single step that have names: of machines that add and take roots, and of two Lisp programs."""

from collections.abc import Callable, Sequence
from functools import cache
from math import isqrt

import numpy as np

from neurallambda.tasks.task import Task
from neurallambda.tasks.traces.adder import adder
from neurallambda.tasks.traces.root import square_rooter
from neurallambda.tasks.traces.sources import machine_runs, program_runs
from neurallambda.tasks.traces.step_task import LONGEST as LONGEST
from neurallambda.tasks.traces.step_task import Inputs, step_task
from neurallambda.tasks.traces.step_task import Runs as Runs
from neurallambda.tasks.traces.traced import MEMBER, REVERSE


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


@cache
def addition_steps() -> Task:
    """The steps of a machine with three tapes that adds two binary numbers."""
    runs = machine_runs(adder(2), _draw_sum, answer=_sum, limit=lambda size: 10 * size + 100)
    return step_task(
        runs, name="addition-steps", description="a step of a machine that adds two binary numbers, from traces"
    )


@cache
def sqrt_steps() -> Task:
    """The steps of a machine with four tapes that takes the square root of a binary number."""
    runs = machine_runs(
        square_rooter(),
        lambda size, random: (_number(size, random),),
        answer=_root,
        limit=lambda size: size**2 + 20 * size + 100,
    )
    description = "a step of a machine that takes the square root of a binary number, from traces"
    return step_task(runs, name="sqrt-steps", description=description, longest=20)


def _root(inputs: Inputs) -> tuple[str, ...]:
    number = inputs[0]
    return tuple(f"{isqrt(int(number, 2)):0{(len(number) + 1) // 2}b}")


@cache
def reverse_steps() -> Task:
    """The steps of a Lisp program that reverses a list."""
    runs = program_runs(REVERSE, _draw_list, answer=lambda inputs: ("'(", *reversed(_digits(inputs[0])), ")"))
    return step_task(
        runs, name="reverse-steps", description="a step of a Lisp program that reverses a list, from traces"
    )


@cache
def member_steps() -> Task:
    """The steps of a Lisp program that looks for a digit in a list."""
    runs = program_runs(MEMBER, _draw_member, answer=lambda inputs: (str(inputs[0] in _digits(inputs[1])).lower(),))
    description = "a step of a Lisp program that looks for a digit in a list, from traces"
    return step_task(runs, name="member-steps", description=description)


STEPS: dict[str, Callable[[], Task]] = {
    "addition-steps": addition_steps,
    "sqrt-steps": sqrt_steps,
    "reverse-steps": reverse_steps,
    "member-steps": member_steps,
}
"""The tasks of a step, by name; their traces are made when one is asked for."""
