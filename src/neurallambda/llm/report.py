"""The matrix of experiments as one table."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neurallambda.errors import ArgumentError
from neurallambda.llm.matrix import ARMS, FORM
from neurallambda.llm.tasks import TASKS

LEGEND = """\
Each row is one arm on one task. **Exact** is the share of fresh inputs whose whole answer greedy decoding writes, the mean over
all seeds that were started, at the greatest length of training and at multiples of it; in brackets, how many seeds reach
0.99 (0.95 at the greatest length). **Retention** is the perplexity on held-out text that the base model wrote, divided by what it
was before the training; the worst seed is in brackets. The learning rate of every arm is chosen from the same three,
by one more seed, on fresh inputs of the greatest length of training."""


def read(folder: Path) -> list[dict[str, Any]]:
    """All results of a matrix, by task and base, in the order of the arms.

    Args:
        folder: where `neurallambda llm matrix` wrote them.

    Raises:
        ArgumentError: if there is none.
    """
    found = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            facts = json.loads(path.read_text())
        except ValueError:
            continue
        if isinstance(facts, dict) and facts.get("form") == FORM and facts["seeds"]:
            found.append(facts)
    if not found:
        raise ArgumentError(f"{folder}: there is no result of `neurallambda llm matrix` in this folder")
    arms, tasks = list(ARMS), list(TASKS)
    return sorted(found, key=lambda one: (one["model"], tasks.index(one["task"]), one["base"], arms.index(one["arm"])))


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """Results as Markdown.

    Args:
        results: as `read` gives them.
    """
    lengths = list(dict.fromkeys(length for one in results for seed in one["seeds"] for length in seed["exact"]))
    head = ["base", "task", "arm", "seeds", *(f"exact at {length}" for length in lengths)]
    head += ["retention", "parameters", "rate", "tokens/s"]
    rows = [_row(one, lengths) for one in results]
    lines = [head, ["---"] * len(head), *rows]
    arms = dict.fromkeys(one["arm"] for one in results)
    told = "\n".join(f"- `{arm}`: {ARMS[arm].description}" for arm in arms)
    written = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{written}\n\n{LEGEND}\n\n{told}\n\n{_circumstances(results)}\n"


def _row(one: Mapping[str, Any], lengths: Sequence[str]) -> list[str]:
    seeds = one["seeds"]
    cells = []
    for place, length in enumerate(lengths):
        scores = [seed["exact"][length] for seed in seeds]
        enough = 0.95 if place == len(lengths) - 1 else 0.99
        cells.append(f"{sum(scores) / len(scores):.3f} ({sum(score >= enough for score in scores)}/{len(scores)})")
    ratios = [seed["perplexity_ratio"] for seed in seeds]
    return [
        f"{one['model']}, {one['base']}",
        one["task"],
        one["arm"],
        str(len(seeds)),
        *cells,
        f"{sum(ratios) / len(ratios):.3f} ({max(ratios):.3f})",
        f"{seeds[0]['parameters']:,}",
        f"{one['recipe']['learning_rate']:g}",
        f"{sum(seed['tokens_per_second'] for seed in seeds) / len(seeds):,.0f}",
    ]


def _circumstances(results: Sequence[Mapping[str, Any]]) -> str:
    found = {_circumstance(one) for one in results}
    return "Trained on: " + "; ".join(sorted(found)) + "."


def _circumstance(one: Mapping[str, Any]) -> str:
    training, recipe = one["training"], one["recipe"]
    hardware, versions = training["hardware"], training["versions"]
    changed = " with changes" if training["dirty"] else ""
    commit = (training["commit"] or "unknown")[:10]
    return (
        f"{hardware['cpu']}, {hardware['torch_threads']} thread(s), torch {versions['torch']}, commit {commit}{changed}, "
        f"{recipe['steps']} steps of {recipe['rows']} rows of {recipe['lengths'][0]} to {recipe['lengths'][1]} long"
    )
