"""Register code: what a program is compiled to. A function's registers are its parameters, what it captures, and results."""

from dataclasses import dataclass, field
from enum import IntEnum, auto
from typing import Any

from neurallambda.lang.core import Delay, Lambda, Node


class Op(IntEnum):
    """What an instruction does."""

    CONSTANT = auto()
    """Give the word `detail`."""
    HOLE = auto()
    """Give what the hole `detail` is, which need not be drawn yet."""
    SAMPLE = auto()
    FLIP = auto()
    MOVE = auto()
    UNARY = auto()
    BINARY = auto()
    CLOSE = auto()
    """Make a closure of the function `detail` and what it captures."""
    OBSERVE = auto()
    BRANCH = auto()
    """Go on where the source is true, at the instruction `detail` where it is false."""
    JUMP = auto()
    """Go to `detail`, where two branches meet."""
    JOIN = auto()
    CALL = auto()
    """Call the function `detail` with all its parameters and all it captures."""
    SUMMARY = auto()
    """The same, where calls with the same arguments need to be run only once."""
    TAIL_CALL = auto()
    APPLY = auto()
    """Call what the first source is with one argument, the second."""
    TAIL_APPLY = auto()
    FORCE = auto()
    TAIL_FORCE = auto()
    FAIL = auto()
    """End in the error `detail`."""
    RETURN = auto()


@dataclass(slots=True)
class Instruction:
    """One instruction.

    Attributes:
        op: what it does.
        target: the register that gets the result; None: there is none.
        sources: the registers it reads.
        detail: what else it needs, by `op`.
        node: where it comes from.
        strict: the registers whose values must be drawn, as far as that is not known already.
        numbers: for each source, whether it is known to be an integer.
        before, after: the registers that are read from here on; afterwards, but for the target.
        tails: of the registers in `before` those of which only the list after the first item is read.
        sight: the holes that code from here on may look at by name.
    """

    op: Op
    target: int | None = None
    sources: tuple[int, ...] = ()
    detail: Any = None
    node: Node | None = None
    strict: tuple[int, ...] = ()
    numbers: tuple[bool, ...] = ()
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    tails: frozenset[int] = frozenset()
    sight: frozenset[str] = frozenset()


@dataclass(slots=True)
class Function:
    """A function, as it is called with all its arguments.

    Attributes:
        node: the function of the core graph; None: the program as a whole.
        parameters: its parameters, and those of the functions that its body consists of.
        captured: the parameters of functions around it that it needs.
        start: its first instruction.
        rest: the function that is left when it is given one argument, where there are more parameters.
        kept: what that captures: indices into `captured`, or -1 for the argument.
        sight: the holes that it, or what it calls by name, may look at.
        names: the registers that have a name in the text.
    """

    node: Lambda | Delay | None
    parameters: tuple[Lambda, ...]
    captured: tuple[Lambda, ...]
    start: int = -1
    rest: int | None = None
    kept: tuple[int, ...] = ()
    sight: frozenset[str] = frozenset()
    names: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class Code:
    """Compiled programs.

    Attributes:
        instructions: all instructions of all functions.
        functions: all functions; the first are the programs.
        holes: the names of its holes, in the order of the text; those that are sampled are in `sampled`.
        resolve: the function that gives a value with all its parts drawn.
        owner: the function of each instruction.
    """

    instructions: list[Instruction]
    functions: list[Function]
    holes: tuple[str, ...]
    sampled: frozenset[str]
    flips: bool
    resolve: int
    owner: list[int]
