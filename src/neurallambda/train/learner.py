"""One model that learns from a loss by descent: what its trainings have in common, whatever the loss is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from neurallambda.errors import ArgumentError
from neurallambda.train.acceleration import any_process, make_accelerator
from neurallambda.train.events import Ended, Event, Failed, Listener, Stepped
from neurallambda.train.following import (
    NotFiniteError,
    Reason,
    follow,
    optimizer_states,
    optimizer_tensors,
    under,
)
from neurallambda.train.interruption import interruptible


class GradientLearner(ABC):
    """A model that learns step by step: a `neurallambda.train.following.Learner`.

    What differs from training to training is what becomes small, `losses`, and how learning rates go, `rate`. Where `torchrun`
    started several processes each has examples of its own, and they learn from the mean of their gradients.

    Args:
        model: with whatever learns in it; changed in place.
        groups: what learns, each group with its learning rate, as optimizers take them.
        limit: how many steps are taken.
        clip: the greatest norm of the gradient.
        seed: of the examples; noise is drawn by torch's global generator, as it is.
        clipped: the parameters whose gradient is clipped, in the order in which its norm is summed; None: those of the groups.

    Attributes:
        accelerator: where it learns, and with whom.
        steps: how many were taken.
        seconds: how long these took.
        own_seed: that of this process.
        random: draws examples.
        generator: draws tensors.

    Example:
        >>> class Line(GradientLearner):
        ...     def rate(self, greatest):
        ...         return greatest * (1 - self.steps / self.limit)
        ...
        ...     def losses(self):
        ...         x = torch.rand(32, 1, generator=self.generator)
        ...         loss = (self.model(x) - 2 * x - 1).square().mean()
        ...         return loss, loss
        >>> model = torch.nn.Linear(1, 1)
        >>> learner = Line(model, [{"params": model.parameters(), "lr": 0.3}], limit=200, clip=1.0, seed=0)
        >>> learn(learner)
        'finished'
        >>> round(model(torch.ones(1)).item(), 2)
        3.0
    """

    def __init__(
        self,
        model: Any,
        groups: Sequence[dict[str, Any]],
        *,
        limit: int,
        clip: float,
        seed: int,
        clipped: Sequence[Tensor] | None = None,
    ) -> None:
        kind = next(model.parameters()).device.type
        self.accelerator = make_accelerator(device=kind if kind in ("cpu", "cuda") else None)
        self.model, self.seed, self.limit, self._clip = model, seed, limit, clip
        if self.accelerator.num_processes > 1:
            model.to(self.accelerator.device)
        self.optimizer = torch.optim.AdamW(
            groups, betas=(0.9, 0.99), weight_decay=0.0
        )  # where a group says nothing else
        self._rates = [group["lr"] for group in self.optimizer.param_groups]
        self.learning = [one for group in self.optimizer.param_groups for one in group["params"]]
        self._clipped = self.learning if clipped is None else list(clipped)
        self.steps, self.seconds, self._is_lost = 0, 0.0, False
        self.own_seed = seed * self.accelerator.num_processes + self.accelerator.process_index
        self.random, self.generator = Random(self.own_seed), Generator().manual_seed(self.own_seed)

    @abstractmethod
    def losses(self) -> tuple[Tensor, Tensor]:
        """What becomes small in this step, and of that what listeners are told."""

    @abstractmethod
    def rate(self, greatest: float) -> float:
        """The learning rate of this step, of a group with this one."""

    def why_over(self) -> Literal["finished", "not finite"] | None:
        """The reason for which it is over; None: it goes on."""
        if self._is_lost:
            return "not finite"
        return "finished" if self.steps >= self.limit else None

    def advance(self) -> Iterator[Event]:
        """Take a step. Where the loss or its gradient is no finite number, nothing changes, and it is over."""
        began = perf_counter()
        for group, greatest in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = self.rate(greatest)
        self.model.train()
        total, told = self.losses()
        self._is_lost = any_process(self.accelerator, not bool(total.isfinite()))
        if not self._is_lost:
            self.optimizer.zero_grad()
            total.backward()
            self._join()
            self._is_lost = not bool(torch.nn.utils.clip_grad_norm_(self._clipped, self._clip).isfinite())
        if not self._is_lost:
            self.optimizer.step()
            self.steps += 1
        self.seconds += perf_counter() - began
        if self._is_lost:
            yield Failed(step=self.steps + 1, seeds=(self.seed,))
            return
        yield Stepped(
            step=self.steps,
            stage=1,
            rate=self.optimizer.param_groups[0]["lr"],
            seeds=(self.seed,),
            losses=(float(told.detach()),),
            accuracies=(),
            seconds=self.seconds,
        )

    def tensors(self) -> dict[str, Tensor]:
        """What learns, and what the optimizer knows of it."""
        return {f"parameters.{number}": one for number, one in enumerate(self.learning)} | optimizer_tensors(
            self.optimizer
        )

    def facts(self) -> dict[str, Any]:
        """How far it is."""
        return {"steps": self.steps, "seconds": self.seconds}

    def random_state(self) -> dict[str, Tensor]:
        """The states of this process's generators."""
        _, numbers, _ = self.random.getstate()
        states = {
            "examples": torch.tensor(numbers),
            "texts": self.generator.get_state(),
            "noise": torch.get_rng_state(),
        }
        if self.accelerator.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.accelerator.device)
        return states

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Go back to where `tensors` and `facts` were taken.

        Raises:
            ArgumentError: if they are of another model.
        """
        kept = under("parameters.", tensors)
        shapes = {f"{number}": one.shape for number, one in enumerate(self.learning)}
        if {name: one.shape for name, one in kept.items()} != shapes:
            raise ArgumentError(
                "the parameters of the checkpoint are not those that learn here; is the model another one?"
            )
        for number, one in enumerate(self.learning):
            one.copy_(kept[f"{number}"])
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": optimizer_states(tensors), "param_groups": groups})
        self.steps, self.seconds = facts["steps"], facts["seconds"]

    def restore_random_state(self, states: dict[str, Tensor]) -> None:
        """Let this process's generators go on from where they were."""
        version, _, rest = self.random.getstate()
        self.random.setstate((version, tuple(states["examples"].tolist()), rest))
        self.generator.set_state(states["texts"])
        torch.set_rng_state(states["noise"])
        if "cuda" in states and self.accelerator.device.type == "cuda":
            torch.cuda.set_rng_state(states["cuda"], self.accelerator.device)

    def _join(self) -> None:
        """Let each process have the mean of all gradients."""
        if self.accelerator.num_processes == 1:
            return
        for one in self.learning:
            if one.grad is not None:
                joined = self.accelerator.reduce(one.grad, "mean")
                assert isinstance(joined, Tensor)
                one.grad = joined


