"""What single structures promise beyond the matrix."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from neurallambda import structures
from neurallambda.errors import ArgumentError
from neurallambda.structures import (
    LinkedList,
    Memory,
    Multiset,
    PriorityQueue,
    Similarity,
    StrengthQueue,
    StrengthStack,
    SymbolSet,
    Tree,
    mapped,
    member,
)
from neurallambda.structures.pictures import demonstration, draw, main, played
from neurallambda.structures.recurrence import clamped_sum, gated_sum
from tests.structures.cases import STRUCTURES, soft, warm

DOUBLE = torch.float64


def test_public_names() -> None:
    assert dir(structures) == sorted(
        [
            "CellArray",
            "DataLatch",
            "HardQueue",
            "HardStack",
            "Kind",
            "Latch",
            "LinkedList",
            "Memory",
            "Multiset",
            "Operand",
            "PointerStack",
            "PriorityQueue",
            "ProgramStack",
            "Similarity",
            "StrengthDeque",
            "StrengthQueue",
            "StrengthStack",
            "Structure",
            "SuperpositionDeque",
            "SuperpositionQueue",
            "SuperpositionStack",
            "SymbolSet",
            "Tape",
            "Tree",
            "mapped",
            "mask_of_lengths",
            "member",
            "move",
            "swap",
        ]
    )
    assert all(getattr(structures, name) is not None for name in dir(structures))


@pytest.mark.parametrize("name", ["linked_list", "tree"])
def test_records_point_only_to_earlier_records(name: str) -> None:
    state = warm(STRUCTURES[name], 5, seed=1, steps=12)
    for pointers in [getattr(state, field) for field in ("tails", "lefts", "rights") if hasattr(state, field)]:
        assert torch.equal(pointers, pointers.tril(-1))
        assert pointers.any()


def test_what_was_made_never_changes() -> None:
    lists = LinkedList(capacity=9, width=2)
    state = warm(lists, 3, seed=1, steps=4)
    after, _ = lists.scan(state, *soft(lists, 3, 4, seed=2))
    made = int(state.made[0])
    assert torch.equal(after.heads[:, :made], state.heads[:, :made])
    assert torch.equal(after.tails[:, :made], state.tails[:, :made])


def test_two_lists_share_a_tail() -> None:
    lists = LinkedList(capacity=3, width=1)
    _, _, cons, tail, _ = torch.eye(5, dtype=DOUBLE)[:, None]
    nowhere = torch.eye(4, dtype=DOUBLE)[:1]
    state = lists.init(1, dtype=DOUBLE)
    for action, value in ((cons, 1.0), (cons, 2.0), (tail, 0.0), (cons, 3.0)):
        state, _ = lists.step(state, action, torch.tensor([[value]], dtype=DOUBLE), nowhere)
    assert state.made.item() == 3
    assert state.tails[0].argmax(1).tolist() == [0, 0, 0]
    assert state.tails[0].sum(1).tolist() == [0, 1, 1]


def test_a_map_over_a_tree_keeps_its_shape() -> None:
    tree = Tree(capacity=6, width=2)
    state = warm(tree, 2, seed=1, steps=4)
    negated = mapped(state, lambda values: 1 - values)
    assert torch.equal(negated.values[:, :4], 1 - state.values[:, :4])
    assert not negated.values[:, 4:].any()
    assert torch.equal(negated.lefts, state.lefts)
    action, _, left, right = soft(tree, 2, seed=2)
    action = torch.eye(6, dtype=DOUBLE)[[3, 4]]
    moved, _ = tree.step(state, action, torch.zeros(2, 2, dtype=DOUBLE), left, right)
    also, _ = tree.step(negated, action, torch.zeros(2, 2, dtype=DOUBLE), left, right)
    assert torch.equal(moved.current, also.current)


def test_priorities_have_gradients_where_they_are_close() -> None:
    queue = PriorityQueue(capacity=3, width=1, softness=1.0)
    insert = torch.tensor([[1.0, 0.0, 0.0]], dtype=DOUBLE)
    first, second = (torch.tensor([[number]], dtype=DOUBLE, requires_grad=True) for number in (1.0, 0.6))
    state, _ = queue.step(queue.init(1, dtype=DOUBLE), insert, torch.tensor([[10.0]], dtype=DOUBLE), first)
    state, read = queue.step(state, insert, torch.tensor([[20.0]], dtype=DOUBLE), second)
    torch.testing.assert_close(read[0, 0].item(), 0.6 * 10 + 0.4 * 20)
    (gradient,) = torch.autograd.grad(read[0, 0], second)
    torch.testing.assert_close(gradient.item(), -10.0)


def test_no_mass_of_a_priority_queue_is_lost_but_to_the_overflow() -> None:
    queue = PriorityQueue(capacity=4, width=1)
    operands = soft(queue, 5, 40, seed=1)
    state = queue.init(5, dtype=DOUBLE)
    inserted = popped = torch.zeros(5, dtype=DOUBLE)
    for action, value, priority in zip(*(operand.unbind(1) for operand in operands), strict=True):
        popped = popped + action[:, 1] * queue.least(state).sum(1)
        inserted = inserted + action[:, 0]
        state, _ = queue.step(state, action, value, priority)
    torch.testing.assert_close(queue.size(state) + popped + state.overflow, inserted)


@pytest.mark.parametrize(("similarity", "scale"), [(Similarity.COSINE, 7.0), (Similarity.DOT, 1.0)])
def test_memory_finds_by_likeness(similarity: Similarity, scale: float) -> None:
    memory = Memory(capacity=4, width=1, key_width=2, similarity=similarity)
    actions = torch.eye(7, dtype=DOUBLE)[:, None]
    nowhere, none = torch.eye(4, dtype=DOUBLE)[:1], torch.zeros(1, 1, dtype=DOUBLE)
    key, other = torch.eye(2, dtype=DOUBLE)[:, None]
    state, _ = memory.step(memory.init(1, dtype=DOUBLE), actions[4], none + 3, nowhere, key, none)
    state, _ = memory.step(state, actions[4], none + 5, nowhere, other, none)
    _, read = memory.step(state, actions[2], none, nowhere, scale * key, none)
    assert read.item() == 3.0
    _, read = memory.step(state, actions[2], none, nowhere, -key, none)
    assert read.item() == 0.0


def test_sharpness_makes_a_partial_likeness_count_less() -> None:
    actions = torch.eye(7, dtype=DOUBLE)[:, None]
    nowhere, none = torch.eye(4, dtype=DOUBLE)[:1], torch.zeros(1, 1, dtype=DOUBLE)
    key = torch.tensor([[1.0, 0.0]], dtype=DOUBLE)
    near = torch.tensor([[0.8, 0.6]], dtype=DOUBLE)
    for sharpness in (1.0, 2.0):
        memory = Memory(capacity=4, width=1, key_width=2, sharpness=sharpness)
        state, _ = memory.step(memory.init(1, dtype=DOUBLE), actions[4], none + 1, nowhere, key, none)
        _, read = memory.step(state, actions[2], none, nowhere, near, none)
        torch.testing.assert_close(read.item(), 0.8**sharpness)


def test_membership() -> None:
    for structure in (Multiset(symbols=3, capacity=2), SymbolSet(symbols=3)):
        add = torch.tensor([[1.0, 0.0, 0.0]])
        state, _ = structure.step(structure.init(1), add, torch.tensor([[0.25, 0.75, 0.0]]))
        assert member(state, torch.eye(3)).tolist() == [0.25, 0.75, 0.0]


@pytest.mark.parametrize("kind", [StrengthStack, StrengthQueue])
def test_partial_items_beyond_the_slots_are_overflow(kind: type[StrengthStack] | type[StrengthQueue]) -> None:
    structure = kind(capacity=3, width=1, slots=3)
    tenth = torch.tensor([[0.0, 0.1]], dtype=DOUBLE)
    state = structure.init(1, dtype=DOUBLE)
    for number in range(5):
        state, _ = structure.step(state, tenth, torch.full((1, 1), float(number), dtype=DOUBLE))
    torch.testing.assert_close(state.overflow.item(), 0.2)
    torch.testing.assert_close(structure.size(state).item(), 0.3)
    kept = [2.0, 3.0, 4.0] if kind is StrengthStack else [0.0, 1.0, 2.0]
    assert state.values.flatten().tolist() == kept


@pytest.mark.parametrize("name", ["strength_stack", "strength_queue", "strength_deque"])
def test_a_long_scan_in_single_precision_does_not_lose_small_strengths(name: str) -> None:
    structure = STRUCTURES[name]
    operands = soft(structure, 2, 3000, seed=1)
    _, expected = structure.scan(structure.init(2, dtype=DOUBLE), *operands)
    for form in ("fused", "closed"):
        singles = tuple(operand.float() for operand in operands)
        _, reads = structure.scan(structure.init(2), *singles, form=form)
        torch.testing.assert_close(reads.double(), expected, rtol=0, atol=2e-4)


def test_recurrences_are_loops() -> None:
    generator = torch.Generator().manual_seed(0)
    gate, increment, start = (torch.rand(2, time, generator=generator, dtype=DOUBLE) for time in (13, 13, 1))
    x, expected = start[:, 0], []
    for time in range(13):
        x = gate[:, time] * x + increment[:, time]
        expected.append(x)
    torch.testing.assert_close(gated_sum(gate, increment, start[:, 0]), torch.stack(expected, 1), rtol=0, atol=1e-14)

    change = torch.randn(2, 13, generator=generator, dtype=DOUBLE)
    low, high = torch.zeros_like(change), torch.rand(2, 13, generator=generator, dtype=DOUBLE)
    x, expected = start[:, 0], []
    for time in range(13):
        x = torch.minimum(high[:, time], torch.maximum(low[:, time], x + change[:, time]))
        expected.append(x)
    torch.testing.assert_close(
        clamped_sum(change, low, high, start[:, 0]), torch.stack(expected, 1), rtol=0, atol=1e-14
    )


NAMES = sorted(path.stem for path in (Path(__file__).parents[2] / "docs" / "structures" / "pictures").glob("*.png"))


@pytest.mark.parametrize("name", NAMES)
def test_demonstrations_play(name: str) -> None:
    contents, reads, actions, sizes = played(demonstration(name))
    assert len(contents) == len(reads) == len(actions) == len(sizes)
    assert contents.isfinite().all()
    assert (sizes > 0).any()


def test_every_structure_has_a_page_and_a_picture() -> None:
    docs = Path(__file__).parents[2] / "docs" / "structures"
    # A cell array has a page, and is no structure of instructions: all its cells change in each step.
    assert {path.stem for path in docs.glob("*.md")} == {*NAMES, "cell_array", "index"}
    assert {name for name in STRUCTURES if name not in ("multipop_stack", "dot_memory")} == set(NAMES)


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(SystemExit) as ended:
        main(["superposition_stack", "--output", str(tmp_path / "stack.png")])
    assert ended.value.code == 0
    assert (tmp_path / "stack.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(ArgumentError, match="name: got 'heap', expected one of"):
        draw("heap", tmp_path / "heap.png")


def test_a_structure_is_a_program(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    command = [sys.executable, "-W", "error", "-m", "neurallambda.structures", "latch"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "latch.png").exists()


def test_a_scan_is_monotone_in_what_it_can_lose() -> None:
    """Larger capacities lose no more."""
    operands = soft(StrengthStack(capacity=1, width=1), 4, 60, seed=1)
    losses = []
    for capacity in (1, 2, 4, 8):
        stack = StrengthStack(capacity=capacity, width=1)
        state, _ = stack.scan(stack.init(4, dtype=DOUBLE), *operands, form="closed")
        losses.append(state.overflow)
    assert all((larger <= smaller + 1e-12).all() for smaller, larger in pairwise(losses))
