"""The state of a grafted structure as one more layer of the model's own cache.

There it goes wherever the cache goes: beam search reorders it, a batch that is repeated repeats it, and two sequences that
are generated in turns with one model do not disturb each other.
"""

from functools import cache as once
from typing import Any

import torch
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.llm.config import GraftConfig
from neurallambda.llm.extras import extra

NAMES = ("cache", "past_key_values", "cache_params")
"""What versions and families of the library call the cache among the arguments of a model."""


@once
def layer_class() -> Any:
    """The class of the layer, a recurrent one of the library."""
    base = extra("transformers.cache_utils").LinearAttentionLayer

    class StructureCacheLayer(base):
        """The tensors of a grafted structure's state, each with the batch as its first axis."""

        def __init__(self, number_of_states: int, config: GraftConfig) -> None:
            super().__init__(number_of_states)
            self.config = config
            self.has_missed = False  # tokens that the rest of the cache has seen, or has forgotten

        @property
        def is_croppable(self) -> bool:
            """What a structure has forgotten cannot be brought back."""
            return False

        @property
        def is_compileable(self) -> bool:
            """Its tensors are new ones after each step."""
            return False

        def state(self) -> tuple[Tensor, ...]:
            """The tensors; none before the first token."""
            if not all(self.has_previous_state.values()):
                return ()
            return tuple(self.recurrent_states.values())

        def keep(self, tensors: tuple[Tensor, ...]) -> None:
            """Take new tensors in the place of the old ones."""
            for index, tensor in enumerate(tensors):
                self.recurrent_states[index] = tensor
                self.is_recurrent_states_initialized[index] = self.has_previous_state[index] = True
            self.device, self.dtype = tensors[0].device, tensors[0].dtype

        def reset(self) -> None:
            self.__init__(self.number_of_states, self.config)

        def batch_repeat_interleave(self, repeats: int) -> None:
            self._change(lambda tensor: tensor.repeat_interleave(repeats, dim=0))

        def batch_select_indices(self, indices: Tensor) -> None:
            self._change(lambda tensor: tensor[indices.to(tensor.device)])

        def crop(self, tokens_to_remove: int) -> None:
            if tokens_to_remove:
                self.has_missed = True  # the other layers may be cropped by now
                raise ArgumentError(
                    "cache: a grafted structure cannot go back to an earlier token; generate without assisted decoding"
                )

        def _change(self, change: Any) -> None:
            for index, tensor in self.recurrent_states.items():
                if tensor is not None:
                    self.recurrent_states[index] = change(tensor)

    return StructureCacheLayer


def new_cache(config: Any, family: tuple[str, str] | None) -> Any:
    """An empty cache of the kind that a model makes for itself.

    Args:
        config: that of the model.
        family: the module and the class of the family's own cache; None: the library's.
    """
    if family is None:
        return extra("transformers.cache_utils").DynamicCache(config=config)
    module, name = family
    made = getattr(extra(module), name)()
    return made if isinstance(getattr(made, "layers", None), list) else _with_layers(module, name)()


def layer_of(cache: Any, blocks: int, number_of_states: int, config: GraftConfig) -> Any:
    """The structure's layer of a cache; made, where the cache is still empty.

    Args:
        cache: what the model is given.
        blocks: how many the model has.
        number_of_states: how many tensors the structure's state has.
        config: that of the graft.

    Raises:
        ArgumentError: if the cache is of another kind or of another graft, or has seen tokens that the structure has not.
    """
    layers = getattr(cache, "layers", None)
    if not isinstance(layers, list):
        raise ArgumentError(
            f"cache: got a {type(cache).__name__}, which has no list of layers for the structure to add its own to; "
            "leave the cache out, and the model makes one"
        )
    own = own_layer(cache)
    if own is not None and own.config != config:
        raise ArgumentError("cache: it holds the state of another graft; begin with a new cache")
    if (own is None and _has_seen_tokens(cache)) or (own is not None and own.has_missed):
        raise ArgumentError(
            "cache: the structure has not seen what the rest of it has (it was used while the graft was disabled or not there, or "
            "in training, or it could not be cropped); begin with a new cache"
        )
    if own is not None:
        return own
    if any(isinstance(layer, extra("transformers.cache_utils").StaticLayer) for layer in layers):
        raise ArgumentError(
            "cache: got a static one, whose attention is told what is filled by a mask that a graft takes away; expected a dynamic "
            "one: leave `cache_implementation` out"
        )
    replicated = getattr(cache, "layer_class_to_replicate", None)
    while replicated is not None and len(layers) < blocks:
        layers.append(
            replicated()
        )  # it would be made when its block runs, at the place that is now to be the structure's
    layers.append(layer_class()(number_of_states, config))
    return layers[-1]


def own_layer(cache: Any) -> Any:
    """The structure's layer of a cache; None where it has none."""
    layers = getattr(cache, "layers", None)
    return layers[-1] if isinstance(layers, list) and layers and isinstance(layers[-1], layer_class()) else None


def _has_seen_tokens(cache: Any) -> bool:
    if getattr(cache, "seen_tokens", 0):
        return True
    for layer in cache.layers:
        seen = getattr(layer, "has_previous_state", None)
        if (isinstance(seen, dict) and any(seen.values())) or (
            hasattr(layer, "get_seq_length") and int(torch.as_tensor(layer.get_seq_length())) > 0
        ):
            return True
    return False


@once
def _with_layers(module: str, name: str) -> Any:
    """A family's own class of cache, with a list of layers that do what the cache does to its own tensors."""
    base = getattr(extra(module), name)

    class LayeredCache(base):
        """The cache of the family, and layers for what is grafted."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.layers: list[Any] = []
            self.layer_class_to_replicate = None
            self.offloading = False

        def reset(self) -> None:
            super().reset()
            for layer in self.layers:
                layer.reset()

        def reorder_cache(self, beam_idx: Tensor) -> Any:
            for layer in self.layers:
                layer.reorder_cache(beam_idx)
            return super().reorder_cache(beam_idx)

        def batch_repeat_interleave(self, repeats: int) -> Any:
            for layer in self.layers:
                layer.batch_repeat_interleave(repeats)
            return super().batch_repeat_interleave(repeats)

        def batch_select_indices(self, indices: Tensor) -> Any:
            for layer in self.layers:
                layer.batch_select_indices(indices)
            return super().batch_select_indices(indices)

        def crop(self, tokens_to_remove: int) -> None:
            for layer in self.layers:
                layer.crop(tokens_to_remove)

    return LayeredCache
