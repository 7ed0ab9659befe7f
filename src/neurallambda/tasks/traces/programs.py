"""Traces of Lisp programs, any of them, by the abstract machine of the language."""

from collections.abc import Sequence
from typing import Any

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, ProgramError, check_count
from neurallambda.lang import core, evaluate, lower, parse, parse_term, to_text
from neurallambda.lang.core import NIL, Node, Operator
from neurallambda.lang.terms import Apply, Program
from neurallambda.lang.values import Closure, Pair, Partial, Value, to_term
from neurallambda.tasks.lisp.programs import tokens
from neurallambda.tasks.traces.lisp_machine import NOTHING, RULES, Frame, LispMachine, Registers
from neurallambda.tasks.traces.record import Cell, TraceRecord, TraceStep

SEEN = ("frame", "value")
ACTIONS = ("rule", "control", "environment", "frame")
MEMORIES = (("frames", ("held",)), ("environment", ()))
LONGEST = 1_000
"""A value of more nodes than this is shown as `...` in a memory."""


@checked
def trace_program(
    source: str | Program, arguments: Sequence[str] = (), *, max_steps: int = 10_000, memory: bool = True
) -> TraceRecord:
    """The run of a Lisp program, step by step.

    The state is the place in the program where the control stands: its number and its kind, as in `4 if`; or `value`. A
    step sees the frame on top, by the place that it comes from, and the kind of the value that it is given, if it is. It
    acts by one rule, the same few for all programs: what becomes of the control, of the environment and of the frames is
    said beside it. The memories are the frames and the environment.

    Args:
        source: a program without holes that ends in a value, as text or parsed.
        arguments: if the program is a function, what to call it with, each as text. The run begins with its body, and then
            the states are those of the program, whatever it is called with.
        max_steps: how many steps it may take.
        memory: keep what is in the memories at each step; for long runs that is much.

    Returns:
        The record: without arguments, one step for each that `neurallambda.lang.evaluate` counts. Its input has the tokens
        of the arguments, or of the program where there are none; its answer has those of the value.

    Raises:
        ArgumentError: the program ends in an error, or not within the steps.
        SourceError: it is no program.

    Example:
        >>> record = trace_program("(car '(7 8))")
        >>> [step.actions[0] for step in record.steps]
        ['unary', 'binary', 'operand', 'binary', ..., 'compute car', 'halt']
        >>> record.answer
        ('7',)
    """
    check_count("max_steps", max_steps)
    program = parse(source) if isinstance(source, str) else source
    outcome = evaluate(_called(program, arguments), max_steps=max_steps)
    if outcome.error is not None:
        raise ArgumentError(f"program: expected one that ends in a value, and this one ends so: {outcome}")
    machine = _machine(program, arguments)
    steps, at = [], machine.start
    while True:
        rule = machine.rule(at)
        value = machine.value(at)
        steps.append(
            TraceStep(
                state=place_name(machine, at.control),
                seen=(frame_name(machine, at.frame), kind_name(value)),
                actions=(rule.name, rule.control, rule.environment, rule.frame),
                memory=(_frames(machine, at.frame), _variables(machine, at)) if memory else (),
            )
        )
        if rule.name == "halt":
            break
        at = machine.apply(rule, at)
    return TraceRecord(
        input=tuple(tokens(" ".join(arguments) or to_text(program))),
        seen=SEEN,
        actions=ACTIONS,
        memories=MEMORIES if memory else (),
        steps=tuple(steps),
        answer=tuple(tokens(to_text(to_term(value)))),
    )


@checked
def replay_program(source: str | Program, rules: Sequence[str], arguments: Sequence[str] = ()) -> tuple[str, ...]:
    """The value that a program comes to by rules, such as a model has predicted.

    Args:
        source: the program.
        rules: the names of the rules, the first channel of the actions, step by step; the last one is `halt`.
        arguments: what the program is called with, if it is a function.

    Returns:
        The tokens of the value.

    Raises:
        ArgumentError: there is no such rule, one does not fit, or the last is not `halt`.
        SourceError: it is no program.

    Example:
        >>> record = trace_program("(+ 1 2)")
        >>> replay_program("(+ 1 2)", [step.actions[0] for step in record.steps])
        ('3',)
    """
    program = parse(source) if isinstance(source, str) else source
    machine = _machine(program, arguments)
    at = machine.start
    for number, name in enumerate(rules):
        if name not in RULES:
            raise ArgumentError(f"rules: step {number} has {name!r}, expected one of {', '.join(RULES)}")
        try:
            at = machine.apply(RULES[name], at)
        except (ArgumentError, ProgramError) as error:
            raise ArgumentError(f"rules: step {number}: {error}") from None
    value = machine.value(at)
    if not rules or rules[-1] != "halt" or value is NOTHING:
        raise ArgumentError("rules: expected halt as the last one, where the control has a value")
    return tuple(tokens(to_text(to_term(value))))


def _called(program: Program, arguments: Sequence[str]) -> Program:
    """The program, its last expression called with the arguments."""
    if not arguments:
        return program
    *forms, function = program.forms
    return Program((*forms, Apply(function, tuple(map(parse_term, arguments)))))


def _machine(program: Program, arguments: Sequence[str]) -> LispMachine:
    return LispMachine(lower(program), [value_of(argument) for argument in arguments])


def value_of(text: str) -> Value:
    """The value of an argument, found by a run of its own."""
    machine = LispMachine(lower(parse(text)))
    at = machine.start
    while (rule := machine.rule(at)).name != "halt":
        at = machine.apply(rule, at)
    return machine.value(at)


def place_name(machine: LispMachine, control: object) -> str:
    """A place in the program: its number and its kind."""
    if not isinstance(control, Node):
        return "value"
    words = {core.Unary: "operator", core.Binary: "operator", core.If: "word"}
    kind = getattr(control, words.get(type(control), ""), type(control).__name__.lower())
    return f"{machine.places[control].number} {kind}"


def frame_name(machine: LispMachine, frame: Frame) -> str:
    """A frame: what it does, and the place that it comes from."""
    return frame.kind if frame.node is None else f"{frame.kind} of {place_name(machine, frame.node)}"


def kind_name(value: Any) -> str:
    """What a step sees of a value."""
    if value is NOTHING:
        return "nothing"
    match value:
        case bool():
            return str(value).lower()
        case int():
            return "integer"
        case Pair():
            return "pair"
        case Operator() | Partial():
            return "primitive"
        case Closure():
            return "function"
    return "empty list" if value is NIL else "thunk"


def _frames(machine: LispMachine, frame: Frame | None) -> tuple[Cell, ...]:
    cells: list[Cell] = []
    while frame is not None:
        cells.append(Cell(frame_name(machine, frame), ("" if frame.held is NOTHING else _text(machine, frame.held),)))
        frame = frame.next
    return tuple(reversed(cells))


def _variables(machine: LispMachine, at: Registers) -> tuple[Cell, ...]:
    cells, environment = [], at.environment
    while environment is not None:
        cells.append(Cell(_text(machine, environment[0])))
        environment = environment[1]
    return tuple(reversed(cells))


def _text(machine: LispMachine, value: Value) -> str:
    """A value as text, if it is not too long; of a function the place where it is written."""
    if isinstance(value, Closure):
        return place_name(machine, value.code)
    try:
        return to_text(to_term(value, limit=LONGEST))
    except ProgramError:
        return "..."
