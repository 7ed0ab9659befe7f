"""What a training is: one frozen value that says everything a run needs, and checks itself."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from math import isfinite
from typing import Any, Literal

from torch import nn

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.nn.rule_repair import Judge
from neurallambda.tasks import Task

LAST_SEED = 2**53
"""The last seed: all that are drawn from it are numbers that torch takes, and JSON keeps it as it is."""
Option = int | float | str | bool | None
"""What an option of a model may be."""
MakeModel = Callable[..., nn.Module]
"""A function from a task, and options by name, to a model with random parameters, drawn from torch's global generator."""


@checked
@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of a training that shows inputs of some lengths.

    Attributes:
        lengths: the least and the greatest length of an input; each row draws its own, all alike likely.
        steps: how many steps it takes at most.
        threshold: it ends early when the running accuracy of the median member is above this, or, where `keep` says how many
            go on, that of each of those. None: it takes all its steps.
        keep: how many members go on to the next stage; None: all.
        rate: the learning rate in this stage, as a part of the recipe's.
        keep_by: which are best: those with the best running accuracy (`training`), or those that answer the recipe's
            validation inputs best, without noise and with every choice made (`validation`), where members that are alike in that go by
            running accuracy. The second tells who learned a program from who is right by what no choice leaves standing.

    Raises:
        ArgumentError: a number is out of its range.

    Example:
        >>> Stage(lengths=(1, 6), steps=450, threshold=0.997, keep=4)
        Stage(lengths=(1, 6), steps=450, threshold=0.997, keep=4, rate=1.0, keep_by='training')
    """

    lengths: tuple[int, int]
    steps: int
    threshold: float | None = None
    keep: int | None = None
    rate: float = 1.0
    keep_by: Literal["training", "validation"] = "training"

    def __post_init__(self) -> None:
        check_lengths("lengths", self.lengths)
        check_count("steps", self.steps)
        if self.keep is not None:
            check_count("keep", self.keep)
        if self.threshold is not None:
            _check_number("threshold", self.threshold, least=0.0, most=1.0)
        _check_number("rate", self.rate, least=0.0)


@checked
@dataclass(frozen=True, kw_only=True)
class Repair:
    """A pass of `neurallambda.nn.repair` over a learned table, after its training.

    Attributes:
        lengths: the least and the greatest length of the inputs that it looks at.
        rows: how many inputs.
        rounds: how many of those that go wrong are taken, at most.
        tries: how many changes of single rules are tried on other rows in each round.
        judge: what a change must make more of: right `rows`, or right `answers`.

    Raises:
        ArgumentError: a number is out of its range.

    Example:
        >>> Repair(lengths=(3, 40), rows=2000, rounds=300, tries=100)
        Repair(lengths=(3, 40), rows=2000, rounds=300, tries=100, judge='rows')
    """

    lengths: tuple[int, int]
    rows: int
    rounds: int = 200
    tries: int = 100
    judge: Judge = "rows"

    def __post_init__(self) -> None:
        check_lengths("lengths", self.lengths)
        for name in ("rows", "rounds", "tries"):
            check_count(name, getattr(self, name))


@checked
@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A training: the task, the model, and how its seeds learn.

    All seeds of a recipe train at once, as a `Population`; each has its own parameters, batches and noise.

    Attributes:
        task: the name of a task, or a task.
        model: the name of a model among `neurallambda.train.MODELS`, or a function from a task and options to a model.
        options: options of the model, by name; what is not named has the model's own default.
        name: what reports call the recipe; without one, the name of the model.
        seeds: how many seeds start.
        first_seed: the first of them; the others follow.
        stages: what is learned first, and what then.
        rows: how many rows each seed sees at a step.
        optimizer: `adam`, `adamw` with `weight_decay`, or `adamax`.
        learning_rate: its rate at the start.
        betas: how slowly Adam's two running means change.
        weight_decay: how much of each parameter goes away, as a part of the learning rate, with `adamw`.
        schedule: how the rate goes in the last stage: it stays (`constant`), or falls to zero in a straight line (`linear`)
            or as a cosine (`cosine`).
        warmup: in how many steps the rate rises to its full height at the very start.
        clip: the greatest norm of a seed's gradient; a longer one is scaled down to it. None: any norm.
        smoothing: how much of the running accuracy stays at each step. It is zero when a stage begins.
        validation_lengths: lengths of the inputs by which the best parameters of each seed are chosen.
        validation_rows: how many such inputs.
        validate_every: after how many steps they are looked at; also at the end of each stage.
        repairs: what is repaired in the rules of a learned table when its training is over, pass by pass: for the members that
            were not taken out, with their best parameters. What makes a member worse on validation is taken back.
        patience: training ends when so many validations in a row brought no seed anything better; None: never.
        compiled: whether the steps of recurrent models are compiled, which takes half a minute for each shape (a C++ compiler
            is needed), and then makes training some times as fast. The noise is drawn in another order then.
        precision: `no`, or the type of numbers that the forward pass computes with where it can, `bf16`. There is no `fp16`: its
            gradients overflow, and one seed whose do would hold up the steps of all.
        source: `FILE.py:FUNCTION`, the function that made the recipe, where its model is a function too and has no name by
            which it could be made again.

    Raises:
        ArgumentError: a number is out of its range.

    Example:
        >>> recipe = Recipe(task="parity-check", model="table", seeds=4, stages=(Stage(lengths=(1, 8), steps=200),))
        >>> recipe.total_steps
        200
    """

    task: str | Task
    model: str | MakeModel
    options: Mapping[str, Option] = field(default_factory=dict[str, Option])
    name: str = ""
    seeds: int = 6
    first_seed: int = 0
    stages: tuple[Stage, ...]
    rows: int = 24
    optimizer: Literal["adam", "adamw", "adamax"] = "adam"
    learning_rate: float = 1e-2
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.0
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    warmup: int = 0
    clip: float | None = 1.0
    smoothing: float = 0.97
    validation_lengths: tuple[int, int] = (1, 40)
    validation_rows: int = 64
    validate_every: int = 100
    repairs: tuple[Repair, ...] = ()
    patience: int | None = None
    compiled: bool = False
    precision: Literal["no", "bf16"] = "no"
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("seeds", "rows", "validation_rows", "validate_every"):
            check_count(name, getattr(self, name))
        for name in ("first_seed", "warmup"):
            check_count(name, getattr(self, name), least=0)
        if self.first_seed > LAST_SEED - self.seeds:
            raise ArgumentError(f"first_seed: got {self.first_seed}, expected at most {LAST_SEED} for the last seed")
        if self.patience is not None:
            check_count("patience", self.patience)
        if not self.stages:
            raise ArgumentError("stages: got none, expected at least one, as in 1-6:450")
        check_lengths("validation_lengths", self.validation_lengths)
        _check_number("learning_rate", self.learning_rate, least=0.0)
        _check_number("weight_decay", self.weight_decay, least=0.0)
        _check_number("smoothing", self.smoothing, least=0.0, below=1.0)
        for beta in self.betas:
            _check_number("betas", beta, least=0.0, below=1.0)
        if self.clip is not None:
            _check_number("clip", self.clip, least=0.0)
            if not self.clip:
                raise ArgumentError(
                    "clip: got 0, expected a number above 0, or None (clip=none) where any norm will do"
                )
        if self.weight_decay and self.optimizer != "adamw":
            raise ArgumentError(f"weight_decay: {self.optimizer} has none; use optimizer=adamw")
        left = self.seeds
        for stage in self.stages:
            if stage.keep is not None and stage.keep > left:
                raise ArgumentError(f"stages: one keeps {stage.keep} members, but only {left} are left by then")
            left = stage.keep or left
        if not self.name:
            object.__setattr__(self, "name", _name(self.model))

    @property
    def total_steps(self) -> int:
        """How many steps it takes at most."""
        return sum(stage.steps for stage in self.stages)

    @property
    def all_seeds(self) -> tuple[int, ...]:
        """The seeds that start."""
        return tuple(range(self.first_seed, self.first_seed + self.seeds))

    def facts(self) -> dict[str, Any]:
        """The recipe as JSON has it; a task that is no name is told by its name alone, and so is a model, as a function."""
        model = self.model if isinstance(self.model, str) else _FUNCTION + _name(self.model)
        named = {"task": _name(self.task), "model": model, "options": dict(self.options)}
        told = {*named, *_PARTS, *(() if self.source else ("source",))}
        plain = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in told}
        return named | {name: [asdict(part) for part in getattr(self, name)] for name in _PARTS} | plain


