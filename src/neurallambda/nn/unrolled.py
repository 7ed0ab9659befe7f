"""Recurrent models of many seeds with compiled steps: a few steps at a time, so that little is spent on calling them."""

import os
import shutil
import types
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional
from torch.utils import _pytree as pytree  # torch offers no public way to take nested tensors apart

from neurallambda.nn.choice import Choice
from neurallambda.nn.recurrent import Recurrent

UNROLL = 6
"""Steps in one compiled call: with more, calls cost less, and compiling takes longer. With 2 it takes half as long, and a
training step of two queues a fifth longer."""

Numbers = dict[str, Tensor]
Leaves = list[Tensor]


def can_compile() -> bool:
    """Whether there is a C++ compiler, without which `torch.compile` cannot make code for a CPU."""
    named = os.environ.get("CXX", "")
    return any(name and shutil.which(name) for name in (named, "g++", "clang++", "c++", "cl"))


class Unrolled:
    """Runs a `Recurrent` model with stacked parameters, its steps compiled once for each shape they come in."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[object, ...], Callable[..., tuple[Leaves, Leaves]]] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "Unrolled":
        return Unrolled()

    def __reduce__(self) -> tuple[type["Unrolled"], tuple[()]]:
        return Unrolled, ()

    def __call__(
        self, model: Recurrent, numbers: Numbers, tokens: Tensor, mask: Tensor | None, *, unroll: int
    ) -> Tensor:
        """The answers of every seed.

        Args:
            model: one whose parameters are replaced by each seed's in turn.
            numbers: parameters and buffers by name, [seeds, ...].
            tokens: [seeds, batch, time].
            mask: the same shape, or none.
            unroll: how many steps a compiled call takes.

        Returns:
            [seeds, batch, time, outputs].
        """
        parts = _Parts(model)
        form: list[Any] = []

        def prepare(numbers: Numbers, tokens: Tensor, mask: Tensor | None) -> tuple[Leaves, Leaves]:
            (state, state_form), (moments, moment_form) = map(
                pytree.tree_flatten, parts.called("prepare", numbers, tokens, mask)
            )
            form[:] = [state_form, moment_form]
            return state, moments

        axes = (0, 0, None if mask is None else 0)
        state, moments = vmap(prepare, in_dims=axes, randomness="different")(numbers, tokens, mask)
        state = [_like_what_follows(leaf) for leaf in state]
        by_time = [leaf.movedim(2, 0).contiguous() for leaf in moments]
        # Some models take more steps than there are tokens. Those that fill up the last call come after all others, and what
        # they give is not looked at.
        time = len(by_time[0])
        missing = -time % unroll
        filled = [functional.pad(leaf, [0, 0] * (leaf.ndim - 1) + [0, missing]) for leaf in by_time]
        steps = [list(leaves) for leaves in zip(*(leaf.unbind(0) for leaf in filled), strict=True)]
        take = self._steps(parts, form, list(numbers), [*state, *steps[0], *numbers.values()], unroll)
        given, outputs = list(numbers.values()), []
        for start in range(0, len(steps), unroll):
            state, some = take(given, state, steps[start : start + unroll])
            outputs += some
        stacked = torch.stack(outputs[:time])

        def finish(numbers: Numbers, outputs: Tensor) -> Tensor:
            return parts.called("finish", numbers, outputs.movedim(0, 1))

        return vmap(finish, in_dims=(0, 1), randomness="different")(numbers, stacked)

    def _steps(
        self, parts: "_Parts", form: list[Any], names: list[str], tensors: Leaves, unroll: int
    ) -> Callable[..., tuple[Leaves, Leaves]]:
        key = (
            unroll,
            torch.is_grad_enabled(),
            torch.is_autocast_enabled(tensors[0].device.type),
            tuple((one.shape, one.dtype, one.device, one.requires_grad) for one in tensors),
            tuple((one.is_hard, one.temperature) for one in parts.modules() if isinstance(one, Choice)),
        )
        if key not in self._compiled:
            self._compiled[key] = _compiled(parts, form[0], form[1], names)
            return _without_warnings(self._compiled[key])  # it is compiled when it is first called
        return self._compiled[key]


def _like_what_follows(leaf: Tensor) -> Tensor:
    """A part of the first state as those of later states are, laid out in order and with gradients: one code for all."""
    leaf = leaf.contiguous()
    if leaf.requires_grad or not leaf.is_floating_point() or not torch.is_grad_enabled():
        return leaf
    return leaf.clone().requires_grad_()


def _compiled(
    parts: "_Parts", state_form: Any, moment_form: Any, names: list[str]
) -> Callable[..., tuple[Leaves, Leaves]]:
    """Several steps of all seeds as one compiled function of flat lists of tensors, which cost least to pass."""

    def one(numbers: Leaves, state: Leaves, moment: Leaves) -> tuple[Leaves, Tensor]:
        after, output = parts.called(
            "advance",
            dict(zip(names, numbers, strict=True)),
            pytree.tree_unflatten(state, state_form),
            pytree.tree_unflatten(moment, moment_form),
        )
        return pytree.tree_leaves(after), output

    def steps(numbers: Leaves, state: Leaves, moments: list[Leaves]) -> tuple[Leaves, Leaves]:
        outputs = []
        for moment in moments:
            state, output = vmap(one, randomness="different")(numbers, state, moment)
            outputs.append(output)
        # Laid out in order, as the first state is: otherwise the second call would be compiled anew.
        return [leaf.contiguous() for leaf in state], outputs

    # torch keeps what it compiled with the code object, and only so many versions of each: here every one has its own.
    own = types.FunctionType(
        steps.__code__.replace(co_name="steps"), steps.__globals__, "steps", steps.__defaults__, steps.__closure__
    )
    return torch.compile(own, dynamic=False, fullgraph=True)


def _without_warnings(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, silent about what torch says to itself while it compiles: that it looks for gradients of results."""

    def called(*arguments: Any) -> Any:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The .grad attribute of a Tensor that is not a leaf")
            return function(*arguments)

    return called


class _Parts(nn.Module):
    """A model whose `forward` is any of its parts, for `functional_call`."""

    def __init__(self, model: Recurrent) -> None:
        super().__init__()
        self.model = model

    def forward(self, name: str, *arguments: Any) -> Any:
        return getattr(self.model, name)(*arguments)

    def called(self, name: str, numbers: Numbers, *arguments: Any) -> Any:
        """A part of the model with these numbers in the place of its own."""
        return functional_call(self, {f"model.{key}": number for key, number in numbers.items()}, (name, *arguments))
