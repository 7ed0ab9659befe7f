"""Soft permutations of rows: exchange two, or take one out and put it in elsewhere, at places that are not certain.

Both are the mean of the permutations over places drawn independently, so each is a doubly stochastic matrix times the rows,
never written out: the cost is linear in the number of rows.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.arguments import checked, shown
from neurallambda.errors import ArgumentError

Rows = Float[Tensor, "batch count width"]
Place = Float[Tensor, "batch count"]


@checked
def swap(rows: Rows, first: Place, second: Place) -> Rows:
    """Exchange two rows.

    With p and q the distributions of the two places, the mean permutation is I - diag(p) - diag(q) + p qᵀ + q pᵀ.

    Args:
        rows: the rows.
        first: the place of one of them, a distribution.
        second: the place of the other, drawn independently of the first.

    Returns:
        The rows after the exchange. Where both places are one nothing changes.

    Raises:
        ArgumentError: if a shape or type does not fit.

    Example:
        >>> rows = torch.tensor([[[1.0], [2.0], [3.0]]])
        >>> first, last = torch.eye(3)[:1], torch.eye(3)[2:]
        >>> swap(rows, first, last)[0, :, 0]
        tensor([3., 2., 1.])
        >>> swap(rows, (first + last) / 2, last)[0, :, 0]  # half of the time the last row is exchanged with itself
        tensor([2., 2., 2.])
    """
    _check(rows, {"first": first, "second": second})
    at_first, at_second = (place[:, None] @ rows for place in (first, second))
    one, other = first[..., None], second[..., None]
    return rows - one * rows - other * rows + one * at_second + other * at_first


@checked
def move(rows: Rows, source: Place, target: Place) -> Rows:
    """Take a row out and put it in at another place; those between close the gap and make room.

    Args:
        rows: the rows.
        source: where the row is taken from, a distribution.
        target: where it is when all is done, a distribution, drawn independently of the source.

    Returns:
        The rows after the move.

    Raises:
        ArgumentError: if a shape or type does not fit.

    Example:
        >>> rows = torch.tensor([[[1.0], [2.0], [3.0], [4.0]]])
        >>> move(rows, torch.eye(4)[:1], torch.eye(4)[2:3])[0, :, 0]
        tensor([2., 3., 1., 4.])
    """
    _check(rows, {"source": source, "target": target})
    taken = source[:, None] @ rows
    from_here, to_here = _at_or_before(source), _at_or_before(target)
    # At a place k that is not the target: up when source <= k < target, down when target < k <= source.
    up = from_here * (1 - to_here)
    down = (to_here - target) * (1 - from_here + source)
    stays = (1 - from_here) * (1 - to_here) + (from_here - source) * (to_here - target)
    last, before = torch.zeros_like(rows[:, :1]), rows
    below, above = torch.cat([before[:, 1:], last], 1), torch.cat([last, before[:, :-1]], 1)
    return target[..., None] * taken + up[..., None] * below + down[..., None] * above + stays[..., None] * rows


def _at_or_before(place: Tensor) -> Tensor:
    """For each row, how likely the place is there or before it; the last entry is exactly the whole."""
    return torch.cat([place[:, :-1].cumsum(1), torch.ones_like(place[:, :1])], 1)


def _check(rows: Tensor, places: dict[str, Any]) -> None:
    if rows.ndim != 3 or not rows.dtype.is_floating_point:
        raise ArgumentError(f"rows: got {shown(rows)}, expected a floating point tensor [batch, count, width]")
    for name, place in places.items():
        if place.shape != rows.shape[:2] or place.dtype != rows.dtype:
            raise ArgumentError(
                f"{name}: got {shown(place)}, expected a distribution over the rows, {rows.dtype} of shape "
                f"{tuple(rows.shape[:2])}"
            )
