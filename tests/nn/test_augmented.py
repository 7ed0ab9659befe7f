"""Cells with structures: all at once is step by step, masks change nothing, and PyTorch's cells are PyTorch's."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from neurallambda.errors import ArgumentError
from neurallambda.nn import Augmented, AugmentedState, CategoricalCell, Cell, TanhCell, hardened
from neurallambda.structures import (
    HardQueue,
    Latch,
    Memory,
    PointerStack,
    StrengthQueue,
    StrengthStack,
    Structure,
    SuperpositionDeque,
    SuperpositionQueue,
    SuperpositionStack,
    Tape,
)

INPUTS, HIDDEN, WIDTH, ROOM = 3, 5, 2, 4
ROWS, TIME = 3, 6

CELLS: dict[str, Callable[[int], nn.Module]] = {
    "rnn": lambda reads: nn.RNNCell(INPUTS + reads, HIDDEN),
    "rnn-relu": lambda reads: nn.RNNCell(INPUTS + reads, HIDDEN, nonlinearity="relu", bias=False),
    "gru": lambda reads: nn.GRUCell(INPUTS + reads, HIDDEN),
    "lstm": lambda reads: nn.LSTMCell(INPUTS + reads, HIDDEN),
    "categorical": lambda reads: CategoricalCell(INPUTS, HIDDEN, read_size=reads),
    "tanh": lambda reads: TanhCell(INPUTS, HIDDEN, read_size=reads),
}
MANY: list[Structure[Any]] = [
    SuperpositionStack(capacity=ROOM, width=WIDTH),
    SuperpositionStack(capacity=ROOM, width=WIDTH),
    SuperpositionQueue(capacity=ROOM, width=WIDTH),
    SuperpositionDeque(capacity=ROOM, width=WIDTH),
    StrengthStack(capacity=ROOM, width=WIDTH),
    StrengthQueue(capacity=ROOM, width=WIDTH),
    PointerStack(capacity=ROOM, width=WIDTH),
    HardQueue(capacity=ROOM, width=WIDTH),
    Tape(capacity=ROOM, width=WIDTH),
    Memory(capacity=ROOM, width=WIDTH, key_width=2),
    Latch(),
]


def network(cell: str = "gru", structures: list[Structure[Any]] | None = None, **options: Any) -> Augmented:
    structures = MANY if structures is None else structures
    torch.manual_seed(0)
    made = CELLS[cell](sum(structure.read_width for structure in structures))
    return Augmented(made, structures, **options).double().eval()


def inputs(rows: int = ROWS, time: int = TIME) -> Tensor:
    return torch.randn(rows, time, INPUTS, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def tensors(state: AugmentedState) -> list[Tensor]:
    return pytree.tree_leaves(state)


def equal(one: AugmentedState, other: AugmentedState) -> bool:
    return all(map(torch.equal, tensors(one), tensors(other)))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("values", ["linear", "symbols"])
def test_a_sequence_is_its_steps_and_its_parts(cell: str, values: str) -> None:
    model = network(cell, MANY if values == "linear" else MANY[:-1], values=values)
    together, last = model(inputs())
    state, outputs = model.init(ROWS), []
    for moment in inputs().unbind(1):
        output, state = model.step(moment, state)
        outputs.append(output)
    torch.testing.assert_close(torch.stack(outputs, 1), together)
    torch.testing.assert_close(tensors(state), tensors(last))

    first, state = model(inputs()[:, :2])
    second, state = model(inputs()[:, 2:], state=state.detach())
    torch.testing.assert_close(torch.cat([first, second], 1), together)
    torch.testing.assert_close(tensors(state), tensors(last))
    assert not any(one.grad_fn for one in tensors(last.detach()))


@pytest.mark.parametrize("cell", CELLS)
def test_steps_that_do_not_count_change_nothing(cell: str) -> None:
    """Whatever is given there, numbers that are none included; and each row is computed by itself."""
    model = network(cell)
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0]]).bool()
    given = torch.where(mask[..., None], inputs(), torch.nan)
    outputs, state = model(given, mask)
    for row in range(2):
        alone, last = model(inputs()[row : row + 1, mask[row]])
        torch.testing.assert_close(outputs[row : row + 1, mask[row]], alone)
        torch.testing.assert_close(tensors(state.rows([row])), tensors(last))
    assert equal(state.rows([2]), model.init(1))
    outputs.square().sum().backward()
    assert all(one.grad is not None and one.grad.isfinite().all() for one in model.parameters())


@pytest.mark.parametrize("kind", ["rnn", "rnn-relu", "gru", "lstm"])
def test_pytorchs_cells_compute_what_they_do_in_pytorch(kind: str) -> None:
    stack = SuperpositionStack(capacity=ROOM, width=WIDTH)
    cell = CELLS[kind](WIDTH).double()
    model = Augmented(cell, [stack]).double()
    outputs, state = model(inputs())
    reads = torch.cat([torch.zeros(ROWS, 1, WIDTH, dtype=torch.float64), outputs[..., -WIDTH:]], dim=1)
    hidden: Any = None
    for time in range(TIME):
        hidden = cell(torch.cat([inputs()[:, time], reads[:, time]], dim=-1), hidden)
        seen = hidden[0] if isinstance(hidden, tuple) else hidden
        torch.testing.assert_close(outputs[:, time, :HIDDEN], seen)
    last = hidden if isinstance(hidden, tuple) else (hidden,)
    torch.testing.assert_close(state.hidden, last)


def test_the_reads_and_instructions_are_those_of_the_structures() -> None:
    """The formula of the docstring, written out with `Structure.step`."""
    stack, queue = SuperpositionStack(capacity=ROOM, width=WIDTH), SuperpositionQueue(capacity=ROOM, width=WIDTH)
    model = network("rnn", [stack, queue])
    outputs, state = model(inputs())
    memories: list[Any] = [stack.init(ROWS, dtype=torch.float64), queue.init(ROWS, dtype=torch.float64)]
    reads = torch.zeros(ROWS, 2 * WIDTH, dtype=torch.float64)
    for time in range(TIME):
        hidden = outputs[:, time, :HIDDEN]
        logits = model.to_logits(torch.cat([hidden, inputs()[:, time], reads], -1))
        parts = logits.split([3, WIDTH, 3, WIDTH], dim=-1)
        memories[0], from_stack = stack.step(memories[0], parts[0].softmax(-1), parts[1])
        memories[1], from_queue = queue.step(memories[1], parts[2].softmax(-1), parts[3])
        after = torch.cat([from_stack, from_queue], -1)
        torch.testing.assert_close(outputs[:, time], torch.cat([hidden, reads, after], -1))
        reads = after
    torch.testing.assert_close(tensors(state)[-1], reads)


def test_each_head_has_a_state_of_its_own() -> None:
    """Heads of a row are told apart, and rows are taken with all their heads."""
    stack, queue = SuperpositionStack(capacity=ROOM, width=WIDTH), SuperpositionQueue(capacity=ROOM, width=WIDTH)
    structures = [stack, stack, queue, queue, queue, stack]
    model = network("gru", structures)
    _, state = model(inputs())
    reads = [structure.read(model.memory_of(state, head)) for head, structure in enumerate(structures)]
    torch.testing.assert_close(torch.cat(reads, -1), state.reads)
    chosen = state.rows([2, 0])
    for head in range(6):
        expected = model.memory_of(state, head).rows([2, 0])
        assert all(map(torch.equal, pytree.tree_leaves(model.memory_of(chosen, head)), pytree.tree_leaves(expected)))
    assert equal(AugmentedState.cat([state.rows([0]), state.rows(slice(1, 3))]), state)


def test_gradients_are_right() -> None:
    model = network("lstm", MANY[:3], values="symbols", learn_start=True)
    names, numbers = zip(*model.named_parameters(), strict=True)
    mask = torch.tensor([[1, 1, 1], [1, 0, 1]]).bool()

    def outputs(given: Tensor, *parameters: Tensor) -> Tensor:
        return torch.func.functional_call(model, dict(zip(names, parameters, strict=True)), (given, mask))[0]

    given = inputs(2, 3).requires_grad_()
    assert torch.autograd.gradcheck(outputs, (given, *numbers), fast_mode=True)


@pytest.mark.parametrize("cell", CELLS)
def test_a_learned_start_begins_where_the_cell_would_and_learns(cell: str) -> None:
    model = network(cell, [], learn_start=True)
    torch.testing.assert_close(model.init(2).hidden[0], network(cell, []).init(2).hidden[0], rtol=0, atol=0.1)
    model(inputs())[0].square().sum().backward()
    assert isinstance(model.cell, Cell)
    assert model.cell.start is not None
    assert model.cell.start.grad is not None
    assert model.cell.start.grad.any()


def test_a_start_that_was_learned_is_not_begun_again() -> None:
    cell = CategoricalCell(INPUTS, HIDDEN)
    first = Augmented(cell, [], learn_start=True)
    assert isinstance(cell.start, nn.Parameter)
    learned = cell.start
    with torch.no_grad():
        learned.copy_(torch.arange(HIDDEN))
    second = Augmented(cell, [], learn_start=True)
    assert cell.start is learned
    torch.testing.assert_close(second.init(1).hidden, first.init(1).hidden)
    torch.testing.assert_close(learned, torch.arange(HIDDEN).float())


def test_capacity_can_grow_between_training_and_use() -> None:
    """With room the same as without, as long as nothing was lost; parameters are shared, and operands stay theirs."""
    small = network(structures=MANY[:7])
    large = small.with_capacity(50)
    torch.testing.assert_close(large(inputs(time=ROOM))[0], small(inputs(time=ROOM))[0])
    assert [id(one) for one in large.parameters()] == [id(one) for one in small.parameters()]
    _, state = small(inputs(time=2))
    outputs, _ = large(inputs(time=2), state=large.adopt(state))
    torch.testing.assert_close(outputs, small(inputs(time=2), state=state)[0])
    with pytest.raises(ArgumentError, match="capacity: got 50 for a Tape of 4, expected the same"):
        network().with_capacity(50)


@pytest.mark.parametrize("order", [[4, 8], [8, 4, 8], [4, 4, 8]])
def test_structures_that_become_equal_with_another_capacity_keep_their_instructions(order: list[int]) -> None:
    small = network(structures=[SuperpositionStack(capacity=capacity, width=WIDTH) for capacity in order])
    outputs, state = small(inputs(time=4))
    large = small.with_capacity(16)
    torch.testing.assert_close(large(inputs(time=4))[0], outputs)
    adopted = large.adopt(state)
    for head, structure in enumerate(large.structures):
        assert structure.contents(large.memory_of(adopted, head)).shape[1] == 16
    torch.testing.assert_close(
        large(inputs(time=4), state=adopted)[0][:, 0], small(inputs(time=4), state=state)[0][:, 0]
    )
    with torch.no_grad(), hardened(small):
        torch.testing.assert_close(small.in_place(4)(inputs(time=4))[0], small(inputs(time=4))[0])


def test_it_runs_under_autocast_and_keeps_what_it_carries_precise() -> None:
    model = network("lstm").float().train()
    with torch.autocast("cpu", torch.bfloat16):
        outputs, state = model(inputs().float())
        outputs, state = model(inputs().float(), state=state)
    assert {one.dtype for one in tensors(state) if one.is_floating_point()} == {torch.float32}
    outputs.float().sum().backward()


def test_without_structures_it_is_the_cell() -> None:
    cell = nn.GRUCell(INPUTS, HIDDEN)
    outputs, _ = Augmented(cell, [])(inputs().float())
    expected, _ = _sequence(cell)(inputs().float())
    torch.testing.assert_close(outputs, expected)


def _sequence(cell: nn.GRUCell) -> nn.GRU:
    whole = nn.GRU(INPUTS, HIDDEN, batch_first=True)
    whole.load_state_dict({f"{name}_l0": number for name, number in cell.state_dict().items()})
    return whole


STACK = SuperpositionStack(capacity=ROOM, width=WIDTH)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Augmented(nn.GRUCell(2, 4), [STACK]), "cell: got input_size=2, expected more than 2"),
        (lambda: Augmented(TanhCell(3, 4), [STACK]), "cell: got one with read_size=0, expected 2"),
        (lambda: Augmented(nn.Linear(2, 4), [STACK]), "cell: got .*Linear.*, expected an nn.RNNCell"),
        (lambda: Augmented(nn.GRUCell(2, 4), [None]), "structures: got"),  # pyright: ignore[reportArgumentType]
        (lambda: network().init(0), "batch: got 0"),
        (lambda: network().memory_of(network().init(1), 11), "head: got 11, expected 0 to 10"),
        (lambda: network().init(2).rows([9]), "index: got .9.: "),
        (lambda: network()(inputs()[0]), "inputs: got .*, expected .batch, time, 3."),
        (lambda: network()(inputs()[..., :2]), "inputs: got .*, expected .batch, time, 3."),
        (lambda: network()(inputs()[:, :0]), "inputs: .* none of them empty"),
        (lambda: network()(inputs(), state=network().init(2)), "state: got 2 rows, expected 3"),
        (lambda: network()(inputs(), state=network("gru", []).init(3)), "state: got .*, expected what `init`"),
        (lambda: network()(inputs(), torch.ones(3, 5).bool()), "mask: got shape"),
        (lambda: Augmented(nn.GRUCell(4, 4), [Latch()], values="symbols"), "values: got 'symbols' for a Latch"),
    ],
)
def test_what_does_not_fit_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()
