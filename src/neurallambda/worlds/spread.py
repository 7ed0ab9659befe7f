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
    column = {text: number for number, text in enumerate(wanted)}
    chosen = [number for number, text in enumerate(texts) if text in column]
    index = torch.tensor(chosen, dtype=torch.int64, device=rows.device)
    columns = torch.tensor([column[texts[number]] for number in chosen], dtype=torch.int64, device=rows.device)
    return index, rows[index] * len(wanted) + columns


def spread(
    log_weights: Float[Tensor, " ends"],
    total: Float[Tensor, " batch"],
    index: Int[Tensor, " chosen"],
    place: Int[Tensor, " chosen"],
    wanted: int,
) -> Float[Tensor, "batch wanted"]:
    """The logarithm of the probability of each wanted end, given what was observed; a large negative number for none."""
    batch = len(total)
    table = sums(log_weights.index_select(0, index), place, batch * wanted).view(batch, wanted)
    some = (table > NOTHING / 2) & (total > NOTHING / 2)[:, None]
    return torch.where(some, table - torch.where(total > NOTHING / 2, total, 0.0)[:, None], NOTHING)
