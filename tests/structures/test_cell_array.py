"""The soft array of cells: the exact machine at the corners, distributions between them, rows that do not touch."""

from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from neurallambda.automata import CellRule, CellularAutomaton, OutputRule, library
from neurallambda.errors import ArgumentError
from neurallambda.structures import CellArray
from neurallambda.structures.cell_array.exact import array_of, machine_of, table_of

NEIGHBOURS = st.sampled_from([(), ("right",), ("left",), ("left", "right"), ("right", "left")])


def random_table(array: CellArray, generator: torch.Generator, sharpness: float = 1.0) -> Tensor:
    logits = sharpness * torch.randn(array.table_shape, generator=generator, dtype=torch.float64)
    return logits.softmax(-1)


def random_symbols(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64).softmax(-1)


def one_hot(text: str, symbols: tuple[str, ...], length: int) -> Tensor:
    numbers = [symbols.index(symbol) for symbol in text] + [len(symbols)] * (length - len(text))
    return functional.one_hot(torch.tensor(numbers, dtype=torch.long), len(symbols) + 1).double()[None]


@given(
    NEIGHBOURS,
    st.integers(0, 2**31),
    st.text("ab", max_size=4),
    st.text("ab", max_size=4),
    st.integers(1, 6),
    st.integers(0, 2),
)
@settings(max_examples=60)
def test_at_the_corners_it_is_the_cellular_automaton(
    neighbours: tuple[str, ...], seed: int, cells: str, shown: str, steps: int, edge: int
) -> None:
    generator, names = torch.Generator().manual_seed(seed), ("INITIAL", "P", "Q")
    array = CellArray(states=3, symbols=3, neighbours=neighbours, edge=edge)
    target = torch.randint(3, array.table_shape[:-1], generator=generator)
    known = ("a", "b", None)
    rules = tuple(
        CellRule(
            known[one],
            known[seen],
            names[own],
            tuple(names[n] for n in near),
            names[int(target[one, seen, own, *near])],
        )
        for one, seen, own, *near in product(*map(range, target.shape))
    )
    outputs = tuple(OutputRule("ANY", name, name) for name in names)
    machine = CellularAutomaton(
        symbols=("a", "b"), rules=rules, outputs=outputs, neighbours=neighbours, edge=names[edge]
    )
    table = functional.one_hot(target, 3).double()
    assert torch.equal(table_of(machine, dtype=torch.float64).flatten()[: table.numel()].sum(), table.sum())
    width = max(1, len(cells)) + 1
    state, reads = array.scan(
        array.init(one_hot(cells, ("a", "b"), width)), table, one_hot(shown[:steps], ("a", "b"), steps)
    )
    run = machine.run(cells, shown, steps=steps, width=width)
    assert [names[int(n)] for n in state.cells[0].argmax(-1)] == list(run.steps[-1].states)
    assert [names[int(n)] for n in reads[0].argmax(-1)] == list(run.outputs)
    assert set(state.cells.unique().tolist()) <= {0.0, 1.0}
    first = array.first_cell(table, one_hot(cells, ("a", "b"), len(cells)), one_hot(shown[:steps], ("a", "b"), steps))
    assert [names[int(n)] for n in first[0].argmax(-1)] == list(machine.transduce(cells, shown, steps=steps))


def plain_step(array: CellArray, cells: Tensor, symbols: Tensor, table: Tensor, seen: Tensor) -> Tensor:
    """The equation, word by word, for one row."""
    edge = functional.one_hot(torch.tensor(array.edge), array.states).double()
    after = torch.zeros_like(cells)
    for place in range(len(cells)):
        near = {
            "left": cells[place - 1] if place else edge,
            "right": cells[place + 1] if place + 1 < len(cells) else edge,
        }
        for one, other in product(range(array.symbols), repeat=2):
            for own, *beside in product(range(array.states), repeat=1 + len(array.neighbours)):
                weight = symbols[place, one] * seen[other] * cells[place, own]
                for side, number in zip(array.neighbours, beside, strict=True):
                    weight = weight * near[side][number]
                after[place] += weight * table[one, other, own, *beside]
    return after


