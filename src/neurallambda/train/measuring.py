"""From a run to its result."""

from copy import deepcopy
from typing import Any

from neurallambda.errors import ArgumentError
from neurallambda.train.evaluation import FRESH, evaluate
from neurallambda.train.loop import Trained
from neurallambda.train.results import result


def measure(
    trained: Trained,
    run: dict[str, Any],
    *,
    lengths: tuple[int, ...],
    rows: int = 128,
    seed: int = FRESH,
    hard: bool = True,
    kept_only: bool = False,
    on_seen: bool = False,
    device: str | None = None,
) -> dict[str, Any]:
    """Measure what a run came to, and put it together with the facts of the run.

    Args:
        trained: what the run came to.
        run: its facts, as `RunFolder.facts` gives them.
        lengths: of the inputs.
        rows: how many inputs of each length.
        seed: that they come from.
        hard: whether every soft choice is made.
        kept_only: whether only the seeds that were not taken out on the way are measured.
        on_seen: whether a task that keeps symbols for tests shall be measured with those of the training all the same.
        device: where; None: where the members are.

    Returns:
        A result, for JSON.

    Raises:
        ArgumentError: if only kept seeds shall be measured, and there is none.
    """
    population, members = trained.population, tuple(range(len(trained.seeds)))
    if kept_only:
        members = tuple(member for member in members if trained.seeds[member] not in trained.fates)
        if not members:
            raise ArgumentError(
                "kept_only: every seed was taken out on the way, expected one that was kept; measure all"
            )
        population = deepcopy(population)
        population.keep(list(members))
    if device is not None:
        population = deepcopy(population).to(device)
    asked = trained.task if on_seen or trained.task.unseen is None else trained.task.unseen
    found = evaluate(population, asked, lengths=lengths, rows=rows, seed=seed, hard=hard)
    facts = result(trained, found, members, run)
    # A seed that was not looked at yet has no score on validation: the -1 in its place must enter no mean.
    seeds = [one | ({} if one["validation"] >= 0 else {"validation": None}) for one in facts["seeds"]]
    return facts | {"seeds": seeds, "asked": asked.name}
