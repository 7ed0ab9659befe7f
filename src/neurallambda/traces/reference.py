"""The tracer of the reference evaluator: its states read back as terms."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang import cek, core
from neurallambda.lang.cek import NOTHING, Code, Environment, Frame, Halt, out_of_steps
from neurallambda.lang.cek_code import compile_core
from neurallambda.lang.core import Lambda, Node, Operator
from neurallambda.lang.draws import Draws
from neurallambda.lang.terms import Observe, apply
from neurallambda.lang.unlower import Unlowering, definition_names, nodes_of
from neurallambda.lang.values import Partial, Value
from neurallambda.traces.contexts import (
    AWAITED,
    LARGEST,
    Around,
    TooLargeError,
    Waiting,
    Written,
    around_term,
    call_of,
    constant,
    first_of,
    frames,
    function_for,
    picture,
    second_of,
    written,
)
from neurallambda.traces.pictures import Lane, Picture, Seen, Store, certain


class ReferenceTracer:
    """Steps a program and sees each state.

    Args:
        root: the program's core graph.
        holes: what each hole stands for.
        integers: the declared range; None: unbounded.
        draws: what is drawn on the way.
    """

    def __init__(
        self, root: Node, holes: Mapping[str, Any], integers: range | None = None, draws: Draws | None = None
    ) -> None:
        self.integers = integers
        self.origins: dict[int, Node] = {}
        self.root = self.code = compile_core(root, holes, integers, self.origins, draws)
        self.environment: Environment = None
        self.frame: Frame = Halt()
        self.value: Value | None = None
        self.unlowering = Unlowering(definition_names(root), limit=LARGEST)
        nodes = nodes_of(root)
        self.choices = {(one.consequent, one.alternative): one for one in nodes if isinstance(one, core.If)}
        self.functions = {one.body: one for one in nodes if isinstance(one, Lambda)}
        self.waiting: dict[int, tuple[Frame, Waiting]] = {}

    def seen(self, max_steps: int) -> Iterator[Seen]:
        """The state before the first step, and after each; the last one has what the program ends in.

        Raises:
            ProgramError: the error that it ends in, with its steps; `out-of-steps` after so many.
        """
        yield Seen((self.lane(""),))
        for taken in range(1, max_steps + 1):
            try:
                rule = self.step()
            except ProgramError as error:
                error.steps = taken
                raise
            lane = self.lane(rule)
            if self.value is None:
                yield Seen((lane,))
                continue
            text = lane.term.text if lane.term and lane.term.text is not None else "…"
            yield Seen((lane,), ends=({"lane": 0, "value": text, "weight": 1},))
            return
        raise ProgramError(ErrorKind.OUT_OF_STEPS, out_of_steps(max_steps), steps=max_steps)

    def step(self) -> str:
        """Take one step; gives its name."""
        value = self.code.load(self.environment, self.frame)
        if value is NOTHING:
            name = f"begin {type(self.origins[id(self.code)]).__name__.lower()}"
            self.code, self.environment, self.frame = self.code.begin(self.environment, self.frame)
            return name
        if isinstance(self.frame, Halt):
            self.value = value
            return "halt"
        name = self.name(self.frame)
        self.code, self.environment, self.frame = self.frame.take(value, self.environment, self.integers)
        return name

    def name(self, frame: Frame) -> str:
        """What happens when the value has come that a frame waits for."""
        match frame:
            case cek.Call(body):
                return f"bind {self.function_of(body).parameter}"
            case cek.CallPrimitive(function):
                return f"compute {function.name if isinstance(function, Operator) else function.operator}"
            case cek.Argument():
                return "call"
            case cek.Operand():
                return "hold operand"
            case cek.Branch():
                return "branch"
            case cek.Forcing():
                return "force"
            case cek.Observing():
                return "observe"
        return "refuse"

    def lane(self, rule: str) -> Lane:
        """The state as a lane."""
        try:
            waiting = self.waits(self.frame) if self.value is None else None
            content, is_value = self.content()
            term, stack = picture(content, waiting, is_value=is_value), frames(waiting)
        except (ProgramError, TooLargeError):
            term, stack = Picture(None), ()
        return Lane(rules=certain(rule) if rule else (), stores={"continuation": Store("stack", stack)}, term=term)

    def content(self) -> tuple[Written, bool]:
        """What is evaluated, and whether it is a value already."""
        if self.value is not None:
            return written(self.unlowering.value(self.value)), True
        node = self.origins.get(id(self.code))
        value = self.code.load(self.environment, self.frame)
        if value is not NOTHING:
            return written(self.unlowering.value(value)), True
        assert node is not None
        return written(self.unlowering.term(node, reading(self.environment))), False

    def waits(self, frame: Frame) -> Waiting | None:
        """What waits, with all that waits for its value in turn."""
        chain: list[Any] = []
        while not isinstance(frame, Halt) and id(frame) not in self.waiting:
            chain.append(frame)
            frame = frame.frame  # pyright: ignore[reportAttributeAccessIssue]
        outer = None if isinstance(frame, Halt) else self.waiting[id(frame)][1]
        for one in reversed(chain):
            outer = Waiting(self.around(one), outer)
            self.waiting[id(one)] = one, outer  # the frame is kept, so that no other gets its identity
        return outer

    def around(self, frame: Frame) -> Callable[[str], Around]:
        """The text around the value that a frame waits for."""
        unlowering = self.unlowering
        match frame:
            case cek.Call(body, environment):
                found = unlowering.let_around(self.function_of(body), AWAITED, reading(environment))
                return constant(around_term(found))
            case cek.CallPrimitive(Operator() as function):
                return call_of(unlowering.value(function))
            case cek.CallPrimitive(Partial(operator, operand)):
                return second_of(operator, unlowering.value(operand))
            case cek.Argument(argument, environment):
                return function_for(unlowering.term(self.origins[id(argument)], reading(environment)))
            case cek.Operand(operator, right, environment):
                return first_of(operator, unlowering.term(self.origins[id(right)], reading(environment)))
            case cek.Branch(consequent, alternative, environment):
                node = self.choices[self.origins[id(consequent)], self.origins[id(alternative)]]
                return constant(around_term(unlowering.choice_around(node, AWAITED, reading(environment))))
            case cek.Forcing():
                return constant(around_term(apply(AWAITED, ())))
            case cek.Observing():
                return constant(around_term(Observe(AWAITED)))
            case cek.Refuse(function):
                return call_of(unlowering.value(function))
        raise AssertionError(f"not a frame: {type(frame).__name__}")

    def function_of(self, body: Code) -> Lambda:
        """The function with this body."""
        return self.functions[self.origins[id(body)]]


def reading(environment: Environment) -> Callable[[Lambda], Value]:
    """Reads variables in an environment: a variable's depth is its place from the outside."""
    values: list[Value] = []
    while environment is not None:
        value, environment = environment
        values.append(value)
    values.reverse()
    return lambda binder: values[binder.depth]