@given(NEIGHBOURS, st.integers(0, 2**31), st.integers(1, 3), st.integers(0, 1))
@settings(max_examples=10)
def test_between_the_corners_it_is_its_equation(neighbours: tuple[str, ...], seed: int, count: int, edge: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    array = CellArray(states=2, symbols=2, neighbours=neighbours, edge=edge)
    table, symbols = random_table(array, generator), random_symbols(generator, 2, count, 2)
    seen = random_symbols(generator, 2, 3, 2)
    state = array.init(symbols)
    plain = list(state.cells)
    for time in range(3):
        state = array.step(state, table, seen[:, time])
        plain = [plain_step(array, plain[b], symbols[b], table, seen[b, time]) for b in range(2)]
        torch.testing.assert_close(state.cells, torch.stack(plain))
        torch.testing.assert_close(state.cells.sum(-1), torch.ones(2, count, dtype=torch.float64))
    _, reads = array.scan(array.init(symbols), table, seen)
    torch.testing.assert_close(reads[:, -1], array.read(state))


@given(st.integers(0, 2**31), NEIGHBOURS)
@settings(max_examples=20)
def test_scans_may_be_cut_anywhere_and_masked_steps_change_nothing(seed: int, neighbours: tuple[str, ...]) -> None:
    generator = torch.Generator().manual_seed(seed)
    array = CellArray(states=3, symbols=2, neighbours=neighbours)
    table, symbols = random_table(array, generator), random_symbols(generator, 3, 4, 2)
    seen = random_symbols(generator, 3, 6, 2)
    whole, reads = array.scan(array.init(symbols), table, seen)
    half, before = array.scan(array.init(symbols), table, seen[:, :2])
    again, after = array.scan(half, table, seen[:, 2:])
    assert torch.equal(whole.cells, again.cells)
    assert torch.equal(reads, torch.cat([before, after], 1))
    mask = torch.rand(3, 6, generator=generator) < 0.6
    masked, _ = array.scan(array.init(symbols), table, torch.where(mask[..., None], seen, torch.nan), mask=mask)
    for row in range(3):
        alone, _ = array.scan(array.init(symbols[row : row + 1]), table, seen[row : row + 1, mask[row]])
        torch.testing.assert_close(masked.rows([row]).cells, alone.cells)
    stepped = array.step(whole, table, seen[:, 0], mask=mask[:, 0])
    assert torch.equal(stepped.cells[~mask[:, 0]], whole.cells[~mask[:, 0]])


def test_what_is_no_number_where_steps_do_not_count_reaches_no_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    array = CellArray(states=3, symbols=2)
    table, symbols = random_table(array, generator).requires_grad_(), random_symbols(generator, 3, 4, 2)
    mask = torch.tensor([[1, 0, 1], [0, 0, 0], [1, 1, 1]]).bool()
    seen = torch.where(mask[..., None], random_symbols(generator, 3, 3, 2), torch.nan).requires_grad_()
    state, reads = array.scan(array.init(symbols), table, seen, mask=mask)
    array.read(array.step(state, table, seen[:, 1], mask=mask[:, 1])).square().sum().backward()
    for one in (table, seen):
        assert one.grad is not None
        assert one.grad.isfinite().all()
    assert reads.isfinite().all()


@given(st.integers(0, 2**31), NEIGHBOURS, st.integers(0, 5), st.integers(1, 5))
@settings(max_examples=30)
def test_a_row_without_an_end_is_a_row_whose_end_is_far_away(
    seed: int, neighbours: tuple[str, ...], count: int, steps: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    array = CellArray(states=3, symbols=2, neighbours=neighbours, edge=1)
    table, seen = random_table(array, generator), random_symbols(generator, 2, steps, 2)
    symbols = random_symbols(generator, 2, count, 2) if count else torch.zeros(2, 0, 2, dtype=torch.float64)
    none = torch.tensor([0.0, 1.0], dtype=torch.float64).expand(2, steps + 2, 2)
    _, far = array.scan(array.init(torch.cat([symbols, none], 1)), table, seen)
    torch.testing.assert_close(array.first_cell(table, symbols, seen), far)


@given(st.integers(0, 2**31))
@settings(max_examples=10)
def test_rows_of_a_batch_do_not_touch(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    array = CellArray(states=3, symbols=3)
    table, symbols = random_table(array, generator), random_symbols(generator, 3, 4, 3)
    seen = random_symbols(generator, 3, 5, 3)
    together = array.first_cell(table, symbols, seen)
    alone = [array.first_cell(table, symbols[b : b + 1], seen[b : b + 1]) for b in range(3)]
    torch.testing.assert_close(together, torch.cat(alone))


@pytest.mark.parametrize("neighbours", [("right",), ("left", "right")])
def test_gradients(neighbours: tuple[str, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    array = CellArray(states=2, symbols=2, neighbours=neighbours)
    logits = torch.randn(array.table_shape, generator=generator, dtype=torch.float64, requires_grad=True)
    symbols = torch.randn(2, 3, 2, generator=generator, dtype=torch.float64, requires_grad=True)
    seen = torch.randn(2, 3, 2, generator=generator, dtype=torch.float64, requires_grad=True)

    def reads(logits: Tensor, symbols: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        table, symbols, seen = logits.softmax(-1), symbols.softmax(-1), seen.softmax(-1)
        return array.first_cell(table, symbols, seen), array.scan(array.init(symbols), table, seen)[1]

    assert torch.autograd.gradcheck(reads, (logits, symbols, seen))


@given(st.integers(0, 2**31), st.integers(1, 4), st.integers(1, 3), st.integers(0, 5), st.integers(1, 5))
@settings(max_examples=20)
def test_the_sweep_is_the_same(seed: int, states: int, symbols: int, count: int, steps: int) -> None:
    pytest.importorskip("numba")
    generator = torch.Generator().manual_seed(seed)
    array = CellArray(states=states, symbols=symbols)
    logits = torch.randn(array.table_shape, generator=generator, dtype=torch.float64, requires_grad=True)
    cells = torch.randint(symbols, (3, count), generator=generator)
    seen = torch.randint(symbols, (3, steps), generator=generator)
    fast = array.first_cell_of(logits.softmax(-1), cells, seen)
    one, other = (functional.one_hot(numbers, symbols).double() for numbers in (cells, seen))
    plain = array.first_cell(logits.softmax(-1), one, other)
    torch.testing.assert_close(fast, plain)
    with torch.no_grad():  # one row of states is kept, not all
        assert torch.equal(array.first_cell_of(logits.softmax(-1), cells, seen), fast)
    weights = torch.randn(fast.shape, generator=generator, dtype=torch.float64)
    found, expected = (torch.autograd.grad((reads * weights).sum(), logits)[0] for reads in (fast, plain))
    torch.testing.assert_close(found, expected)


def test_the_sweep_in_transforms() -> None:
    pytest.importorskip("numba")
    generator = torch.Generator().manual_seed(0)
    array = CellArray(states=3, symbols=2)
    logits = torch.randn(4, *array.table_shape, generator=generator, dtype=torch.float64, requires_grad=True)
    cells, seen = torch.randint(2, (4, 2, 3), generator=generator), torch.randint(2, (4, 2, 5), generator=generator)

    def reads(logits: Tensor, cells: Tensor, seen: Tensor) -> Tensor:
        return array.first_cell_of(logits.softmax(-1), cells, seen)

    def loss(logits: Tensor, cells: Tensor, seen: Tensor) -> Tensor:
        return reads(logits, cells, seen)[..., 0].square().sum()

    together = torch.vmap(reads)(logits, cells, seen)
    torch.testing.assert_close(
        together, torch.stack([reads(*parts) for parts in zip(logits, cells, seen, strict=True)])
    )
    torch.testing.assert_close(
        torch.vmap(reads, in_dims=(0, None, None))(logits, cells[0], seen[0])[1], reads(logits[1], cells[0], seen[0])
    )
    with torch.no_grad():
        assert torch.equal(torch.vmap(reads)(logits, cells, seen), together)
    alone = [torch.autograd.grad(loss(*parts), logits)[0] for parts in zip(logits, cells, seen, strict=True)]
    torch.testing.assert_close(torch.vmap(torch.func.grad(loss))(logits, cells, seen), torch.stack(alone).sum(0))
    (whole,) = torch.autograd.grad(together[..., 0].square().sum(), logits)
    torch.testing.assert_close(whole, torch.stack(alone).sum(0))
    one = logits[0].detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda logits: reads(logits, cells[0], seen[0]), (one,))
    assert torch.autograd.gradgradcheck(lambda logits: reads(logits, cells[0, :, :2], seen[0, :, :2]), (one,))


def test_long_runs_stay_distributions_in_single_precision() -> None:
    generator = torch.Generator().manual_seed(0)
    array = CellArray(states=4, symbols=2)
    table = random_table(array, generator, sharpness=3.0).float().requires_grad_()
    symbols, seen = random_symbols(generator, 2, 100, 2).float(), random_symbols(generator, 2, 100, 2).float()
    reads = array.first_cell(table, symbols, seen)
    torch.testing.assert_close(reads.sum(-1), torch.ones(2, 100))
    exact = array.first_cell(table.double(), symbols.double(), seen.double())
    torch.testing.assert_close(reads.double(), exact, atol=1e-4, rtol=0)
    (gradient,) = torch.autograd.grad(reads[:, -1].square().sum(), table)
    assert gradient.isfinite().all()
    assert gradient.norm() < 10


def test_the_multiplier_multiplies() -> None:
    machine = library.load("binary_multiplication", CellularAutomaton)
    array, table = array_of(machine), table_of(machine)
    one, other = 1234, 567
    bits = [[number >> place & 1 for place in range(12)] for number in (one, other)]
    symbols, seen = (functional.one_hot(torch.tensor([row + [2] * 12]), 3).float() for row in bits)
    states = array.first_cell(table, symbols, seen).argmax(-1)[0].tolist()
    digits = [int(machine.states[state] in ("SUM", "BOTH")) for state in states]
    assert sum(digit << place for place, digit in enumerate(digits)) == one * other


def test_there_and_back() -> None:
    machine = library.load("binary_multiplication", CellularAutomaton)
    readout = torch.zeros(3, 4, 2)
    for number, state in enumerate(machine.states):
        readout[:, number, int(state in ("SUM", "BOTH"))] = 1
    again = machine_of(table_of(machine), readout, symbols=machine.symbols, answers=("0", "1"))
    assert again.compute("0110101", "1011") == machine.compute("0110101", "1011")
    assert len(again.states) == 4
    still = machine_of(
        torch.eye(2).expand(2, 2, 2, 2, 2).transpose(2, 3), torch.ones(2, 2, 1), symbols=["a"], answers=["x"]
    )
    assert still.states == ("INITIAL",)
    assert still.compute("a", "a") == "xx"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"states": 0, "symbols": 2}, "states: got 0"),
        ({"states": 2, "symbols": True}, "symbols: got True"),
        ({"states": 2, "symbols": 2, "neighbours": ("up",)}, "neighbours: got"),
        ({"states": 2, "symbols": 2, "edge": 2}, "edge: got 2, expected the number of a state"),
    ],
)
def test_bad_arrays(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        CellArray(**arguments)


def test_bad_tensors() -> None:
    array = CellArray(states=2, symbols=3)
    symbols, seen = torch.full((2, 4, 3), 1 / 3), torch.full((2, 5, 3), 1 / 3)
    state, table = array.init(symbols), torch.full(array.table_shape, 0.5)
    with pytest.raises(ArgumentError, match=r"table: got .*, expected a tensor of shape \(3, 3, 2, 2, 2\): symbol"):
        array.step(state, table[0], seen[:, 0])
    with pytest.raises(ArgumentError, match=r"seen: got .* expected a tensor \[batch, 3\]"):
        array.step(state, table, seen[:, 0, :2])
    with pytest.raises(ArgumentError, match=r"symbols: got .* expected a tensor \[batch, cells, 3\]"):
        array.init(symbols[..., :2])
    with pytest.raises(ArgumentError, match=r"seen: got a number that is no symbol, expected 0 to 2"):
        array.first_cell_of(table, torch.zeros(2, 4, dtype=torch.long), torch.full((2, 5), 3))
    with pytest.raises(ArgumentError, match=r"mask: got .* expected booleans of shape \(2, 5\)"):
        array.scan(state, table, seen, mask=torch.ones(2, 4, dtype=torch.bool))
    with pytest.raises(ArgumentError, match=r"state.cells: got .* expected a tensor \[batch, cells, 3\]"):
        CellArray(states=3, symbols=3).read(state)
    with pytest.raises(ArgumentError, match=r"readout of \(3, 2, 2\); expected"):
        machine_of(table, torch.ones(3, 2, 2), symbols=["a", "b"], answers=["x"])
