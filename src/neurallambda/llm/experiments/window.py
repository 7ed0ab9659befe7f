"""What a structure gives back to a model whose attention is cut to a short window: perplexity on plain text."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.llm.bases import home_of, label_of, load_base
from neurallambda.llm.config import GraftConfig
from neurallambda.llm.experiments.arms import RATES
from neurallambda.llm.experiments.matrix import TUNING_SEED
from neurallambda.llm.experiments.sizes import LORA_TARGETS, lora_rank, structure_size
from neurallambda.llm.experiments.window_table import FORM, read_window
from neurallambda.llm.extras import extra
from neurallambda.llm.grafting import graft, parameter_groups
from neurallambda.llm.teaching.losses import language_losses
from neurallambda.llm.teaching.measuring import perplexity
from neurallambda.llm.teaching.recipe import check_rate, rate_at
from neurallambda.llm.teaching.room import device_of
from neurallambda.llm.teaching.texts import own_texts
from neurallambda.train.following import NotFiniteError
from neurallambda.train.learner import GradientLearner, learn
from neurallambda.train.results import write_result
from neurallambda.train.run_folder import where

VALIDATION = 16
"""So many of the texts for training are held out to choose the learning rate by."""


@checked
@dataclass(frozen=True, kw_only=True)
class WindowRecipe:
    """How a model with a short window is trained on plain text.

    Args:
        window: how many tokens attention sees, the token itself among them.
        steps: how many.
        rows: texts a step.
        clip: the greatest norm of the gradient.

    Raises:
        ArgumentError: if a number is out of range; which one, and what came.
    """

    window: int = 8
    steps: int = 100
    rows: int = 4
    clip: float = 1.0

    def __post_init__(self) -> None:
        for name in ("window", "steps", "rows"):
            check_count(name, getattr(self, name))
        check_rate("clip", self.clip)


@checked
def windowed(model: nn.Module, window: int) -> nn.Module:
    """A copy of a model of the Llama family whose attention sees the last tokens only.

    It is a model of the Mistral family, which is the same but for that. Through its blocks a token may still learn of
    others further back: those that the ones in its window have seen.

    Args:
        model: a Llama with a language modelling head.
        window: how many tokens each sees, itself among them.

    Raises:
        ArgumentError: if the model is of another family, or the window is not positive.
    """
    check_count("window", window)
    config: Any = model.config
    if config.model_type != "llama":
        raise ArgumentError(f"model: got one of the family {config.model_type!r}, expected a Llama")
    transformers = extra("transformers")
    facts = {name: value for name, value in config.to_dict().items() if name not in ("model_type", "architectures")}
    cut = transformers.MistralForCausalLM(transformers.MistralConfig(**facts | {"sliding_window": window}))
    cut.load_state_dict(model.state_dict())
    return cut.eval().to(device_of(model))


STACKS = GraftConfig(structure="stack", heads=4, width=16, depth=64, has_latch=False, phase_prior=0.0)
"""Four stacks without a latch: text has no two phases."""


def _with_structure(model: Any, rate: float) -> tuple[Any, list[dict[str, Any]]]:
    graft(model, STACKS)
    return model, parameter_groups(model, rate)


def _with_lora(model: Any, rate: float) -> tuple[Any, list[dict[str, Any]]]:
    peft, rank = extra("peft"), lora_rank(model, structure_size(STACKS, model))
    model.requires_grad_(False)
    model = peft.get_peft_model(model, peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=list(LORA_TARGETS)))
    return model, [{"params": [one for one in model.parameters() if one.requires_grad], "lr": rate}]


ARMS: dict[str, Callable[[Any, float], tuple[Any, list[dict[str, Any]]]]] = {
    "structure": _with_structure,
    "lora": _with_lora,
}
"""What is added to the model with the short window; LoRA has at least as many parameters as the structure."""


def measure_window(
    name: str,
    path: Path,
    recipe: WindowRecipe,
    *,
    arms: Sequence[str],
    seeds: int,
    device: str | None = None,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """The rows of the base, the base with a short window, and that with what is added; a run that is there is left as it is.

    The learning rate of each arm is chosen by one more seed on texts of their own; perplexity is on texts held out of both.

    Args:
        name: of the base model.
        path: of the result, written after each run.
        recipe: how.
        arms: names in `ARMS`.
        seeds: how many count.
        device: where the model learns; None: on the CPU.
        say: told what happens.

    Raises:
        ArgumentError: if an arm is unknown, or the file is another result.
    """
    for arm in arms:
        if arm not in ARMS:
            raise ArgumentError(f"arms: {arm!r} is unknown; expected one of {', '.join(ARMS)}")
    model, _ = load_base(name, device=device)
    held, others = own_texts(model, home_of(name))
    facts = _begun(path, label_of(name), recipe)
    cut = partial(windowed, model, recipe.window)
    facts["base"], facts["window"] = (round(perplexity(one, held), 4) for one in (model, cut()))
    for arm in arms:
        runs = facts["arms"].setdefault(arm, {"tuning": [], "seeds": []})
        run = partial(_run, cut, ARMS[arm], others[VALIDATION:], recipe)
        tried = {one["learning_rate"] for one in runs["tuning"]}
        for rate in [rate for rate in RATES if rate not in tried]:
            found = run(others[:VALIDATION], rate, TUNING_SEED)
            runs["tuning"].append({"learning_rate": rate, "validation": found["perplexity"]})
            write_result(path, facts)
            say(f"{arm} rate {rate}: validation {found['perplexity']}")
        best = min(runs["tuning"], key=lambda one: one["validation"])["learning_rate"]
        runs["learning_rate"] = best
        for seed in range(len(runs["seeds"]), seeds):
            found = run(held, best, seed)
            runs["seeds"].append({"seed": seed, **found})
            write_result(path, facts)
            say(f"{arm} seed {seed}: {found['perplexity']}; the base has {facts['base']}, cut {facts['window']}")
    write_result(path, facts)
    return facts


def _begun(path: Path, name: str, recipe: WindowRecipe) -> dict[str, Any]:
    if not path.exists():
        return {"form": FORM, "model": name, "recipe": asdict(recipe), "arms": {}, "training": where()}
    facts = read_window(path)
    if facts["recipe"] != asdict(recipe) or facts["model"] != name:
        raise ArgumentError(f"{path}: it was made by another recipe; choose another file")
    return facts


def _run(
    cut: Callable[[], Any],
    add: Callable[[Any, float], tuple[Any, list[dict[str, Any]]]],
    texts: Tensor,
    recipe: WindowRecipe,
    measured: Tensor,
    rate: float,
    seed: int,
) -> dict[str, Any]:
    """Train what is added on texts, and measure perplexity on others."""
    torch.manual_seed(seed)
    model, groups = add(cut(), rate)
    learner = _Reading(model, groups, texts, recipe, seed)
    lost: dict[str, int] = {}
    try:
        learn(learner)
    except NotFiniteError:  # it counts as it was before that step
        lost = {"lost_after": learner.steps}
    return {
        "perplexity": round(perplexity(model, measured), 4),
        "parameters": sum(one.numel() for one in learner.learning),
        "seconds": round(learner.seconds, 1),
    } | lost


class _Reading(GradientLearner):
    """Plain text that is read step by step."""

    def __init__(
        self, model: Any, groups: Sequence[dict[str, Any]], texts: Tensor, recipe: WindowRecipe, seed: int
    ) -> None:
        super().__init__(model, groups, limit=recipe.steps, clip=recipe.clip, seed=seed)
        self.texts, self.recipe = texts, recipe

    def rate(self, greatest: float) -> float:
        return greatest * rate_at(self.steps, self.recipe.steps)

    def losses(self) -> tuple[Tensor, Tensor]:
        rows = self.texts[torch.randint(len(self.texts), (self.recipe.rows,), generator=self.generator)]
        loss = language_losses(self.model, rows).mean()
        return loss, loss
