"""Machines that ship with the package: each is a rule file in this folder, whose description says what it accepts."""

from functools import cache
from importlib.resources import files

from neurallambda.arguments import checked
from neurallambda.automata.automaton import Automaton
from neurallambda.automata.files.rule_file import loads
from neurallambda.errors import ArgumentError


def names() -> list[str]:
    """The names of the machines, sorted."""
    return sorted(file.name.removesuffix(".json") for file in files(__name__).iterdir() if file.name.endswith(".json"))


@checked
@cache
def load(name: str) -> Automaton:
    """A machine of the library.

    Args:
        name: one of `names()`.

    Raises:
        ArgumentError: there is no machine of that name.

    Example:
        >>> load("dyck2").accepts("([])()")
        True
    """
    if name not in names():
        raise ArgumentError(f"no machine {name!r} in the library; there are {', '.join(names())}")
    return loads((files(__name__) / f"{name}.json").read_text(encoding="utf-8"))
