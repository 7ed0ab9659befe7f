"""What fills the holes of one program, brought to a form without tensors: an atom, `Chances`, or a list of such."""

from typing import Any

from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.holes import Soft
from neurallambda.lang.chances import Chances
from neurallambda.worlds.given import Rows


def without_tensors(name: str, filling: Any, integers: range) -> Any:
    """A filling of one program without tensors.

    Args:
        name: the hole, for messages.
        filling: what an engine takes.
        integers: the declared integers, which logits alone are over.

    Raises:
        ArgumentError: where it has several rows.

    >>> import torch
    >>> without_tensors("xs", Soft((1, 2), torch.zeros(1, 3, 2), torch.tensor([2])), range(4))
    [Chances(values=(1, 2), weights=(0.5, 0.5)), Chances(values=(1, 2), weights=(0.5, 0.5))]
    """
    match filling:
        case list() | tuple():
            return [without_tensors(name, item, integers) for item in filling]
        case Rows(values):
            _check_rows(name, len(values))
            return without_tensors(name, values[0], integers)
        case Soft(values, logits, lengths):
            _check_rows(name, logits.shape[0] if logits.dim() > 1 else 1)
            chances = logits.detach().double().softmax(-1).tolist()
            if logits.dim() == 3:
                length = len(chances[0]) if lengths is None else int(lengths[0])
                return [Chances(tuple(values), tuple(each)) for each in chances[0][:length]]
            return Chances(tuple(values), tuple(chances if logits.dim() == 1 else chances[0]))
        case Tensor() if filling.is_floating_point():
            return without_tensors(name, Soft(tuple(integers), filling), integers)
        case Tensor():
            if filling.dim() == 0:
                return filling.item()
            _check_rows(name, filling.shape[0])
            return filling[0].tolist()
        case _:
            return filling


def _check_rows(name: str, rows: int) -> None:
    if rows != 1:
        raise ArgumentError(f"holes[{name!r}]: got {rows} rows, and a trace is of one program; expected one row")
