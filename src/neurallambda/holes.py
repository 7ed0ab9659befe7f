"""Holes: what may stand for a `?name` of a program, and its checks; one contract for all engines on tensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.lang.fillings import check_atom, check_names


@dataclass(frozen=True, repr=False)
class Soft:
    """A distribution over atoms, for a hole: the softmax of `logits` over `values`.

    What the values and logits are is checked where the hole has a name: when a program is encoded. A logit of minus
    infinity is allowed, beside others: its value has the probability zero, and the gradient that reaches it is zero.

    Attributes:
        values: integers, booleans and names of primitives; a range stands for all that is in it.
        logits: one for each value; with a leading axis, one row for each program of the batch. For `neurallambda.Worlds`
            also [batch, time, values]: a list of so many things for each row.
        lengths: how long that list is in each row; None: as long as there is time.

    Raises:
        ArgumentError: where the logits are no tensor with an entry for each value, or a value stands there twice.

    >>> Soft(("+", "-"), torch.tensor([0.0, 0.0])).probabilities
    tensor([0.5000, 0.5000])
    >>> Soft((1, 2), torch.tensor([0.0, 0.0]))
    Soft((1, 2), logits of shape (2,))
    """

    values: tuple[int | bool | str, ...] | range
    logits: Float[Tensor, "*batch values"]
    lengths: Int[Tensor, " rows"] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.values, range):
            object.__setattr__(self, "values", tuple(self.values))
        if not isinstance(self.values, tuple):
            raise ArgumentError(f"values: got {self.values!r}, expected a tuple of integers, booleans or primitives")
        if not isinstance(self.logits, Tensor):
            raise ArgumentError(
                f"logits: got {self.logits!r}, expected a tensor of floating point numbers; torch.tensor(...) makes one"
            )
        if not self.logits.is_floating_point():
            raise ArgumentError(
                f"logits: got {self.logits.dtype}, expected floating point numbers; `.float()` makes them"
            )
        if not self.values:
            raise ArgumentError("values: got none, expected at least one")
        if self.logits.shape[-1:] != (len(self.values),):
            raise ArgumentError(
                f"logits: got shape {tuple(self.logits.shape)} for {len(self.values)} values; "
                f"its last axis must have one entry for each value"
            )
        atoms = [(type(value), value) for value in self.values if isinstance(value, (int, str))]
        if len(set(atoms)) != len(atoms):
            raise ArgumentError(f"values: got {self.values}; each may stand there once")
        if self.lengths is not None:
            self._check_lengths(self.lengths)

    def _check_lengths(self, lengths: Tensor) -> None:
        """Refuse lengths that do not go with the logits."""
        if self.logits.dim() != 3:
            raise ArgumentError(
                f"lengths: they go with logits [batch, time, values]; got logits of shape {tuple(self.logits.shape)}"
            )
        batch, time, _ = self.logits.shape
        is_number = isinstance(lengths, Tensor) and not lengths.is_floating_point() and not lengths.is_complex()
        if not is_number or lengths.dtype == torch.bool or lengths.shape != (batch,):
            raise ArgumentError(
                f"lengths: got {lengths!r:.60}, expected a tensor of {batch} integers, one for each row"
            )
        if batch and not 0 <= int(lengths.min()) <= int(lengths.max()) <= time:
            raise ArgumentError(f"lengths: got {lengths.tolist()!r:.60}, expected numbers from 0 to {time}")

    @property
    def probabilities(self) -> Float[Tensor, "*batch values"]:
        """The distribution over the values."""
        return self.logits.softmax(-1)

    def select(self, rows: Sequence[int]) -> "Soft":
        """The distributions of some programs of the batch; one that all programs share stays."""
        if self.logits.dim() == 1:
            return self
        lengths = None if self.lengths is None else self.lengths[list(rows)]
        return Soft(self.values, self.logits[list(rows)], lengths)

    def __repr__(self) -> str:
        values = f"{len(self.values)} values" if len(self.values) > 8 else f"{self.values}"
        return f"Soft({values}, logits of shape {tuple(self.logits.shape)})"


Filling = Soft | Tensor | int | bool | str
"""What may fill a hole: a distribution; logits over all declared integers; or one certain value."""


def fillings(holes: Mapping[str, Filling] | None, integers: range, batch: int | None = None) -> dict[str, Soft]:
    """The fillings of a batch of programs in their general form, checked.

    Those of holes that no program has are checked too, and otherwise left alone: a set of holes may serve many programs.

    Args:
        holes: what a caller gave.
        integers: the declared integers, which a tensor of logits is over.
        batch: how many programs there are; logits may have so many rows. None, for a stream of programs: one row for all.

    Raises:
        ArgumentError: naming the hole whose filling cannot be used.
    """
    return {name: _checked(name, filling, integers, batch) for name, filling in check_names(holes).items()}


def _checked(name: str, filling: object, integers: range, batch: int | None) -> Soft:
    soft = _general(name, filling, integers)
    for value in soft.values:
        check_atom(name, value)
    logits, values = soft.logits, len(soft.values)
    if logits.shape not in ((values,), (batch, values)):
        programs, or_rows = "a stream of programs", "one row for all of them"
        if batch is not None:
            programs, or_rows = f"a batch of {batch} programs", f"or ({batch}, {values})"
        raise ArgumentError(
            f"holes[{name!r}]: got logits of shape {tuple(logits.shape)} for {programs}; expected ({values},) {or_rows}"
        )
    largest = logits.detach().amax(-1)  # NaN where any is NaN
    if not bool(largest.isfinite().all()):
        raise ArgumentError(
            f"holes[{name!r}]: got logits that are NaN, plus infinity, or minus infinity for all values; "
            f"expected numbers, of which some but not all may be minus infinity"
        )
    return soft


def _general(name: str, filling: object, integers: range) -> Soft:
    """A filling as a distribution, with the logits of a certain one on the CPU."""
    match filling:
        case Soft():
            return filling
        case Tensor():
            if not filling.is_floating_point() or filling.shape[-1:] != (len(integers),):
                raise ArgumentError(
                    f"holes[{name!r}]: got a tensor of {filling.dtype} and shape {tuple(filling.shape)}; logits over the "
                    f"declared integers are floating point numbers with {len(integers)} entries on the last axis. For "
                    f"other values give neurallambda.Soft(values, logits), for one certain integer give it as an int."
                )
            return Soft(tuple(integers), filling)
        case _:
            check_atom(name, filling)
            return Soft((filling,), torch.zeros(1))  # pyright: ignore[reportArgumentType]
