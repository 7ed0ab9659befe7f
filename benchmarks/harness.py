"""Registry → run → verify → results.

A benchmark is a function of a seed that returns a `Case`. Its checks run first: a benchmark whose answers are wrong is
refused and nothing of it is timed. What it measures is written with everything needed to judge it later: the commit and
whether the tree was clean, the machine, the versions, the seed, the date.

    @benchmark(claim="adding is fast", limits={"seconds": 1.0})
    def addition(seed: int) -> Case:
        return Case(
            verify=lambda: {"2 + 2 is 4": 2 + 2 == 4},
            measure=lambda: {"seconds": measure_time(lambda: 2 + 2).median},
        )
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from neurallambda.train.environment import commit, hardware, versions

RESULTS = Path(__file__).parent / "results"
REGISTRY: dict[str, "Benchmark"] = {}

Numbers = Mapping[str, object]
"""What was measured, by name: numbers, sequences of numbers (curves), or dataclasses of them such as `Timing`."""


class WrongAnswerError(Exception):
    """A benchmark's own checks failed, so its times would mean nothing."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One benchmark, set up: `verify` names its checks and says which hold, `measure` takes the numbers."""

    verify: Callable[[], Mapping[str, bool]]
    measure: Callable[[], Numbers]


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A registered benchmark: what it claims, and the largest value that each number named in `limits` may have."""

    name: str
    claim: str
    limits: Mapping[str, float]
    prepare: Callable[[int], Case]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one run of one benchmark found, and where; `missed` names the numbers that are not within their limits."""

    name: str
    claim: str
    numbers: Numbers
    limits: Mapping[str, float]
    missed: tuple[str, ...]
    checks: tuple[str, ...]
    seed: int
    date: str
    commit: str | None
    dirty: bool | None
    hardware: Mapping[str, object]
    versions: Mapping[str, str]


def benchmark(
    *, claim: str, limits: Mapping[str, float] | None = None, registry: dict[str, Benchmark] = REGISTRY
) -> Callable[[Callable[[int], Case]], Callable[[int], Case]]:
    """Register a function from a seed to a `Case` under the function's name.

    Args:
        claim: One sentence that the numbers support or refute.
        limits: The largest acceptable value of some of the numbers.
        registry: Where to register.

    Raises:
        ValueError: Another benchmark has this name.
    """

    def register(prepare: Callable[[int], Case]) -> Callable[[int], Case]:
        name = prepare.__name__
        if name in registry:
            raise ValueError(f"two benchmarks are called {name!r}; rename one of them")
        registry[name] = Benchmark(name=name, claim=claim, limits=dict(limits or {}), prepare=prepare)
        return prepare

    return register


def select(patterns: Sequence[str], registry: Mapping[str, Benchmark] = REGISTRY) -> list[Benchmark]:
    """The benchmarks whose names match one of the patterns (`*` and `?` as in a shell), or all, in order of name.

    Raises:
        KeyError: A pattern matches no benchmark.
    """
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in registry):
            raise KeyError(f"no benchmark is called {pattern!r}; there are: {', '.join(sorted(registry))}")
    wanted = patterns or ["*"]
    return [registry[name] for name in sorted(registry) if any(fnmatchcase(name, pattern) for pattern in wanted)]


def run(entry: Benchmark, *, seed: int) -> Result:
    """Verify, then measure.

    Raises:
        WrongAnswerError: A check failed, or there was none; nothing was measured.
        KeyError: The benchmark has a limit for a number that it does not measure.
    """
    case = entry.prepare(seed)
    checks = case.verify()
    failed = [name for name, holds in checks.items() if not holds]
    if failed or not checks:
        raise WrongAnswerError(f"{entry.name}: not timed, since " + ("; ".join(failed) or "it checks no answer"))
    numbers = case.measure()
    missing = sorted(set(entry.limits) - set(numbers))
    if missing:
        raise KeyError(f"{entry.name} limits {', '.join(missing)} but measures {', '.join(numbers)}")
    state = commit()
    return Result(
        name=entry.name,
        claim=entry.claim,
        numbers=numbers,
        limits=entry.limits,
        missed=tuple(name for name, limit in entry.limits.items() if not _number(numbers[name]) <= limit),  # nor NaN
        checks=tuple(checks),
        seed=seed,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=state.hash,
        dirty=state.dirty,
        hardware=hardware(),
        versions=versions(),
    )


def write(result: Result, folder: Path = RESULTS) -> Path:
    """Write a result as `<name>.json` in `folder`, replacing the one before; returns the file's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.name}.json"
    path.write_text(json.dumps(asdict(result), indent=2, default=_plain) + "\n")
    return path


def _number(value: object) -> float:
    """The number that a limit is held against: a measurement's median, or the value itself."""
    median = getattr(value, "median", value)
    if not isinstance(median, int | float):
        raise TypeError(f"a limit needs a number or a measurement with a median, not {median!r}")
    return median


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"a result cannot hold {value!r}; use numbers, strings, sequences and dataclasses of them")
