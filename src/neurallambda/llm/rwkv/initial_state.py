"""An initial state of RWKV-7 that is learned: what state tuning learns, and nothing else of the model."""

from inspect import signature
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError
from neurallambda.llm.extras import extra
from neurallambda.llm.families import parts_of
from neurallambda.llm.grafting import INITIAL_STATE, is_grafted

SCALE = 10.0
"""How many times faster than its rate the state learns. The authors of RWKV tune states at rates of up to 1, where weights have
1e-3 or less; so one list of rates serves both."""


class InitialState(nn.Module):
    """The state before the first token, of every block; all zeros at first, as without it.

    The vectors of the token before, which are the rest of a block's state, stay zero.

    Args:
        blocks: how many.
        heads: of each.
        size: of the keys and of the values of a head.
        dim: the size of hidden states.
    """

    def __init__(self, blocks: int, heads: int, size: int, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.state = nn.Parameter(torch.zeros(blocks, heads, size, size))

    def forward(self, batch: int) -> Float[Tensor, "blocks batch heads key value"]:
        """The state for `batch` independent texts."""
        return SCALE * self.state[:, None].expand(-1, batch, -1, -1, -1)

    def fill(self, cache: Any, batch: int) -> None:
        """Let an empty cache begin with it."""
        for number, state in enumerate(self(batch)):
            before = state.new_zeros(batch, self.dim)
            cache.set_layer(number, state, before, before)

    def begin(
        self, decoder: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Before the decoder runs: where it has no cache or an empty one, give it one that begins with the learned state."""
        named = dict(zip(signature(decoder.forward).parameters, args, strict=False)) | kwargs
        given = named.get("input_ids") if named.get("inputs_embeds") is None else named["inputs_embeds"]
        if given is None:  # the decoder says what is missing
            return args, kwargs
        cache = named.get("past_key_values")
        if cache is None:
            cache = extra("rwkv7_hf").RWKV7Cache()
        if cache.get_batch_size() is None:
            self.fill(cache, len(given))
        return (), {**named, "past_key_values": cache}


@checked
def learn_initial_state(model: nn.Module) -> nn.Module:
    """Freeze an RWKV-7, and let it begin every text with a state that is learned.

    It is called state tuning among the users of RWKV, and is what is left of prefix tuning (Li and Liang, 2021) where a state
    stands for the whole past.

    Args:
        model: an RWKV-7 with a language modelling head, without a graft; changed in place.

    Returns:
        The model. `model.initial_state` is what learns.

    Raises:
        ArgumentError: if it is of another family, has a graft, or has such a state already.

    Example:
        >>> from rwkv7_hf import RWKV7Config, RWKV7ForCausalLM
        >>> sizes = {"hidden_size": 16, "num_hidden_layers": 2, "head_dim": 8, "vocab_size": 40}
        >>> model = learn_initial_state(RWKV7ForCausalLM(RWKV7Config(**sizes)))
        >>> [tuple(one.shape) for one in model.parameters() if one.requires_grad]
        [(2, 2, 8, 8)]
    """
    config: Any = getattr(model, "config", None)
    family = getattr(config, "model_type", type(model).__name__)
    if family != "rwkv7":
        raise ArgumentError(f"model: got one of the family {family!r}, expected 'rwkv7', whose past is one state")
    if is_grafted(model):
        raise ArgumentError("model: it has a graft, which makes caches of its own; `ungraft` it first")
    if hasattr(model, INITIAL_STATE):
        raise ArgumentError("model: it begins with a learned state already")
    decoder = parts_of(model).decoder
    state = InitialState(config.num_hidden_layers, config.num_heads, config.head_dim, config.hidden_size)
    model.requires_grad_(False)
    model.add_module(INITIAL_STATE, state.to(next(decoder.parameters()).device))
    decoder.register_forward_pre_hook(state.begin, with_kwargs=True)
    return model
