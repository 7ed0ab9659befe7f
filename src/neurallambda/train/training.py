"""One training, step by step: what it holds, how it goes on, and all that must be kept to take it up again."""

from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import torch
from jaxtyping import Bool
from torch import Generator, Tensor, nn

from neurallambda.errors import ArgumentError
from neurallambda.nn import (
    LSTMModel,
    Population,
    Recurrent,
    RNNModel,
    TableAutomaton,
    WindowAutomaton,
    clip_each,
    hardened,
)
from neurallambda.train.drawn import Drawn, real_tokens
from neurallambda.train.events import Event, Failed, StageEnded, Stepped, Validated
from neurallambda.train.following import optimizer_states, optimizer_tensors, under
from neurallambda.train.making import make_population, task_of
from neurallambda.train.measures import cross_entropy, token_accuracy
from neurallambda.train.recipe import Recipe
from neurallambda.train.schedule import learning_rate
from neurallambda.train.snapshots import Snapshots

if TYPE_CHECKING:
    from accelerate import Accelerator

_VALIDATION = 1_000_003
"""Added to the first seed for the inputs of validation, which no training draws."""


_FROM_LEFT_TO_RIGHT = (Recurrent, TableAutomaton, WindowAutomaton, RNNModel, LSTMModel)
"""Models that need not be told where padding is."""
_NO_CLIP = 1e30
"""A norm that no gradient has."""


@dataclass
class Place:
    """Where a training is: the number of its stage, and how many steps it took in that stage and in all."""

    stage: int = 0
    step_of_stage: int = 0
    step: int = 0
    seconds: float = 0.0


