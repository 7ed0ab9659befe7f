"""What a language model's hidden states are like, before a structure is put into it."""

from math import log10
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from neurallambda.llm.config import GraftConfig
from neurallambda.llm.splice import hidden_of
from neurallambda.llm.start import USUAL_GATE_SCALE, check_tokens

TIME = 8
"""How many tokens a text has that a model is shown."""
PROBE, FIT = 128, 16_384
"""How many tokens it is shown to see how large its hidden states are, and to fit reads to what it writes."""
ROWS = 256
"""How many texts it is shown at once."""


class _SeenError(Exception):
    """What was to be seen was seen."""


@torch.no_grad()
def states_after(model: Any, block: nn.Module, texts: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time dim"]:
    """The hidden states after a block; the model and the modes of its modules stay as they are.

    Args:
        model: a language model.
        block: one of its blocks.
        texts: what it is shown.
    """
    modes, seen = [(module, module.training) for module in model.modules()], list[Tensor]()

    def stop(_: nn.Module, given: Any, after: Any) -> None:
        seen.append(hidden_of(after))
        raise _SeenError  # what comes after the block is not needed

    hook = block.register_forward_hook(stop)
    try:
        model.eval()(texts, use_cache=False)
    except _SeenError:
        pass
    finally:
        hook.remove()
        for module, is_training in modes:
            module.training = is_training
    return seen[0]


def texts_of_all(model: Any, count: int) -> Int[Tensor, "batch time"]:
    """Texts of tokens from all of the vocabulary, each once where there are so many; in a text they are far apart.

    Args:
        model: a language model.
        count: how many tokens all texts have together, about.
    """
    embeddings = model.get_input_embeddings().weight
    rows = max(1, count // TIME)
    places = torch.linspace(0, len(embeddings) - 1, rows * TIME, dtype=torch.float64, device=embeddings.device)
    return places.long().reshape(TIME, rows).t()


def fitting_gate_scale(model: Any, block: nn.Module) -> float:
    """How fast a gate must learn where hidden states are as large as after a block: the power of ten next to their norm.

    What is added must become as large as they are to change what the model writes: their norm is 13 in stories15m, 40 in the RWKV-7 that is
    trained here, and 800 in SmolLM2-135M. It is the median over tokens from all of the vocabulary, since the first token of a text, and single
    others, often have norms of their own. A model without weights has the usual scale.

    Args:
        model: a language model.
        block: the one after which reads are added.
    """
    if model.get_input_embeddings().weight.device.type == "meta":
        return USUAL_GATE_SCALE
    norm = float(states_after(model, block, texts_of_all(model, PROBE)).float().norm(dim=-1).nanmedian())
    return 10.0 ** round(log10(norm)) if 0.0 < norm < float("inf") else USUAL_GATE_SCALE


@torch.no_grad()
def seen_and_written(
    model: Any, block: nn.Module, embeddings: Float[Tensor, "tokens dim"]
) -> tuple[Float[Tensor, "seen dim"], Float[Tensor, "seen dim"]] | None:
    """The hidden states after a block at tokens from all of the vocabulary, and the directions in which the model writes these.

    Args:
        model: a language model; of one without weights nothing is known.
        block: one of its blocks.
        embeddings: those of its output.
    """
    if embeddings.device.type == "meta":
        return None
    texts = texts_of_all(model, min(FIT, len(embeddings)))
    # what is seen at first tokens is unlike anything later
    seen = torch.cat([states_after(model, block, some)[:, 1:] for some in texts.split(ROWS)])
    written = embeddings.float() - embeddings.float().mean(0)
    return seen.flatten(0, 1).float(), written[texts[:, 1:].flatten().to(embeddings.device)]


def seen_at_values(model: Any, config: GraftConfig, block: nn.Module) -> Tensor | None:
    """The hidden state after a block at the token of each value of calls, alone or after the token that begins a text.

    Args:
        model: a language model.
        config: of the graft; where it has no calls, or they do not begin as what is seen, there is none.
        block: the one after which the structure sees.
    """
    device = next(block.parameters()).device
    if config.structure != "calls" or config.read_start == "random" or device.type == "meta":
        return None
    check_tokens(config, model.get_input_embeddings().weight.shape[0])
    tokens = torch.tensor(config.value_tokens, device=device)[:, None]
    first = [token for value, token in zip(config.values, config.value_tokens, strict=True) if value == ""][:1]
    texts = torch.cat([tokens.new_tensor(first).expand(len(tokens), -1), tokens], 1)
    states = states_after(model, block, texts)
    return torch.stack([states[place, 0 if value == "" else -1] for place, value in enumerate(config.values)])
