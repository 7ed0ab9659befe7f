"""The page of results in language models."""

from collections.abc import Sequence

from neurallambda.llm.experiments.matrix import next_rate
from neurallambda.llm.experiments.overview import TOLD, overview
from neurallambda.llm.experiments.report import (
    LEGEND,
    arms_of,
    circumstances,
    lengths_of,
    lost,
    markdown,
    rows_of,
)
from neurallambda.llm.experiments.result_file import Result
from neurallambda.llm.experiments.targets import judge
from neurallambda.llm.experiments.window_table import window_table
from neurallambda.llm.teaching.tasks import TASKS

HEAD = """\
# Results in language models

Written by `neurallambda llm report`; [how structures in language models are measured](llm-evidence.md) says what is measured, how, how to do it
again, and what it shows. What is wanted stands first, with what is missed; then each task, with all seeds that were started."""
TUNING = """\
The learning rate of every arm is chosen from three, a tenth of those of the others where parameters of the base learn, by one
more seed, on fresh inputs of the greatest length of training: the share of them that is exact, and where that is equal, the loss.
Where the greatest rate is the best and answers less than 0.99 of them, one three times as great is tried too; \
*at the edge* it was not."""


def page(results: Sequence[Result], windows: Sequence[Result] = ()) -> str:
    """The text of the page.

    Args:
        results: as `neurallambda.llm.experiments.report.read` gives them.
        windows: as `neurallambda.llm.experiments.window_table.find_windows` gives them.
    """
    parts = [HEAD]
    for model in dict.fromkeys(one["model"] for one in results):
        own = [one for one in results if one["model"] == model]
        parts += [f"## {model}", *_targets(own), "### All arms", f"{TOLD}\n\n{overview(own)}"]
        parts += [arms_of(own), "### What was measured", LEGEND]
        for task in dict.fromkeys(one["task"] for one in own):
            parts += _task(task, [one for one in own if one["task"] == task])
        for one in windows:
            if one["model"] == model:
                parts += ["### A short window of attention", window_table(one)]
    return "\n\n".join([*parts, "## Circumstances", circumstances(results)]) + "\n"


def _targets(results: Sequence[Result]) -> list[str]:
    rows = [
        [one.target, one.found, f"**{one.verdict}**" if one.verdict == "missed" else one.verdict]
        for one in judge(results)
    ]
    return ["### What is wanted", markdown(["target", "found", "so far"], rows)]


def _task(name: str, results: Sequence[Result]) -> list[str]:
    begun = [f"`{one['arm']}` ({one['base']})" for one in results if not one["seeds"]]
    parts = [f"### {name}", f"{TASKS[name].description}.", rows_of(results)]
    if begun:
        parts.append(f"Begun, and no seed that counts is there yet: {', '.join(begun)}.")
    counted = [one for one in results if one["seeds"]]
    if counted:
        parts += ["All seeds:", _seeds(counted)]
    return [*parts, f"{TUNING}\nExact on these inputs at each rate:", _tuning(results)]


def _seeds(results: Sequence[Result]) -> str:
    lengths = lengths_of(results)
    rows = [
        [
            one["base"],
            one["arm"],
            str(seed["seed"]),
            f"{seed['validation']:.3f}{lost(seed)}",
            *(f"{seed['exact'][length]:.3f}" if length in seed["exact"] else "–" for length in lengths),
            f"{seed['perplexity_ratio']:.4f}",
            f"{seed['seconds']:.0f}",
        ]
        for one in results
        for seed in one["seeds"]
    ]
    head = ["base", "arm", "seed", "validation", *(f"exact at {length}" for length in lengths), "perplexity", "seconds"]
    return markdown(head, rows)


def _tuning(results: Sequence[Result]) -> str:
    rates = sorted(
        {rate for one in results for rate in one["rates"]}
        | {tried["learning_rate"] for one in results for tried in one["tuning"]}
    )
    rows = []
    for one in results:
        found = {tried["learning_rate"]: f"{tried['validation']:.3f}{lost(tried)}" for tried in one["tuning"]}
        chosen = one["recipe"]["learning_rate"]
        if set(one["rates"]) <= set(found) and chosen in found:  # all were tried, so that one is chosen
            found[chosen] += ", chosen" if next_rate(one["rates"], one["tuning"]) is None else ", chosen at the edge"
        rows.append([one["base"], one["arm"], *(found.get(rate, "–") for rate in rates)])
    return markdown(["base", "arm", *(f"{rate:g}" for rate in rates)], rows)
