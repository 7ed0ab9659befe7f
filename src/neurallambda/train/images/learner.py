"""Networks that learn from rows of images, as the loop of `neurallambda.train` takes them."""

import math
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neurallambda.tasks.images import LabelledImages
from neurallambda.train.events import Event, Listener, Stepped
from neurallambda.train.images.augment import augmented
from neurallambda.train.images.problems import Problem
from neurallambda.train.images.recipe import ImageRecipe
from neurallambda.train.learner import GradientLearner

FIRST_ROWS = 64
"""The rows of a step of the easier problem."""
REPORT_EVERY = 100


@dataclass(frozen=True)
class Scene:
    """What learns from which images, and how.

    Attributes:
        problem: what is asked.
        networks: of each kind of images.
        images: of each kind.
        recipe: how.
        generator: draws all that is drawn by chance.
    """

    problem: Problem
    networks: nn.ModuleDict
    images: Mapping[str, LabelledImages]
    recipe: ImageRecipe
    generator: torch.Generator

    def loss(self, rows: Mapping[str, Tensor], answers: Tensor, strength: float) -> Tensor:
        """Minus the logarithm of the likelihood of what is known, for each image.

        Args:
            rows: the numbers of the images of each kind, [rows, images].
            answers: what is known of each row.
            strength: of the augmentation.
        """
        logits = {}
        for kind, index in rows.items():
            pixels = self.images[kind].pixels[index.reshape(-1)].float() / 255
            with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.precision == "bf16"):
                found = self.networks[kind](augmented(pixels, strength, self.generator))
            logits[kind] = found.float().view(*index.shape, -1)
        return -self.problem.log_likelihood(logits, answers).mean() / sum(self.problem.images.values())


class ImageLearner(GradientLearner):
    """Networks that learn from rows of images, and the average of what they were in all steps."""

    def __init__(self, scene: Scene, rows: Mapping[str, Tensor], answers: Tensor) -> None:
        recipe, networks = scene.recipe, scene.networks
        size = min(len(answers), max(1, recipe.images_per_step // sum(scene.problem.images.values())))
        group = {"params": list(networks.parameters()), "lr": recipe.learning_rate, "weight_decay": recipe.weight_decay}
        steps = recipe.epochs * (len(answers) // size)
        super().__init__(networks, [group], limit=steps, clip=recipe.clip, seed=0)
        self.average, self.of_epochs = deepcopy(networks), list[list[float]]()
        self._scene, self._rows, self._answers = scene, rows, answers
        self._batches = _batches(len(answers), size, recipe.epochs, scene.generator)

    def rate(self, greatest: float) -> float:
        """It rises over a twelfth of the steps, and falls like a cosine."""
        done = self.steps / self.limit
        return greatest * min(1.0, 12 * (self.steps + 1) / self.limit) * (1 + math.cos(math.pi * done)) / 2

    def losses(self) -> tuple[Tensor, Tensor]:
        epoch, chosen = next(self._batches)
        done = self.steps / self.limit
        strength = self._scene.recipe.augmentation * (min(1.0, 3 * done) if done < 0.9 else 0.5)
        seen = {kind: index[chosen] for kind, index in self._rows.items()}
        loss = self._scene.loss(seen, self._answers[chosen], strength)
        if len(self.of_epochs) <= epoch:
            self.of_epochs.append([])
        self.of_epochs[epoch].append(loss.item())
        return loss, loss

    def advance(self) -> Iterator[Event]:
        """Take a step, and let the average follow."""
        before = self.steps
        yield from super().advance()
        if self.steps > before:
            _keep_average(self.average, self.model, min(self._scene.recipe.average, (1 + before) / (10 + before)))


class FirstLearner(GradientLearner):
    """Networks that take the first steps on an easier problem: that of the scene, of some places of the rows."""

    def __init__(self, scene: Scene, index: Tensor, answers: Tensor) -> None:
        parameters = list(scene.networks.parameters())
        own = {"params": parameters, "lr": scene.recipe.first_rate, "betas": (0.9, 0.999), "weight_decay": 0.01}
        super().__init__(scene.networks, [own], limit=scene.recipe.first_steps, clip=scene.recipe.clip, seed=0)
        self._scene, self._index, self._answers = scene, index, answers

    def rate(self, greatest: float) -> float:
        return greatest

    def losses(self) -> tuple[Tensor, Tensor]:
        count = min(len(self._index), FIRST_ROWS)
        chosen = torch.randint(len(self._index), (count,), generator=self._scene.generator)
        strength = self._scene.recipe.augmentation / 2
        loss = self._scene.loss({"digits": self._index[chosen]}, self._answers[chosen], strength)
        return loss, loss


def saying(say: Callable[[str], None], steps: int) -> Listener:
    """A listener that tells the mean of the last losses, in words.

    Args:
        say: told that.
        steps: how many there are.
    """
    losses: list[float] = []

    def listen(event: Event) -> None:
        if isinstance(event, Stepped):
            losses.extend(event.losses)
            if event.step % REPORT_EVERY == 0 or event.step == steps:
                last = losses[-REPORT_EVERY:]
                say(f"step {event.step} of {steps}: loss {sum(last) / len(last):.4f}")

    return listen


def _batches(rows: int, size: int, epochs: int, generator: torch.Generator) -> Iterator[tuple[int, Tensor]]:
    """The rows of each step, in a new order in each epoch; what is left over of an epoch is not used in it."""
    for epoch in range(epochs):
        order = torch.randperm(rows, generator=generator)
        for start in range(0, rows - size + 1, size):
            yield epoch, order[start : start + size]


@torch.no_grad()
def _keep_average(average: nn.Module, networks: nn.Module, keep: float) -> None:
    for held, now in zip(average.state_dict().values(), networks.state_dict().values(), strict=True):
        if held.is_floating_point():
            held.lerp_(now, 1 - keep)
        else:
            held.copy_(now)
