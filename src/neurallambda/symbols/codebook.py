"""A vector for each symbol."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor
from torch.utils import _pytree as pytree  # torch offers no public way to register a node with constants

from neurallambda.arguments import checked, checked_methods
from neurallambda.device import check_device
from neurallambda.errors import ArgumentError, check_count
from neurallambda.symbols.batch import from_tensor, to_tensor
from neurallambda.symbols.checks import check_finite, check_floating, check_inverse_temperature, check_last_axis
from neurallambda.symbols.identity import describe, key
from neurallambda.symbols.kinds import Kind, draw
from neurallambda.symbols.similarity import cosine_with_all, direction, dot_with_all


@checked_methods("make", "to")
@checked
@dataclass(frozen=True, eq=False)
class Codebook:
    """A vector for each of a fixed set of symbols: any hashable objects, where `1`, `1.0` and `True` are three.

    A pytree whose only leaf is `vectors`, so that `torch.func.grad` and `torch.vmap` see through it.

    Attributes:
        symbols: the symbols, in the order of their vectors.
        vectors: shape (count, vec_size).
        kind: how the vectors were drawn.
    """

    symbols: tuple[Hashable, ...]
    vectors: Float[Tensor, "count size"]
    kind: Kind
    _places: Mapping[Hashable, int] = field(init=False, repr=False)

    MOST_SHOWN: ClassVar[int] = 12

    def __post_init__(self) -> None:
        places: dict[Hashable, int] = {}
        for place, symbol in enumerate(self.symbols):
            first = places.setdefault(key(symbol), place)
            if first != place:
                raise ArgumentError(f"symbols: got {describe(symbol)} twice, at {first} and at {place}")
        if len(self.vectors) != len(self.symbols) or not self.symbols:
            raise ArgumentError(
                f"vectors: got {len(self.vectors)} for {len(self.symbols)} symbols, expected one for each, at least one"
            )
        check_floating(self.vectors.dtype)
        object.__setattr__(self, "_places", places)

    @classmethod
    def make(
        cls,
        symbols: Iterable[Hashable],
        *,
        kind: Kind | str = Kind.ONEHOT,
        vec_size: int | None = None,
        generator: Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> "Codebook":
        """Draw a vector for each symbol.

        Args:
            symbols: the symbols, all different.
            kind: `onehot`, `orthonormal`, `gaussian` or `bipolar`; see `Kind`.
            vec_size: the width of the vectors; without it, as many as there are symbols.
            generator: the source of randomness. Every kind but `onehot` needs one.
            device: where the codebook lives.
            dtype: its floating point type.

        Returns:
            The codebook. One seed gives one codebook, in every process.

        Raises:
            ArgumentError: if a symbol comes twice or cannot be hashed, if the vectors of two symbols point the same way
                (a random kind that is too narrow), or an argument does not fit.

        Example:
            >>> codebook = Codebook.make(["a", "b", 1, True])
            >>> codebook.project("b")
            tensor([0., 1., 0., 0.])
            >>> codebook.unproject(torch.tensor([[0.1, 0.0, 0.0, 2.0], [0.0, 3.0, 0.0, 0.0]]))
            ([True, 'b'], tensor([0.9988, 1.0000]))
        """
        chosen = tuple(symbols)
        if kind not in list(Kind):
            raise ArgumentError(f"kind: got {kind!r}, expected one of {', '.join(Kind)}")
        check_count("symbols: their number", len(chosen), least=1)
        check_floating(dtype)
        check_device(device)
        width = len(chosen) if vec_size is None else vec_size
        check_count("vec_size", width, least=1)
        drawn = draw(Kind(kind), count=len(chosen), vec_size=width, generator=generator)
        codebook = cls(symbols=chosen, vectors=drawn.to(device=device, dtype=dtype), kind=Kind(kind))
        if len(torch.unique(direction(codebook.vectors), dim=0)) < len(chosen):
            raise ArgumentError(
                f"vec_size: got {width}, in which the {kind} vectors of two of the {len(chosen)} symbols point the same "
                f"way, so that they cannot be told apart; take more"
            )
        return codebook

    def __len__(self) -> int:
        return len(self.symbols)

    def __contains__(self, symbol: object) -> bool:
        return key(symbol) in self._places

    @property
    def vec_size(self) -> int:
        """The width of the vectors."""
        return self.vectors.shape[-1]

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> "Codebook":
        """This codebook on another device, or in another floating point type."""
        check_device(device)
        return replace(self, vectors=self.vectors.to(device=device, dtype=dtype))

    def index(self, symbols: Any) -> Int[Tensor, "..."]:
        """The place of each symbol in the codebook.

        Args:
            symbols: a symbol, or a list of symbols, or a list of lists, and so on.

        Returns:
            Integers, in the shape of the lists: without axes for one symbol.

        Raises:
            ArgumentError: if a symbol is not in the codebook, or the lists are ragged.
        """
        return to_tensor(symbols, self._place, self.vectors.device)

    def project(self, symbols: Any) -> Float[Tensor, "..."]:
        """The vector of each symbol.

        Args:
            symbols: a symbol, or a list of symbols, or a list of lists, and so on. A tuple is one symbol.

        Returns:
            Shape (..., vec_size), where ... is the shape of the lists.

        Raises:
            ArgumentError: if a symbol is not in the codebook, or the lists are ragged.

        Example:
            >>> Codebook.make("xyz").project(["z", "x"])
            tensor([[0., 0., 1.],
                    [1., 0., 0.]])
        """
        return self.vectors[self.index(symbols)]

    def unproject(self, vectors: Float[Tensor, "..."]) -> tuple[Any, Float[Tensor, "..."]]:
        """The symbol whose vector is most alike, by the cosine of the angle, and that cosine.

        A vector that stands for no symbol gets the nearest one too: it is the similarity that tells.

        Args:
            vectors: shape (..., vec_size).

        Returns:
            The symbols, in lists of shape (...), or one symbol for one vector; and the similarities, shape (...).

        Raises:
            ArgumentError: if the vectors do not fit the codebook or are not finite.
        """
        check_finite("vectors", vectors)
        similarity, places = cosine_with_all(vectors, self.vectors).max(-1)
        return from_tensor(places, self.symbols.__getitem__), similarity

    def attend(self, vectors: Float[Tensor, "..."], *, inverse_temperature: float) -> Float[Tensor, "..."]:
        """How likely each vector is to mean each symbol: softmax(inverse_temperature * dot products).

        Args:
            vectors: shape (..., vec_size).
            inverse_temperature: how decided the choice is; positive. Similarities grow with the squared length of the
                codebook's vectors (1 for the exact kinds, about vec_size for the others).

        Returns:
            Distributions over the symbols, shape (..., count).

        Raises:
            ArgumentError: if an argument does not fit.
        """
        check_inverse_temperature(inverse_temperature)
        return (inverse_temperature * dot_with_all(vectors, self.vectors)).softmax(-1)

    def mix(self, weights: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The sum of the symbols' vectors, weighted.

        Args:
            weights: shape (..., count), distributions over the symbols, say.

        Returns:
            Shape (..., vec_size).

        Raises:
            ArgumentError: if the weights do not fit the codebook.
        """
        check_last_axis("weights", weights, size=len(self), meaning="the symbols", like=self.vectors)
        return weights @ self.vectors

    def clean_up(self, vectors: Float[Tensor, "..."], *, inverse_temperature: float) -> Float[Tensor, "..."]:
        """Pull noisy vectors towards those of the codebook: X^T softmax(inverse_temperature * X v).

        This is one update of a modern Hopfield network whose stored patterns are the codebook; it is differentiable in
        the vectors and in the codebook.

        Args:
            vectors: shape (..., vec_size).
            inverse_temperature: how far they are pulled; see `attend`. In the limit the result is that of `snap`, where
                all vectors of the codebook are equally long.

        Returns:
            Shape (..., vec_size).

        Raises:
            ArgumentError: if an argument does not fit.

        Paper:
            Ramsauer et al., "Hopfield Networks is All You Need", 2021.

        Example:
            >>> codebook = Codebook.make("ab")
            >>> codebook.clean_up(torch.tensor([0.9, 0.2]), inverse_temperature=10.0)
            tensor([9.9909e-01, 9.1105e-04])
        """
        return self.mix(self.attend(vectors, inverse_temperature=inverse_temperature))

    def snap(self, vectors: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The vector of the codebook that is most alike, by the cosine of the angle: the hard form of `clean_up`.

        Gradients reach the codebook, and not the vectors.

        Args:
            vectors: shape (..., vec_size).

        Returns:
            Shape (..., vec_size).

        Raises:
            ArgumentError: if the vectors do not fit the codebook.
        """
        return self.vectors[cosine_with_all(vectors, self.vectors).argmax(-1)]

    def _place(self, symbol: object) -> int:
        place = self._places.get(key(symbol))
        if place is not None:
            return place
        # Equal in Python's eyes: 1 where the codebook has True.
        cousins = [describe(other) for other in self.symbols if other == symbol]
        shown = ", ".join(map(describe, self.symbols[: self.MOST_SHOWN]))
        rest = len(self) - self.MOST_SHOWN
        raise ArgumentError(
            f"symbols: got {describe(symbol)}, which is not in the codebook; expected one of {shown}"
            + (f" and {rest} more" if rest > 0 else "")
            + (f"; did you mean {cousins[0]}? Types count" if cousins else "")
        )


def _flatten(codebook: Codebook) -> tuple[list[Any], tuple[Any, ...]]:
    return [codebook.vectors], (codebook.symbols, codebook.kind, codebook._places)  # pyright: ignore[reportPrivateUsage]


def _unflatten(leaves: Iterable[Any], constants: tuple[Any, ...]) -> Codebook:
    """A codebook around whatever a transform puts in the place of its vectors, unchecked: they may be no tensors."""
    codebook = object.__new__(Codebook)
    (vectors,) = leaves
    for name, value in zip(("symbols", "kind", "_places", "vectors"), (*constants, vectors), strict=True):
        object.__setattr__(codebook, name, value)
    return codebook


pytree.register_pytree_node(Codebook, _flatten, _unflatten, serialized_type_name=f"{__name__}.Codebook")
