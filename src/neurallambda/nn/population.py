"""Many models of one kind as one: each parameter is stacked over the seeds, and every operation works on all at once."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.optim import Optimizer

from neurallambda.arguments import checked, shown
from neurallambda.errors import ArgumentError, check_instance
from neurallambda.nn.recurrent import Recurrent, check_tokens
from neurallambda.nn.transformer import TransformerBlock
from neurallambda.nn.unrolled import UNROLL, Unrolled, can_compile
from neurallambda.structures.instruction.checks import check_positive

ONE_BY_ONE = (nn.RNNBase, nn.MultiheadAttention, TransformerBlock)
"""Modules whose fast kernels of PyTorch know no further axis: models with them are computed one after the other."""


@checked
class Population(nn.Module):
    """Models that differ only in their numbers, trained side by side in one process.

    Small networks leave a processor waiting: six of them stacked take little longer than one. A setting of which some
    seeds fail is tried with many, and those that learn are kept.

    Each parameter and buffer of `template` is that of all models, stacked along a first axis, the seeds. Gradients of one
    seed depend on no other; so do the steps of every optimizer that treats each number alone, such as Adam. Limit
    gradients with `clip_each`, which looks at each seed by itself.

    Args:
        models: at least one; all of one class, with parameters of the same names and shapes. They are copied.
        is_compiled: whether the steps of `Recurrent` models are compiled in training. That takes half a minute or more for
            every new shape of a step and makes training twice as fast. Where there is no C++ compiler they are
            not, and `is_compiled` says so.

    Raises:
        ArgumentError: if there is no model, or they are not alike.

    Example:
        >>> population = Population([nn.Linear(2, 3) for _ in range(4)])
        >>> population(torch.ones(4, 5, 2)).shape
        torch.Size([4, 5, 3])
        >>> population.keep([0, 2])
        >>> len(population), len(population.members())
        (2, 2)
    """

    def __init__(self, models: Sequence[nn.Module], *, is_compiled: bool = False) -> None:
        super().__init__()
        _check_alike(models)
        self.template = copy.deepcopy(models[0])
        self.is_compiled = is_compiled and can_compile()
        self._unrolled = Unrolled()
        named = [_numbers(model) for model in models]
        _replace(self.template, lambda name: torch.stack([one[name].detach() for one in named]))
        self._count = len(models)

    @classmethod
    def of(cls, build: Callable[[], nn.Module], seeds: Sequence[int], *, is_compiled: bool = False) -> "Population":
        """A population of models, each built under a seed of its own, so that it equals the model built alone.

        Args:
            build: makes one model, with torch's global random numbers.
            seeds: one for each model. Random numbers elsewhere are not disturbed.
            is_compiled: see the class.

        Example:
            >>> population = Population.of(lambda: nn.Linear(2, 3), seeds=range(4))
            >>> _ = torch.manual_seed(2)
            >>> torch.equal(population.members()[2].weight, nn.Linear(2, 3).weight)
            True
        """
        models = []
        for seed in seeds:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                models.append(build())
        return cls(models, is_compiled=is_compiled)

    def __len__(self) -> int:
        return self._count

    def forward(self, *inputs: Tensor | None) -> Tensor:
        """What each model makes of its own inputs.

        Args:
            inputs: what a model takes, with a first axis of the seeds: for models of sequences the tokens [seeds, batch,
                time] and, optionally, the mask of the same shape. `None` is passed on.

        Returns:
            [seeds, ...]: for models of sequences [seeds, batch, time, outputs].

        Raises:
            ArgumentError: if the first axis is not that of the seeds.
        """
        for position, given in enumerate(inputs):
            if given is not None and (not isinstance(given, Tensor) or given.ndim == 0 or len(given) != len(self)):
                raise ArgumentError(
                    f"inputs: got {shown(given)} at position {position}, expected a tensor whose first axis is the "
                    f"{len(self)} seeds; give all the same with tensor.expand({len(self)}, ...)"
                )
        numbers = _numbers(self.template)
        if self.is_compiled and self.training and isinstance(self.template, Recurrent):
            return self._compiled(numbers, *inputs)
        axes = tuple(None if given is None else 0 for given in inputs)

        def one(numbers: dict[str, Tensor], *inputs: Tensor | None) -> Tensor:
            return functional_call(self.template, numbers, inputs)

        if self._goes_one_by_one():
            rows = [tuple(None if given is None else given[seed] for given in inputs) for seed in range(len(self))]
            return torch.stack([one({k: v[seed] for k, v in numbers.items()}, *row) for seed, row in enumerate(rows)])
        return vmap(one, in_dims=(0, *axes), randomness="different")(numbers, *inputs)

    def _goes_one_by_one(self) -> bool:
        """Whether the models are run in turn: what is in them cannot be stacked, or runs alone in another, faster way."""
        if isinstance(self.template, Recurrent) and not torch.is_grad_enabled() and self.template.is_hard:
            return True
        return any(isinstance(module, ONE_BY_ONE) for module in self.template.modules())

    def _compiled(self, numbers: dict[str, Tensor], tokens: Tensor | None, mask: Tensor | None = None) -> Tensor:
        assert isinstance(self.template, Recurrent)
        check_tokens(tokens, mask, leading=("seeds", "batch", "time"), count=self.template.inputs)
        assert isinstance(tokens, Tensor)
        return self._unrolled(self.template.with_room_for(tokens.shape[-1]), numbers, tokens, mask, unroll=UNROLL)

    @torch.no_grad()
    def keep(self, indices: Sequence[int], optimizer: Optimizer | None = None) -> None:
        """Go on with some of the models only, in this order.

        Args:
            indices: which, counted from 0.
            optimizer: one of this population's parameters; what it remembers of the others is dropped as well.

        Raises:
            ArgumentError: if there is none, or one that is not there.
        """
        chosen = list(indices)
        if not chosen or not all(isinstance(one, int) and 0 <= one < len(self) for one in chosen):
            raise ArgumentError(f"indices: got {chosen}, expected at least one, each from 0 to {len(self) - 1}")
        index = torch.tensor(chosen)
        for parameter in self.template.parameters():
            if optimizer is not None:
                memory = optimizer.state.get(parameter, {})
                memory.update({k: v[index.to(v.device)] for k, v in memory.items() if _is_like(v, parameter)})
            parameter.data = parameter.data[index.to(parameter.device)]
            parameter.grad = None
        for buffer in self.template.buffers():
            buffer.data = buffer.data[index.to(buffer.device)]
        self._count = len(chosen)

    def members(self) -> list[nn.Module]:
        """The models, as ordinary modules of their own."""
        return [self._member(index) for index in range(len(self))]

    def _member(self, index: int) -> nn.Module:
        model, numbers = copy.deepcopy(self.template), _numbers(self.template)
        _replace(model, lambda name: numbers[name].detach()[index].clone())
        return model

    def extra_repr(self) -> str:
        return f"seeds={len(self)}, is_compiled={self.is_compiled}"


@checked
@torch.no_grad()
def clip_each(population: Population, norm: float) -> Tensor:
    """Scale the gradients of every seed whose gradients together are longer than `norm` down to that length.

    One seed that explodes does not slow down the others, as it would if all were clipped together; and a seed learns what
    it would have learned alone.

    Args:
        population: after `backward`.
        norm: the greatest length (Pascanu et al., 2013).

    Returns:
        The length of each seed's gradient before, [seeds].

    Raises:
        ArgumentError: if `norm` is not positive and finite.

    Example:
        >>> population = Population([nn.Linear(1, 1, bias=False) for _ in range(2)])
        >>> population(torch.tensor([[[3.0]], [[0.5]]])).sum().backward()
        >>> clip_each(population, 1.0)
        tensor([3.0000, 0.5000])
        >>> population.template.weight.grad.flatten()
        tensor([1.0000, 0.5000])
    """
    check_positive("norm", norm)
    grads = [parameter.grad for parameter in population.parameters() if parameter.grad is not None]
    if not grads:
        return torch.zeros(len(population))
    # A parameter that is a single number has no axis but that of the seeds, which `flatten(1)` refuses.
    squares = torch.stack([grad.reshape(len(grad), -1).square().sum(1) for grad in grads])
    norms = squares.sum(0).sqrt()
    scale = (norm / (norms + 1e-6)).clamp(max=1)
    for grad in grads:
        grad.mul_(scale.view(-1, *(1,) * (grad.ndim - 1)))
    return norms


def _numbers(model: nn.Module) -> dict[str, Tensor]:
    """All parameters and buffers by name; one that has several names by the first."""
    return dict(model.named_parameters()) | dict(model.named_buffers())


def _replace(model: nn.Module, other: Callable[[str], Tensor]) -> None:
    """Put other numbers in the place of all parameters and buffers; one that has several names keeps them."""
    made: dict[int, Tensor] = {}
    named = [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]
    for name, old in named:
        if id(old) not in made:
            is_parameter = isinstance(old, nn.Parameter)
            made[id(old)] = nn.Parameter(other(name), requires_grad=old.requires_grad) if is_parameter else other(name)
        _put(model, name, made[id(old)])


def _put(model: nn.Module, name: str, tensor: Tensor) -> None:
    """Put a parameter or buffer in the place of the one of that name."""
    *path, last = name.split(".")
    owner: Any = model.get_submodule(".".join(path))
    setattr(owner, last, tensor)


def _is_like(remembered: object, parameter: Tensor) -> bool:
    """Whether what an optimizer remembers has a number for each of the parameter's."""
    return isinstance(remembered, Tensor) and remembered.shape == parameter.shape


def _check_alike(models: Sequence[nn.Module]) -> None:
    if not models:
        raise ArgumentError("models: got none, expected at least one")
    for model in models:
        check_instance("models", model, nn.Module, "modules")

    def shape(model: nn.Module) -> dict[str, tuple[int, ...]]:
        return {name: tuple(number.shape) for name, number in _numbers(model).items()}

    first = models[0]
    for index, model in enumerate(models):
        if type(model) is not type(first) or shape(model) != shape(first):
            raise ArgumentError(
                f"models: got a {type(model).__name__} at position {index} whose parameters are not like those of the "
                f"first, a {type(first).__name__}; expected the same names and shapes"
            )
