"""Running many programs: those of like size together, none waiting for the longest.

Where memory would have to grow, the programs that have ended are read out and leave the batch; what is left, if it would
take too much memory together, goes on in halves. Nothing is ever run twice.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch

from neurallambda.holes import Filling
from neurallambda.lang.outcome import Outcome
from neurallambda.machine.assemble import Cells
from neurallambda.machine.decode import decode
from neurallambda.machine.encode import NeuralLambda
from neurallambda.machine.layout import WIDE
from neurallambda.machine.machine import Machine
from neurallambda.machine.memory import Memory
from neurallambda.machine.result import Result
from neurallambda.machine.run import Runner, Settings

BATCH = 128
"""Programs in one batch at most."""

BYTES = 2**30
"""What a batch may take of memory before it is halved."""


def run_batches(
    machine: Machine, programs: Mapping[int, Cells], *, max_steps: int, holes: Mapping[str, Filling] | None = None
) -> Iterator[tuple[int, Outcome]]:
    """Run programs in batches of like size; gives each one's key and how it ended, as they end.

    Args:
        machine: what runs them.
        programs: the programs, each by a key.
        max_steps: how many steps each may take.
        holes: as in `Machine.encode`; all programs share them, so logits have one row.
    """
    order = sorted(programs, key=lambda key: len(programs[key]))
    while order:
        largest = len(programs[order[min(BATCH, len(order)) - 1]])
        keys, order = _split(order, max(1, min(BATCH, BYTES // (16 * largest * (largest + len(machine.integers))))))
        with torch.no_grad():
            program = machine.encode([programs[key] for key in keys], holes=holes)
        settings = Settings(program.integers, program.operations, max_steps, machine.capacity, machine.alternatives)
        with torch.no_grad():
            yield from _run(Runner(program.layout, program.code(), settings), program, keys)


def _run(runner: Runner, program: NeuralLambda, keys: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
    """Run a batch to its end; gives the programs that end."""
    groups = [(runner, program, keys)]
    while groups:
        runner, program, keys = groups.pop()
        is_over = runner.run(until_full=True)
        ended = torch.ones(len(keys), dtype=torch.bool) if is_over else runner.ended.cpu()
        done, left = ended.nonzero().flatten().tolist(), (~ended).nonzero().flatten().tolist()
        if done:
            leaving, leavers = _select(runner, program, done)
            yield from zip((keys[row] for row in done), decode(Result.of(leavers, leaving)), strict=True)
        parts = [left] if left and _next_size(runner.memory, len(left)) <= BYTES else _halves(left)
        for rows in parts:
            groups.append((*_select(runner, program, rows), [keys[row] for row in rows]))


def _select(runner: Runner, program: NeuralLambda, rows: list[int]) -> tuple[Runner, NeuralLambda]:
    if len(rows) == len(program):
        return runner, program
    return runner.select(torch.tensor(rows, device=program.tag.device)), program.select(rows)


def _next_size(memory: Memory, rows: int) -> int:
    """The bytes that so many programs would take after memory has grown."""
    width = memory.width + memory.width // 2
    return rows * width * (memory.layout.narrow + WIDE * width) * memory.records.element_size()


def _halves(rows: list[int]) -> list[list[int]]:
    first, second = _split(rows, (len(rows) + 1) // 2)
    return [part for part in (first, second) if part]


def _split(items: list[int], size: int) -> tuple[list[int], list[int]]:
    return items[:size], items[size:]
