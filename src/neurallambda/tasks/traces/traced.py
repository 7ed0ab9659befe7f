"""Tasks whose answer is a trace: the actions of each step, one token a step."""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from jaxtyping import Int

from neurallambda.arguments import checked
from neurallambda.automata.rules.vocabulary import KEEP
from neurallambda.errors import ArgumentError
from neurallambda.tasks.task import Draw, Rows, Task
from neurallambda.tasks.traces.adder import DIGITS, PLUS, adder
from neurallambda.tasks.traces.lisp_machine import RULES
from neurallambda.tasks.traces.machines import replay_machine, trace_machine
from neurallambda.tasks.traces.programs import replay_program, trace_program
from neurallambda.tasks.traces.record import TraceRecord

REVERSE = "(fn [xs] (reverse xs))"
MEMBER = "(fn [x xs] (member x xs))"
ADDITION_SYMBOLS = (*DIGITS, PLUS)
PLUS_NUMBER = len(DIGITS)
Lengths = Int[np.ndarray, " rows"]


@checked
def trace_addition(numbers: str, *, memory: bool = True) -> TraceRecord:
    """The steps of adding two decimal numbers, as `adder` takes them.

    Args:
        numbers: two numbers with a `+` between them.
        memory: keep the tapes at each step.

    >>> trace_addition("95+7").answer
    ('1', '0', '2')

    Raises:
        ArgumentError: if it is not two numbers with a `+` between them.
    """
    record = trace_machine(adder(), numbers, memory=memory)
    if record.answer == ("rejected",):
        raise ArgumentError(f"numbers: got {numbers!r}, expected two numbers with a + between them, as in 95+7")
    return record


def addition_traced(input: Sequence[int]) -> list[int]:  # noqa: A002
    """The actions of a machine that adds two decimal numbers, one token a step.

    >>> places = {action: place for place, action in enumerate(ADDITION_ACTIONS)}
    >>> [ADDITION_ACTIONS[number] for number in addition_traced([7, PLUS_NUMBER, 5])][-2:]
    ['ADD_1 / L KEEP / L KEEP / L 2', 'ACCEPT / S KEEP / S KEEP / S 1']
    """
    record = trace_addition("".join(ADDITION_SYMBOLS[number] for number in input), memory=False)
    return [_ADDITION_NUMBERS[" / ".join(step.actions)] for step in record.steps]


def decode_addition(input: Sequence[int], answer: Sequence[int]) -> str:  # noqa: A002
    """The sum that is written by actions, such as a model has predicted.

    Args:
        input: the two numbers, as in the task.
        answer: the numbers of the actions.

    >>> decode_addition([7, PLUS_NUMBER, 5], addition_traced([7, PLUS_NUMBER, 5]))
    '12'
    """
    actions = [ADDITION_ACTIONS[number].split(" / ") for number in answer]
    return "".join(replay_machine(adder(), "".join(ADDITION_SYMBOLS[number] for number in input), actions)[2])


def _actions() -> tuple[str, ...]:
    """The actions of all rules of the adder, each once."""

    def text(verb: str, symbol: str | None) -> str:
        return f"{verb} {KEEP if symbol is None else symbol}"

    found = [" / ".join([rule.target, *(text(*one) for one in rule.operations)]) for rule in adder().rules]
    return tuple(dict.fromkeys(found))


ADDITION_ACTIONS = _actions()
_ADDITION_NUMBERS = {action: number for number, action in enumerate(ADDITION_ACTIONS)}


def _draw_addition(lengths: Lengths, random: np.random.Generator) -> Rows:
    """Two numbers of random lengths; they may begin with zeros."""
    inputs = []
    for length in lengths.tolist():
        digits = random.integers(0, len(DIGITS), length).tolist()
        digits[int(random.integers(1, length - 1))] = PLUS_NUMBER
        inputs.append(digits)
    return Rows.of(inputs, [addition_traced(one) for one in inputs])


RULE_NAMES = tuple(RULES)