class Training:
    """The seeds of a recipe as they learn.

    `step`, `validate` and `end_stage` are the verbs; `advance` says them in the right order. Parameters,
    batches and noise come from seeds, and the noise from torch's global generator.

    Attributes:
        recipe: what is done.
        task: what is learned.
        population: the members that still learn.
        alive: their seeds.
        snapshots: the best parameters of every seed that started.
        running: the running accuracy of each member.
        fates: of the seeds that no longer learn, after how many steps and why.
    """

    def __init__(self, recipe: Recipe, accelerator: "Accelerator") -> None:
        self.recipe = recipe
        self.accelerator = accelerator
        self.task = task_of(recipe)
        if recipe.rows % accelerator.num_processes:
            raise ArgumentError(
                f"rows: got {recipe.rows}, expected a multiple of the number of processes, {accelerator.num_processes}"
            )
        self.population: Population = make_population(recipe, self.task).to(accelerator.device)
        self.alive = recipe.all_seeds
        self.snapshots = Snapshots(self.population)
        self.running = torch.zeros(len(self.alive), dtype=torch.float64)
        self.fates: dict[int, dict[str, Any]] = {}
        self.place = Place()
        self.stale = 0
        rank, processes = accelerator.process_index, accelerator.num_processes
        self._generator = Generator().manual_seed((recipe.first_seed + 1) * processes + rank)
        torch.manual_seed((recipe.first_seed + 1) * processes + rank)
        self.model: nn.Module
        self.optimizer: Any
        self._arrange({})

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return self.place.step

    def why_over(self) -> Literal["finished", "patience", "not finite"] | None:
        """The reason for which it is over: all stages are done, too many validations in a row brought no seed anything better, or none is left."""
        if not self.alive:
            return "not finite"
        if self.place.stage == len(self.recipe.stages):
            return "finished"
        return "patience" if self.recipe.patience is not None and self.stale >= self.recipe.patience else None

    def advance(self) -> Iterator[Event]:
        """Take a step; where it is time for it, look at the members, and end a stage."""
        yield self.step()
        ended = self.why_stage_is_over() if self.alive else None
        if ended is None and (not self.alive or self.place.step % self.recipe.validate_every):
            return
        validated = self.validate()
        yield validated
        if ended is not None:
            yield self.end_stage(ended, validated)

    def step(self) -> Stepped | Failed:
        """Take a step.

        Returns:
            How it went. Where the loss or the gradient of some seed is no finite number, that seed stops, and the others
            take up their parameters from before the step.
        """
        began, stage = perf_counter(), self.recipe.stages[self.place.stage]
        place = self.place
        rate = learning_rate(self.recipe, stage=place.stage, step_of_stage=place.step_of_stage, step=place.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch = self.draw(stage.lengths, self.recipe.rows // self.accelerator.num_processes, self._generator)
        self.model.train()
        logits = self.model(batch.tokens, self._real(batch))
        losses = cross_entropy(logits, batch.targets, batch.mask)
        self.accelerator.backward(losses.sum())
        with torch.no_grad():
            accuracies = token_accuracy(logits, batch.targets, batch.mask)
            measured = self.accelerator.reduce(torch.stack([losses.detach(), accuracies.to(losses.dtype)]), "mean")
        assert isinstance(measured, Tensor)
        is_finite = measured[0].isfinite() & self._clip()
        place.step += 1
        place.step_of_stage += 1
        if not bool(is_finite.all()):
            place.seconds += perf_counter() - began
            return self._fail(is_finite)
        self.optimizer.step()
        self.optimizer.zero_grad()
        place.seconds += perf_counter() - began
        kept = self.recipe.smoothing
        found = measured.double().cpu()
        self.running = kept * self.running + (1 - kept) * found[1]
        return Stepped(
            step=place.step,
            stage=place.stage + 1,
            rate=rate,
            seeds=self.alive,
            losses=tuple(found[0].tolist()),
            accuracies=tuple(self.running.tolist()),
            seconds=place.seconds,
        )

    def validate(self) -> Validated:
        """Look at the members as they are used: no noise, every choice made. The best parameters of each seed are kept."""
        began = perf_counter()
        accuracies = self.measure(self.population, len(self.alive))
        has_improved = self.snapshots.take(self.population, self._places(), accuracies)
        self.stale = 0 if has_improved else self.stale + 1
        self.place.seconds += perf_counter() - began
        return Validated(step=self.place.step, seeds=self.alive, accuracies=tuple(accuracies))

    def take_unseen(self) -> None:
        """Let the seeds that were never looked at have the parameters that they have now, not the first ones."""
        self.snapshots.take(self.population, self._places(), [-1.0] * len(self.alive))  # good enough for none but those

    @torch.no_grad()
    def measure(self, population: Population, members: int) -> list[float]:
        """The share of validation answers that each of the members gets right."""
        generator = Generator().manual_seed(self.recipe.first_seed + _VALIDATION)
        lengths, rows = self.recipe.validation_lengths, self.recipe.validation_rows
        batch = self.draw(lengths, rows, generator, members=members, is_shared=True)
        on, real = next(population.parameters()).device, self._real(batch)
        population.eval()
        with hardened(population):
            logits = population(batch.tokens.to(on), None if real is None else real.to(on))
        return token_accuracy(logits, batch.targets.to(on), batch.mask.to(on)).tolist()

    def why_stage_is_over(self) -> Literal["threshold", "steps"] | None:
        """The criterion by which the stage is over; None where it goes on."""
        stage = self.recipe.stages[self.place.stage]
        if stage.threshold is not None:
            judged = (len(self.alive) // 2 + 1) if stage.keep is None else min(stage.keep, len(self.alive))
            if float(self.running.sort(descending=True).values[judged - 1]) > stage.threshold:
                return "threshold"
        return "steps" if self.place.step_of_stage >= stage.steps else None

    def end_stage(self, reason: Literal["threshold", "steps"], validated: Validated) -> StageEnded:
        """Go on to the next stage, with the members that are kept; `validated` is how good they are now."""
        stage, before = self.recipe.stages[self.place.stage], self.alive
        running = self.running.tolist()
        first = [0.0] * len(before) if stage.keep_by == "training" else validated.accuracies
        order = sorted(range(len(before)), key=lambda member: (-first[member], -running[member]))
        kept = sorted(order[: stage.keep or len(order)])
        for member in set(range(len(before))) - set(kept):
            self.fates[before[member]] = {"after": self.place.step, "why": "pruned"}
        self._keep(kept)
        ended = StageEnded(
            step=self.place.step,
            stage=self.place.stage + 1,
            reason=reason,
            kept=self.alive,
            dropped=tuple(seed for seed in before if seed not in self.alive),
        )
        self.place.stage += 1
        self.place.step_of_stage = 0
        self.running = torch.zeros_like(self.running)
        return ended

    def draw(
        self,
        lengths: tuple[int, int],
        rows: int,
        generator: Generator,
        *,
        members: int | None = None,
        is_shared: bool = False,
    ) -> Drawn:
        """Rows for every member; the same for all of them where they are shared."""
        members = len(self.alive) if members is None else members
        lengths = (max(lengths[0], self.task.shortest), max(lengths[1], self.task.shortest))
        batch = self.task.batch(lengths, rows if is_shared else members * rows, generator=generator)
        return Drawn.of(batch.to(self.accelerator.device), members, is_shared=is_shared)

    def tensors(self) -> dict[str, Tensor]:
        """All numbers that the next step depends on, by name; `facts` are the rest. The generators are `random_state`."""
        held = {f"members.{name}": tensor for name, tensor in self.population.state_dict().items()}
        return held | optimizer_tensors(self.optimizer) | {"running": self.running} | self.snapshots.tensors()

    def facts(self) -> dict[str, Any]:
        """Where the training is, for JSON."""
        return {
            "recipe": self.recipe.facts(),
            "place": vars(self.place),
            "alive": list(self.alive),
            "stale": self.stale,
            "fates": {str(seed): fate for seed, fate in self.fates.items()},
        }

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Go back to where `tensors` and `facts` were taken."""
        alive = tuple(facts["alive"])
        self._keep([self.recipe.all_seeds.index(seed) for seed in alive])
        self.population.load_state_dict(under("members.", tensors))
        self._arrange(optimizer_states(tensors))
        self.running = tensors["running"]
        self.snapshots.restore(tensors)
        self.fates = {int(seed): fate for seed, fate in facts["fates"].items()}
        self.place, self.stale = Place(**facts["place"]), facts["stale"]

    def random_state(self) -> dict[str, Tensor]:
        """The states of this process's generators: of the batches, and of the noise on each kind of device."""
        states = {"batches": self._generator.get_state(), "noise": torch.get_rng_state()}
        if self.accelerator.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.accelerator.device)
        return states

    def restore_random_state(self, states: dict[str, Tensor]) -> None:
        """Let this process's generators go on from where they were."""
        self._generator.set_state(states["batches"])
        torch.set_rng_state(states["noise"])
        if "cuda" in states and self.accelerator.device.type == "cuda":
            torch.cuda.set_rng_state(states["cuda"], self.accelerator.device)

    def _places(self) -> list[int]:
        """The place of each member among all seeds that started."""
        return [self.recipe.all_seeds.index(seed) for seed in self.alive]

    def _real(self, batch: Drawn) -> Bool[Tensor, "members rows time"] | None:
        if isinstance(self.population.template, _FROM_LEFT_TO_RIGHT):
            return None  # padding comes last, and what is read last changes no answer before it
        return real_tokens(batch.lengths, self.task.time, batch.tokens.shape[-1])

    def _clip(self) -> Bool[Tensor, " members"]:
        """Clip the gradient of each member by itself; which of the gradients are finite."""
        return clip_each(self.population, _NO_CLIP if self.recipe.clip is None else self.recipe.clip).isfinite()

    def _fail(self, is_finite: Bool[Tensor, " members"]) -> Failed:
        """Take out the members whose numbers are lost, before they change."""
        failed = tuple(seed for seed, fine in zip(self.alive, is_finite.tolist(), strict=True) if not fine)
        for seed in failed:
            self.fates[seed] = {"after": self.place.step, "why": "not finite"}
        self.optimizer.zero_grad()
        self._keep(is_finite.nonzero().flatten().tolist())
        return Failed(step=self.place.step, seeds=failed)

    def _keep(self, members: list[int]) -> None:
        """Go on with some of the members: their parameters and what the optimizer knows of them."""
        if len(members) == len(self.alive):
            return
        index = torch.tensor(members, dtype=torch.long)
        states = {
            number: {name: value[index.to(value.device)] if value.ndim else value for name, value in state.items()}
            for number, state in self.optimizer.state_dict()["state"].items()
        }
        self.alive = tuple(self.alive[member] for member in members)
        self.running = self.running[index]
        if members:
            self._release()
            self.population.keep(members)
            self._arrange(states)

    def _arrange(self, states: dict[int, dict[str, Tensor]]) -> None:
        """Make an optimizer of the parameters that there are, and wrap both for the processes and the precision."""
        recipe = self.recipe
        parameters = list(self.population.parameters())
        settings = {"lr": recipe.learning_rate, "betas": recipe.betas}
        if recipe.optimizer == "adamw":
            optimizer: torch.optim.Optimizer = torch.optim.AdamW(
                parameters, weight_decay=recipe.weight_decay, **settings
            )
        else:
            kind = {"adam": torch.optim.Adam, "adamax": torch.optim.Adamax}[recipe.optimizer]
            optimizer = kind(parameters, **settings)
        if states:
            optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})
        self._release()
        self.population = self.accelerator.unwrap_model(self.population, keep_fp32_wrapper=False)
        self.model, self.optimizer = self.accelerator.prepare(self.population, optimizer)

    def _release(self) -> None:
        """Forget what joins the gradients of several processes: it knows their old shapes, and would join them twice."""
        if self.accelerator.num_processes > 1:
            self.model = self.population
            self.accelerator.free_memory()
