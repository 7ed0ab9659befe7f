"""Running many programs: those of like size together."""

from collections.abc import Iterator, Mapping

from neurallambda.lang.outcome import Outcome
from neurallambda.machine.assemble import Cells
from neurallambda.machine.machine import Machine

BATCH = 128


def run_batches(machine: Machine, programs: Mapping[int, Cells], *, max_steps: int) -> Iterator[tuple[int, Outcome]]:
    """Run programs in batches of like size; gives each one's key and how it ended."""
    order = sorted(programs, key=lambda key: len(programs[key]))
    for start in range(0, len(order), BATCH):
        keys = order[start : start + BATCH]
        result = machine.run(machine.encode([programs[key] for key in keys]), max_steps=max_steps)
        yield from zip(keys, machine.decode(result), strict=True)
