"""Questions about the whole graph of cells: what is reachable, what mentions a variable, where a clone goes.

The answers are yes or no, and take no part in gradients: an edge counts as soon as there is more than `EDGE` of it.
Erring towards yes is harmless: it keeps garbage, or clones what might have been shared.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

EDGE = 0.1
"""What is less than this is noise."""


def edges(
    first: Float[Tensor, "batch cells cells"], second: Float[Tensor, "batch cells cells"]
) -> Float[Tensor, "batch cells cells"]:
    """1 where a column of the first cell refers to the second."""
    return ((first.detach() > EDGE) | (second.detach() > EDGE)).to(first.dtype)


def reachable(edges: Float[Tensor, "batch cells cells"]) -> Bool[Tensor, "batch cells"]:
    """The cells that the root, cell 0, leads to by edges, itself included."""
    start = torch.zeros_like(edges[:, :1])
    start[..., 0] = 1
    return _closure(start, edges)[:, 0] > 0


def mentions(
    edges: Float[Tensor, "batch cells cells"],
    owners: Float[Tensor, "batch cells cells"],
    variable: Bool[Tensor, "batch cells"],
) -> Bool[Tensor, "batch cells"]:
    """The cells that an application must clone: those in the function's body that mention its variable.

    A function that is cloned gets a variable of its own, so what mentions that variable is cloned as well.

    Args:
        edges: 1 where the first cell refers to the second.
        owners: 1 where the first cell is a function, and the second its variable.
        variable: the variable of the function that is applied.
    """
    target = variable.to(edges.dtype)
    applied = ((owners @ target[:, :, None]) > 0).to(edges.dtype)
    depends = ((edges * (1 - applied) + owners.mT) > 0).to(edges.dtype)
    return (_closure(target[:, None], depends.mT)[:, 0] > 0) & ~variable


def placement(
    cloned: Bool[Tensor, "batch cells"], free: Bool[Tensor, "batch cells"]
) -> Bool[Tensor, "batch cells cells"]:
    """Where each clone goes: the first of them to the first free cell, and so on."""
    rank, place = cloned.cumsum(-1), free.cumsum(-1)
    return (rank[:, :, None] == place[:, None, :]) & cloned[:, :, None] & free[:, None, :]


def _closure(
    start: Float[Tensor, "batch 1 cells"], edges: Float[Tensor, "batch cells cells"]
) -> Float[Tensor, "batch 1 cells"]:
    """What the start leads to, in as many doublings of the length of paths as it takes to pass through all cells."""
    found = start
    for doubling in range((edges.shape[-1] - 1).bit_length()):
        if doubling:
            edges = (edges + edges @ edges).clamp_(max=1)
        found = (found + found @ edges).clamp_(max=1)
    return found
