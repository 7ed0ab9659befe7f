"""Running a network whose choices are hard: memory is written in place, and the answers are the same."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils import _pytree as pytree

from neurallambda.nn import Controller, NameBlindController, Population, Recurrent, harden
from neurallambda.structures import SuperpositionQueue, SuperpositionStack
from neurallambda.structures.hard.in_place import in_place


@pytest.mark.parametrize("kind", [SuperpositionStack, SuperpositionQueue])
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=12), st.integers(0, 2**16))
@settings(max_examples=50)
def test_memory_in_place_is_that_at_the_corners(kind: type, actions: list[tuple[int, int]], seed: int) -> None:
    structure = kind(capacity=len(actions), width=3)
    fast = in_place(structure, len(actions))
    assert fast is not None
    state, running = structure.init(2), fast.empty(2, None, torch.float32)
    random = torch.Generator().manual_seed(seed)
    for pair in actions:
        action, value = torch.eye(3)[list(pair)], torch.rand(2, 3, generator=random)
        state, read = structure.step(state, action, value)
        running = fast.advance(running, action, value)
        assert torch.equal(fast.read(running), read)


def controllers(count: int) -> Population:
    return Population.of(lambda: Controller(4, 3, stacks=2, queues=2), seeds=range(count)).eval()


def test_a_hard_controller_answers_alike_with_gradients_and_without() -> None:
    """With gradients it takes the structures themselves, without them those that are written in place."""
    population = controllers(3)
    harden(population)
    tokens = torch.randint(4, (3, 5, 30), generator=torch.Generator().manual_seed(0))
    slow = population(tokens)
    with torch.no_grad():
        fast = population(tokens)
    assert torch.allclose(slow, fast, atol=1e-5)
    assert torch.equal(slow.argmax(-1), fast.argmax(-1))


@pytest.mark.parametrize(
    "model",
    [
        Controller(4, 3, stacks=1, queues=1, priority_queues=1),
        NameBlindController(4, 3, names=2, stacks=1, queues=1, pause=True),
        NameBlindController(4, 3, names=2, answers_names=True, stacks=1, queues=1, latches=1, dictionaries=1),
    ],
)
@pytest.mark.parametrize("with_mask", [True, False])
def test_it_runs_under_autocast(model: Recurrent, with_mask: bool) -> None:
    harden(model.eval())
    tokens = torch.randint(4, (3, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(tokens, dtype=torch.bool) if with_mask else None
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        answers = model(tokens, mask)
        state, moments = model.settled(9).prepare(tokens, None)
        state, _ = model.settled(9).advance(state, pytree.tree_map(lambda leaf: leaf[:, 0], moments))
    assert answers.isfinite().all()
    assert {one.dtype for one in pytree.tree_leaves(state) if one.is_floating_point()} == {torch.float32}


def test_soft_choices_are_never_run_in_place() -> None:
    model = controllers(1).members()[0]
    assert isinstance(model, Controller)
    tokens = torch.randint(4, (2, 20), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(model(tokens), model(tokens, torch.ones_like(tokens, dtype=torch.bool)))
