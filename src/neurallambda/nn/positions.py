"""How attention knows where tokens stand: sinusoids added, rotations, or a penalty for distance."""

from typing import Literal

import torch
from torch import Tensor

Positions = Literal["none", "sinusoidal", "rotary", "alibi"]
"""Nothing; sinusoids (Vaswani et al., 2017); rotations (Su et al., 2021); linear biases (Press et al., 2022)."""

BASE = 10_000.0
"""The longest wavelength, divided by 2 pi."""


def places(tokens: Tensor, mask: Tensor | None) -> Tensor:
    """The number of each token among those that count: [batch, time]; padding, wherever it stands, has no number."""
    if mask is None:
        return torch.arange(tokens.shape[1], device=tokens.device).expand(tokens.shape)
    return torch.where(mask, mask.long().cumsum(1) - 1, 0)


def angles(place: Tensor, size: int) -> Tensor:
    """The angles of a token in circles that turn at different speeds: [batch, time] to [batch, time, size / 2]."""
    speeds = BASE ** (-torch.arange(0, size, 2, device=place.device) / size)
    return place[..., None] * speeds


def sinusoids(place: Tensor, size: int) -> Tensor:
    """Sines and cosines of the angles: [batch, time] to [batch, time, size]."""
    turned = angles(place, size)
    return torch.cat([turned.sin(), turned.cos()], dim=-1)[..., :size]


def rotated(vectors: Tensor, place: Tensor) -> Tensor:
    """Queries or keys with every pair of numbers turned by the token's angle, so that products depend on distances.

    Args:
        vectors: [batch, heads, time, size], the size even.
        place: [batch, time].
    """
    # In half precision the angle of a token far away is wrong by a radian and more; its sine and cosine are not.
    turned = angles(place, vectors.shape[-1])[:, None].to(torch.promote_types(vectors.dtype, torch.float32))
    one, other = vectors.chunk(2, dim=-1)
    sin, cos = turned.sin().to(vectors.dtype), turned.cos().to(vectors.dtype)
    return torch.cat([one * cos - other * sin, one * sin + other * cos], dim=-1)


def distance_biases(place: Tensor, heads: int) -> Tensor:
    """What is added to the scores of attention: [batch, time] to [batch, heads, time, time]; each head has its slope."""
    slopes = 2.0 ** (-8.0 * torch.arange(1, heads + 1, device=place.device) / heads)
    distance = (place[:, :, None] - place[:, None, :]).abs()
    return -slopes[:, None, None] * distance[:, None]
