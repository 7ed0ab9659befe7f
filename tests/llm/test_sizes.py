"""What stands beside a structure has at least as many parameters, and no more than that takes."""

from typing import Any

import pytest

from neurallambda.errors import ArgumentError
from neurallambda.llm import structure_of
from neurallambda.llm.experiments.arms import ARMS
from neurallambda.llm.experiments.matrix import _random  # pyright: ignore[reportPrivateUsage]
from neurallambda.llm.experiments.sizes import lora_rank, prefix_tokens, structure_size
from tests.llm.tiny import plain

pytest.importorskip("peft")
pytestmark = [  # PEFT's own use
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.past_key_values. is deprecated:FutureWarning"),
]


def learning(arm: str, model: Any, parameters: int) -> int:
    """How many parameters an arm has."""
    config = ARMS[arm].graft_for("reverse", None, model)
    groups = ARMS[arm].prepare(model, config, 1e-3, parameters=parameters)[1]
    return sum(one.numel() for group in groups for one in group["params"])


@pytest.mark.parametrize("family", ["llama", "rwkv7"])
def test_lora_has_at_least_as_many_parameters_as_a_structure(family: str) -> None:
    wanted = learning("structure", plain(family), 1)
    config = ARMS["structure"].graft_for("reverse", None, plain(family))
    assert config is not None
    assert structure_size(config, plain(family)) == wanted
    one = learning("lora", plain(family), 1)
    assert wanted <= learning("lora", plain(family), wanted) < wanted + one
    assert lora_rank(plain(family), 5 * one) == 5
    assert lora_rank(plain(family), 5 * one + 1) == 6


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen3"])
def test_an_initial_state_of_attention_has_at_least_as_many_parameters(family: str) -> None:
    one = learning("initial", plain(family), 1)
    assert learning("initial", plain(family), 5 * one) == 5 * one
    assert learning("initial", plain(family), 5 * one + 1) == 6 * one
    assert prefix_tokens(plain(family), one) == 1


def test_models_without_such_layers_are_refused() -> None:
    with pytest.raises(ArgumentError, match="lora: a MambaForCausalLM has no linear layer among q_proj"):
        lora_rank(plain("mamba"), 9)
    with pytest.raises(ArgumentError, match="initial: a MambaForCausalLM has no attention heads"):
        prefix_tokens(plain("mamba"), 9)


def test_the_middle_is_that_of_the_model() -> None:
    model = plain("llama")
    config = ARMS["middle"].graft_for("reverse", None, model)
    assert config is not None
    assert config.layers_to_transform == (1, 1)  # of three
    assert structure_of(ARMS["middle"].prepare(model, config, 1e-3, parameters=1)[0]).config.layers_to_transform == (
        1,
        1,
    )


def test_an_rwkv_of_random_weights_begins_as_its_training_does() -> None:
    """The package leaves zeros where a training begins with others, and such a model can hardly learn."""
    attention = _random(plain("rwkv7")).requires_grad_(False).model.layers[0].attn
    assert float(attention.k_k.abs().min()) > 0.5
    assert float(attention.x_r.max()) > 0.5
