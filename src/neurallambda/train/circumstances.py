"""Where trainings ran, in one line: the machine, the version, and the commits."""

from collections.abc import Iterable, Mapping
from typing import Any


def trained_on(runs: Iterable[tuple[Mapping[str, Any], str]]) -> str:
    """Where some trainings ran, each place once with all its commits; nothing where there are none.

    Args:
        runs: of each, the record of where it ran, as `neurallambda.train.run_folder.where` gives it, and what else is said of it.

    Example:
        >>> where = {
        ...     "hardware": {"cpu": "EPYC", "torch_threads": 1},
        ...     "versions": {"torch": "2.13.0"},
        ...     "commit": "1f" * 20,
        ... }
        >>> trained_on([(where, "400 steps"), (where | {"commit": "2e" * 20, "dirty": True}, "400 steps")])
        'Trained on: EPYC, 1 thread(s), torch 2.13.0, 400 steps: commits 1f1f1f1f1f, 2e2e2e2e2e with changes.'
    """
    commits: dict[str, set[str]] = {}
    for training, about in runs:
        place = ", ".join(part for part in (_machine(training), about) if part)
        changes = " with changes" if training.get("dirty") else ""
        commits.setdefault(place, set()).add((training.get("commit") or "unknown")[:10] + changes)
    places = [
        f"{place}: commit{'s' if len(commits[place]) > 1 else ''} {', '.join(sorted(commits[place]))}"
        for place in sorted(commits)
    ]
    return f"Trained on: {'; '.join(places)}." if places else ""


def _machine(training: Mapping[str, Any]) -> str:
    hardware, versions = training.get("hardware") or {}, training.get("versions") or {}
    gpus = hardware.get("gpus") or []
    processor = f"{hardware.get('cpu', 'unknown')}, {hardware.get('torch_threads', '?')} thread(s)"
    return f"{f'{len(gpus)} × {gpus[0]}' if gpus else processor}, torch {versions.get('torch', '?')}"
