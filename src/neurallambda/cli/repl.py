"""`neurallambda repl`: read, evaluate, print, again."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurallambda.cli.messages import answer, complain
from neurallambda.cli.reading import MAX_BYTES, Input, decode, read_file
from neurallambda.cli.session import Session
from neurallambda.cli.setup import Setup
from neurallambda.engines import engine_named
from neurallambda.engines.protocol import Engine
from neurallambda.errors import ArgumentError, NeurallambdaError
from neurallambda.lang.syntax.brackets import Nesting
from neurallambda.lang.syntax.printer import to_text

if TYPE_CHECKING:
    from rich.text import Text

HELP = """\
An expression gives its value. What `def` and `defn` define is remembered, and may be defined again.
An entry goes on over several lines until its brackets are closed.

:help           this
:defs           what is defined
:reset          forget all that
:load FILE      enter what a file holds
:engine NAME    run by `machine`, `reference`, `beta` or another engine
:trace          show the steps, or stop showing them
:trace PROGRAM  show the steps of this one alone
:step PROGRAM   show the term before its first step; `:step` alone goes a step on
:grad PROGRAM   how its end depends on each cell of its code
:quit           leave; so do `exit`, `quit` and Ctrl-D. Ctrl-C drops the line, or stops the program that runs"""

STEPS = 2_000
"""So many steps are gone through where no number is given."""
LEAVE = (":quit", ":exit", ":q")
WORDS = ("exit", "quit")
"""What leaves a session besides."""


class Repl:
    """Answers entries: programs and commands.

    Args:
        setup: how programs are run at first.
        width: the length of line to lay values out for; None: each value on one line.
    """

    def __init__(self, setup: Setup, *, width: int | None = None) -> None:
        self.session = Session(setup)
        self.width = width
        self.commands: dict[str, Callable[[str], None]] = {
            ":help": lambda _: answer(HELP),
            ":defs": lambda _: self.show_definitions(),
            ":reset": lambda _: self.session.definitions.clear(),
            ":load": self.load,
            ":engine": self.choose_engine,
            ":trace": self.trace,
            ":step": self.step,
            ":grad": self.gradient,
        }
        self.steps: Iterator[list[Text]] | None = None

    def run(self, entries: Iterable[str]) -> None:
        """Answer entries until there are no more, or one of them is `:quit`."""
        for entry in entries:
            command, _, argument = entry.strip().partition(" ")
            if command in LEAVE or self.leaves(entry.strip()):
                return
            try:
                if command.startswith(":"):
                    self.obey(command, argument.strip())
                else:
                    self.evaluate(entry)
            except NeurallambdaError as error:
                complain(str(error))
            except KeyboardInterrupt:
                complain("stopped")

    def leaves(self, entry: str) -> bool:
        """Whether an entry is a word for leaving, and no name that is defined."""
        word = entry.strip("()").strip()
        return word in WORDS and entry in (word, f"({word})", f"{word}()") and word not in self.session.definitions

    def obey(self, command: str, argument: str) -> None:
        """Do what a command says."""
        if command not in self.commands:
            raise ArgumentError(f"there is no command {command}; :help lists them")
        self.commands[command](argument)

    def evaluate(self, text: str) -> None:
        """Enter text and print the value of each expression in it."""
        for value in self.session.enter(text):
            answer(to_text(value, width=self.width))

    def load(self, file: str) -> None:
        """Enter what a file holds."""
        try:
            self.evaluate(read_file(Path(file).expanduser()))
        except (NeurallambdaError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ArgumentError(f"{file}: {reason}") from None

    def show_definitions(self) -> None:
        """Print all definitions."""
        for definition in self.session.definitions.values():
            answer(to_text(definition, width=self.width))

    def choose_engine(self, name: str) -> None:
        """Run by another engine from now on."""
        try:
            engine = engine_named(name)
        except ArgumentError as error:
            raise ArgumentError(f":{error}") from None
        self.change(engine=engine)

    def trace(self, text: str) -> None:
        """Show the steps of a program; without one, show them from now on, or stop that."""
        before = self.session.setup
        self.change(trace=True if text else not before.trace)
        if text:
            try:
                self.evaluate(text)
            finally:
                self.change(trace=before.trace)

    def step(self, text: str) -> None:
        """Begin to step through a program; without one, go a step on."""
        from neurallambda.cli.traces import told

        if text:
            self.steps = (lines for _, lines in told(self.traced(text)))
        if self.steps is None:
            raise ArgumentError(":step: there is no run to go on with; expected a program, as in :step (+ 1 2)")
        lines = next(self.steps, None)
        if lines is None:
            self.steps = None
            raise ArgumentError(":step: the run is over; expected a program, as in :step (+ 1 2)")
        for line in lines:
            answer(line.plain)

    def gradient(self, text: str) -> None:
        """Say how a program's end depends on each cell of its code."""
        from neurallambda.cli.traces import slopes

        if not text:
            raise ArgumentError(":grad: expected a program, as in :grad (+ 1 2)")
        header, *_, end = self.traced(text, engine=Engine.MACHINE, gradient=True)
        for line in slopes(end, {cell["address"]: cell for cell in header["memory"]}):
            answer(line.plain)

    def traced(self, text: str, **options: Any) -> Iterator[dict[str, Any]]:
        """The events of a program, run as the session runs programs."""
        from neurallambda.traces import trace

        setup = self.session.setup
        limits = replace(setup.limits, max_steps=setup.limits.max_steps or STEPS)
        chosen = {"engine": setup.engine, "limits": limits, "device": setup.device, **options}
        return trace(self.session.program(text), **chosen)

    def change(self, **options: object) -> None:
        """Run programs in another way from now on."""
        self.session.setup = replace(self.session.setup, **options)


def piped_entries(stream: Input) -> Iterator[str]:
    """The entries of a stream of text: each as many lines as it takes to close its brackets.

    Raises:
        SourceError: where a line is no text.
    """
    lines: list[str] = []
    nesting = Nesting()
    while content := stream.readline(MAX_BYTES + 1):
        lines.append(decode(content))
        nesting.feed(lines[-1])
        if not nesting.incomplete:
            yield "".join(lines)
            lines, nesting = [], Nesting()
    if lines:
        yield "".join(lines)
