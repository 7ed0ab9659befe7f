"""Machines that ship with the package: each is a rule file in this folder, whose description says what it does."""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TypeVar, overload

from neurallambda.arguments import checked
from neurallambda.automata.automaton import Automaton
from neurallambda.automata.cells.automaton import CellularAutomaton
from neurallambda.automata.files.rule_file import AnyMachine, loads
from neurallambda.errors import ArgumentError

MachineT = TypeVar("MachineT", bound=AnyMachine)


@checked
def names(kind: type[AnyMachine] = Automaton) -> list[str]:
    """The names of the machines, sorted.

    Args:
        kind: which to name: those that accept strings, or with `CellularAutomaton` the cellular automata.
    """
    inside = (file.name for file in _folder(kind).iterdir())
    return sorted(name.removesuffix(".json") for name in inside if name.endswith(".json"))


@overload
def load(name: str) -> Automaton: ...
@overload
def load(name: str, kind: type[MachineT]) -> MachineT: ...
@checked
@cache
def load(name: str, kind: type[AnyMachine] = Automaton) -> AnyMachine:
    """A machine of the library.

    Args:
        name: one of `names()`, or of `names(CellularAutomaton)` for these.
        kind: the class that the machine is expected to have.

    Raises:
        ArgumentError: there is no machine of that name.
        MachineError: it is of another kind.

    Example:
        >>> load("dyck2").accepts("([])()")
        True
        >>> load("binary_multiplication", CellularAutomaton).compute("11", "11")  # 3 times 3, the lowest digit first
        '1001'
    """
    if name not in names(kind):
        raise ArgumentError(f"no machine {name!r} in the library; there are {', '.join(names(kind))}")
    return loads((_folder(kind) / f"{name}.json").read_text(encoding="utf-8"), kind)


def _folder(kind: type[AnyMachine]) -> Traversable:
    return files(__name__) / "cells" if issubclass(kind, CellularAutomaton) else files(__name__)
