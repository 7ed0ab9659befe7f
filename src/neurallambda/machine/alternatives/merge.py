"""Merging: what differs in one register alone is one alternative, whose register is the mixture.

The registers of an alternative are independent. So nothing is lost where two alternatives share two of their registers
and the third becomes a mixture: what followed from the third in one of them follows from it still. Control is mixed only
where it stands on values: those are data, and data may be a mixture, but code under control decides which rule comes next.

What is mixed is exact as long as it is used once; kept apart, it may be used as often as one likes. So alternatives merge
only where there are many: from half of what may be kept apart on, so that there is room for the next split.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from neurallambda.machine.step import CONTINUATION, CONTROL, ENVIRONMENT


def mix(
    pointers: Float[Tensor, "batch parts 3 addresses"],
    running: Float[Tensor, "batch parts"],
    into: Int[Tensor, "batch parts"],
    count: int,
) -> tuple[Float[Tensor, "batch alternatives 3 addresses"], Float[Tensor, "batch alternatives"]]:
    """Mix the registers of all parts that go into the same alternative, each by its weight."""
    share = torch.nn.functional.one_hot(into, count).to(running.dtype) * running[:, :, None]
    mass = share.sum(1)
    mixed = (share.transpose(1, 2) @ pointers.flatten(2)).unflatten(2, pointers.shape[2:])
    return mixed / mass[:, :, None, None].clamp_min(torch.finfo(mass.dtype).tiny), mass


def what_merges(
    pointers: Float[Tensor, "batch parts 3 addresses"],
    running: Float[Tensor, "batch parts"],
    values: Float[Tensor, "batch addresses"],
    few: int,
) -> tuple[Int[Tensor, "batch parts"], int]:
    """Into which alternative each part goes, and how many there are then; so few alternatives of a program stay apart."""
    batch, parts = running.shape
    into = torch.arange(parts, device=running.device).expand(batch, parts)
    alive = running > 0
    is_many = alive.sum(1) > few
    for register in (CONTROL, ENVIRONMENT, CONTINUATION):
        others = [other for other in (CONTROL, ENVIRONMENT, CONTINUATION) if other != register]
        mixed, mass = mix(pointers, running, into, parts)
        same = _pairs(mixed[:, :, others].flatten(2)) & _both(mass > 0) & is_many[:, None, None]
        if register == CONTROL:
            same &= _both(((mixed[:, :, CONTROL] == 0) | (values[:, None] >= 1)).all(-1))
        same |= torch.eye(parts, dtype=torch.bool, device=running.device)
        into = same.to(torch.uint8).argmax(-1).gather(1, into)
    # Number what is left from zero on; what has ended goes to the first, with no weight.
    used = torch.zeros_like(running).scatter_add(1, into, alive.to(running.dtype)) > 0
    number = (used.cumsum(1) - 1).clamp_min(0)
    return number.gather(1, into), max(1, int(used.sum(1).max()))


def _pairs(rows: Float[Tensor, "batch parts n"]) -> Bool[Tensor, "batch parts parts"]:
    """Which rows are the same."""
    return torch.stack([(rows == row[:, None]).all(-1) for row in rows.unbind(1)], dim=1)


def _both(flags: Bool[Tensor, "batch parts"]) -> Bool[Tensor, "batch parts parts"]:
    return flags[:, :, None] & flags[:, None]
