"""Where a program goes wrong: it is run once more, and this time each value that is awaited has a place in the text.

An error is placed at the form that fails. Where that is in a function of the prelude, or in any other text that has no
places, it is the call in the user's text that led there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neurallambda.errors import ErrorKind, ProgramError, SourceError
from neurallambda.lang import core
from neurallambda.lang.cek import NOTHING, Branch, Call, Code, Forcing, Frame, Halt, out_of_steps
from neurallambda.lang.cek_code import compile_core
from neurallambda.lang.core import Delay, Node
from neurallambda.lang.draws import Draws
from neurallambda.lang.lower import lower
from neurallambda.lang.places import placed
from neurallambda.lang.primitives import excessive, given
from neurallambda.lang.terms import Position, Program
from neurallambda.lang.values import Closure, Value

MOST = 100_000
"""How many steps are taken to find the error of a program that was run in another order."""
LARGE = range(-(2**64), 2**64)


def explain(
    root: Node,
    steps: int,
    *,
    text: str = "",
    holes: Mapping[str, Any] | None = None,
    integers: range | None = None,
    draws: Draws | None = None,
) -> ProgramError | None:
    """The error that a program ends in, with its place.

    Args:
        root: the program.
        steps: how many steps to take; where it has not ended by then, that is `out-of-steps`.
        text: what the program's positions are places in.
        holes: what each hole stands for.
        integers: the declared range; None: unbounded.
        draws: what is drawn on the way.

    Returns:
        The error; None where the program ends in a value.
    """
    origins: dict[int, Node] = {}
    code = compile_core(root, holes or {}, integers, origins, draws)
    run = _Run(code, origins, integers)
    for taken in range(1, steps + 1):
        try:
            run.step()
        except ProgramError as error:
            return run.blame(error.kind, error.message, text, taken)
        if run.has_ended:
            return None
    return run.blame(ErrorKind.OUT_OF_STEPS, out_of_steps(steps), text, steps)


def explain_closed(
    program: Program, *, integers: range = LARGE, holes: Mapping[str, int | bool | str] | None = None
) -> ProgramError | None:
    """The error that the evaluation of a program ends in, for engines that reduce in another order.

    They may meet another error first, or none. The one that a program ends in is the first in the order of evaluation.

    Returns:
        The error; None where the program is not closed, has a value, or takes more than `MOST` steps, or where an integer
        leaves the range `LARGE`, which nobody has declared.
    """
    try:
        error = explain(lower(program), MOST, text=program.text, holes=holes, integers=integers)
    except (ProgramError, SourceError):  # not closed
        return None
    if error is None or error.kind is ErrorKind.OUT_OF_STEPS:
        return None
    return None if error.kind is ErrorKind.OVERFLOW and integers is LARGE else error


@dataclass(slots=True)
class _Waiting:
    """A frame: the node that waits in it, and from where in the user's text the function around that was called."""

    node: Node | None
    called: Position | None


class _Run:
    """A run that knows, of every frame and of what is evaluated, where it comes from."""

    def __init__(self, code: Code, origins: Mapping[int, Node], integers: range | None) -> None:
        self.origins = origins
        self.integers = integers
        self.code = code
        self.environment: object = None
        self.frame: Frame = Halt()
        self.stack: list[_Waiting] = []
        self.node: Node | None = None
        """What this step evaluates, or what takes the value that it finds."""
        self.called: Position | None = None
        self.value: Value | None = None
        self.has_ended = False

    def step(self) -> None:
        """Take a step of the evaluator."""
        frame = self.frame
        self.node = self.origins.get(id(self.code))
        value = self.code.load(self.environment, frame)  # pyright: ignore[reportArgumentType]
        if value is NOTHING:
            self.code, self.environment, self.frame = self.code.begin(self.environment, frame)  # pyright: ignore[reportArgumentType]
            if self.frame is not frame:
                self.stack.append(_Waiting(self.node, self.called))
            return
        if isinstance(frame, Halt):
            self.has_ended = True
            return
        waiting = self.stack[-1]
        self.node, self.called, self.value = waiting.node, waiting.called, value
        self.code, self.environment, self.frame = frame.take(value, self.environment, self.integers)  # pyright: ignore[reportArgumentType]
        if _enters(frame, value) and self.node is not None and self.node.at is not None:
            self.called = self.node.at
        if self.frame is frame.frame:  # pyright: ignore[reportAttributeAccessIssue]
            self.stack.pop()

    def blame(self, kind: ErrorKind, message: str, text: str, steps: int) -> ProgramError:
        """The error of the step that was tried last."""
        node = self.node
        at = None if node is None else node.at
        match node:
            case core.Apply(excess=core.Excess(name, takes, count)) if kind is ErrorKind.NOT_A_FUNCTION:
                message = excessive(name, takes, count)
            case core.If(word=word) if kind is ErrorKind.NOT_A_BOOLEAN and isinstance(self.frame, Branch):
                assert self.value is not None
                message = given(word, self.value, "boolean")
            case _:
                pass
        if at is None and self.called is not None:
            at, message = self.called, f"{message} (in a function that is called here)"
        return placed(kind, message, at, text, steps=steps)


def _enters(frame: Frame, value: Value) -> bool:
    """Whether a frame, given its value, goes on with the body of a function or thunk."""
    return isinstance(frame, Call) or (
        isinstance(frame, Forcing) and isinstance(value, Closure) and isinstance(value.code, Delay)
    )
