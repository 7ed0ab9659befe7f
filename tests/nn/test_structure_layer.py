"""A structure as a layer: nothing at the start, one scan, the same in steps and in parts, masks exact."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from neurallambda.errors import ArgumentError
from neurallambda.nn import StructureLayer, StructureLayerState
from neurallambda.structures import (
    DataLatch,
    StrengthQueue,
    StrengthStack,
    Structure,
    SuperpositionQueue,
    SuperpositionStack,
    Tape,
)

DIM, HEADS, ROWS, TIME = 6, 3, 2, 7
STRUCTURES: dict[str, Structure[Any]] = {
    "stack": SuperpositionStack(capacity=5, width=2),
    "queue": SuperpositionQueue(capacity=5, width=2),
    "strength-stack": StrengthStack(capacity=5, width=2),
    "strength-queue": StrengthQueue(capacity=5, width=2),
    "tape": Tape(capacity=5, width=2),
    "data-latch": DataLatch(width=2),
}


def layer(name: str = "stack", *, is_open: bool = True) -> StructureLayer:
    torch.manual_seed(0)
    made = StructureLayer(STRUCTURES[name], DIM, heads=HEADS).double()
    if is_open:
        torch.nn.init.normal_(made.gate)
    return made


def hidden(time: int = TIME) -> Tensor:
    return torch.randn(ROWS, time, DIM, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("name", STRUCTURES)
def test_at_the_start_it_changes_nothing_and_can_learn(name: str) -> None:
    made = layer(name, is_open=False)
    after, _ = made(hidden())
    assert torch.equal(after, hidden())
    after.square().sum().backward()
    assert made.gate.grad is not None
    assert made.gate.grad.any()


@pytest.mark.parametrize("name", STRUCTURES)
def test_a_sequence_is_its_steps_and_its_parts(name: str) -> None:
    made = layer(name)
    together, last = made(hidden())
    state, outputs = made.init(ROWS), []
    for moment in hidden().unbind(1):
        output, state = made.step(moment, state)
        outputs.append(output)
    torch.testing.assert_close(torch.stack(outputs, 1), together)
    torch.testing.assert_close(state.overflow, last.overflow)

    first, state = made(hidden()[:, :3])
    second, _ = made(hidden()[:, 3:], state=state.detach())
    torch.testing.assert_close(torch.cat([first, second], 1), together)


@pytest.mark.parametrize("name", STRUCTURES)
def test_steps_that_do_not_count_change_no_structure(name: str) -> None:
    made = layer(name)
    mask = torch.tensor([[1, 0, 1, 1, 0, 1, 0], [0, 0, 0, 0, 0, 0, 0]]).bool()
    after, state = made(hidden(), mask)
    alone, last = made(hidden()[:1, mask[0]])
    torch.testing.assert_close(after[:1, mask[0]], alone)
    torch.testing.assert_close(
        pytree.tree_leaves(made.step(hidden()[:, 0], state, torch.zeros(ROWS).bool())[1]), pytree.tree_leaves(state)
    )
    torch.testing.assert_close(made.step(hidden()[:1, 0], last)[0], made.step(hidden()[:, 0], state)[0][:1])
    assert all(map(torch.equal, pytree.tree_leaves(state.rows([1])), pytree.tree_leaves(made.init(1))))


@pytest.mark.parametrize("name", STRUCTURES)
def test_what_is_no_number_where_steps_do_not_count_reaches_no_gradient(name: str) -> None:
    made = layer(name)
    mask = torch.tensor([[1, 0, 1, 1, 0, 1, 0], [0, 0, 1, 1, 1, 1, 1]]).bool()
    given = torch.where(mask[..., None], hidden(), torch.nan).requires_grad_()
    after, state = made(given, mask)
    _, stepped = made.step(given[:, 1], state, mask[:, 1])
    (after[mask].square().sum() + stepped.heads[0].overflow.sum()).backward()
    assert all(one.grad is None or one.grad.isfinite().all() for one in (given, *made.parameters()))
    assert made.to_logits.weight.grad is not None
    made.zero_grad()
    plain, _ = made(hidden(), mask)
    torch.testing.assert_close(after[mask], plain[mask])


def test_each_head_is_a_structure_of_its_own() -> None:
    """The formula of the docstring, head by head."""
    made, stack = layer(), STRUCTURES["stack"]
    logits = made.to_logits(made.norm(hidden())).chunk(HEADS, dim=-1)
    reads = [
        stack.scan(stack.init(ROWS, dtype=torch.float64), part[..., :3].softmax(-1), part[..., 3:])[1]
        for part in logits
    ]
    expected = hidden() + made.gate * made.of_reads(torch.cat(reads, dim=-1))
    torch.testing.assert_close(made(hidden())[0], expected)


def test_capacity_can_grow() -> None:
    small = layer()
    large = small.with_capacity(40)
    _, state = small(hidden()[:, :3])
    torch.testing.assert_close(
        large(hidden()[:, 3:5], state=large.adopt(state))[0], small(hidden()[:, 3:5], state=state)[0]
    )


def test_it_runs_under_autocast() -> None:
    made = layer().float()
    with torch.autocast("cpu", torch.bfloat16):
        after, state = made(hidden().float())
        after, state = made.step(hidden()[:, 0].float(), state)
    assert state.heads[0].top.dtype == torch.float32
    after.sum().backward()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layer()(hidden()[0]), r"hidden: got \(7, 6\), expected \[batch, time, 6\]"),
        (lambda: layer()(hidden()[..., 1:]), "hidden: got .2, 7, 5., expected"),
        (lambda: layer()(hidden().long()), "hidden: got .* floating point"),
        (lambda: layer().step(hidden()[:1, 0], layer().init(2)), "state: got another number of rows, expected 1"),
        (
            lambda: layer()(hidden(), state=StructureLayerState(heads=(), overflow=torch.zeros(2))),
            "state: got .*, expected what `init`",
        ),
        (lambda: layer("tape").with_capacity(9), "capacity: got 9 for a Tape of 5"),
        (lambda: StructureLayer(STRUCTURES["stack"], 0), "dim: got 0"),
        (lambda: layer()(hidden(), torch.ones(2, 6).bool()), r"mask: got shape \(2, 6\), expected \(2, 7\)"),
        (lambda: layer()(hidden(), torch.ones(2, 7)), "mask: got torch.float32, expected a boolean tensor"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()
