"""Progress on standard error: a bar where a person reads it, and otherwise a line for each thing that happens."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from neurallambda.train.events import Ended, Event, Failed, Listener, Mended, StageEnded, Stepped, Validated
from neurallambda.train.recipe import Recipe


@contextmanager
def shown(
    stages: Sequence[tuple[str, int]], *, tell_every: int | None = None, console: Console | None = None
) -> Iterator[Listener]:
    """A listener that shows how a training goes: the loss and the running accuracy of the median seed, the time that is left.

    Args:
        stages: what each is called, and how many steps it has at most.
        tell_every: every so many steps a line tells one, where there is no bar; None: none.
        console: where; None: standard error.
    """
    console = console or Console(file=sys.stderr)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} {task.fields[told]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task(stages[0][0], total=sum(steps for _, steps in stages), told="")
        skipped = 0

        def listen(event: Event) -> None:
            nonlocal skipped
            if isinstance(event, Stepped):
                progress.update(bar, completed=event.step + skipped, told=_told(event))
                if tell_every is None or console.is_terminal or event.step % tell_every:
                    return
            if isinstance(event, StageEnded):
                planned = sum(steps for _, steps in stages[: event.stage])
                skipped = planned - event.step
                if event.stage < len(stages):
                    progress.update(bar, description=stages[event.stage][0], completed=planned)
            progress.console.print(line(event), markup=False, highlight=False, soft_wrap=True)

        yield listen


def line(event: Event) -> str:
    """An event in a line; several seeds stand before what is said of each.

    Example:
        >>> line(Validated(step=100, seeds=(0, 1), accuracies=(1.0, 0.5)))
        'step 100: validation 0:1.000 1:0.500'
        >>> line(Validated(step=100, seeds=(1000,), accuracies=(0.5,)))
        'step 100: validation 0.500'
    """
    if isinstance(event, Stepped):
        return f"step {event.step}: {_told(event)}"
    if isinstance(event, Validated):
        if len(event.seeds) == 1:
            return f"step {event.step}: validation {event.accuracies[0]:.3f}"
        return f"step {event.step}: validation {_pairs(event.seeds, event.accuracies)}"
    if isinstance(event, StageEnded):
        why = "its threshold was reached" if event.reason == "threshold" else "its steps are used up"
        kept = "" if not event.dropped else f"; seeds kept: {_list(event.kept)}, dropped: {_list(event.dropped)}"
        return f"step {event.step}: stage {event.stage} is over, {why}{kept}"
    if isinstance(event, Failed):
        return f"step {event.step}: the loss of seed {_list(event.seeds)} is not a finite number; taken out"
    if isinstance(event, Mended):
        outcome = "" if event.is_kept else ", and all is taken back"
        return (
            f"seed {event.seed}: {event.changes} rules changed, {event.before} of {event.rows} rows right before the last "
            f"pass and {event.after} after it; validation {event.validation:.3f}{outcome}"
        )
    assert isinstance(event, Ended)
    return f"step {event.step}: {event.reason} after {event.seconds:.0f} s"


def _told(event: Stepped) -> str:
    """The numbers of a step: those of the median seed."""
    accuracy = f", accuracy {median(event.accuracies):.3f}" if event.accuracies else ""
    return f"loss {median(event.losses):.3f}{accuracy}"


def stages_of(recipe: Recipe) -> list[tuple[str, int]]:
    """The stages of a recipe, as `shown` takes them.

    Args:
        recipe: what is done.
    """
    many = len(recipe.stages)
    return [
        (f"stage {number}/{many}, lengths {stage.lengths[0]}-{stage.lengths[1]}", stage.steps)
        for number, stage in enumerate(recipe.stages, start=1)
    ]


def _pairs(seeds: tuple[int, ...], values: tuple[float, ...]) -> str:
    return " ".join(f"{seed}:{value:.3f}" for seed, value in zip(seeds, values, strict=True))


def _list(seeds: tuple[int, ...]) -> str:
    return " ".join(map(str, seeds)) or "none"
