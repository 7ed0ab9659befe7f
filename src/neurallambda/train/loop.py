"""The loop of a training: steps, looks, stages, and a checkpoint from which a later process goes on to the same numbers."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError
from neurallambda.nn import Population
from neurallambda.tasks import Task
from neurallambda.train.acceleration import any_process, make_accelerator
from neurallambda.train.checkpoint import load, save
from neurallambda.train.events import Ended, Event, Listener
from neurallambda.train.following import (
    NotFiniteError,
    Reason,
    follow,
    read_checkpoint,
    take_up,
    write_checkpoint,
)
from neurallambda.train.interruption import interruptible
from neurallambda.train.making import make_population, task_of
from neurallambda.train.recipe import Recipe
from neurallambda.train.repairing import check_repairs, repair_members
from neurallambda.train.run_folder import RunFolder
from neurallambda.train.training import Training
from neurallambda.train.trial import check_recipe

if TYPE_CHECKING:
    from accelerate import Accelerator


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a training came to.

    Attributes:
        recipe: what was done.
        task: what was learned.
        population: every seed that started, with its best parameters, in the order of `seeds`.
        seeds: the seeds that started.
        scores: the validation accuracy of each with these parameters; -1 where it was not looked at yet.
        fates: of the seeds that were taken out, after how many steps and why.
        steps: how many steps were taken.
        seconds: how long they took.
        reason: why it ended.

    Example:
        >>> from neurallambda.train import changed, recipe_for, train
        >>> recipe = changed(recipe_for("parity-check"), ["seeds=2", "rows=2", "stages=1-3:2", "repairs=none"])
        >>> trained = train(recipe, device="cpu")
        >>> trained.seeds, len(trained.scores), trained.fates
        ((0, 1), 2, {})
        >>> type(trained.member(1)).__name__
        'TableAutomaton'
    """

    recipe: Recipe
    task: Task
    population: Population
    seeds: tuple[int, ...]
    scores: tuple[float, ...]
    fates: dict[int, dict[str, Any]]
    steps: int
    seconds: float
    reason: Reason

    def member(self, seed: int | None = None) -> torch.nn.Module:
        """The model of a seed, with its best parameters.

        Args:
            seed: which; None: the one that is best on validation, the first of them among those that were not taken out.

        Raises:
            ArgumentError: if no such seed started.
        """
        if seed is None:
            order = [(one in self.fates, -score) for one, score in zip(self.seeds, self.scores, strict=True)]
            return self.population.members()[order.index(min(order))]
        if seed not in self.seeds:
            raise ArgumentError(f"seed: got {seed}, expected one that started: {' '.join(map(str, self.seeds))}")
        return self.population.members()[self.seeds.index(seed)]


@checked
def train(
    recipe: Recipe,
    folder: Path | str | None = None,
    *,
    resume: bool = False,
    listeners: Iterable[Listener] = (),
    device: str | None = None,
    save_every: int = 200,
) -> Trained:
    """Train all seeds of a recipe at once.

    Args:
        recipe: what to do.
        folder: where the run is kept; None: nowhere.
        resume: whether to go on with the run that is kept there; it ends in the same numbers as one that never stopped.
        listeners: functions that are told of every event.
        device: `cpu` or `cuda`; None: a GPU if there is one.
        save_every: after how many steps a checkpoint is written, besides the end of every stage.

    Returns:
        The members, and how they came about. Ctrl-C ends a training after the step, or the pass of a repair, that it is in:
        what was learned so far is kept and returned, and `reason` says so. Repairs begin anew when it is resumed.

    Raises:
        ArgumentError: if the folder holds another run, or none to go on with.
        NotFiniteError: if no seed is left whose loss is a finite number.
        MissingExtraError: if the package accelerate is not installed.

    Example:
        >>> from neurallambda.train import Recipe, Stage, train
        >>> stages = (Stage(lengths=(1, 4), steps=5),)
        >>> trained = train(Recipe(task="parity-check", model="table", seeds=2, stages=stages), device="cpu")
        >>> trained.steps, trained.seeds, trained.reason
        (5, (0, 1), 'finished')
    """
    accelerator = make_accelerator(precision=recipe.precision, device=device)
    run = None if folder is None else RunFolder(Path(folder))
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng())
        training = _begin(recipe, run, accelerator, resume=resume)
        told = list(listeners)
        if run is not None and accelerator.is_main_process:
            told.append(stack.enter_context(run.logging(after=training.place.step)))
        if resume and run is not None and run.members.exists():  # it is over, and repairs are not done twice
            trained = load_run(run.path, recipe=recipe)
            for listener in told:
                listener(Ended(step=trained.steps, reason=trained.reason, seconds=trained.seconds))
        else:
            trained = _result(training, _go(training, run, told, save_every))
            if run is not None and trained.reason != "interrupted" and accelerator.is_main_process:
                keep_members(run, trained)
    if trained.reason == "not finite":
        raise NotFiniteError(
            f"step {training.place.step}: the loss of every seed that was left is not a finite number; "
            + (f"the last good checkpoint is {run.checkpoint}; " if run is not None else "")
            + "a lower learning_rate or clip may help"
        )
    return trained


