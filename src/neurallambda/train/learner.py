"""One model that learns from a loss by descent: what its trainings have in common, whatever the loss is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.train.acceleration import any_process, make_accelerator
from neurallambda.train.events import Ended, Event, Failed, Listener, Stepped
from neurallambda.train.following import (
    NotFiniteError,
    Reason,
    follow,
    optimizer_states,
    optimizer_tensors,
    read_checkpoint,
    take_up,
    under,
    write_checkpoint,
)
from neurallambda.train.interruption import interruptible


@checked
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

    Raises:
        ArgumentError: if a number is out of range.

    Attributes:
        accelerator: with whom it learns.
        device: where it learns.
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
        model: torch.nn.Module,
        groups: Sequence[dict[str, Any]],
        *,
        limit: int,
        clip: float,
        seed: int,
        clipped: Sequence[Tensor] | None = None,
    ) -> None:
        check_count("limit", limit, least=0)
        check_count("seed", seed, least=0)
        if not clip > 0:
            raise ArgumentError(f"clip: got {clip}, expected a number above 0")
        kind = next(model.parameters()).device.type
        self.accelerator = make_accelerator(device=kind if kind in ("cpu", "cuda") else None)
        self.model: Any = model
        self.seed, self.limit, self._clip = seed, limit, clip
        if self.accelerator.num_processes > 1:
            model.to(self.accelerator.device)
            _let_begin_alike(model)
        self.device = next(model.parameters()).device
        # The settings are those of groups that say nothing else.
        self.optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0.0)
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
        """What learns, the buffers of the model, and what the optimizer knows."""
        held = {f"parameters.{number}": one for number, one in enumerate(self.learning)}
        held |= {f"buffers.{name}": one for name, one in self.model.named_buffers()}
        return held | optimizer_tensors(self.optimizer)

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
        if self.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.device)
        return states

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Go back to where `tensors` and `facts` were taken.

        Raises:
            ArgumentError: if they are of another model.
        """
        for what, here in (
            ("parameters", {f"{number}": one for number, one in enumerate(self.learning)}),
            ("buffers", dict(self.model.named_buffers())),
        ):
            kept = under(f"{what}.", tensors)
            if {name: one.shape for name, one in kept.items()} != {name: one.shape for name, one in here.items()}:
                raise ArgumentError(f"the {what} of the checkpoint are not those of this model; is it another one?")
            for name, one in here.items():
                one.copy_(kept[name])
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": optimizer_states(tensors), "param_groups": groups})
        self.steps, self.seconds = facts["steps"], facts["seconds"]

    def restore_random_state(self, states: dict[str, Tensor]) -> None:
        """Let this process's generators go on from where they were."""
        version, _, rest = self.random.getstate()
        self.random.setstate((version, tuple(states["examples"].tolist()), rest))
        self.generator.set_state(states["texts"])
        torch.set_rng_state(states["noise"])
        if "cuda" in states and self.device.type == "cuda":
            torch.cuda.set_rng_state(states["cuda"], self.device)

    def _join(self) -> None:
        """Let each process have the mean of all gradients; of a parameter that has one in some of them only, too."""
        if self.accelerator.num_processes == 1:
            return
        has = torch.tensor([one.grad is not None for one in self.learning], dtype=torch.float, device=self.device)
        in_some = self.accelerator.reduce(has, "sum")
        assert isinstance(in_some, Tensor)
        for one, count in zip(self.learning, in_some.tolist(), strict=True):
            if count:
                joined = self.accelerator.reduce(torch.zeros_like(one) if one.grad is None else one.grad, "mean")
                assert isinstance(joined, Tensor)
                one.grad = joined


@torch.no_grad()
def _let_begin_alike(model: torch.nn.Module) -> None:
    """Let the model of each process be that of the first one."""
    for tensor in (*model.parameters(), *model.buffers()):
        sent = tensor.detach().contiguous()
        # not all backends know truth values
        torch.distributed.broadcast(sent.view(torch.uint8) if sent.dtype == torch.bool else sent, src=0)
        tensor.copy_(sent)


@checked
def learn(
    learner: GradientLearner,
    listeners: Collection[Listener] = (),
    *,
    checkpoint: Path | None = None,
    save_every: int = 200,
    resume: bool = False,
    is_due: Callable[[], bool] | None = None,
    keep_too: Callable[[], None] = lambda: None,
) -> Reason:
    """Take all steps that are left; the model is then in evaluation.

    Args:
        learner: what learns.
        listeners: told of every event.
        checkpoint: the file that all is kept in that the next step depends on; None: none.
        save_every: after how many steps, besides Ctrl-C.
        resume: whether to go on from there; it ends in the same numbers as one that never stopped.
        is_due: whether it is to be kept after this step; None: as `save_every` says.
        keep_too: keeps what else is wanted, right before each checkpoint.

    Returns:
        Why it ended: Ctrl-C lets it end after the step that it is in, and be kept.

    Raises:
        ArgumentError: if there is nothing to go on from, something else, or another training that would be lost.
        NotFiniteError: if the loss or its gradient is no finite number any more; what was kept before stays.
        KeyboardInterrupt: if it was interrupted, and nothing keeps it.

    Example:
        >>> import tempfile
        >>> class Sum(GradientLearner):
        ...     def rate(self, greatest):
        ...         return greatest
        ...
        ...     def losses(self):
        ...         loss = self.model(torch.rand(8, 2, generator=self.generator)).square().mean()
        ...         return loss, loss
        >>> def begun():
        ...     torch.manual_seed(0)
        ...     model = torch.nn.Linear(2, 1)
        ...     return Sum(model, [{"params": model.parameters(), "lr": 0.1}], limit=10, clip=1.0, seed=0)
        >>> file = Path(tempfile.mkdtemp()) / "checkpoint.safetensors"
        >>> learn(begun(), checkpoint=file, save_every=5)
        'finished'
        >>> again = begun()  # another process, some time later
        >>> learn(again, checkpoint=file, resume=True), again.steps
        ('finished', 10)
    """
    if resume:
        if checkpoint is None:
            raise ArgumentError("resume: there is no checkpoint to resume from; name its file")
        take_up(learner, *read_checkpoint(checkpoint, learner.accelerator, needs=tuple(learner.facts())))
    elif checkpoint is not None and checkpoint.exists():
        raise ArgumentError(f"{checkpoint}: a training was kept there; go on with it (resume), or name another file")

    def keep() -> None:
        keep_too()
        assert checkpoint is not None
        write_checkpoint(learner, checkpoint)

    if checkpoint is not None and not resume:
        keep()  # from now on it can be resumed, whenever it is killed
    with interruptible() as interruption:

        def is_stop_wanted() -> bool:
            return any_process(learner.accelerator, interruption.is_wanted)

        reason = follow(
            learner,
            listeners,
            keep=None if checkpoint is None else keep,
            is_due=is_due or (lambda: learner.steps % save_every == 0),
            is_stop_wanted=is_stop_wanted,
        )
        # In the last step too somebody may have asked to stop, who means what comes after it as well.
        is_cut = checkpoint is None and reason != "not finite" and is_stop_wanted()
    learner.model.eval()
    for listener in listeners:
        listener(Ended(step=learner.steps, reason=reason, seconds=learner.seconds))
    if reason == "not finite":
        last = "" if checkpoint is None else f"; the last good checkpoint is {checkpoint}"
        raise NotFiniteError(
            f"step {learner.steps + 1}: the loss, or its gradient, is no finite number{last}; a smaller learning_rate or clip "
            "may help"
        )
    if is_cut:
        raise KeyboardInterrupt
    return reason
