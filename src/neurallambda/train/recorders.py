"""Listeners that write curves for other tools: TensorBoard, and trackio where that is installed."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from neurallambda.train.events import Event, Listener, Stepped, Validated
from neurallambda.train.recipe import Recipe
from neurallambda.train.run_folder import LOG_EVERY


@contextmanager
def recorders(folder: Path, recipe: Recipe) -> Iterator[list[Listener]]:
    """A listener for each of these tools that is installed.

    Args:
        folder: of the run; TensorBoard's files go into its folder `tensorboard`.
        recipe: what is done.
    """
    with ExitStack() as stack:
        listeners: list[Listener] = []
        if find_spec("tensorboard"):
            listeners.append(stack.enter_context(_tensorboard(folder / "tensorboard")))
        if find_spec("trackio"):
            listeners.append(stack.enter_context(_trackio(folder.name, recipe)))
        yield listeners


@contextmanager
def _tensorboard(folder: Path) -> Iterator[Listener]:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:

        def listen(event: Event) -> None:
            for name, value in curves(event).items():
                writer.add_scalar(name, value, getattr(event, "step"))  # noqa: B009

        yield listen


@contextmanager
def _trackio(name: str, recipe: Recipe) -> Iterator[Listener]:
    trackio: Any = import_module("trackio")
    trackio.init(project="neurallambda", name=name, config=recipe.facts())
    try:

        def listen(event: Event) -> None:
            found = curves(event)
            if found:
                trackio.log(found, step=event.step)

        yield listen
    finally:
        trackio.finish()


def curves(event: Event) -> dict[str, float]:
    """What an event adds to the curves, by their names; of the steps one in ten does.

    Example:
        >>> curves(Validated(step=100, seeds=(3,), accuracies=(0.5,)))
        {'validation/seed 3': 0.5}
    """
    if isinstance(event, Validated):
        return {f"validation/seed {seed}": value for seed, value in zip(event.seeds, event.accuracies, strict=True)}
    if not isinstance(event, Stepped) or event.step % LOG_EVERY:
        return {}
    found = {"learning rate": event.rate}
    for name, values in (("loss", event.losses), ("accuracy", event.accuracies)):
        found |= {f"{name}/seed {seed}": value for seed, value in zip(event.seeds, values, strict=True)}
    return found
