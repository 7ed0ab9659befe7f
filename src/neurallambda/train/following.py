"""What all trainings have in common: step after step, told as it goes, and kept so that a later process takes it up again."""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from neurallambda.errors import ArgumentError, NeurallambdaError
from neurallambda.train.checkpoint import load, save
from neurallambda.train.events import Event, Listener, StageEnded

if TYPE_CHECKING:
    from accelerate import Accelerator

Reason = Literal["finished", "patience", "interrupted", "not finite"]
"""Why a training ended."""


class NotFiniteError(NeurallambdaError, ArithmeticError):
    """The loss of all that learns is no finite number any more."""


@runtime_checkable
class Learner(Protocol):
    """Something that learns step by step, and can be put down and taken up again.

    Attributes:
        accelerator: the place where it learns, and the processes that learn together.
    """

    accelerator: "Accelerator"

    @property
    def steps(self) -> int:
        """How many steps it has taken."""
        ...

    def why_over(self) -> Literal["finished", "patience", "not finite"] | None:
        """The reason for which it is over; None: it goes on."""
        ...

    def advance(self) -> Iterator[Event]:
        """Take a step, and what comes with it; what happens is told as it happens."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """All numbers that the next step depends on, by name, but those of generators."""
        ...

    def facts(self) -> dict[str, Any]:
        """What was asked for, and how far it is, for JSON."""
        ...

    def random_state(self) -> dict[str, Tensor]:
        """The states of this process's generators."""
        ...

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Go back to where `tensors` and `facts` were taken."""
        ...

    def restore_random_state(self, states: dict[str, Tensor]) -> None:
        """Let this process's generators go on from where they were."""
        ...


def follow(
    learner: Learner,
    listeners: Collection[Listener],
    *,
    keep: Callable[[], None] | None,
    is_due: Callable[[], bool],
    is_stop_wanted: Callable[[], bool],
) -> Reason:
    """Take all steps that are left.

    Args:
        learner: what learns.
        listeners: told of every event but the last, that it ended.
        keep: keeps it, so that a later process can go on; None: nothing does.
        is_due: whether it is to be kept after this step, besides those that end a stage, and the last of an interruption.
        is_stop_wanted: whether it shall end after this step; the same in all processes.

    Returns:
        Why it ended. Where the loss is no finite number, what was kept before stays.
    """
    reason = learner.why_over()
    while reason is None:
        is_stage_over = False
        for event in learner.advance():
            is_stage_over |= isinstance(event, StageEnded)
            for listener in listeners:
                listener(event)
        reason = learner.why_over()
        if reason == "not finite":
            break
        is_interrupted = reason is None and is_stop_wanted()
        if keep is not None and (is_stage_over or is_interrupted or is_due()):
            keep()
        if is_interrupted:
            return "interrupted"
    return reason


def write_checkpoint(learner: Learner, path: Path) -> None:
    """Write all that the next step depends on, of all processes, to one file.

    Args:
        learner: what learns.
        path: of the file.
    """
    accelerator = learner.accelerator
    states = _from_all(learner.random_state(), accelerator)
    if accelerator.is_main_process:
        random = {f"random.{rank}.{name}": state for rank, held in enumerate(states) for name, state in held.items()}
        save(path, learner.tensors() | random, learner.facts() | {"processes": accelerator.num_processes})
    accelerator.wait_for_everyone()


def read_checkpoint(
    path: Path, accelerator: "Accelerator", *, needs: Collection[str]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_checkpoint` wrote, for `take_up`.

    Args:
        path: of the file.
        accelerator: of the training that shall go on.
        needs: the names of facts that it must have.

    Raises:
        ArgumentError: if there is none, or it is of another number of processes.
    """
    if not path.exists():
        raise ArgumentError(f"{path.parent}: there is no checkpoint to go on from")
    tensors, facts = load(path, needs=("processes", *needs))
    if facts["processes"] != accelerator.num_processes:
        raise ArgumentError(
            f"{path.parent}: the run there had {facts['processes']} processes, and here are {accelerator.num_processes}"
        )
    return tensors, facts


def take_up(learner: Learner, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Bring a training to where it was when a checkpoint was written.

    Args:
        learner: at its first step.
        tensors: of the checkpoint.
        facts: of the checkpoint.
    """
    learner.restore(tensors, facts)
    prefix = f"random.{learner.accelerator.process_index}."
    learner.restore_random_state(under(prefix, tensors))


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Those whose names begin with a prefix, which is taken off.

    Example:
        >>> under("a.", {"a.b": torch.ones(1), "c": torch.ones(1)})
        {'b': tensor([1.])}
    """
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def optimizer_tensors(optimizer: Any) -> dict[str, Tensor]:
    """What an optimizer knows of each parameter, by the parameter's number and its own word for it.

    Args:
        optimizer: one of PyTorch's, also as accelerate wraps it.
    """
    return {
        f"optimizer.{number}.{name}": torch.as_tensor(value)
        for number, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }


def optimizer_states(tensors: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """What `optimizer_tensors` gave, as optimizers take it.

    Args:
        tensors: of a checkpoint.
    """
    states: dict[int, dict[str, Tensor]] = {}
    for name, tensor in under("optimizer.", tensors).items():
        number, _, part = name.partition(".")
        states.setdefault(int(number), {})[part] = tensor
    return states


def _from_all(states: dict[str, Tensor], accelerator: "Accelerator") -> list[dict[str, Tensor]]:
    """What each process holds, in their order."""
    if accelerator.num_processes == 1:
        return [states]
    held: list[Any] = [None] * accelerator.num_processes
    torch.distributed.all_gather_object(held, states)
    return held
