"""The repair of learned tables when their training is over, on inputs of the lengths of training."""

from collections.abc import Callable

from torch import Generator, nn

from neurallambda.errors import ArgumentError
from neurallambda.nn import CellArrayModel, Population, TableAutomaton, repair
from neurallambda.train.events import Listener, Mended
from neurallambda.train.recipe import Recipe
from neurallambda.train.snapshots import Snapshots
from neurallambda.train.training import Training

_REPAIR = 1_500_007
"""Added to the first seed for the inputs of repairs, which neither training nor validation draws."""


def check_repairs(recipe: Recipe, model: nn.Module) -> None:
    """Refuse repairs of models that have no table of rules.

    Args:
        recipe: what shall be done.
        model: one that it makes.

    Raises:
        ArgumentError: naming the model.
    """
    if recipe.repairs and not isinstance(model, (CellArrayModel, TableAutomaton)):
        raise ArgumentError(
            f"repairs: got some for a {type(model).__name__}, expected none: only a TableAutomaton or a CellArrayModel "
            f"has a table of rules"
        )


def repair_members(training: Training, tell: Listener, is_stop_wanted: Callable[[], bool]) -> bool:
    """Repair the members that were not taken out, each from its best parameters; the snapshots take what is better.

    Args:
        training: one that is over.
        tell: is told what each repair came to.
        is_stop_wanted: asked before each pass.

    Returns:
        Whether all are repaired, and no stop was wanted before.
    """
    recipe, snapshots = training.recipe, training.snapshots
    for seed in recipe.all_seeds if recipe.repairs else ():
        if seed in training.fates:
            continue
        member = recipe.all_seeds.index(seed)
        one = _member(training.population, snapshots, member)
        model = one.members()[0]
        assert isinstance(model, (CellArrayModel, TableAutomaton))
        generator = Generator().manual_seed(recipe.first_seed + _REPAIR)
        changes, found = 0, None
        for part in recipe.repairs:
            if is_stop_wanted():
                return False
            lengths = (max(part.lengths[0], training.task.shortest), max(part.lengths[1], training.task.shortest))
            batch = training.task.batch(lengths, part.rows, generator=generator)
            found = repair(
                model, batch.tokens, batch.targets, batch.mask,
                rounds=part.rounds, tries=part.tries, judge=part.judge, generator=Generator().manual_seed(seed),
            )  # fmt: skip
            changes += found.changes
        assert found is not None
        mended = Population([model])
        (validation,) = training.measure(mended, 1)
        is_kept = snapshots.take(mended, [member], [validation]) or validation >= float(snapshots.scores[member])
        tell(
            Mended(
                step=training.place.step,
                seed=seed,
                rows=found.rows,
                before=found.before,
                after=found.after,
                changes=changes,
                validation=validation,
                is_kept=is_kept,
            )
        )
    return True


def _member(population: Population, snapshots: Snapshots, member: int) -> Population:
    """A population of one: the best parameters of a seed, on the CPU."""
    one = Population([population.members()[0]]).cpu()
    one.load_state_dict({name: held[member : member + 1].cpu() for name, held in snapshots.states.items()})
    return one