def learn(
    learner: GradientLearner,
    listeners: Collection[Listener] = (),
    *,
    keep: Callable[[], None] | None = None,
    is_due: Callable[[], bool] = lambda: False,
    kept_at: Path | None = None,
) -> Reason:
    """Take all steps that are left; the model is then in evaluation.

    Args:
        learner: what learns.
        listeners: told of every event.
        keep: keeps it, so that a later process can go on.
        is_due: whether it is to be kept after this step.
        kept_at: where that is, for who must be told.

    Returns:
        Why it ended: Ctrl-C lets it end after the step that it is in, and be kept.

    Raises:
        NotFiniteError: if the loss is no finite number any more; what was kept before stays.
        KeyboardInterrupt: if it was interrupted, and nothing keeps it.

    Example:
        >>> from pathlib import Path
        >>> from neurallambda.train.following import write_checkpoint
        >>> def keeping(learner: GradientLearner, path: Path) -> Reason:
        ...     keep = lambda: write_checkpoint(learner, path)
        ...     return learn(learner, keep=keep, is_due=lambda: learner.steps % 50 == 0, kept_at=path)
    """
    with interruptible() as interruption:
        reason = follow(
            learner,
            listeners,
            keep=keep,
            is_due=is_due,
            is_stop_wanted=lambda: any_process(learner.accelerator, interruption.is_wanted),
        )
    learner.model.eval()
    for listener in listeners:
        listener(Ended(step=learner.steps, reason=reason, seconds=learner.seconds))
    if reason == "not finite":
        last = "" if kept_at is None or not kept_at.exists() else f"; the last good checkpoint is {kept_at}"
        raise NotFiniteError(
            f"step {learner.steps + 1}: the loss is no finite number{last}; a smaller learning_rate or clip may help"
        )
    if reason == "interrupted" and keep is None:
        raise KeyboardInterrupt
    return reason
