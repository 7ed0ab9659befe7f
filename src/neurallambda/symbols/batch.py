"""Batches of symbols are lists, nested as deep as the tensor has axes; anything else, a tuple too, is one symbol."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from neurallambda.errors import ArgumentError


def shape_of(symbols: object) -> tuple[int, ...]:
    """The shape of a batch: () for one symbol, (n,) for a list of n.

    Raises:
        ArgumentError: if lists beside one another differ in length or in depth.
    """
    if not isinstance(symbols, list):
        return ()
    shapes = {shape_of(item) for item in symbols}
    if len(shapes) > 1:
        raise ArgumentError(
            f"symbols: got lists that differ in length or depth, {sorted(shapes)}, expected a rectangular batch; "
            f"a symbol that is itself a sequence must be a tuple"
        )
    return (len(symbols), *next(iter(shapes), ()))


def flatten(symbols: object) -> list[Any]:
    """The symbols of a rectangular batch, in order."""
    return [leaf for item in symbols for leaf in flatten(item)] if isinstance(symbols, list) else [symbols]


def nest(leaves: list[Any], shape: tuple[int, ...]) -> Any:
    """The batch of a shape that holds these symbols, in order."""
    if not shape:
        return leaves[0]
    stride = len(leaves) // shape[0] if shape[0] else 0
    return [nest(leaves[start * stride : (start + 1) * stride], shape[1:]) for start in range(shape[0])]


def to_tensor(symbols: object, number: Callable[[Any], int], device: torch.device) -> Tensor:
    """The number of each symbol, in a tensor of integers of the batch's shape."""
    shape = shape_of(symbols)
    return torch.tensor([number(symbol) for symbol in flatten(symbols)], dtype=torch.int64, device=device).reshape(
        shape
    )


def from_tensor(numbers: Tensor, symbol: Callable[[int], Any]) -> Any:
    """The symbol of each number, in lists of the tensor's shape; for a tensor without axes, the symbol itself."""
    return nest([symbol(number) for number in numbers.flatten().tolist()], tuple(numbers.shape))
