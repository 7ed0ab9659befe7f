"""Where program text comes from: an argument, a file, standard input."""

import re
import sys
from pathlib import Path
from typing import Protocol, runtime_checkable

from neurallambda.errors import SourceError
from neurallambda.lang.syntax.diagnostics import printable

MAX_BYTES = 64 * 2**20
"""How much is read at most: far more than a program may have, far less than memory."""

STDIN = "-"

_PATH = re.compile(r"[^\s()\[\]';]*[./\\][^\s()\[\]';]*")


@runtime_checkable
class Input(Protocol):
    """Where bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes."""
        ...

    def readline(self, size: int, /) -> bytes:
        """The next line, or as much of it as so many bytes."""
        ...


def read_program(source: str | None, file: Path | None) -> str:
    """The text of the one program that a command is given.

    Raises:
        SourceError: where there is none, or two, or it is no text.
        OSError: where the file cannot be read.
    """
    if (source is None) == (file is None):
        given = "nothing was given" if source is None else "both were given"
        raise SourceError(f"expected a program or --file, but {given}; `-` reads the program from standard input")
    if file is not None:
        return read_file(file)
    assert source is not None
    if source == STDIN:
        return decode(standard_input().read(MAX_BYTES + 1))
    _refuse_path(source)
    return decode(source.encode("utf-8", "surrogateescape"))  # the bytes as they were given


def _refuse_path(source: str) -> None:
    """Say how a file is read, where its path stands in the place of a program."""
    if not _PATH.fullmatch(source):
        return
    shown = printable(source)
    if len(source) < 1_000 and Path(source).is_file():
        raise SourceError(f"`{shown}` is a file, and the text of a program is expected; read it with --file {shown}")
    if re.search(r"\.[^\W\d]\w*$", source):
        raise SourceError(
            f"`{shown}` looks like the path of a file, and there is none; a program is read from a file with --file"
        )


def read_file(path: Path) -> str:
    """The text of a file.

    Raises:
        SourceError: where it is no text.
        OSError: where it cannot be read.
    """
    with path.open("rb") as file:
        return decode(file.read(MAX_BYTES + 1))


def decode(content: bytes) -> str:
    """Bytes as text.

    Raises:
        SourceError: where they are too many, or no text.
    """
    if len(content) > MAX_BYTES:
        raise SourceError(f"the program is too long: more than {MAX_BYTES // 2**20} MiB; split it up")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceError(f"line {line} is not UTF-8; save the program in that encoding", line=line) from None


def standard_input() -> Input:
    """Standard input, as bytes.

    Raises:
        SourceError: where it is closed.
    """
    if sys.stdin is None:
        raise SourceError("standard input is closed")
    return sys.stdin.buffer
