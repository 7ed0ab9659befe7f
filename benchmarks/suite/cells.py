"""Training steps of learned tables: many seeds side by side on one core."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.harness import Case, Numbers, benchmark
from benchmarks.timing import Call, measure_ratio, measure_time
from neurallambda.nn import CellArrayModel, Population, TableAutomaton
from neurallambda.structures import CellArray
from neurallambda.structures.cell_array.array import certain

ROWS = 32
STATES = 8
SYMBOLS = 3


def population(build: Callable[[], torch.nn.Module], seeds: int) -> Population:
    """Models under training, each of its own seed."""
    return Population.of(build, seeds=range(seeds)).train()


def learning(models: Population, inputs: int, time: int, *, batch: Callable[..., Tensor]) -> Call:
    """One forward and one backward pass of all seeds."""
    tokens = batch(len(models), ROWS, time, inputs)

    def step() -> None:
        models.zero_grad()
        models(tokens).square().mean().backward()

    return step


@benchmark(
    claim="Learned tables train side by side: 16 seeds of a row of 10 cells in under 40 ms a step, on one core",
    limits={"cells_10_milliseconds_a_step": 40.0, "sweep_over_plain": 0.7},
)
def learned_tables(seed: int) -> Case:
    """Milliseconds of a training step of tables and of rows of cells, 32 rows a seed; the sweep against plain PyTorch."""
    generator = torch.Generator().manual_seed(seed)
    array = CellArray(states=STATES, symbols=SYMBOLS)
    logits = torch.randn(16, *array.table_shape, generator=generator, requires_grad=True)
    cells, seen = (torch.randint(SYMBOLS, (16, ROWS, 10), generator=generator) for _ in range(2))

    def swept(logits: Tensor, cells: Tensor, seen: Tensor) -> Tensor:
        return array.first_cell_of(logits.softmax(-1), cells, seen)

    def plain(logits: Tensor, cells: Tensor, seen: Tensor) -> Tensor:
        return array.first_cell(logits.softmax(-1), certain(cells, SYMBOLS), certain(seen, SYMBOLS))

    def both_ways(form: Callable[..., Tensor]) -> tuple[Tensor, Tensor]:
        states = torch.vmap(form)(logits, cells, seen)
        return states, torch.autograd.grad(states[..., 0].square().sum(), logits)[0]

    def strings(*shape: int) -> Tensor:
        return torch.randint(shape[-1], shape[:-1], generator=generator)

    def products(seeds: int, rows: int, time: int, inputs: int) -> Tensor:
        tokens = torch.full((seeds, rows, 2 * time), inputs - 1)
        tokens[..., :time] = torch.randint(2, (seeds, rows, time), generator=generator)
        tokens[..., time // 2] = inputs - 2
        return tokens

    def measure() -> Numbers:
        found: dict[str, object] = {
            "sweep_over_plain": measure_ratio(lambda: both_ways(swept), lambda: both_ways(plain))
        }
        for states, inputs, time in ((8, 3, 9), (16, 4, 21), (80, 9, 21)):
            seeds = 12 if states < 80 else 3
            models = population(lambda inputs=inputs, states=states: TableAutomaton(inputs, 5, states=states), seeds)
            call = learning(models, inputs, time, batch=strings)
            found[f"table_{states}_states_{time}_tokens_{seeds}_seeds_milliseconds_a_step"] = (
                measure_time(call).median * 1e3
            )
        for length, seeds in ((10, 16), (18, 6), (24, 3)):
            models = population(lambda: CellArrayModel(4, 3, states=STATES), seeds)
            call = learning(models, 4, length, batch=products)
            found[f"cells_{length}_milliseconds_a_step"] = measure_time(call).median * 1e3
        return found

    return Case(
        verify=lambda: {
            "the sweep gives the same states": torch.allclose(both_ways(swept)[0], both_ways(plain)[0], atol=1e-5),
            "the sweep gives the same gradients": torch.allclose(both_ways(swept)[1], both_ways(plain)[1], atol=1e-4),
        },
        measure=measure,
    )
