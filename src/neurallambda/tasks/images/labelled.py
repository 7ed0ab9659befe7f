"""Images and what they show."""

from jaxtyping import Int, UInt8
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.state import state


@state
class LabelledImages:
    """Grey images, and the number of the symbol that each shows.

    Attributes:
        pixels: from 0, black, to 255, white.
        labels: from 0.
    """

    pixels: UInt8[Tensor, "images height width"]
    labels: Int[Tensor, " images"]

    def __len__(self) -> int:
        return self.labels.shape[0]

    def split(self, held_out: int) -> tuple["LabelledImages", "LabelledImages"]:
        """All but the last so many images, and those.

        Args:
            held_out: how many; at least one, and fewer than there are.

        Raises:
            ArgumentError: if there are not so many.
        """
        if not 0 < held_out < len(self):
            raise ArgumentError(f"held_out: got {held_out}, expected a number from 1 to {len(self) - 1}")
        first = slice(0, len(self) - held_out), slice(len(self) - held_out, None)
        one, other = (LabelledImages(pixels=self.pixels[part], labels=self.labels[part]) for part in first)
        return one, other
