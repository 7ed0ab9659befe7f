"""What learns in an experiment: a structure, an adapter, an initial state, the model itself, and ablations of the structure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch

from neurallambda.llm.config import GraftConfig
from neurallambda.llm.experiments.sizes import LORA_TARGETS, lora_rank, prefix_tokens
from neurallambda.llm.extras import extra
from neurallambda.llm.families import parts_of
from neurallambda.llm.grafting import graft, parameter_groups, upper_blocks
from neurallambda.llm.rwkv.initial_state import learn_initial_state
from neurallambda.llm.splice import NAME
from neurallambda.llm.teaching.tasks import calls_for, graft_for, text_task, without_bank

RATES = (1e-3, 3e-3, 1e-2)
"""The learning rates that every arm is tuned over whose base is frozen, all with as many runs."""
GENTLE_RATES = (1e-4, 3e-4, 1e-3)
"""Those of arms in which parameters of the base learn; a structure in it learns ten times as fast, so at the rates of all structures."""


@dataclass(frozen=True)
class Arm:
    """What learns.

    Attributes:
        description: in words.
        change: of the graft; None: there is none.
        has_lora: whether there is an adapter, of at least as many parameters as the structure of the task has.
        has_initial_state: whether keys and values are learned in front of every text, in each block, the initial state of attention:
            at least as many parameters, too. An RWKV-7 has a state instead, and learns all of that.
        has_calls: whether the graft calls programs outside the model, in the place of what is meant for the task.
        is_in_middle: whether the graft sees and adds after the block in the middle.
        learns: which of the base model learns: nothing, its upper half, or all.
        tries: how often a training is begun at most, until it answers inputs of the greatest length of training.
        replay_warmup: over how many steps the weight of texts that are repeated rises.
    """

    description: str
    change: Callable[[GraftConfig], GraftConfig] | None = None
    has_lora: bool = False
    has_initial_state: bool = False
    has_calls: bool = False
    is_in_middle: bool = False
    learns: Literal["none", "upper", "all"] = "none"
    tries: int = 1
    replay_warmup: int = 0

    def graft_for(self, task: str, tokenizer: Any, model: Any) -> GraftConfig | None:
        """The graft that it puts into a model; None where there is none.

        Args:
            task: the name of what is taught.
            tokenizer: of the model, which grafts with programs need; None elsewhere.
            model: that it is for; not changed.
        """
        if self.change is None:
            return None
        meant = calls_for if self.has_calls else graft_for
        config = self.change(meant(text_task(task), tokenizer))
        if not self.is_in_middle:
            return config
        middle = (len(parts_of(model).blocks) - 1) // 2
        return replace(config, layers_to_transform=(middle, middle))

    def prepare(
        self, model: Any, config: GraftConfig | None, rate: float, *, parameters: int
    ) -> tuple[Any, list[dict[str, Any]]]:
        """The model with what learns in it, and that for an optimizer.

        Args:
            model: changed in place.
            config: the graft; None: there is none.
            rate: the learning rate.
            parameters: how many an adapter or an initial state has at least.
        """
        rank = lora_rank(model, parameters) if self.has_lora else 0
        if config is None:
            model.requires_grad_(self.learns == "all")
        else:
            model = graft(model, replace(config, modules_to_save=self._saved(model)))
        if self.has_lora:
            saved = {} if config is None else {"modules_to_save": [NAME]}
            peft = extra("peft")
            adapter = peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=list(LORA_TARGETS), **saved)
            model = peft.get_peft_model(model, adapter)
        if self.has_initial_state:
            model = _with_initial_state(model, parameters)
        if config is None:
            return model, [{"params": [one for one in model.parameters() if one.requires_grad], "lr": rate}]
        return model, parameter_groups(model, rate)

    @property
    def rates(self) -> tuple[float, ...]:
        """The learning rates that it is tuned over."""
        return RATES if self.learns == "none" else GENTLE_RATES

    def _saved(self, model: Any) -> tuple[str, ...]:
        """The paths of what of the base model learns beside a graft."""
        if self.learns == "upper":
            return upper_blocks(model, model.config.num_hidden_layers // 2)
        return ("*",) if self.learns == "all" else ()


def _with_initial_state(model: Any, parameters: int) -> Any:
    """The model, frozen, with what it begins every text with to be learned."""
    if model.config.model_type == "rwkv7":
        return learn_initial_state(model)
    peft = extra("peft")
    tokens = prefix_tokens(model, parameters)
    model = peft.get_peft_model(model, peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=tokens))
    with torch.no_grad():  # near zero, so that it begins near what the model was
        model.prompt_encoder["default"].embedding.weight.mul_(0.02)
    return model


def _as_it_is(config: GraftConfig) -> GraftConfig:
    return config


def _with_fitted_read(config: GraftConfig) -> GraftConfig:
    return replace(config, read_start="fitted")


def _faster_than_base(config: GraftConfig) -> GraftConfig:
    return replace(config, learning_rate_scale=10 * config.learning_rate_scale)


ARMS: dict[str, Arm] = {
    "structure": Arm("base frozen, structure with latch and phase prior", without_bank),
    "bank": Arm(
        "base frozen, bank of programs that stay as they are; values begin as the words that they are written as",
        _as_it_is,
    ),
    "bank-display": Arm(
        "`bank`, where only what is read begins as these words",
        lambda config: replace(config, read_start="random"),
    ),
    "bank-unnamed": Arm(
        "`bank`, where nothing tells at the start which word means which value",
        lambda config: replace(config, value_tokens=()),
    ),
    "calls": Arm(
        "base frozen, calls of programs outside the model; words begin as the words that they are written as",
        _as_it_is,
        has_calls=True,
    ),
    "lora": Arm("base frozen, LoRA on attention, at least as many parameters", has_lora=True),
    "structure-tries": Arm(
        "`structure`, begun again up to three times where it fails on validation", _as_it_is, tries=4
    ),
    "lora-tries": Arm("`lora`, begun again as often", has_lora=True, tries=4),
    "initial": Arm(
        "base frozen, only the initial state: keys and values in front of each text, at least as many parameters; in RWKV-7 its state",
        has_initial_state=True,
    ),
    "full": Arm("no structure, every parameter", learns="all"),
    "structure-upper": Arm("structure, upper half of the blocks free", _faster_than_base, learns="upper"),
    "structure-all": Arm("structure, everything free", _faster_than_base, learns="all"),
    "no-prior": Arm(
        "structure whose phases are inclined at random: without the phase prior",
        lambda config: replace(config, phase_start="random"),
    ),
    "no-phase": Arm("structure whose phases begin alike", lambda config: replace(config, phase_prior=0.0)),
    "random-read": Arm(
        "structure whose reads begin at random, not as the transpose of its values",
        lambda config: replace(config, read_start="random"),
    ),
    "fitted-read": Arm(
        "structure whose reads begin fitted to what the base writes, for bases that see otherwise than they write",
        _with_fitted_read,
    ),
    "fitted-warmup": Arm(
        "`fitted-read`, where the weight of the texts that are repeated rises over 100 steps",
        _with_fitted_read,
        replay_warmup=100,
    ),
    "fast-gate": Arm(
        "structure whose gate learns a hundred times as fast as its other parameters: what fits the RWKV-7 that is trained here",
        lambda config: replace(config, gate_scale=100.0),
    ),
    "no-latch": Arm("structure without latch", lambda config: replace(config, has_latch=False)),
    "latch-only": Arm("latch without structure", lambda config: replace(config, structure="none")),
    "soft": Arm("structure, choices left soft", lambda config: replace(config, is_hard=False)),
    "no-noise": Arm("structure, no noise in training", lambda config: replace(config, noise=0.0)),
    "second-block": Arm(
        "structure seen after the second block", lambda config: replace(config, layers_to_transform=(1, -1))
    ),
    "middle": Arm("structure seen and added in the middle", _as_it_is, is_in_middle=True),
    "lora-latch": Arm(
        "LoRA and a latch without structure", lambda config: replace(config, structure="none"), has_lora=True
    ),
}
"""What learns, by name."""
