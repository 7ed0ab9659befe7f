"""The matrix of experiments: which base, what learns, which task, how often. It goes on where it was interrupted."""

import json
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from neurallambda.errors import ArgumentError
from neurallambda.llm.bases import home_of, label_of, load_base
from neurallambda.llm.config import GraftConfig
from neurallambda.llm.experiments.arms import ARMS
from neurallambda.llm.experiments.result_file import FORM, MULTIPLES, check_result
from neurallambda.llm.experiments.sizes import structure_size
from neurallambda.llm.grafting import fitted
from neurallambda.llm.rwkv.start import start_rwkv7
from neurallambda.llm.teaching.measuring import VALIDATION_ROWS, VALIDATION_SEED, exact_match, measured, perplexity
from neurallambda.llm.teaching.recipe import TeachingRecipe, recipe_of
from neurallambda.llm.teaching.replay import Replay, replay_of
from neurallambda.llm.teaching.room import check_length, device_of
from neurallambda.llm.teaching.tasks import CALLED, text_task
from neurallambda.llm.teaching.texts import fingerprint, texts_of, time_for
from neurallambda.llm.teaching.training import Teaching
from neurallambda.train.events import noting
from neurallambda.train.following import NotFiniteError
from neurallambda.train.learner import learn
from neurallambda.train.results import read_facts, write_result
from neurallambda.train.run_folder import where

FIRST_SEED = 300
"""The seeds that count begin here: the recipe was chosen by others."""
TUNING_SEED, TEST_SEED = 1_000, 3_000_017
TEST_ROWS = 128
ENOUGH, APART = 0.99, 10_000
"""A try that answers so many of the validation's inputs is the last, and a rate is good enough; how far the seeds of tries are apart."""
LOST = 1e9
"""The loss of a run whose first loss was no finite number."""

