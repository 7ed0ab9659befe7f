"""The command: `python -m benchmarks [NAME ...] [--list] [--seed N] [--threads N] [--results FOLDER]`."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import torch

from benchmarks import suite
from benchmarks.harness import REGISTRY, RESULTS, Benchmark, Result, WrongAnswerError, run, select, write
from benchmarks.timing import Spread


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks named on the command line; returns the exit code.

    0: all ran (whether or not a limit was missed; the output says which). 1: one gave wrong answers. 2: bad options.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Verify, then measure.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="benchmarks to run, by name or pattern; all without any"
    )
    parser.add_argument("--list", action="store_true", help="name the benchmarks and what they claim, and stop")
    parser.add_argument("--seed", type=int, default=0, help="the seed that every benchmark is given (default: 0)")
    parser.add_argument(
        "--threads", type=int, metavar="N", help="torch's threads; take 1 where other work shares the cores"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FOLDER", help="where results are written")
    options = parser.parse_args(arguments)

    load_suite()
    try:
        chosen = select(options.names)
    except KeyError as error:
        parser.error(error.args[0])
    if options.list:
        for entry in chosen:
            print(f"{entry.name}: {entry.claim}")
        return 0
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    outcomes = [_run_one(entry, seed=options.seed, folder=options.results) for entry in chosen]
    return 0 if all(outcomes) else 1


def load_suite() -> Mapping[str, Benchmark]:
    """Import every module of `benchmarks.suite`, which registers what they hold; returns the registry."""
    for module in iter_modules(suite.__path__):
        import_module(f"{suite.__name__}.{module.name}")
    return REGISTRY


def describe(result: Result) -> Iterator[str]:
    """The lines that tell a reader what was found."""
    yield f"{result.name}: {result.claim}"
    for name, value in result.numbers.items():
        yield f"  {name}: {_readable(value)}{_verdict(result, name)}"


def _verdict(result: Result, name: str) -> str:
    """What is said of a number that has a limit."""
    if name not in result.limits:
        return ""
    value = result.numbers[name]
    found = "not measured, so not within" if value != value else "above" if name in result.missed else "within"
    return f"  ({found} its limit, {result.limits[name]:g})"


def _run_one(entry: Benchmark, *, seed: int, folder: Path) -> bool:
    try:
        result = run(entry, seed=seed)
    except WrongAnswerError as error:
        print(error, file=sys.stderr)
        return False
    write(result, folder)
    print("\n".join(describe(result)), flush=True)
    return True


def _readable(value: object) -> str:
    if isinstance(value, Spread):
        return f"{value.median:.4g} [{value.lower_quartile:.4g}, {value.upper_quartile:.4g}] over {value.repeats}"
    if is_dataclass(value) and not isinstance(value, type):
        return _readable(asdict(value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_readable(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return " ".join(_readable(item) for item in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
