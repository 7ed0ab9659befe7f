"""A small convolutional network: what one image of one symbol shows."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurallambda.arguments import checked_methods
from neurallambda.errors import ArgumentError, check_count

_MEAN, _DEVIATION = 0.1307, 0.3081
"""Of the pixels of MNIST."""


@checked_methods("__init__")
class ImageClassifier(nn.Module):
    """Four convolutions with batch normalisation, and a linear layer.

    Args:
        classes: how many symbols there are.
        width: the channels of the first convolution; the last one has four times as many.
        size: the height and width of the images, at least 8.
        dropout: the probability with which a feature is left out in training.

    Raises:
        ArgumentError: if a number is too small, or the dropout is no probability below 1.

    Example:
        >>> ImageClassifier(10, width=4)(torch.zeros(2, 28, 28)).shape
        torch.Size([2, 10])

    Ioffe and Szegedy 2015, *Batch normalization*, have the normalisation.
    """

    def __init__(self, classes: int, *, width: int = 32, size: int = 28, dropout: float = 0.25) -> None:
        super().__init__()
        check_count("classes", classes)
        check_count("width", width)
        check_count("size", size)
        if size < 8:
            raise ArgumentError(f"size: got {size}, expected at least 8")
        if not 0 <= dropout < 1:
            raise ArgumentError(f"dropout: got {dropout}, expected a probability of at least 0 and less than 1")
        self.size = size
        self.layers = nn.Sequential(
            *_block(1, width, 5, padding=0),
            nn.MaxPool2d(2),
            *_block(width, 2 * width, 3, padding=1),
            *_block(2 * width, 2 * width, 3, padding=1),
            nn.MaxPool2d(2),
            *_block(2 * width, 4 * width, 3, padding=1),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(4 * width * ((size - 4) // 4) ** 2, classes),
        )
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, images: Float[Tensor, "batch height width"]) -> Float[Tensor, "batch classes"]:
        """What each image may show.

        Args:
            images: from 0, black, to 1, white.

        Returns:
            Logits.
        """
        normal = ((images - _MEAN) / _DEVIATION)[:, None]
        return self.layers(normal.contiguous(memory_format=torch.channels_last))


def _block(inputs: int, outputs: int, kernel: int, *, padding: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(inputs, outputs, kernel, padding=padding, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
