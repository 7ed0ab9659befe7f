"""Images that are turned, sheared, stretched and moved a little, so that a network sees no image twice."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

TURN, STRETCH, SHEAR, MOVE = 0.2, 0.1, 0.15, 2.5 / 14
"""At most, at strength 1: radians, parts, parts, and parts of half an image."""


def augmented(
    images: Float[Tensor, "batch height width"], strength: float, generator: torch.Generator
) -> Float[Tensor, "batch height width"]:
    """The same images, each changed by chance; outside them it is black."""
    if not strength:
        return images
    count = len(images)
    chance = strength * (2 * torch.rand(5, count, generator=generator) - 1)
    angle, scale, shear = TURN * chance[0], 1 + STRETCH * chance[1], SHEAR * chance[2]
    matrix = torch.stack(
        [
            torch.stack([angle.cos() * scale, shear - angle.sin() * scale, MOVE * chance[3]], 1),
            torch.stack([angle.sin() * scale, angle.cos() * scale, MOVE * chance[4]], 1),
        ],
        1,
    )
    grid = affine_grid(matrix, [count, 1, *images.shape[1:]], align_corners=False)
    return grid_sample(images[:, None], grid, align_corners=False)[:, 0]