def reverse_traced(input: Sequence[int]) -> list[int]:  # noqa: A002
    """The rules of the Lisp machine that reverse a list of digits by the `reverse` of the prelude, one token a step.

    >>> [RULE_NAMES[number] for number in reverse_traced([])][-5:]
    ['if', 'unary', 'compute empty?', 'then', 'halt']
    """
    return _rules(REVERSE, [_list(input)])


def member_traced(input: Sequence[int]) -> list[int]:  # noqa: A002
    """The rules of the Lisp machine that say whether the first of some digits is among the others, one token a step."""
    return _rules(MEMBER, [str(input[0]), _list(input[1:])])


def decode_reverse(input: Sequence[int], answer: Sequence[int]) -> str:  # noqa: A002
    """The list that rules lead to, such as a model has predicted.

    >>> decode_reverse([1, 2, 3], reverse_traced([1, 2, 3]))
    "'(3 2 1)"
    """
    return _value(REVERSE, [_list(input)], answer)


def decode_member(input: Sequence[int], answer: Sequence[int]) -> str:  # noqa: A002
    """The value that rules lead to, such as a model has predicted: whether the first digit is among the others.

    >>> decode_member([2, 1, 2, 3], member_traced([2, 1, 2, 3]))
    'true'
    """
    return _value(MEMBER, [str(input[0]), _list(input[1:])], answer)


def _list(digits: Sequence[int]) -> str:
    return f"'({' '.join(map(str, digits))})"


def _rules(source: str, arguments: Sequence[str]) -> list[int]:
    record = trace_program(source, arguments, max_steps=1_000_000, memory=False)
    return [RULE_NAMES.index(step.actions[0]) for step in record.steps]


def _value(source: str, arguments: Sequence[str], answer: Sequence[int]) -> str:
    found = " ".join(replay_program(source, [RULE_NAMES[number] for number in answer], arguments))
    return found.replace("( ", "(").replace(" )", ")")


def _draw_digits(answer: Callable[[Sequence[int]], list[int]]) -> Draw:
    def draw(lengths: Lengths, random: np.random.Generator) -> Rows:
        inputs = [random.integers(0, len(DIGITS), length).tolist() for length in lengths.tolist()]
        return Rows.of(inputs, [answer(one) for one in inputs])

    return draw


@cache
def _reverse_steps(length: int) -> int:
    """All lists of a length take the same steps."""
    return len(reverse_traced([0] * length))


@cache
def _member_steps(length: int) -> int:
    """It takes the most steps to find that a digit is not there."""
    return len(member_traced([1, *[0] * (length - 1)]))


_PROGRAM_NOTES = (
    "The answer says which rule of the Lisp machine is applied at each step; it can be decoded to the value."
)
ADDITION_TRACED = Task(
    name="addition-traced",
    description="the steps of a machine that adds two decimal numbers, one action a step",
    level="context-sensitive",
    symbols=ADDITION_SYMBOLS,
    answers=ADDITION_ACTIONS,
    draw=_draw_addition,
    reference=addition_traced,
    answer_length=lambda length: 2 * length + 1,
    shortest=3,
    notes="The answer says what the machine does with its three tapes at each step; it can be decoded to the sum.",
)
REVERSE_TRACED = Task(
    name="reverse-traced",
    description="the steps of a Lisp program that reverses a list, one rule a step",
    level=None,
    symbols=tuple(DIGITS),
    answers=RULE_NAMES,
    draw=_draw_digits(reverse_traced),
    reference=reverse_traced,
    answer_length=_reverse_steps,
    notes=_PROGRAM_NOTES,
)
MEMBER_TRACED = Task(
    name="member-traced",
    description="the steps of a Lisp program that looks for the first digit among the others, one rule a step",
    level=None,
    symbols=tuple(DIGITS),
    answers=RULE_NAMES,
    draw=_draw_digits(member_traced),
    reference=member_traced,
    answer_length=_member_steps,
    notes=_PROGRAM_NOTES,
)
