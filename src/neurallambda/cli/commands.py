"""What the commands do, once their options are read."""

import shutil
import sys
from pathlib import Path

from neurallambda import __version__
from neurallambda.cli.execution import execute, reduce
from neurallambda.cli.messages import answer, is_terminal, reporting
from neurallambda.cli.reading import read_program, standard_input
from neurallambda.cli.repl import Repl, piped_entries
from neurallambda.cli.setup import Setup


def run_program(source: str | None, file: Path | None, setup: Setup) -> None:
    """Print the value of a program."""
    with reporting(file):
        answer(execute(read_program(source, file), setup).text)


def normalize_program(source: str | None, file: Path | None, setup: Setup) -> None:
    """Print the normal form of a program."""
    with reporting(file):
        answer(reduce(read_program(source, file), setup).text)


def start_repl(setup: Setup) -> None:
    """Answer what is typed, or what comes through a pipe."""
    if is_terminal(sys.stdin) and is_terminal(sys.stdout):
        from neurallambda.cli.terminal import typed_entries

        answer(f"neurallambda {__version__}, engine {setup.engine}; :help lists commands, exit leaves")
        repl = Repl(setup, width=shutil.get_terminal_size().columns)
        repl.run(typed_entries(repl))
        return
    with reporting():
        Repl(setup).run(piped_entries(standard_input()))
