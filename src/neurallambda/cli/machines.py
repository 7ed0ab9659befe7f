"""What the commands on exact machines share: which machine is meant, and what is said where something goes wrong."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import typer

from neurallambda.automata import Automaton, CellularAutomaton, MachineError, library
from neurallambda.automata.data.generate import TooFewError
from neurallambda.automata.extras import MissingExtraError
from neurallambda.automata.files.rule_file import AnyMachine, any_machine_in, any_machine_of
from neurallambda.automata.languages.productions import EndlessDerivationsError
from neurallambda.errors import ArgumentError, ProgramError

_Parameters = ParamSpec("_Parameters")


def say(message: str) -> None:
    """Print a message for people: on standard error, so that results stay alone on standard output."""
    typer.echo(message, err=True)


def clean(command: Callable[_Parameters, int | None]) -> Callable[_Parameters, None]:
    """Turn what goes wrong into a message and an exit code, and what a command returns into its exit code."""

    @wraps(command)
    def wrapper(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> None:
        try:
            code = command(*args, **kwargs) or 0
            sys.stdout.flush()
        except TooFewError as error:
            say(f"error: {error}")
            code = 1
        except (MachineError, ArgumentError) as error:
            say(f"error: {error}")
            code = 2
        except (ProgramError, EndlessDerivationsError, MissingExtraError) as error:
            say(f"error: {error}")
            code = 1
        except BrokenPipeError:
            sys.stdout = None  # the reader has gone: nothing is left to flush at exit
            code = 0
        except OSError as error:
            say(f"error: {error.filename or 'file'}: {error.strerror or error}")
            code = 2
        raise typer.Exit(code)

    return wrapper


def any_machine(rules: str) -> AnyMachine:
    """The machine that a command is about: of a file, of standard input, or of the library."""
    if rules == "-":
        return any_machine_of(sys.stdin.read())
    if Path(rules).exists():
        return any_machine_in(rules)
    for kind in (Automaton, CellularAutomaton):
        if rules in library.names(kind):
            return library.load(rules, kind)
    raise ArgumentError(
        f"there is no file {rules!r}, and no machine of that name in the library, which has "
        f"{', '.join([*library.names(), *library.names(CellularAutomaton)])}"
    )


def automaton(rules: str) -> Automaton:
    """The same, where it must be one that accepts strings."""
    machine = any_machine(rules)
    if isinstance(machine, CellularAutomaton):
        raise ArgumentError("a cellular automaton writes and accepts nothing: see compute, trace and show")
    return machine
