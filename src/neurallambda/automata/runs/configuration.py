"""Where a run stands."""

from typing import NamedTuple

from neurallambda.automata.rules.memory import Memory
from neurallambda.automata.rules.rule import Rule


class Configuration(NamedTuple):
    """A machine between two steps.

    Attributes:
        state: the state it is in.
        position: how many symbols of the string it has read.
        memories: what its memories hold.
    """

    state: str
    position: int
    memories: tuple[Memory, ...]


class Successor(NamedTuple):
    """A step: the rule applied, or None where a symbol was only read in, and the configuration that follows."""

    rule: Rule | None
    configuration: Configuration