Base = Literal["pretrained", "random"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of the matrix: all seeds of one arm on one task; the model is a name that `load_base` takes."""

    model: str
    base: Base
    arm: str
    task: str

    @property
    def name(self) -> str:
        """What its file is called."""
        return f"{label_of(self.model)}-{self.base}-{self.task}-{self.arm}"

    @property
    def recipe(self) -> TeachingRecipe:
        """How it is taught where nothing else is asked for: as its task is, with what is otherwise for its arm."""
        return replace(recipe_of(self.task), replay_warmup=ARMS[self.arm].replay_warmup)


def cells(model: str, bases: list[str], arms: list[str], tasks: list[str]) -> Iterator[Cell]:
    """The cells of a matrix, those of one task and base one after the other.

    Args:
        model: the name of the base model.
        bases: `pretrained`, `random` or both.
        arms: names in `ARMS`.
        tasks: names of tasks.

    Raises:
        ArgumentError: if a name is unknown.
    """
    for name, given, known in (("starts", bases, ("pretrained", "random")), ("arms", arms, tuple(ARMS))):
        for one in given:
            if one not in known:
                raise ArgumentError(f"{name}: {one!r} is unknown; expected one of {', '.join(known)}")
    for task in tasks:
        about = text_task(task)
        for base in bases:
            for arm in arms:
                if arm.startswith("bank") and not about.programs:
                    raise ArgumentError(f"arms: {arm!r}: the task {task} is not about programs; arithmetic is")
                if ARMS[arm].has_calls and not about.words:
                    raise ArgumentError(
                        f"arms: {arm!r}: the words of the task {task} are not known; those of {', '.join(CALLED)} are"
                    )
                yield Cell(model=model, base=base, arm=arm, task=task)  # pyright: ignore[reportArgumentType]


def run_cell(
    cell: Cell,
    folder: Path,
    *,
    seeds: int = 5,
    recipe: TeachingRecipe | None = None,
    texts: Sequence[Path] = (),
    device: str | None = None,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """All runs of a cell that are not done yet: those that choose the learning rate, and then those that count.

    The rate is chosen by one seed of its own, at the greatest length of training, with fresh examples; no number of a test
    is looked at. Every seed that is started is counted.

    Args:
        cell: which.
        folder: where its result is kept; it is written after each run.
        seeds: how many count.
        recipe: how to teach, None: as `Cell.recipe` says; its learning rate is not used.
        texts: files of plain text on which perplexity is measured too.
        device: where the model learns; None: on the CPU.
        say: told what happens.

    Returns:
        The result.

    Raises:
        ArgumentError: if the base cannot be loaded, the cell was made otherwise before, or the arm does not fit the base.
    """
    recipe = recipe or cell.recipe
    path = folder / f"{cell.name}.json"
    facts = _begun(cell, recipe, path)
    config = None if facts["graft"] is None else GraftConfig.from_facts(facts["graft"])
    run_once = partial(_run, cell, config=config, device=device)
    while (rate := next_rate(facts["rates"], facts["tuning"])) is not None:
        run = run_once(replace(recipe, learning_rate=rate), TUNING_SEED)
        told = {name: run[name] for name in ("validation", "loss", "lost_after") if name in run}
        facts["tuning"].append({"learning_rate": rate, **told})
        if not facts["seeds"]:
            facts["recipe"]["learning_rate"] = max(facts["tuning"], key=_order)["learning_rate"]
        write_result(path, facts)
        say(f"{cell.name} rate {rate}: validation {run['validation']:.3f}, loss {run['loss']:.3f}")
    best = max(facts["tuning"], key=_order)["learning_rate"]
    if facts["seeds"] and facts["recipe"]["learning_rate"] != best:
        raise ArgumentError(
            f"{path}: its seeds learned at the rate {facts['recipe']['learning_rate']}, and {best} is better; choose another folder"
        )
    facts["recipe"]["learning_rate"] = best
    done = {one["seed"] for one in facts["seeds"]}
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        if seed not in done:
            run = run_once(replace(recipe, learning_rate=best), seed, texts=texts)
            facts["seeds"].append({"seed": seed, "learning_rate": best, **run})
            write_result(path, facts)
            say(f"{cell.name} seed {seed}: {run['exact']}, perplexity × {run['perplexity_ratio']:.4f}")
    return facts


def next_rate(rates: Sequence[float], tuning: Sequence[dict[str, Any]]) -> float | None:
    """The learning rate that is to be tried next; None: they all were.

    Where the greatest one is the best and does not answer enough, one that is three times as great is tried too: else an arm
    might be judged by a rate at which it had only begun to learn.

    Args:
        rates: those that are tried in any case.
        tuning: what was tried, each with `learning_rate`, `validation` and `loss`.

    Example:
        >>> found = [
        ...     {"learning_rate": rate, "validation": share, "loss": 1.0} for rate, share in ((0.1, 0.2), (0.3, 0.6))
        ... ]
        >>> next_rate((0.1, 0.3, 1.0), found), next_rate((0.1, 0.3), found), next_rate((0.3, 0.1), found)
        (1.0, 0.9, None)
    """
    tried = {one["learning_rate"] for one in tuning}
    for rate in rates:
        if rate not in tried:
            return rate
    best, further = max(tuning, key=_order), round(3 * rates[-1], 6)
    is_at_the_edge = best["learning_rate"] == rates[-1] and best["validation"] < ENOUGH
    return further if is_at_the_edge and further not in tried else None


def _begun(cell: Cell, recipe: TeachingRecipe, path: Path) -> dict[str, Any]:
    """What is known of a cell so far."""
    arm, task = ARMS[cell.arm], text_task(cell.task)
    base, tokenizer = load_base(cell.model)
    check_length(base, task, tokenizer, recipe.lengths[1] * MULTIPLES[-1], name="lengths")
    config = arm.graft_for(cell.task, tokenizer if task.programs or arm.has_calls else None, base)
    config = None if config is None else fitted(base, config)
    fresh = {
        "form": FORM,
        **asdict(replace(cell, model=label_of(cell.model))),
        "weights": fingerprint(base),
        "recipe": json.loads(json.dumps(asdict(recipe))),
        "graft": None if config is None else config.facts(),
        "rates": list(arm.rates),
        "tuning": [],
        "seeds": [],
    }
    if not path.exists():
        return fresh | {"training": where()}
    facts = read_facts(path, FORM, "neurallambda llm matrix")
    check_result(path, facts)
    if facts.get("weights", fresh["weights"]) != fresh["weights"]:  # earlier results have none
        raise ArgumentError(f"{path}: it was made with another model of this name; choose another folder")
    if any(_without_rate(facts.get(name)) != _without_rate(fresh[name]) for name in ("recipe", "graft", "rates")):
        raise ArgumentError(
            f"{path}: it was made by another recipe, with another graft or at other learning rates; choose another folder"
        )
    return facts


def _without_rate(facts: Any) -> Any:
    """A recipe without its learning rate, which is chosen, and with what earlier ones had none of; anything else as it is."""
    if not isinstance(facts, dict):
        return facts
    return {name: one for name, one in ({"replay_warmup": 0} | facts).items() if name != "learning_rate"}


def _run(
    cell: Cell,
    recipe: TeachingRecipe,
    seed: int,
    *,
    config: GraftConfig | None,
    texts: Sequence[Path] | None = None,
    device: str | None = None,
) -> dict[str, Any]:
    """Teach, and measure: on fresh inputs of the greatest length of training, and where texts are given, by the test.

    An arm with several tries begins again while too few of these inputs are answered; the best try is what counts, and the
    time is that of all.
    """
    base, tokenizer = load_base(cell.model, device=device)
    held, replay = replay_of(base, tokenizer, home_of(cell.model))
    if cell.base == "random":
        torch.manual_seed(seed)
        base = _random(base)
    tries: list[dict[str, Any]] = []
    best: Any = None
    while not tries or (len(tries) < ARMS[cell.arm].tries and max(map(_order, tries))[0] < ENOUGH):
        own = seed + len(tries) * APART
        model, found = _taught(deepcopy(base), cell, config, recipe, own, tokenizer, replay, base)
        if not tries or _order(found) > max(map(_order, tries)):
            best = model
        tries.append(found)
    found = max(tries, key=_order) | {"seconds": round(sum(one["seconds"] for one in tries), 1)}
    if ARMS[cell.arm].tries > 1:
        found["tries"] = [one["validation"] for one in tries]
    if texts is not None:
        task, lengths = text_task(cell.task), [recipe.lengths[1] * multiple for multiple in MULTIPLES]
        found["exact"] = measured(best, task, tokenizer, lengths, rows=TEST_ROWS, seed=TEST_SEED)
        plain = {"": held, **texts_of(texts, tokenizer, time=time_for(base))}
        ratios = {name: perplexity(best, tokens) / perplexity(base, tokens) for name, tokens in plain.items()}
        found["perplexity_ratio"] = round(ratios.pop(""), 4)
        if ratios:
            found["retention"] = {name: round(ratio, 4) for name, ratio in ratios.items()}
    return found


def _random(base: Any) -> Any:
    """A model of the same sizes with the weights that a training begins with."""
    made = type(base)(base.config)
    return (start_rwkv7(made) if base.config.model_type == "rwkv7" else made).eval().to(device_of(base))


def _taught(
    model: Any,
    cell: Cell,
    config: GraftConfig | None,
    recipe: TeachingRecipe,
    seed: int,
    tokenizer: Any,
    replay: Replay,
    before: Any,
) -> tuple[Any, dict[str, Any]]:
    """One try: the model, and what is known of it without a test."""
    task = text_task(cell.task)
    torch.manual_seed(seed)
    arm = ARMS[cell.arm]
    structure = ARMS["structure"].graft_for(cell.task, None, model)
    assert structure is not None
    model, groups = arm.prepare(model, config, recipe.learning_rate, parameters=structure_size(structure, model))
    losses: list[float] = []
    learner = Teaching(model, groups, task, tokenizer, recipe, seed=seed, replay=replay, before=before)
    lost: dict[str, int] = {}
    try:
        learn(learner, [noting(losses)])
    except NotFiniteError:  # it counts as it was before that step
        lost = {"lost_after": learner.steps}
    return model, {
        "validation": exact_match(
            model, task, tokenizer, recipe.lengths[1], rows=VALIDATION_ROWS, seed=VALIDATION_SEED
        ),
        "loss": round(sum(last := losses[-20:]) / len(last), 4) if losses else LOST,
        "parameters": sum(one.numel() for group in groups for one in group["params"]),
        "seconds": round(learner.seconds, 1),
        "tokens_per_second": round(_tokens(recipe) * learner.steps / recipe.steps / max(learner.seconds, 1e-9)),
    } | lost


def _order(found: dict[str, Any]) -> tuple[float, float]:
    """By which of two runs the better one is told, without a test."""
    return found["validation"], -found["loss"]


def _tokens(recipe: TeachingRecipe) -> float:
    """How many tokens a training sees, about."""
    replayed = recipe.replay_tokens / recipe.replay_every if recipe.replay_every else 0
    return recipe.steps * (recipe.rows * (sum(recipe.lengths) + 2) + replayed)
