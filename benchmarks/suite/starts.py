"""What each way to fill weights at the start of training is worth, in seeds that learn."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from statistics import mean
from unittest.mock import patch

import torch
from torch import Tensor, nn

from benchmarks.harness import Case, Numbers, benchmark
from neurallambda.nn import cells, controller
from neurallambda.nn.initial import blocks_by_fan_in_, by_fan_in_
from neurallambda.train import Recipe, evaluate, recipe_for, train
from neurallambda.train.making import make_model, task_of
from neurallambda.train.models import model_named

SEEDS, FIRST = 12, 300
"""Seeds start here: the recipes were made with others in sight."""
TASKS = ("duplicate-string", "stack-manipulation")
LENGTHS, ROWS = (41, 100, 200, 500), 64
SOLVED = 0.99

Fill = Callable[..., object]
Change = Mapping[str, Fill]
"""What stands in the place of the functions that fill weights, by their names."""


@torch.no_grad()
def as_pytorch(weight: Tensor, **_: float) -> Tensor:
    """Uniform within one over the square root of the inputs, as `nn.Linear` begins."""
    bound = weight.shape[1] ** -0.5
    return weight.uniform_(-bound, bound)


def as_it_is(weight: Tensor, **_: object) -> Tensor:
    """Nothing is added."""
    return weight


def as_one(linear: nn.Linear, _: Mapping[str, int]) -> nn.Linear:
    """All inputs of a layer together, however many each thing has."""
    return blocks_by_fan_in_(linear, {"all": linear.in_features})


def unscaled(weight: Tensor, **_: float) -> Tensor:
    """By the inputs alone."""
    return by_fan_in_(weight)


CHANGES: dict[str, Change] = {
    "as it is": {},
    "one-hot inputs like any others": {"unit_inputs_": by_fan_in_},
    "no scales before a softmax or behind a rectifier": {"by_fan_in_": unscaled},
    "a layer's inputs all together": {"blocks_by_fan_in_": as_one},
    "no phase bias": {"phase_bias_": as_it_is},
    "weights as PyTorch begins, with the phase bias": {
        "unit_inputs_": as_pytorch,
        "by_fan_in_": as_pytorch,
        "blocks_by_fan_in_": lambda linear, _: linear,
    },
}


def begun(recipe: Recipe, change: Change) -> Recipe:
    """The recipe, with a model whose weights are filled otherwise."""
    make = model_named(recipe.model)

    def model(task: object, **options: object) -> nn.Module:
        with ExitStack() as stack:
            for module in (controller, cells):
                for name, fill in change.items():
                    if hasattr(module, name):
                        stack.enter_context(patch.object(module, name, fill))
            return make(task, **options)

    return replace(recipe, model=model, seeds=SEEDS, first_seed=FIRST)


def found(recipe: Recipe) -> dict[str, float]:
    """How many seeds are right at lengths never trained, the mean and the worst of them, and the steps that it took."""
    trained = train(recipe, device="cpu")
    measured = evaluate(trained.population, trained.task, lengths=LENGTHS, rows=ROWS)
    scores = [mean(accuracies) for accuracies in measured.accuracy]
    return {
        "seeds_of_12": sum(score >= SOLVED for score in scores),
        "mean": mean(scores),
        "worst": min(scores),
        "steps": trained.steps,
    }


@benchmark(
    claim="What each way to fill a controller's weights is worth, in seeds that learn: 12 seeds, with one of them exchanged for a plainer one at a time, and all",
    limits={},
)
def initialisations(seed: int) -> Case:
    """Trains two recipes with each way to fill weights exchanged for a plainer one; strings of 41 to 500 symbols count."""

    def parameters(change: Change) -> Tensor:
        recipe = begun(recipe_for(TASKS[0]), change)
        model = make_model(recipe, task_of(recipe), seed)
        return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])

    def verify() -> dict[str, bool]:
        recipe = recipe_for(TASKS[0])
        own = make_model(recipe, task_of(recipe), seed)
        own = torch.cat([parameter.detach().flatten() for parameter in own.parameters()])
        others = {name: parameters(change) for name, change in CHANGES.items() if change}
        return {
            "with nothing exchanged a model begins as it does": torch.equal(parameters({}), own),
            **{f"it begins otherwise with {name}": not torch.equal(one, own) for name, one in others.items()},
        }

    def measure() -> Numbers:
        return {
            f"{name} {way}": found(replace(begun(recipe_for(name), change), first_seed=FIRST + 1000 * seed))
            for name in TASKS
            for way, change in CHANGES.items()
        }

    return Case(verify=verify, measure=measure)
