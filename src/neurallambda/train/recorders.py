"""Listeners that write curves for other tools: TensorBoard, and trackio where that is installed."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from neurallambda.train.events import Event, Listener, Stepped, Validated
from neurallambda.train.run_folder import LOG_EVERY


@contextmanager
def recorders(folder: Path, asked: Mapping[str, Any]) -> Iterator[list[Listener]]:
    """A listener for each of these tools that is installed; nothing is written before there is something to show.

    Args:
        folder: of the run; TensorBoard's files go into its folder `tensorboard`.
        asked: what is asked for, which trackio keeps beside the curves.
    """
    with ExitStack() as stack:  # on it is what a listener opens when it first has something to write
        listeners: list[Listener] = []
        if find_spec("tensorboard"):
            listeners.append(_tensorboard(folder / "tensorboard", stack))
        if find_spec("trackio"):
            listeners.append(_trackio(folder.name, asked, stack))
        yield listeners


def _tensorboard(folder: Path, stack: ExitStack) -> Listener:
    writers: list[Any] = []

    def listen(event: Event) -> None:
        found = curves(event)
        if found and not writers:
            from torch.utils.tensorboard import SummaryWriter

            writers.append(stack.enter_context(SummaryWriter(str(folder))))  # makes the folder
        for name, value in found.items():
            writers[0].add_scalar(name, value, getattr(event, "step"))  # noqa: B009

    return listen


def _trackio(name: str, asked: Mapping[str, Any], stack: ExitStack) -> Listener:
    trackio: Any = import_module("trackio")
    begun: list[str] = []

    def listen(event: Event) -> None:
        found = curves(event)
        if found and not begun:
            begun.append(name)
            trackio.init(project="neurallambda", name=name, config=dict(asked))
            stack.callback(trackio.finish)
        if found:
            trackio.log(found, step=event.step)

    return listen


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
        if values:
            found |= {f"{name}/seed {seed}": value for seed, value in zip(event.seeds, values, strict=True)}
    return found
