"""Times that a noisy machine cannot bend: medians with their spread, and ratios of interleaved runs."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter

Call = Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A median with its quartiles, over `repeats` measurements."""

    median: float
    lower_quartile: float
    upper_quartile: float
    repeats: int


def spread(values: Sequence[float]) -> Spread:
    """The median and quartiles of at least two values.

    >>> spread([1.0, 2.0, 3.0, 4.0, 5.0])
    Spread(median=3.0, lower_quartile=2.0, upper_quartile=4.0, repeats=5)
    """
    lower, _, upper = quantiles(values, n=4, method="inclusive")
    return Spread(median=median(values), lower_quartile=lower, upper_quartile=upper, repeats=len(values))


def measure_time(
    call: Call, *, repeats: int = 9, least_seconds: float = 0.02, synchronize: Call | None = None
) -> Spread:
    """Seconds that one `call` takes.

    Args:
        call: What to time; called once beforehand to warm up.
        repeats: How many measurements to take.
        least_seconds: Each measurement repeats a fast call until it lasts about this long.
        synchronize: Waits for the work that `call` started, for example `torch.cuda.synchronize`.
    """
    (times,) = _interleaved([call], repeats=repeats, least_seconds=least_seconds, synchronize=synchronize)
    return spread(times)


def measure_ratio(
    first: Call, second: Call, *, repeats: int = 15, least_seconds: float = 0.02, synchronize: Call | None = None
) -> Spread:
    """How many times as long `first` takes as `second`.

    The two run in turn, one right after the other, and the ratio is taken within each pair: whatever slows the machine
    for a while slows both. Arguments are those of `measure_time`.
    """
    numerators, denominators = _interleaved(
        [first, second], repeats=repeats, least_seconds=least_seconds, synchronize=synchronize
    )
    return spread([a / b for a, b in zip(numerators, denominators, strict=True)])


def _interleaved(
    calls: Sequence[Call], *, repeats: int, least_seconds: float, synchronize: Call | None
) -> list[list[float]]:
    """The seconds of each call, `repeats` times each, in turn; the turn changes direction each time."""
    wait = synchronize or (lambda: None)
    with _no_garbage_collection():
        loops = [_loops(call, least_seconds=least_seconds, wait=wait) for call in calls]
        times: list[list[float]] = [[] for _ in calls]
        for repeat in range(repeats):
            turn = range(len(calls)) if repeat % 2 == 0 else reversed(range(len(calls)))
            for index in turn:
                times[index].append(_seconds(calls[index], loops=loops[index], wait=wait))
    return times


def _loops(call: Call, *, least_seconds: float, wait: Call) -> int:
    """How often to call in one measurement; the first call, which pays for what is set up once, does not count."""
    _seconds(call, loops=1, wait=wait)
    loops = 1
    while loops * _seconds(call, loops=loops, wait=wait) < least_seconds:
        loops *= 2
    return loops


def _seconds(call: Call, *, loops: int, wait: Call) -> float:
    """Seconds per call, over `loops` calls."""
    wait()
    start = perf_counter()
    for _ in range(loops):
        call()
    wait()
    return (perf_counter() - start) / loops


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Keep the cyclic collector, which runs when it pleases, out of the measurement."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
