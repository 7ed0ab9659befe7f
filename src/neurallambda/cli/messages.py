"""What people and scripts get: a result alone on stdout, one message on stderr, an exit code."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import NoReturn, TextIO

import typer

from neurallambda.errors import NeurallambdaError, ProgramError


class ExitCode(IntEnum):
    """How a command ends."""

    VALUE = 0
    PROGRAM_ERROR = 1
    """The program ended in one of its own named errors."""
    BAD_INPUT = 2
    """There was no program to run: a mistake in its text, in a file, in an option."""


_NO_MEMORY = ("can't allocate memory", "Storage size calculation overflowed")
"""What torch says where the processor's memory could not be had, or cannot even be counted."""


@contextmanager
def reporting(origin: Path | None = None) -> Iterator[None]:
    """Turn what may go wrong on purpose into a message and an exit code.

    Args:
        origin: the file that is read, if one is.
    """
    before = "" if origin is None else f"{origin}: "
    try:
        yield
    except ProgramError as error:
        fail(str(error), ExitCode.PROGRAM_ERROR)
    except NeurallambdaError as error:  # one of arithmetic: the numbers of a training are lost
        fail(f"{before}{error}", ExitCode.PROGRAM_ERROR if isinstance(error, ArithmeticError) else ExitCode.BAD_INPUT)
    except OSError as error:
        # The error names its own place, which need not be the file that is read: it may be where the result should go.
        place = error.filename2 or error.filename
        fail(f"{before if place is None else f'{place}: '}{error.strerror or error}")
    except (MemoryError, RuntimeError) as error:
        if not _is_of_memory(error):
            raise
        fail(f"{before}there is not enough memory for this; smaller numbers may help")


def fail(message: str, code: ExitCode = ExitCode.BAD_INPUT) -> NoReturn:
    """Say what went wrong and leave."""
    complain(message)
    raise typer.Exit(code)


def complain(message: str) -> None:
    """Write a message to stderr, in red on a terminal."""
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, soft_wrap=True).print(Text(message, style="red"))


def remark(text: str) -> None:
    """Write what is told beside the result to stderr, as it is."""
    typer.echo(text, err=True)


def answer(text: str) -> None:
    """Write a line to stdout, now: a reader that has gone, a closed stdout or a full disk ends the command here."""
    try:
        if sys.stdout is None:
            raise OSError("it is closed")
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
        raise typer.Exit(ExitCode.BAD_INPUT) from None
    except OSError as error:
        _forget_output()
        fail(f"cannot write to standard output: {error.strerror or error}")


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person sees what is written to a stream."""
    return stream is not None and stream.isatty()


def _is_of_memory(error: Exception) -> bool:
    """Whether an error says that memory could not be had; torch has no class of its own for that of the processor."""
    said = str(error)
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or any(x in said for x in _NO_MEMORY)
    )


def _forget_output() -> None:
    """Drop what stdout still holds, or Python would try, and fail, to write it when it exits."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
