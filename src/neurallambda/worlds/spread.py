"""The probabilities of several values at once, as logarithms: what a loss is made of."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.weighted import NOTHING
from neurallambda.worlds.replay import sums


def places(
    rows: Int[Tensor, " ends"], texts: Sequence[str], wanted: Sequence[str]
) -> tuple[Int[Tensor, " chosen"], Int[Tensor, " chosen"]]:
    """Which ends are wanted, and where the probability of each goes in a table of rows and wanted ends."""
    columns: dict[str, list[int]] = {}
    for number, text in enumerate(wanted):
        columns.setdefault(text, []).append(number)
    pairs = [(number, column) for number, text in enumerate(texts) for column in columns.get(text, ())]
    index, place = torch.tensor(pairs, dtype=torch.int64, device=rows.device).view(-1, 2).unbind(1)
    return index.contiguous(), rows[index] * len(wanted) + place


def spread(
    log_weights: Float[Tensor, " ends"],
    total: Float[Tensor, " batch"],
    index: Int[Tensor, " chosen"],
    place: Int[Tensor, " chosen"],
    wanted: int,
) -> Float[Tensor, "batch wanted"]:
    """The logarithm of the probability of each wanted end, given what was observed; a large negative number for none.

    Of numbers that are NaN it is NaN.
    """
    batch = len(total)
    table = sums(log_weights.index_select(0, index), place, batch * wanted).view(batch, wanted)
    impossible = total <= NOTHING / 2
    nothing = (table <= NOTHING / 2) | impossible[:, None]
    return torch.where(nothing, NOTHING, table - torch.where(impossible, 0.0, total)[:, None])
