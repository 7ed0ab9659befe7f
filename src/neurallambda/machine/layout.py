"""Where each part of a record lies, and the code that memory starts with."""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.machine.alphabet import CODE_FIELDS, KINDS, NARROW_FIELDS, OPERATORS, WIDE_FIELDS, Field, Tag
from neurallambda.machine.selection import take_fields

WIDE = len(WIDE_FIELDS)


@dataclass(frozen=True)
class Layout:
    """Where each field of a record lies. A record is `narrow` numbers, then its wide pointers."""

    code: int
    """How many addresses of code there are: the width of a pointer at code."""
    integers: int

    def __post_init__(self) -> None:
        self.pointers_at_code  # noqa: B018  # found now, with all that it needs: a compiled step cannot fill a cache

    @cached_property
    def sizes(self) -> list[int]:
        """The sizes of the narrow fields, in order."""
        return [len(Tag), len(OPERATORS), len(KINDS), self.integers, *[self.code] * len(CODE_FIELDS)]

    @cached_property
    def slices(self) -> dict[Field, slice]:
        """The columns of each narrow field."""
        ends = list(accumulate(self.sizes))
        return {name: slice(end - size, end) for name, size, end in zip(NARROW_FIELDS, self.sizes, ends, strict=True)}

    @cached_property
    def pointers_at_code(self) -> slice:
        """The columns of the three pointers at code."""
        return slice(self.slices[Field.FIRST].start, self.narrow)

    @cached_property
    def narrow(self) -> int:
        """How many numbers a record has besides its wide pointers."""
        return sum(self.sizes)

    def take_columns(self, width: int, like: Tensor) -> Float[Tensor, "taken record"]:
        """From `Selection.taken` to the numbers of a record with pointers of some width."""
        sizes = torch.tensor([*[1] * len(Tag), *self.sizes[1:], *[width] * WIDE], device=like.device)
        fields = torch.tensor(take_fields(), device=like.device, dtype=like.dtype)
        return fields.repeat_interleave(sizes, dim=1, output_size=self.narrow + WIDE * width)


@dataclass(frozen=True)
class Code:
    """The code of a batch of programs, as a step reads it.

    Attributes:
        narrow: the cells.
        variables: from the address of a variable to the address that names its parameter.
        settled: which addresses hold no variable, so that control may stand there.
    """

    narrow: Float[Tensor, "batch code narrow"]
    variables: Float[Tensor, "batch code code"]
    settled: Float[Tensor, "batch code"]
