"""Rows of a task for every member of a population."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from neurallambda.state import state
from neurallambda.tasks import Batch


@state
class Drawn:
    """A batch whose first axis says which member sees it; the parts are those of `neurallambda.tasks.Batch`."""

    tokens: Int[Tensor, "members rows time"]
    targets: Int[Tensor, "members rows time"]
    mask: Bool[Tensor, "members rows time"]
    lengths: Int[Tensor, "members rows"]

    @staticmethod
    def of(batch: Batch, members: int, *, is_shared: bool) -> "Drawn":
        """Give each member its part of a batch, or, where it is shared, all of it.

        Args:
            batch: what was drawn.
            members: how many there are.
            is_shared: whether all see the same rows.
        """

        def part(tensor: Tensor) -> Tensor:
            return tensor.expand(members, *tensor.shape) if is_shared else tensor.unflatten(0, (members, -1))

        return Drawn(
            tokens=part(batch.tokens), targets=part(batch.targets), mask=part(batch.mask), lengths=part(batch.lengths)
        )


def real_tokens(
    lengths: Int[Tensor, "members rows"], time_of: Callable[[int], int], time: int
) -> Bool[Tensor, "members rows time"] | None:
    """Which tokens of each row are its own, and not padding; None where there is no padding.

    Args:
        lengths: the length of each row's input.
        time_of: from that to the length of the row.
        time: the length of the longest row.
    """
    times = {length: time_of(length) for length in lengths.unique().tolist()}
    if min(times.values()) >= time:
        return None
    longest = max(times)
    table = torch.tensor([times.get(length, 0) for length in range(longest + 1)], device=lengths.device)
    return torch.arange(time, device=lengths.device) < table[lengths, None]
