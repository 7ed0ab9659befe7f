"""How networks that see symbols are trained."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.train.changes import replaced
from neurallambda.train.images.problems import problem_named


@dataclass(frozen=True, kw_only=True)
class ImageRecipe:
    """All choices of a training, written down before it is begun.

    Attributes:
        problem: the name of the problem.
        width: the channels of the first convolution of the network.
        epochs: how often each image is seen.
        images_per_step: about how many images there are in a step; whole rows, at least one.
        learning_rate: the greatest; it rises over the first twelfth of the steps, and falls as a cosine does.
        weight_decay: of AdamW.
        clip: the greatest norm of a gradient.
        first_steps: how many steps of the easier problem come first, where the problem has one.
        first_rate: their learning rate.
        augmentation: how much images are turned, sheared, stretched and moved at most; 1: by 0.2 radians, 0.15, a tenth and
            2.5 pixels. It grows over the first third, and is halved for the last tenth.
        average: how much the average of the parameters, which is what is used in the end, keeps in each step.
        precision: the type of numbers of the convolutions.
    """

    problem: str
    width: int = 32
    epochs: int = 20
    images_per_step: int = 240
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    clip: float = 5.0
    first_steps: int = 150
    first_rate: float = 2e-3
    augmentation: float = 1.0
    average: float = 0.999
    precision: Literal["no", "bf16"] = "bf16"

    def __post_init__(self) -> None:
        problem_named(self.problem)
        for name in ("width", "epochs", "images_per_step"):
            check_count(name, getattr(self, name))
        if self.first_steps < 0:
            raise ArgumentError(f"first_steps: got {self.first_steps}, expected 0 or more")
        for name in ("learning_rate", "clip", "first_rate"):
            if not getattr(self, name) > 0:
                raise ArgumentError(f"{name}: got {getattr(self, name)}, expected a positive number")
        for name in ("weight_decay", "augmentation"):
            if not getattr(self, name) >= 0:
                raise ArgumentError(f"{name}: got {getattr(self, name)}, expected 0 or more")
        if not 0 <= self.average < 1:
            raise ArgumentError(f"average: got {self.average}, expected at least 0 and less than 1")
        if self.precision not in ("no", "bf16"):
            raise ArgumentError(f"precision: got {self.precision!r}, expected 'no' or 'bf16'")

    def facts(self) -> dict[str, Any]:
        """The recipe, for JSON."""
        return asdict(self)


@checked
def recipe_for_images(problem: str) -> ImageRecipe:
    """The recipe that is meant for a problem: 20 epochs for sums, 10 for what says more of each image.

    Args:
        problem: its name.

    Raises:
        ArgumentError: if there is no such problem.

    Example:
        >>> recipe_for_images("addition-4").epochs, recipe_for_images("sorting-3").epochs
        (20, 10)
    """
    return ImageRecipe(problem=problem, epochs=20 if problem.startswith("addition") else 10)


@checked
def changed_recipe(problem: str, changes: Sequence[str]) -> ImageRecipe:
    """The recipe that is meant for a problem, with some of its values replaced.

    Args:
        problem: its name.
        changes: each `KEY=VALUE`, where the key is a field of `ImageRecipe` other than the problem.

    Raises:
        ArgumentError: if a key is unknown, with the nearest there is, or a value cannot be read.

    Example:
        >>> changed_recipe("addition-4", ["epochs=3", "precision=no"]).epochs
        3
    """
    (recipe,) = replaced([recipe_for_images(problem)], changes, fixed=["problem"])
    return recipe
