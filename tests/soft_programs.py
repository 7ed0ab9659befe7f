"""Random programs with soft holes: some of the integers, booleans and operators of a random program become uncertain."""

import re
from dataclasses import dataclass
from math import log, log1p

import torch
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from neurallambda.lang.syntax.printer import to_text
from neurallambda.machine import Soft
from tests.typed_programs import programs

_TOKENS = re.compile(r"[()\[\]']|[^\s()\[\]']+")
_OPERATORS = ("+", "-", "*")
MOST_HOLES = 4


@dataclass(frozen=True)
class SoftProgram:
    """A program with holes, and of each hole the two values that it may have: the likely one first."""

    source: str
    values: dict[str, tuple[int | bool | str, int | bool | str]]

    def holes(self, unlikely: float, dtype: torch.dtype) -> dict[str, Soft]:
        """Every hole filled: its second value has the probability `unlikely`."""
        logits = torch.tensor([log1p(-unlikely), log(unlikely)], dtype=dtype)
        return {name: Soft(values, logits) for name, values in self.values.items()}

    @property
    def certain(self) -> dict[str, int | bool | str]:
        """Every hole filled with its likely value."""
        return {name: values[0] for name, values in self.values.items()}


@st.composite
def soft_programs(draw: DrawFn) -> SoftProgram:
    """A random program in which up to a few things are soft."""
    tokens = _TOKENS.findall(to_text(draw(programs())))
    places = [at for at, token in enumerate(tokens) if _alternative(token) is not None]
    chosen = draw(st.lists(st.sampled_from(places), max_size=MOST_HOLES, unique=True)) if places else []
    values = {}
    for number, at in enumerate(chosen):
        alternative = _alternative(tokens[at])
        assert alternative is not None
        values[f"h{number}"] = alternative
        tokens[at] = f"?h{number}"
    return SoftProgram(" ".join(tokens), values)


def _alternative(token: str) -> tuple[int | bool | str, int | bool | str] | None:
    """What a token may be, and something else that could stand in its place."""
    if token in ("true", "false"):
        return token == "true", token != "true"
    if token in _OPERATORS:
        return token, _OPERATORS[_OPERATORS.index(token) - 1]
    if re.fullmatch(r"-?\d+", token) and -9 <= int(token) <= 9:
        return int(token), int(token) - 1
    return None
