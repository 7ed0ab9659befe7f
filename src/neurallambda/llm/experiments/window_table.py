"""The rows of a model whose attention is cut to a short window, from a result and as a table."""

from collections.abc import Mapping
from math import log
from pathlib import Path
from typing import Any

from neurallambda.errors import ArgumentError
from neurallambda.llm.experiments.fields import EACH, NUMBER, TRAINING, check_fields
from neurallambda.llm.experiments.report import markdown, with_extreme
from neurallambda.train.circumstances import trained_on
from neurallambda.train.results import files_in, read_facts

FORM = "neurallambda llm window result 1"
"""What says that a JSON file is such a result."""
FIELDS = {
    "model": str,
    "recipe": dict.fromkeys(("window", "steps", "rows"), int),
    **dict.fromkeys(("base", "window"), NUMBER),
    "arms": {EACH: {"seeds": [{"perplexity": NUMBER, "parameters": int}]}},
    "training": TRAINING,
}
"""What is shown of a result, beside the learning rates of arms that have seeds."""
TUNING = [{"learning_rate": NUMBER, "validation": NUMBER}]
"""What is looked at besides where a measurement goes on."""

LEGEND = """\
Perplexity on held-out text that the base model wrote, the mean over seeds and in brackets the worst. The share that is given back
is that of the difference between the base and the base with the short window, in the logarithm of perplexity."""


def read_window(path: Path) -> dict[str, Any]:
    """Read a result.

    Raises:
        ArgumentError: if the file holds none, or one that was changed by hand and cannot be gone on with.
    """
    facts = read_facts(path, FORM, "neurallambda llm window")
    _check(path, facts)
    for arm, runs in facts["arms"].items():
        check_fields(path, runs, {"tuning": TUNING}, f"arms.{arm}")
    return facts


def find_windows(folder: Path) -> list[dict[str, Any]]:
    """The results in a folder, by the name of their model and their window; there may be none.

    Args:
        folder: where `neurallambda llm window` wrote them.

    Raises:
        ArgumentError: if a file holds one that cannot be shown.
    """
    files = files_in(folder, FORM)
    for path, facts in files.items():
        _check(path, facts)
    return sorted(files.values(), key=lambda one: (one["model"], one["recipe"]["window"]))


def window_table(facts: Mapping[str, Any]) -> str:
    """A result as Markdown: the table, what it means, and where it ran.

    Args:
        facts: as `read_window` gives them.

    Raises:
        ArgumentError: if the model is not worse with the short window than without it.
    """
    base, cut = facts["base"], facts["window"]
    if not cut > base:
        raise ArgumentError(
            f"{facts['model']}: a window of {facts['recipe']['window']} tokens costs nothing, so nothing can be given back; "
            "name a shorter one"
        )
    rows = [["base", "–", f"{base:.3f}", "–", "–", "–"]]
    rows.append([f"window of {facts['recipe']['window']} tokens", "–", f"{cut:.3f}", "0%", "–", "–"])
    for arm, runs in facts["arms"].items():
        found = [seed["perplexity"] for seed in runs["seeds"]]
        if not found:
            rows.append([f"the same, {arm}", "0", "–", "–", "–", "–"])
            continue
        # Two logarithms: where training has diverged the perplexity may be infinite, and the quotient zero, which has none.
        given = (log(cut) - log(sum(found) / len(found))) / log(cut / base)
        early = sum("lost_after" in seed for seed in runs["seeds"])
        count = f"{len(found)}, {early} of them lost on the way" if early else str(len(found))
        cells = [count, with_extreme(found, max(found)), f"{100 * given:.1f}%"]
        rows.append([f"the same, {arm}", *cells, f"{runs['seeds'][0]['parameters']:,}", f"{runs['learning_rate']:g}"])
    head = ["", "seeds", "perplexity", "given back", "parameters", "rate"]
    recipe = facts["recipe"]
    ran = trained_on([(facts["training"], f"{recipe['steps']} steps of {recipe['rows']} texts")])
    return "\n\n".join([markdown(head, rows), LEGEND, ran])


def _check(path: Path, facts: Mapping[str, Any]) -> None:
    """Refuse a result that is not as it must be, and name its file."""
    check_fields(path, facts, FIELDS)
    measured = {name: facts[name] for name in ("base", "window")}
    for arm, runs in facts["arms"].items():
        check_fields(path, runs, {"learning_rate": NUMBER} if runs["seeds"] else {}, f"arms.{arm}")
        seeds = enumerate(runs["seeds"])
        measured |= {f"arms.{arm}.seeds[{place}].perplexity": seed["perplexity"] for place, seed in seeds}
    for name, value in measured.items():
        if value <= 0:
            raise ArgumentError(f"{path}: {name}: got {value}, expected a perplexity, which is above 0")