def _begin(recipe: Recipe, run: RunFolder | None, accelerator: "Accelerator", *, resume: bool) -> Training:
    """A training at its first step, or where it was when its last checkpoint was written."""
    if not resume:
        check_recipe(recipe)  # before anything is written
        training = Training(recipe, accelerator)
        if run is not None:
            if accelerator.is_main_process:
                run.begin({"recipe": recipe.facts()})
            write_checkpoint(training, run.checkpoint)  # from now on it can be resumed, whenever it is killed
        return training
    if run is None:
        raise ArgumentError("resume: there is no folder to resume from")
    tensors, facts = read_checkpoint(run.checkpoint, accelerator, needs=("recipe", "alive", "fates", "place", "stale"))
    if facts["recipe"] != _as_json(recipe):
        raise ArgumentError(f"{run.path}: the run there has another recipe")
    training = Training(recipe, accelerator)
    check_repairs(recipe, training.population.template)
    take_up(training, tensors, facts)
    return training


def _go(training: Training, run: RunFolder | None, listeners: list[Listener], save_every: int) -> Reason:
    """All steps that are left; why they ended."""

    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    place, recipe = training.place, training.recipe
    with interruptible() as interruption:

        def is_stop_wanted() -> bool:
            return any_process(training.accelerator, interruption.is_wanted)

        reason = follow(
            training,
            listeners,
            keep=None if run is None else lambda: write_checkpoint(training, run.checkpoint),
            is_due=lambda: place.step % save_every == 0,
            is_stop_wanted=is_stop_wanted,
        )
        if reason == "interrupted":
            training.take_unseen()  # for who looks at it now; a run that is resumed knows nothing of it
        if recipe.repairs and reason in ("finished", "patience"):
            began = perf_counter()
            if not repair_members(training, tell, is_stop_wanted):
                reason = "interrupted"  # no checkpoint: who resumes repairs the same members from the same parameters
            place.seconds += perf_counter() - began
    tell(Ended(step=place.step, reason=reason, seconds=place.seconds))
    return reason


def keep_members(run: RunFolder, trained: Trained) -> None:
    """Write the best parameters of every seed, and what became of it."""
    facts = {
        "seeds": list(trained.seeds),
        "scores": list(trained.scores),
        "fates": {str(seed): fate for seed, fate in trained.fates.items()},
        "steps": trained.steps,
        "seconds": trained.seconds,
        "reason": trained.reason,
    }
    save(run.members, trained.population.state_dict(), facts)


@checked
def load_run(folder: Path | str, *, recipe: Recipe | None = None) -> Trained:
    """What the training of a run came to; of a run that is not over yet, how far it is.

    Args:
        folder: of the run.
        recipe: its recipe, needed where that has a task that is not named but given, or a model that no file makes.

    Raises:
        ArgumentError: if there is no run, or nothing of it was kept yet, or no file makes its model.

    Example:
        >>> import tempfile
        >>> from neurallambda.train import changed, recipe_for, train
        >>> recipe = changed(recipe_for("parity-check"), ["seeds=2", "rows=2", "stages=1-3:2", "repairs=none"])
        >>> folder = tempfile.mkdtemp()
        >>> trained = train(recipe, folder, device="cpu")
        >>> load_run(folder).scores == trained.scores
        True
    """
    run = RunFolder(Path(folder))
    recipe = run.recipe() if recipe is None else recipe
    learned = task_of(recipe)
    population = make_population(recipe, learned)
    if run.members.exists():
        states, facts = load(run.members, needs=("seeds", "scores", "fates", "steps", "seconds", "reason"))
    elif run.checkpoint.exists():
        tensors, kept = load(run.checkpoint, needs=("alive", "fates", "place"))
        states = _so_far(tensors, [recipe.all_seeds.index(seed) for seed in kept["alive"]])
        facts = {
            "seeds": list(recipe.all_seeds),
            "scores": tensors["scores"].tolist(),
            "fates": kept["fates"],
            "steps": kept["place"]["step"],
            "seconds": kept["place"]["seconds"],
            "reason": "interrupted",
        }
    else:
        raise ArgumentError(f"{run.path}: nothing of this run was kept yet; it has no {run.checkpoint.name}")
    try:
        population.load_state_dict(states)
    except RuntimeError as error:
        raise ArgumentError(
            f"{run.path}: its parameters are not those of the model {recipe.name} here; was it made by another version? "
            f"({str(error).splitlines()[-1].strip()})"
        ) from None
    population.eval()
    return Trained(
        recipe=recipe,
        task=learned,
        population=population,
        seeds=tuple(facts["seeds"]),
        scores=tuple(facts["scores"]),
        fates={int(seed): fate for seed, fate in facts["fates"].items()},
        steps=facts["steps"],
        seconds=facts["seconds"],
        reason=facts["reason"],
    )


def _so_far(tensors: dict[str, Tensor], alive: list[int]) -> dict[str, Tensor]:
    """The best parameters of every seed in a checkpoint; those of now where a seed that still learns was never looked at."""
    unseen = [(member, place) for member, place in enumerate(alive) if tensors["scores"][place] < 0]
    states = {name.removeprefix("best."): tensor for name, tensor in tensors.items() if name.startswith("best.")}
    for name, tensor in states.items():
        for member, place in unseen:
            tensor[place] = tensors[f"members.{name}"][member]
    return states


def _result(training: Training, reason: Reason) -> Trained:
    population = make_population(training.recipe, training.task).to(training.accelerator.device)
    population.load_state_dict(training.snapshots.states)
    population.eval()
    return Trained(
        recipe=training.recipe,
        task=training.task,
        population=population,
        seeds=training.recipe.all_seeds,
        scores=tuple(training.snapshots.scores.tolist()),
        fates=training.fates,
        steps=training.place.step,
        seconds=training.place.seconds,
        reason=reason,
    )


def _as_json(recipe: Recipe) -> Any:
    import json

    return json.loads(json.dumps(recipe.facts()))
