"""Integers as bit patterns: no table of symbols, and room for noise."""

from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from neurallambda.arguments import checked_methods
from neurallambda.device import check_device
from neurallambda.errors import ArgumentError, check_count
from neurallambda.state import state
from neurallambda.symbols.batch import from_tensor, to_tensor
from neurallambda.symbols.checks import check_finite, check_floating, check_inverse_temperature, check_last_axis
from neurallambda.symbols.identity import describe
from neurallambda.symbols.similarity import cosine

MOST_BITS = 63
"""The widest integers: one bit less than those of a tensor, so that no sum of place values leaves their range."""


@checked_methods("make", "to")
@state
class BitCodebook:
    """A vector of -1 and 1 for each integer of so many bits: its two's complement, repeated, XOR a random mask.

    With b_j the bits of the integer, -1 for a zero and 1 for a one, and m a random vector of signs (XOR, in signs, is a
    product), each of the R rows repeats the pattern:

        v_rj = m_rj b_j        b_j = sign(sum_r m_rj v_rj)

    The mask makes the vector of every integer look random, zero's too. Reading takes the vote of a bit's R copies. Where
    each number of a vector flips with probability p < 1/2, an integer of B bits is misread with probability at most
    B exp(-2 R (1/2 - p)^2) (Hoeffding): 16 bits at p = 1/4 need 103 copies to be misread less than once in 24,000 times.

    Attributes:
        mask: signs, shape (repeats, bits).
    """

    mask: Float[Tensor, "repeats bits"]

    @classmethod
    def make(
        cls,
        bits: int,
        *,
        repeats: int,
        generator: Generator,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> "BitCodebook":
        """Draw the mask.

        Args:
            bits: how wide the integers are: from -2**(bits - 1) to 2**(bits - 1) - 1. At most 63.
            repeats: how many copies of each bit there are; more survive more noise. Odd numbers cannot tie.
            generator: the source of randomness.
            device: where the codebook lives.
            dtype: its floating point type.

        Returns:
            The codebook. One seed gives one codebook, in every process.

        Raises:
            ArgumentError: if an argument does not fit.

        Example:
            >>> codebook = BitCodebook.make(8, repeats=5, generator=torch.Generator().manual_seed(0))
            >>> vectors = codebook.project([-128, 42])
            >>> vectors.shape, codebook.unproject(vectors)
            (torch.Size([2, 40]), ([-128, 42], tensor([1., 1.])))
        """
        check_device(device)
        check_count("bits", bits, least=1)
        check_count("repeats", repeats, least=1)
        check_floating(dtype)
        if bits > MOST_BITS:
            raise ArgumentError(f"bits: got {bits}, expected at most {MOST_BITS}, since integers pass through int64")
        signs = torch.randint(2, (repeats, bits), generator=generator, device=generator.device) * 2 - 1
        return cls(mask=signs.to(device=device, dtype=dtype))

    @property
    def bits(self) -> int:
        """How wide the integers are."""
        return self.mask.shape[1]

    @property
    def vec_size(self) -> int:
        """The width of the vectors: repeats * bits."""
        return self.mask.numel()

    @property
    def integers(self) -> range:
        """The integers that have a vector."""
        return range(-(1 << (self.bits - 1)), 1 << (self.bits - 1))

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> "BitCodebook":
        """This codebook on another device, or in another floating point type."""
        check_device(device)
        return replace(self, mask=self.mask.to(device=device, dtype=dtype))

    def project(self, integers: Any) -> Float[Tensor, "..."]:
        """The vector of each integer.

        Args:
            integers: an integer, or a list of integers, or a list of lists, and so on.

        Returns:
            Shape (..., vec_size), where ... is the shape of the lists.

        Raises:
            ArgumentError: if something is no integer (a boolean is none) or has more bits, or the lists are ragged.
        """
        return self._spread(self._signs(to_tensor(integers, self._checked, self.mask.device)))

    def unproject(self, vectors: Float[Tensor, "..."]) -> tuple[Any, Float[Tensor, "..."]]:
        """The integer that the copies of each bit vote for, and the cosine of the angle to its vector.

        Args:
            vectors: shape (..., vec_size).

        Returns:
            The integers, in lists of shape (...), or one integer for one vector; and the similarities, shape (...).

        Raises:
            ArgumentError: if the vectors do not fit the codebook or are not finite.
        """
        check_finite("vectors", vectors)
        ones = (self.votes(vectors) > 0).long()
        values = (ones * self._place_values()).sum(-1)
        return from_tensor(values, int), cosine(vectors, self._spread(self._signs(values)))

    def votes(self, vectors: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The mean over a bit's copies of what each says, from -1 for a zero to 1 for a one.

        Args:
            vectors: shape (..., vec_size).

        Returns:
            Shape (..., bits), the lowest bit first.

        Raises:
            ArgumentError: if the vectors do not fit the codebook.
        """
        check_last_axis("vectors", vectors, size=self.vec_size, meaning="repeats * bits", like=self.mask)
        return (vectors.unflatten(-1, self.mask.shape) * self.mask).mean(-2)

    def clean_up(self, vectors: Float[Tensor, "..."], *, inverse_temperature: float) -> Float[Tensor, "..."]:
        """Pull noisy vectors towards those of integers, bit by bit: tanh(inverse_temperature * votes), masked again.

        For each bit this is the update of a modern Hopfield network that stores its two patterns, so no table of all
        the integers is needed.

        Args:
            vectors: shape (..., vec_size).
            inverse_temperature: how far they are pulled; positive.

        Returns:
            Shape (..., vec_size).

        Raises:
            ArgumentError: if an argument does not fit.
        """
        check_inverse_temperature(inverse_temperature)
        return self._spread((inverse_temperature * self.votes(vectors)).tanh())

    def snap(self, vectors: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The vector of the integer that `unproject` reads: the hard form of `clean_up`, without a gradient.

        Args:
            vectors: shape (..., vec_size).

        Returns:
            Shape (..., vec_size).

        Raises:
            ArgumentError: if the vectors do not fit the codebook.
        """
        return self._spread((self.votes(vectors) > 0).to(self.mask.dtype) * 2 - 1)

    def _spread(self, signs: Tensor) -> Tensor:
        """Each bit to all its copies, through the mask."""
        return (signs[..., None, :] * self.mask).flatten(-2)

    def _signs(self, values: Int[Tensor, "..."]) -> Tensor:
        places = torch.arange(self.bits, device=values.device)
        return (((values[..., None] >> places) & 1) * 2 - 1).to(self.mask.dtype)

    def _place_values(self) -> Tensor:
        """What a one is worth in each place; in two's complement the highest counts negatively."""
        values = 1 << torch.arange(self.bits, device=self.mask.device)
        values[-1] = -values[-1]
        return values

    def _checked(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ArgumentError(f"integers: got {describe(value)}, expected an integer")
        if value not in self.integers:
            raise ArgumentError(
                f"integers: got {value}, expected {self.integers.start} to {self.integers.stop - 1}, "
                f"what {self.bits} bits can hold; make a wider codebook"
            )
        return value
