"""What fills the holes of a program, as engines take it."""

from collections.abc import Mapping
from typing import Any

from neurallambda.lang.chances import Chances
from neurallambda.viewer.playground.requests import Filling


def fillings(holes: Mapping[str, Filling]) -> dict[str, Any]:
    """A value where there is one, else a distribution; a list of such where it is one.

    >>> fillings({"a": ((1, 1.0),), "xs": [((2, 1.0),), ((3, 0.5), (4, 0.5))]})
    {'a': 1, 'xs': [2, Chances(values=(3, 4), weights=(0.5, 0.5))]}
    """
    return {
        name: _exactly(filling) if isinstance(filling, list) else _alone(filling) for name, filling in holes.items()
    }


def _alone(choices: Filling) -> Any:
    """What stands for a hole by itself: a distribution in the form that all engines with tensors take."""
    exact = _exactly(choices)
    if not isinstance(exact, Chances):
        return exact
    import torch

    from neurallambda.holes import Soft

    return Soft(exact.values, torch.tensor(exact.weights, dtype=torch.float64).log())


def _exactly(filling: Filling) -> Any:
    if isinstance(filling, list):
        return [_exactly(item) for item in filling]
    if len(filling) == 1:
        return filling[0][0]
    return Chances(tuple(value for value, _ in filling), tuple(weight for _, weight in filling))
