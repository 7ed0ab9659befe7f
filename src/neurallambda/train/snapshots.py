"""The best parameters of each seed: a late stage may spoil what an earlier one found."""

from collections.abc import Sequence

import torch
from torch import Tensor

from neurallambda.nn import Population


class Snapshots:
    """The parameters with which each seed that started was best on validation.

    Attributes:
        scores: how good that was; -1 where nothing was looked at yet, and the parameters are the first ones, or what
            `Training.take_unseen` put in their place.
        states: the tensors of the population's `state_dict`, [seeds, ...].
    """

    def __init__(self, population: Population) -> None:
        self.states = {name: tensor.detach().clone() for name, tensor in population.state_dict().items()}
        self.scores = torch.full((len(population),), -1.0, dtype=torch.float64)

    def take(self, population: Population, seeds: Sequence[int], scores: Sequence[float]) -> bool:
        """Keep the parameters of those members that are at least as good as they ever were.

        Args:
            population: the members that train.
            seeds: the place of each among all seeds that started.
            scores: how good each is.

        Returns:
            Whether any became better.
        """
        found = torch.tensor(scores, dtype=torch.float64)
        places = torch.tensor(seeds, dtype=torch.long)
        is_better = bool((found > self.scores[places]).any())
        taken = found >= self.scores[places]
        self.scores[places[taken]] = found[taken]
        for name, tensor in population.state_dict().items():
            held = self.states[name]  # which may lie elsewhere: tables are repaired on the CPU
            held[places[taken].to(held.device)] = tensor[taken.to(tensor.device)].to(held.device)
        return is_better

    def tensors(self) -> dict[str, Tensor]:
        """All of it, by name, for a file."""
        return {"scores": self.scores} | {f"best.{name}": tensor for name, tensor in self.states.items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors` gave."""
        self.scores = tensors["scores"].clone()
        for name, held in self.states.items():
            held.copy_(tensors[f"best.{name}"])
