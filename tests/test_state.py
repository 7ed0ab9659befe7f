"""What every state with a batch can do: rows, other devices and types, no gradient, and several as one."""

from dataclasses import fields
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from neurallambda.errors import ArgumentError
from neurallambda.state import Batched, state
from tests.structures.cases import STRUCTURES, leaves
from tests.test_imports import MODULES


@state
class Inner(Batched):
    number: Tensor


@state
class Outer(Batched):
    real: Tensor
    inner: Inner
    several: tuple[Inner, ...]
    label: str


def make(batch: int = 3) -> Outer:
    inner = Inner(number=torch.arange(batch))
    return Outer(real=torch.arange(2.0 * batch).reshape(batch, 2), inner=inner, several=(inner, inner), label="here")


@pytest.mark.parametrize("index", [[2, 0], slice(1, None), torch.tensor([2, 0]), torch.tensor([True, False, True])])
def test_rows(index: Any) -> None:
    whole, some = make(), make().rows(index)
    assert torch.equal(some.real, whole.real[index])
    assert torch.equal(some.several[1].number, whole.inner.number[index])
    assert some.label == "here"


@pytest.mark.parametrize("index", [1, "1", None, [3], torch.tensor(1), torch.tensor([[True]])])
def test_rows_that_are_none(index: Any) -> None:
    with pytest.raises((ArgumentError, TypeError), match=r"index|violates|Type-check"):
        make().rows(index)


def test_only_what_is_real_changes_its_type() -> None:
    for moved in (make().to(torch.float64), make().to(dtype=torch.float64), make().to("cpu", torch.float64)):
        assert moved.real.dtype is torch.float64
        assert moved.inner.number.dtype is torch.int64
    assert make().to("meta").several[0].number.device.type == "meta"


def test_detach_cuts_the_gradient() -> None:
    held = Inner(number=torch.ones(2, requires_grad=True) * 2)
    assert held.number.requires_grad
    assert not held.detach().number.requires_grad


def test_several_as_one() -> None:
    whole = Outer.cat([make(), make(2)])
    assert len(whole.real) == len(whole.several[1].number) == 5
    assert torch.equal(whole.rows([0, 1, 2]).real, make().real)


def test_states_that_are_not_alike() -> None:
    with pytest.raises(ArgumentError, match="got none"):
        Outer.cat([])
    with pytest.raises(ArgumentError, match=r"Inner\.number has rows of the shapes"):
        Inner.cat([Inner(number=torch.zeros(2)), Inner(number=torch.zeros(2, 3))])


@pytest.mark.parametrize("name", STRUCTURES)
def test_the_states_of_structures(name: str) -> None:
    held = STRUCTURES[name].init(4)
    assert isinstance(held, Batched)
    again = type(held).cat([held.rows([0]), held.rows(slice(1, None))]).to(torch.float64).detach()
    for field, tensor in leaves(held).items():
        assert torch.equal(leaves(again)[field], tensor.to(leaves(again)[field].dtype)), field


def test_every_state_that_begins_with_a_batch_can_do_this() -> None:
    """Every tensor of it has the batch first; a state of which that holds of none has no rows to speak of."""
    found = 0
    for name in MODULES:
        if "numba" in name or "triton" in name:
            continue
        for cls in vars(import_module(name)).values():
            if not (isinstance(cls, type) and cls in pytree.SUPPORTED_NODES and cls.__module__ == name):
                continue
            axes = {getattr(field.type, "dim_str", "batch").split()[0] for field in fields(cls) if dims(field.type)}
            assert issubclass(cls, Batched) == (axes == {"batch"}), cls
            found += issubclass(cls, Batched)
    assert found > 20


def dims(annotation: Any) -> bool:
    return bool(getattr(annotation, "dim_str", ""))


def test_a_state_is_shown_by_its_shapes() -> None:
    from neurallambda.structures import SuperpositionStack

    shown = repr(SuperpositionStack(capacity=4, width=3).init(2))
    assert "\n" not in shown
    assert "occupied: (2, 4)" in shown
    assert len(shown) < 200
