"""What fills the holes of a program, as engines take it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from neurallambda.viewer.playground.requests import Choices

if TYPE_CHECKING:
    from neurallambda.holes import Filling


def fillings(holes: Mapping[str, Choices]) -> "dict[str, Filling]":
    """A value where there is one, else a distribution.

    >>> fillings({"a": ((1, 1.0),)})
    {'a': 1}
    """
    certain: dict[str, Filling] = {name: choices[0][0] for name, choices in holes.items() if len(choices) == 1}
    if len(certain) == len(holes):
        return certain
    import torch

    from neurallambda.holes import Soft

    soft = {
        name: Soft(tuple(a for a, _ in choices), torch.tensor([w for _, w in choices], dtype=torch.float64).log())
        for name, choices in holes.items()
        if len(choices) > 1
    }
    return {**certain, **soft}
