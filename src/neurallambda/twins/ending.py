"""How the runs on each string ended, and what that says about it."""

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.automata.runs.limits import Outcome
from neurallambda.state import Batched, state
from neurallambda.weighted import is_something


@state
class Mass(Batched):
    """The logarithms of the weights of all runs on each string, by how they ended.

    Attributes:
        accepted: they accepted.
        refused: they stopped without.
        lost: there was no room for a world or a cell.
        running: they were still running when the steps were used up.
    """

    accepted: Float[Tensor, " batch"]
    refused: Float[Tensor, " batch"]
    lost: Float[Tensor, " batch"]
    running: Float[Tensor, " batch"]

    @property
    def total(self) -> Float[Tensor, " batch"]:
        """The sum of the weights themselves: 1 where rules share their cells by chance."""
        return torch.stack([self.accepted, self.refused, self.lost, self.running]).exp().sum(0)


def outcomes(mass: Mass) -> list[Outcome]:
    """What became of each string: accepted by any weight at all; else undecided if weight was lost or is running."""
    named = zip(*(is_something(weight).tolist() for weight in (mass.accepted, mass.lost, mass.running)), strict=True)
    return [
        Outcome.ACCEPTED
        if accepted
        else Outcome.OUT_OF_MEMORY
        if lost
        else Outcome.OUT_OF_STEPS
        if running
        else Outcome.REJECTED
        for accepted, lost, running in named
    ]
