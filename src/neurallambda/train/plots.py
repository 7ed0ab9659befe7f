"""Pictures of results, as SVG: accuracy by the length of the input."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neurallambda.train.extras import extra

Curves = Mapping[str, Sequence[tuple[Sequence[int], Sequence[float]]]]
"""For each label the curves that have it: lengths, and the accuracy at each."""


def plot_by_length(path: Path, title: str, curves: Curves, *, trained_to: int | None = None) -> None:
    """Draw accuracy by length and write it as SVG.

    Args:
        path: where.
        title: above it.
        curves: for each label the curves that have it and share a colour.
        trained_to: the greatest length that training showed, which is marked.

    Raises:
        MissingExtraError: if matplotlib is not installed.
    """
    figure_module: Any = extra("matplotlib.figure", "a plot")
    matplotlib: Any = extra("matplotlib", "a plot")
    # the same numbers give the same file
    with matplotlib.rc_context({"svg.hashsalt": "neurallambda", "svg.fonttype": "none"}):
        figure = figure_module.Figure(figsize=(6, 3), layout="constrained")
        axes = figure.subplots()
        for number, (label, lines) in enumerate(curves.items()):
            for place, (lengths, accuracies) in enumerate(lines):
                axes.plot(
                    lengths, accuracies, color=f"C{number}", alpha=0.8, linewidth=1.2, label=None if place else label
                )
        if trained_to is not None:
            axes.axvline(trained_to, color="grey", linestyle=":", linewidth=1)
            axes.annotate(f"trained to {trained_to}", (trained_to, 0.02), color="grey", fontsize=8)
        axes.set(xlabel="length of the input", ylabel="accuracy", title=title, ylim=(0, 1.03))
        if len(curves) > 1:
            axes.legend(fontsize=8, loc="lower left")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None})


def plot_result(path: Path, result: Mapping[str, Any]) -> None:
    """Draw the accuracy of every seed of a result by length.

    Args:
        path: where.
        result: as `neurallambda.train.results.result` gives it.
    """
    found = result["evaluation"]
    stages = result["recipe"]["stages"]
    plot_by_length(
        path,
        f"{result['task']}, {result['recipe_name']}: {result['solved']} of {result['started']} seeds solve it",
        {"seeds": [(found["lengths"], one) for one in found["accuracy"]]},
        trained_to=max(stage["lengths"][1] for stage in stages),
    )


def plot_task(path: Path, task: str, results: Sequence[Mapping[str, Any]]) -> None:
    """Draw the accuracy of every seed of all results of a task by length, a colour for each recipe.

    Args:
        path: where.
        task: its name.
        results: at least one.
    """
    curves: dict[str, list[tuple[Sequence[int], Sequence[float]]]] = {}
    for result in results:
        found = result["evaluation"]
        curves.setdefault(result["recipe_name"], []).extend((found["lengths"], one) for one in found["accuracy"])
    plot_by_length(path, task, curves)
