"""Gradient descent on a loss, for what is no network on a task: tables of machines, latches, gates.

`neurallambda.train` is for tasks: it draws their batches, trains many seeds at once, and keeps what a run leaves. The rooms
below it, which it is built on, learn with this loop.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor


def descend(
    parameters: Iterable[Tensor],
    loss: Callable[[int], Tensor],
    *,
    steps: int,
    learning_rate: float,
    last_rate: float = 1.0,
    watch: Callable[[int], None] | None = None,
) -> None:
    """Adjust parameters, in place, so that a loss becomes small: Adam, its rate constant or falling linearly.

    Args:
        parameters: what is adjusted; leaves that require gradients.
        loss: from the number of a step, 1 the first, to what is to become small, a scalar.
        steps: how many steps.
        learning_rate: Adam's, at the start.
        last_rate: the rate at the end, as a part of that at the start.
        watch: what to do after each step, given its number.

    Example:
        >>> from neurallambda.descent import descend
        >>> place = torch.zeros((), requires_grad=True)
        >>> descend([place], lambda step: (place - 3).square(), steps=200, learning_rate=0.1)
        >>> round(place.item(), 2)
        3.0
    """
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, last_rate, steps)
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        loss(step).backward()
        optimizer.step()
        schedule.step()
        if watch is not None:
            watch(step)
