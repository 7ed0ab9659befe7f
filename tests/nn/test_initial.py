"""Ways to fill weights refuse what they cannot fill."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from neurallambda.errors import ArgumentError
from neurallambda.nn import NameBlindController
from neurallambda.nn.initial import blocks_by_fan_in_, by_fan_in_, phase_bias_, unit_inputs_

SQUARE = torch.zeros(3, 3)


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (
            lambda: by_fan_in_(torch.zeros(3)),
            r"weight: got a tensor of torch.float32 and shape \(3,\), expected one of",
        ),
        (lambda: by_fan_in_(SQUARE.long()), "weight: got a tensor of torch.int64"),
        (lambda: by_fan_in_([1.0]), r"weight: got \[1.0\], expected a Tensor"),  # pyright: ignore
        (lambda: by_fan_in_(SQUARE, scale=-1.0), "scale: got -1.0, expected a finite number of at least zero"),
        (lambda: unit_inputs_(torch.zeros(3)), r"weight: got .*shape \(3,\), expected .*\[outputs, symbols\]"),
        (lambda: unit_inputs_(SQUARE, scale=float("nan")), "scale: got nan"),
        (lambda: phase_bias_(SQUARE, during=5, after=1), "during: got 5, expected a row of the weight, from 0 to 2"),
        (lambda: phase_bias_(SQUARE, during=0, after=-1), "after: got -1, expected a row of the weight, from 0 to 2"),
        (lambda: phase_bias_(torch.zeros(3), during=0, after=1), r"weight: got .*\[logits, tokens\]"),
        (lambda: phase_bias_(torch.zeros(3, 0), during=0, after=1), "weight: got .*expected at least one token"),
        (lambda: blocks_by_fan_in_(nn.Linear(3, 2), {"a": 4, "b": -1}), r"sizes\['b'\]: got -1"),
        (lambda: blocks_by_fan_in_(nn.Linear(3, 2), {"a": 2}), r"sizes: got \{'a': 2\}, expected 3 inputs together"),
        (lambda: NameBlindController(5, 2, names=4, stacks=1, action_scale=-1.0), "scale: got -1.0"),
    ],
)
def test_what_cannot_be_filled_is_refused(fill: Callable[[], Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        fill()
    assert not SQUARE.any()


def test_nothing_is_filled_where_there_is_nothing() -> None:
    assert by_fan_in_(torch.zeros(3, 0)).shape == (3, 0)
