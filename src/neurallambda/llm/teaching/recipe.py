"""How models are taught: what a recipe says, and those that are measured."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite
from typing import Any, Literal

from neurallambda.arguments import checked, shown
from neurallambda.errors import ArgumentError, check_count

Precision = Literal["float32", "bfloat16"]
"""In what the model computes while it is taught."""


def check_rate(name: str, value: float) -> None:
    """Refuse what is no positive number.

    Raises:
        ArgumentError: which argument, and what came.
    """
    if not (isfinite(value) and value > 0):
        raise ArgumentError(f"{name}: got {value}, expected a positive number")


@checked
@dataclass(frozen=True, kw_only=True)
class TeachingRecipe:
    """How a model is taught.

    Args:
        steps: how many.
        rows: examples a step, all of one length.
        lengths: the least and the greatest length in training.
        longer_until: short inputs first: the greatest length rises evenly from the least one, and is reached after so many steps; 0:
            all lengths from the beginning.
        learning_rate: the greatest; it rises over 20 steps and then falls to a fiftieth.
        clip: the greatest norm of the gradient.
        replay_every: every so many steps the model is given texts too, on which it is to say what it said before: the loss is
            the divergence of its predictions from those; 0: never.
        replay_warmup: over how many steps the weight of that loss rises evenly, from 0 to 1; 0: it is 1 from the beginning. Where what
            is added weighs much before a model has learned when to add it, texts alone decide at first, and close the gate.
        replay_tokens: how many tokens these texts have then, about; some of every second text are replaced by random ones.
        replay_lengths: the least and the greatest length of them, in tokens.
        precision: in what the model computes while it is taught: `bfloat16` is mixed precision, where parameters, norms, losses
            and the structure stay in float32. It is faster where the processor multiplies such numbers, and slower elsewhere.
            Measurements are in float32.

    Raises:
        ArgumentError: if a number is out of range; which one, and what came.
    """

    steps: int = 400
    rows: int = 32
    lengths: tuple[int, int] = (2, 8)
    longer_until: int = 0
    learning_rate: float = 3e-3
    clip: float = 1.0
    replay_every: int = 2
    replay_warmup: int = 0
    replay_tokens: int = 500
    replay_lengths: tuple[int, int] = (20, 200)
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        for name in ("steps", "rows", "replay_tokens"):
            check_count(name, getattr(self, name))
        for name in ("longer_until", "replay_every", "replay_warmup"):
            check_count(name, getattr(self, name), least=0)
        for name, allowed in (("lengths", 1), ("replay_lengths", 2)):
            least, greatest = getattr(self, name)
            if not allowed <= least <= greatest:
                raise ArgumentError(
                    f"{name}: got {least}-{greatest}, expected two lengths from {allowed} on, the first not the greater one"
                )
        for name in ("learning_rate", "clip"):
            check_rate(name, getattr(self, name))

    @classmethod
    def from_facts(cls, facts: Any) -> "TeachingRecipe":
        """A recipe as a file holds it: every field by its name, lists in the place of tuples.

        Args:
            facts: what `dataclasses.asdict` gave, so that it may be anything.

        Raises:
            ArgumentError: if a field is missing or unknown, or what it holds is none.

        Example:
            >>> from dataclasses import asdict
            >>> TeachingRecipe.from_facts(asdict(MEASURED)) == MEASURED
            True
        """
        known = {field.name for field in fields(cls)}
        if not isinstance(facts, Mapping) or set(facts) != known:
            raise ArgumentError(f"recipe: got {shown(facts)}, expected a record of {', '.join(sorted(known))}")
        try:
            given: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in facts.items()}
            return cls(**given)
        except TypeError as error:
            raise ArgumentError(f"recipe: {error}") from None

    def lengths_at(self, step: int) -> tuple[int, int]:
        """The least and the greatest length at a step.

        Args:
            step: which, from 0 on.

        Example:
            >>> [TeachingRecipe(lengths=(2, 4), longer_until=6).lengths_at(step) for step in (0, 1, 2, 4, 100)]
            [(2, 2), (2, 2), (2, 3), (2, 4), (2, 4)]
        """
        least, greatest = self.lengths
        if step >= self.longer_until:
            return least, greatest
        return least, least + (greatest - least + 1) * step // self.longer_until

    def replay_weight(self, step: int) -> float:
        """How much the loss on repeated texts weighs at a step.

        Args:
            step: which, from 0 on.

        Example:
            >>> [TeachingRecipe(replay_warmup=4).replay_weight(step) for step in (0, 1, 4, 100)]
            [0.0, 0.25, 1.0, 1.0]
        """
        return min(1.0, step / self.replay_warmup) if self.replay_warmup else 1.0


MEASURED = TeachingRecipe(precision="bfloat16")
"""How tasks are taught that have no recipe of their own."""
RECIPES = {
    "arithmetic": TeachingRecipe(precision="bfloat16", lengths=(1, 4), longer_until=300, learning_rate=1e-2),
}
"""Short expressions come first, beginning with a single digit: how values are put and shown is learned from it alone, then programs
from two digits, then brackets within brackets."""


@checked
def recipe_of(task: str) -> TeachingRecipe:
    """How a task is taught where nothing else is asked for.

    Args:
        task: its name.

    Example:
        >>> recipe_of("arithmetic").lengths
        (1, 4)
    """
    return RECIPES.get(task, MEASURED)


def rate_at(step: int, steps: int) -> float:
    """Which part of the greatest learning rate a step has: it rises over 20 steps, and falls to a fiftieth.

    >>> rate_at(0, 200), rate_at(19, 200) == 1 - 19 / 200, rate_at(199, 200)
    (0.05, True, 0.02)
    """
    return min(1.0, (step + 1) / 20) * max(0.02, 1 - step / steps)
