"""A circuit with numbers: sums of weights, their gradients, and the likeliest of all.

The numbers are logarithms. Of a weight that is nothing the logarithm is a number as well, so that no gradient is NaN.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.weighted import NOTHING
from neurallambda.worlds.circuit import Circuit, Layer

_TINY = 1e-300


def leaf_numbers(
    circuit: Circuit, drawn: Float[Tensor, " leaves"], sampled: Float[Tensor, " leaves"]
) -> Float[Tensor, " all"]:
    """The numbers of all leaves: those that are drawn, those that are sampled, and the constants."""
    constants = torch.tensor(list(circuit.constants.values()), dtype=drawn.dtype, device=drawn.device)
    return torch.cat([drawn.clamp_min(NOTHING), sampled.clamp_min(NOTHING), constants])


def evaluate(circuit: Circuit, log: Float[Tensor, " leaves"]) -> list[Tensor]:
    """The numbers of all layers, in operations that can be differentiated as often as one likes."""
    leaves = leaf_numbers(circuit, log, log)
    numbers = [log.new_zeros(circuit.rows)]
    for layer in circuit.layers:
        numbers.append(number_of(layer, numbers, leaves))
    return numbers


def number_of(layer: Layer, numbers: list[Tensor], leaves: Tensor) -> Tensor:
    """The numbers of a layer, from those of the layers before it."""
    given = _given(layer, numbers, leaves)
    return given if layer.group is None else _total(given, layer.group, layer.size)[0]


def _given(layer: Layer, numbers: list[Tensor], leaves: Tensor) -> Tensor:
    """What a layer adds up."""
    given = _one_after_another(layer.bases, numbers)
    if layer.source is not None:
        given = given.index_select(0, layer.source)
    if layer.factor is not None:
        given = given + _one_after_another(layer.factors, numbers).index_select(0, layer.factor)
    return given if layer.leaf is None else given + leaves.index_select(0, layer.leaf)


def _one_after_another(layers: tuple[int, ...], numbers: list[Tensor]) -> Tensor:
    return numbers[layers[0]] if len(layers) == 1 else torch.cat([numbers[layer] for layer in layers])


def _total(given: Tensor, group: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """The logarithm of the sum of each group, and the share that each number has of it."""
    most = given.new_full((groups,), NOTHING).scatter_reduce(0, group, given.detach(), "amax")
    share = (given - most.index_select(0, group)).exp()
    total = given.new_zeros(groups).index_add(0, group, share).clamp_min(_TINY)
    return most + total.log(), share / total.index_select(0, group)


def sums(given: Float[Tensor, " numbers"], group: Int[Tensor, " numbers"], groups: int) -> Float[Tensor, " groups"]:
    """The logarithm of the sum of each group; of an empty one it is that of nothing."""
    return _total(given, group, groups)[0]


class Replay(torch.autograd.Function):
    """The numbers of some layers of a circuit, with a backward pass that needs only the shares."""

    @staticmethod
    def forward(ctx: Any, log: Tensor, circuit: Circuit, wanted: tuple[int, ...]) -> tuple[Tensor, ...]:
        leaves = leaf_numbers(circuit, log, log)
        numbers = [log.new_zeros(circuit.rows)]
        shares: list[Tensor | None] = []
        for layer in circuit.layers:
            given, share = _given(layer, numbers, leaves), None
            if layer.group is not None:
                given, share = _total(given, layer.group, layer.size)
            numbers.append(given)
            shares.append(share)
        ctx.circuit, ctx.wanted, ctx.shares = circuit, wanted, shares
        ctx.sizes = [len(one) for one in numbers]
        ctx.save_for_backward(log)
        return tuple(numbers[layer] for layer in wanted)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, None, None]:
        circuit: Circuit = ctx.circuit
        (log,) = ctx.saved_tensors
        if torch.is_grad_enabled():  # the gradient is to be differentiated as well
            numbers = evaluate(circuit, log)
            (found,) = torch.autograd.grad([numbers[layer] for layer in ctx.wanted], log, gradients, create_graph=True)
            return found, None, None
        back: list[Tensor | None] = [None] * len(ctx.sizes)
        for layer, gradient in zip(ctx.wanted, gradients, strict=True):
            back[layer] = _sum(back[layer], gradient)
        example = gradients[0]
        leaves = example.new_zeros(2 * circuit.leaves + len(circuit.constants))
        for number in range(len(circuit.layers), 0, -1):
            gradient = back[number]
            if gradient is None:
                continue
            back[number] = None
            layer = circuit.layers[number - 1]
            if layer.group is not None:
                gradient = gradient.index_select(0, layer.group) * ctx.shares[number - 1]
            if layer.leaf is not None:
                leaves.index_add_(0, layer.leaf, gradient)
            if layer.factor is not None:
                _give_back(back, ctx.sizes, layer.factors, layer.factor, gradient)
            if layer.bases != (0,):
                _give_back(back, ctx.sizes, layer.bases, layer.source, gradient)
        drawn, sampled, _ = leaves.split([circuit.leaves, circuit.leaves, len(circuit.constants)])
        return (drawn + sampled) * (log > NOTHING), None, None


def _give_back(
    back: list[Tensor | None], sizes: list[int], layers: tuple[int, ...], source: Tensor | None, gradient: Tensor
) -> None:
    """Add the gradient of what was taken of some layers to theirs."""
    parts = [sizes[layer] for layer in layers]
    if source is not None:
        gradient = gradient.new_zeros(sum(parts)).index_add_(0, source, gradient)
    for layer, part in zip(layers, gradient.split(parts), strict=True):
        back[layer] = _sum(back[layer], part)


def _sum(one: Tensor | None, other: Tensor) -> Tensor:
    return other if one is None else one + other


def replay(circuit: Circuit, log: Float[Tensor, " leaves"], *layers: int) -> tuple[Tensor, ...]:
    """The numbers of some layers, for some numbers of the leaves."""
    if torch._C._are_functorch_transforms_active():  # pyright: ignore[reportPrivateUsage] # as autograd itself asks
        # the transforms of `torch.func` go through plain operations
        numbers = evaluate(circuit, log)
        return tuple(numbers[layer] for layer in layers)
    return Replay.apply(log, circuit, layers)


def counts(circuit: Circuit, log: Float[Tensor, " leaves"], layer: int, *, graph: bool) -> Float[Tensor, " leaves"]:
    """How often each leaf is drawn, expected given what was observed: the gradient of the numbers of a layer.

    Leaves belong to one row each, so the gradient of the sum over rows is that of each row.
    """
    with torch.enable_grad():
        if not log.requires_grad:
            log = log.detach().requires_grad_()
        drawn = log.clamp_min(NOTHING)
        everything = leaf_numbers(circuit, drawn, log if graph else log.detach())
        numbers = [log.new_zeros(circuit.rows)]
        for one in circuit.layers[:layer]:
            numbers.append(number_of(one, numbers, everything))
        some = numbers[layer] > NOTHING / 2
        total = torch.where(some, numbers[layer], 0.0).sum()
        if not total.requires_grad:
            return torch.zeros_like(log)
        (found,) = torch.autograd.grad(total, drawn, create_graph=graph, allow_unused=True, materialize_grads=True)
    return found


def likeliest(
    circuit: Circuit,
    drawn: Float[Tensor, " leaves"],
    sampled: Float[Tensor, " leaves"],
    outcomes: int,
    rows: Int[Tensor, " ends"],
    only: int | None = None,
) -> tuple[Int[Tensor, " batch"], Float[Tensor, " batch"], list[list[int]]]:
    """The likeliest world of each row.

    Args:
        circuit: the circuit.
        drawn: the numbers of the leaves, where they are drawn of holes.
        sampled: the numbers of the same leaves, where they are sampled.
        outcomes: the layer with a number for each end.
        rows: the row of each end.
        only: the one end that counts; None: all do.

    Returns:
        The end of it, -1 where a row has none; the logarithm of its weight; and the leaves that it has drawn, in order.
    """
    leaves = leaf_numbers(circuit, drawn, sampled)
    numbers = [drawn.new_zeros(circuit.rows)]
    chosen: list[Tensor | None] = []
    for layer in circuit.layers[:outcomes]:
        given, choice = _given(layer, numbers, leaves), None
        if layer.group is not None:
            given, choice = _largest(given, layer.group, layer.size)
        numbers.append(given)
        chosen.append(choice)
    ends = numbers[outcomes]
    if only is not None:
        counted = torch.arange(len(ends), device=drawn.device) == only
        ends = torch.where(counted, ends, NOTHING)
    weight, end = _largest(ends, rows, circuit.rows)
    end = torch.where(weight > NOTHING / 2, end, -1)
    sizes = [len(one) for one in numbers]
    paths = [_path(circuit, chosen, sizes, outcomes, place) if place >= 0 else [] for place in end.tolist()]
    return end, weight, paths


def _path(circuit: Circuit, chosen: list[Tensor | None], sizes: list[int], layer: int, place: int) -> list[int]:
    """The leaves of one world, in the order in which they were drawn."""
    found: list[int] = []
    todo = [(layer, place)]
    while todo:
        number, place = todo.pop()
        if number == 0:
            continue
        one, choice = circuit.layers[number - 1], chosen[number - 1]
        if choice is not None:
            place = int(choice[place])
        if one.leaf is not None:
            found.append(int(one.leaf[place]))
        todo.append(_place(one.bases, sizes, place if one.source is None else int(one.source[place])))
        if one.factor is not None:  # what a call has drawn comes after what its caller had drawn
            todo.append(_place(one.factors, sizes, int(one.factor[place])))
    return found[::-1]


def _place(layers: tuple[int, ...], sizes: list[int], place: int) -> tuple[int, int]:
    """The layer and the place in it of a number of several layers that are put one after another."""
    for layer in layers:
        if place < sizes[layer]:
            return layer, place
        place -= sizes[layer]
    raise AssertionError("a place is in some layer")


def _largest(given: Tensor, group: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """The largest number of each group, and the first place where it is; -1: the group is empty."""
    most = given.new_full((groups,), 2 * NOTHING * 1e3).scatter_reduce(0, group, given, "amax")
    size = len(given)
    place = torch.where(given == most.index_select(0, group), torch.arange(size, device=given.device), size)
    first = torch.full((groups,), size, device=given.device).scatter_reduce(0, group, place, "amin")
    return most, torch.where(first == size, -1, first)
