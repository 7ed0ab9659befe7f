"""What an instruction consists of: the tensors that a controller gives at each step."""

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor


class Kind(StrEnum):
    """What the numbers of an operand mean; it tells a controller which squashing function to end in."""

    DISTRIBUTION = "distribution"
    """Non-negative, summing to one along the last axis: end in a softmax."""
    STRENGTH = "strength"
    """Non-negative, each on its own, 1 for a whole item: end in a sigmoid."""
    VECTOR = "vector"
    """Any real numbers: the content that is stored or looked for."""
    REAL = "real"
    """Any real numbers that are compared, such as priorities."""


@dataclass(frozen=True)
class Operand:
    """One tensor of an instruction, of shape [batch, size].

    Attributes:
        name: as in error messages and documentation.
        size: the length of its last axis.
        kind: what its numbers mean.
        labels: the name of each entry, where entries have names (the actions).
        idle: for a distribution, the entry that masked steps take; for the action, the one that changes nothing.
    """

    name: str
    size: int
    kind: Kind
    labels: tuple[str, ...] = ()
    idle: int = 0

    @property
    def axis(self) -> str:
        """What its last axis counts, for messages."""
        return " | ".join(self.labels) or self.name

    def idling(self, operand: Tensor, counts: Tensor) -> Tensor:
        """`operand` where `counts` is true; elsewhere the instruction that changes nothing, whatever stood there."""
        neutral = torch.zeros_like(operand[..., :1])
        if self.kind is Kind.DISTRIBUTION:
            neutral = neutral + (torch.arange(self.size, device=operand.device) == self.idle).to(operand.dtype)
        return torch.where(counts, operand, neutral)


def idle_unless(mask: Tensor | None, operands: tuple[Operand, ...], tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The instruction where the mask is true; elsewhere the one that changes nothing. Without a mask, all of it."""
    if mask is None:
        return tensors
    return tuple(operand.idling(tensor, mask[..., None]) for operand, tensor in zip(operands, tensors, strict=True))
