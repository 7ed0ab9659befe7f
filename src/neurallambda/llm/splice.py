"""The hooks that run a grafted structure inside a model's forward pass.

A pass begins before the decoder, where the cache and the mask of padding are known; the structure runs after an early
block, and what it gives is added after a late one. What belongs to a pass is kept for the pass alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from inspect import signature
from threading import get_ident
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from neurallambda.errors import ArgumentError
from neurallambda.llm.caching import NAMES, layer_of, new_cache, own_layer
from neurallambda.llm.config import GraftConfig
from neurallambda.llm.families import Parts

NAME = "grafted_structure"
"""The name of the structure among the modules of the model: what to list in `modules_to_save` of a PEFT configuration."""


CHECKPOINT = "_gradient_checkpointing_func"
"""The attribute of a decoder that holds the function which runs a block and keeps nothing of it."""


@dataclass
class Pass:
    """One forward pass: the layer of the cache, the mask of padding, and what is to be added.

    Attributes:
        is_in_checkpoint: whether a block runs now that will run again with its hooks.
        waiting: what is to be done with the output of that block.
    """

    layer: Any
    mask: Tensor | None
    added: Tensor | None = None
    is_in_checkpoint: bool = False
    waiting: list[Callable[["Pass", Any], Any]] = field(default_factory=list)


class Splice:
    """The hooks of one grafted model.

    Attributes:
        is_enabled: whether the structure takes part.
        trained_before: whether each parameter of the model learned before.
    """

    def __init__(
        self, model: nn.Module, parts: Parts, read: int, write: int, config: GraftConfig, number_of_states: int
    ) -> None:
        self.model, self.family, self.config, self.number_of_states = model, parts.family, config, number_of_states
        self.parameters = tuple(signature(parts.decoder.forward).parameters)
        self.is_enabled = True
        self.trained_before: dict[str, bool] = {}
        self._passes: dict[int, Pass] = {}  # by thread
        self.handles = [
            parts.decoder.register_forward_pre_hook(self.begin, with_kwargs=True),
            parts.blocks[read].register_forward_hook(self.run),
            parts.blocks[write].register_forward_hook(self.add),
            parts.decoder.register_forward_hook(self.end, always_call=True),
        ]

    @property
    def structure(self) -> nn.Module:
        """The structure, by its name, now: PEFT may have put a wrapper in its place."""
        return getattr(self.model, NAME)

    def begin(
        self, decoder: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Before the decoder: find or make the structure's layer of the cache, and take the mask of padding."""
        self._passes.pop(get_ident(), None)  # of a pass that was interrupted
        given = dict(zip(self.parameters, args, strict=False)) | kwargs
        name = next((name for name in NAMES if given.get(name) is not None), None)
        cache = None if name is None else given[name]
        if not self.is_enabled:
            own = own_layer(cache)
            if own is not None:
                own.has_missed = True
            return args, kwargs
        if self.family.repeats_hooks and decoder.training and getattr(decoder, "gradient_checkpointing", False):
            self._stay_outside(decoder)
        config: Any = decoder.config
        if cache is None and self._wants_cache(decoder, given, config):
            name = next(name for name in NAMES if name in self.parameters)
            cache = new_cache(config, self.family.cache)
            place = self.parameters.index(name)
            if place < len(args):
                args = (*args[:place], cache, *args[place + 1 :])
            else:
                kwargs = {**kwargs, name: cache}
        layer = None
        if cache is not None:
            layer = layer_of(cache, config.num_hidden_layers, self.number_of_states, self.config)
        self._passes[get_ident()] = Pass(layer=layer, mask=_padding(given))
        return args, kwargs

    def run(self, block: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """After the early block: let the structure see the hidden states."""
        self._now_or_later(self._run, output)

    def add(self, block: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        """After the late block: add what the structure read."""
        return self._now_or_later(self._add, output)

    def end(self, decoder: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """After the decoder, also where it failed: the pass is over."""
        self._passes.pop(get_ident(), None)
        checkpoint: Any = vars(decoder).get(CHECKPOINT)
        if isinstance(checkpoint, partial) and checkpoint.func == self._checkpointed:
            setattr(decoder, CHECKPOINT, checkpoint.args[0])

    def _stay_outside(self, decoder: nn.Module) -> None:
        """Let what is done after a block be done outside of its checkpoint, where it is done once: until the end of the pass."""
        inner = getattr(decoder, CHECKPOINT, None) or partial(checkpoint, use_reentrant=False)
        if not (isinstance(inner, partial) and inner.func == self._checkpointed):
            setattr(decoder, CHECKPOINT, partial(self._checkpointed, inner))

    def _checkpointed(self, inner: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a block in its checkpoint, and then what its hooks wanted to do."""
        now = self._passes.get(get_ident())
        if now is None:
            return inner(*args, **kwargs)
        now.is_in_checkpoint = True
        output = inner(*args, **kwargs)
        now.is_in_checkpoint = False
        waiting, now.waiting = now.waiting, []
        for do in waiting:
            changed = do(now, output)
            output = output if changed is None else changed
        return output

    def _now_or_later(self, do: Callable[[Pass, Any], Any], output: Any) -> Any:
        """What a hook returns; nothing where there is no pass, as when a checkpointed block runs again."""
        now = self._passes.get(get_ident())
        if now is not None and now.is_in_checkpoint:
            now.waiting.append(do)
            return None
        return None if now is None else do(now, output)

    def _run(self, now: Pass, output: Any) -> None:
        hidden = hidden_of(output)
        structure = self.structure
        self._check_learning(structure)
        mask = now.mask
        if mask is not None:
            mask = mask[:, -hidden.shape[1] :].to(hidden.device)
            if mask.shape != hidden.shape[:2]:
                raise ArgumentError(
                    f"attention_mask: got {tuple(mask.shape)} for the last tokens, expected {tuple(hidden.shape[:2])}"
                )
        before = () if now.layer is None else now.layer.state()
        now.added, after = structure(hidden, mask, *before)
        if now.layer is not None:
            now.layer.keep(after)

    def _add(self, now: Pass, output: Any) -> Any:
        if now.added is None:
            return output
        hidden = hidden_of(output)
        added = (hidden + now.added.to(hidden.device)).to(hidden.dtype)  # in the wider of the two precisions
        if (
            added.stride() != hidden.stride()
        ):  # a norm adds up in the order of the layout, and it shows in the last bits
            added = torch.empty_strided(hidden.shape, hidden.stride(), dtype=hidden.dtype, device=hidden.device).copy_(
                added
            )
        return (added, *output[1:]) if isinstance(output, tuple) else added

    def _wants_cache(self, decoder: nn.Module, given: Mapping[str, Any], config: Any) -> bool:
        """Whether the decoder would make a cache that somebody goes on with."""
        asked = given.get("use_cache")
        if (
            decoder.training
        ):  # families differ in whether they make one here; who goes on with it is told what is missing
            return bool(asked) and not getattr(decoder, "gradient_checkpointing", False)
        return bool(config.use_cache if asked is None else asked)

    def _check_learning(self, structure: nn.Module) -> None:
        """Refuse to train a model in which something that did not know it froze what is to learn."""
        if not (self.model.training and torch.is_grad_enabled()):
            return
        if not self.config.is_frozen and not any(parameter.requires_grad for parameter in structure.parameters()):
            raise ArgumentError(
                "model: every parameter of the grafted structure is frozen, so training would not change it. With PEFT, name "
                f"it in the adapter's configuration: modules_to_save=[{NAME!r}]. If it is meant, graft with is_frozen=True"
            )
        for path in self.config.modules_to_save:
            module = self.model if path == "*" else self.model.get_submodule(path)
            if not any(parameter.requires_grad for name, parameter in module.named_parameters() if _is_of_base(name)):
                raise ArgumentError(
                    f"model: every parameter of {path!r} is frozen, which the graft names among what learns (`modules_to_save`). "
                    "With PEFT, name it in the adapter's configuration too, or graft without it"
                )


def _is_of_base(name: str) -> bool:
    """Whether a parameter of a grafted model is neither of the structure nor of an adapter of PEFT."""
    return not name.startswith(f"{NAME}.") and ".lora_" not in f".{name}"


def hidden_of(output: Any) -> Tensor:
    """The hidden states in what a block gives.

    Args:
        output: the states, or a tuple that begins with them.
    """
    return output[0] if isinstance(output, tuple) else output


def _padding(given: Mapping[str, Any]) -> Tensor | None:
    """The mask of padding among the arguments of a decoder, as booleans [batch, time]."""
    mask = given.get("attention_mask")
    if mask is None:
        return None
    if isinstance(mask, Tensor) and mask.ndim == 2:
        return mask.bool()
    tokens = given.get("input_ids") if given.get("input_ids") is not None else given.get("inputs_embeds")
    if isinstance(tokens, Tensor) and tokens.shape[1] == 1:
        return None  # a token that is generated is none of padding
    came = tuple(mask.shape) if isinstance(mask, Tensor) else type(mask).__name__
    raise ArgumentError(
        f"attention_mask: got {came}, expected [batch, time]: a structure must know which tokens are padding. Static caches "
        "replace that mask by another; use a dynamic one"
    )