_FUNCTION = "function "
"""What a model that is a function is told with before its name, so that it is never taken for the model of that name."""
_PARTS: dict[str, Callable[..., Any]] = {"stages": Stage, "repairs": Repair}
"""The fields that are made of parts with names."""


def recipe_from(facts: Mapping[str, Any]) -> Recipe:
    """A recipe from what `Recipe.facts` gave, also after JSON made lists of tuples.

    A model that is a function is made by the recipe's source once more.

    Args:
        facts: its fields.

    Raises:
        ArgumentError: if they are not those of a recipe, or no file tells its model.

    Example:
        >>> recipe = Recipe(task="parity-check", model="table", stages=(Stage(lengths=(1, 8), steps=200),))
        >>> recipe_from(recipe.facts()) == recipe
        True
    """
    try:
        parts = {
            name: tuple(kind(**_tuples({**part})) for part in facts.get(name, ())) for name, kind in _PARTS.items()
        }
        given = _tuples({**facts, **parts})
        if str(facts["model"]).startswith(_FUNCTION):
            given["model"] = _function(facts)
        return Recipe(**given)
    except (TypeError, KeyError) as error:
        raise ArgumentError(f"recipe: got something that is none ({error})") from None


def _function(facts: Mapping[str, Any]) -> str | MakeModel:
    """The function that the facts could only name."""
    from neurallambda.train.recipes import recipe_for  # which imports this module

    if not facts.get("source"):
        raise ArgumentError(
            f"model: this run has the {facts['model']}, which was not given by a file, so that it cannot be made again here; "
            f"pass it in Python: load_run(FOLDER, recipe=RECIPE), or train(RECIPE, FOLDER, resume=True)"
        )
    return recipe_for(facts["task"], facts["source"]).model


def check_lengths(name: str, lengths: tuple[int, int]) -> None:
    """Refuse a range of lengths that is empty or begins below 1.

    Raises:
        ArgumentError: naming the argument and what came.
    """
    least, greatest = lengths
    if not 1 <= least <= greatest:
        raise ArgumentError(
            f"{name}: got {least} to {greatest}, expected a least length of at least 1 and one not below it"
        )


def _tuples(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}


def _name(value: object) -> str:
    return (
        value
        if isinstance(value, str)
        else getattr(value, "name", None) or getattr(value, "__name__", type(value).__name__)
    )


def _check_number(
    name: str, value: float | int, *, least: float, most: float | None = None, below: float | None = None
) -> None:
    """Refuse a number out of its range."""
    if not isfinite(value) or value < least or (most is not None and value > most) or (below and value >= below):
        upper = (
            "" if most is None and below is None else f" and at most {most}" if below is None else f" and below {below}"
        )
        raise ArgumentError(f"{name}: got {value!r}, expected a number of at least {least}{upper}")
