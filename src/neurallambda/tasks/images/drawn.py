"""Symbols drawn by a rule: digits for tests, and the operators that stand between handwritten digits."""

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.tasks.images.labelled import LabelledImages

_LETTERS = {
    "0": ".###. #...# #...# #...# #...# #...# .###.",
    "1": "..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.",
    "2": ".###. #...# ....# ...#. ..#.. .#... #####",
    "3": ".###. #...# ....# ..##. ....# #...# .###.",
    "4": "...#. ..##. .#.#. #..#. ##### ...#. ...#.",
    "5": "##### #.... ####. ....# ....# #...# .###.",
    "6": "..##. .#... #.... ####. #...# #...# .###.",
    "7": "##### ....# ...#. ..#.. .#... .#... .#...",
    "8": ".###. #...# #...# .###. #...# #...# .###.",
    "9": ".###. #...# #...# .#### ....# ...#. .##..",
    "+": "..... ..#.. ..#.. ##### ..#.. ..#.. .....",
    "-": "..... ..... ..... ##### ..... ..... .....",
    "*": "..... #...# .#.#. ..#.. .#.#. #...# .....",
}
"""Five columns and seven rows for each symbol."""


@checked
def draw(symbols: str, images: int, *, size: int = 28, noise: float = 0.1, seed: int = 0) -> LabelledImages:
    """Draw symbols, each time turned, sheared, stretched and moved a little, with grey noise on all of it.

    Args:
        symbols: what is drawn: of the digits, `+`, `-` and `*`, each at most once. The label of an image is the place here.
        images: how many.
        size: the height and width, at least 8.
        noise: how strong the noise is; 1: as bright as the lines.
        seed: of all that is drawn by chance.

    Returns:
        The images; each symbol is equally likely.

    Raises:
        ArgumentError: if there is no such symbol, or a number makes no sense.

    Example:
        >>> some = draw("+-*", 5)
        >>> some.pixels.shape, some.labels.tolist()
        (torch.Size([5, 28, 28]), [2, 0, 2, 0, 1])
    """
    unknown = [symbol for symbol in symbols if symbol not in _LETTERS]
    if unknown or not symbols or len(set(symbols)) != len(symbols):
        raise ArgumentError(f"symbols: got {symbols!r}, expected some of {''.join(_LETTERS)}, each at most once")
    check_count("images", images)
    check_count("size", size)
    if size < 8:
        raise ArgumentError(f"size: got {size}, expected at least 8")
    if not 0 <= noise <= 1:
        raise ArgumentError(f"noise: got {noise}, expected a number from 0 to 1")
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(len(symbols), (images,), generator=generator)
    stencils = torch.stack([_stencil(symbol) for symbol in symbols])

    def between(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(images, generator=generator)

    angle, shear = between(-0.2, 0.2), between(-0.2, 0.2)
    wide, high = between(1.1, 1.5), between(1.1, 1.5)
    across, down = between(-0.2, 0.2), between(-0.2, 0.2)
    matrix = torch.stack(
        [
            torch.stack([angle.cos() * wide, (shear - angle.sin()) * wide, across], 1),
            torch.stack([angle.sin() * high, angle.cos() * high, down], 1),
        ],
        1,
    )
    grid = affine_grid(matrix, [images, 1, size, size], align_corners=False)
    lines = grid_sample(stencils[labels][:, None], grid, align_corners=False)[:, 0] * between(0.7, 1.0)[:, None, None]
    grey = lines + noise * torch.rand(lines.shape, generator=generator)
    return LabelledImages(pixels=(grey.clamp(0, 1) * 255).round().to(torch.uint8), labels=labels)


def _stencil(symbol: str) -> Tensor:
    """A symbol as numbers, with room around it: 9 by 9."""
    rows = [[float(point == "#") for point in row] for row in _LETTERS[symbol].split()]
    return torch.nn.functional.pad(torch.tensor(rows), (2, 2, 1, 1))
