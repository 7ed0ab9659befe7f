"""The results of a matrix of experiments: read from files, and as one table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from neurallambda.errors import ArgumentError
from neurallambda.llm.experiments.arms import ARMS
from neurallambda.llm.experiments.result_file import FORM, Result, check_result
from neurallambda.llm.teaching.tasks import TASKS
from neurallambda.train.circumstances import trained_on
from neurallambda.train.results import files_in

LEGEND = """\
Each row is one arm on one task. **Exact** is the share of fresh inputs whose whole answer greedy decoding writes, at the greatest
length of training and at multiples of it: the mean over all seeds that were started, and in brackets the least. **Perplexity** is that on
held-out text that the base model wrote, divided by what it was before the training; in brackets that of the worst seed. Other texts have
a column of their own. Parameters are those that learn; **repeated** says how long the texts are, in tokens, that are repeated beside the
task: 20 to 200, with random tokens in every second one, or 100 as an earlier recipe had it, where three of five were of random tokens
alone. Tokens are those of the training that were seen in a second. A dash stands for what is not measured yet."""


def read(folder: Path) -> list[dict[str, Any]]:
    """All results of a matrix, by task and base, in the order of the arms; some may have no seeds yet.

    Args:
        folder: where `neurallambda llm matrix` wrote them.

    Raises:
        ArgumentError: if there is none, or a file holds one that cannot be shown.
    """
    files = files_in(folder, FORM)
    if not files:
        raise ArgumentError(f"{folder}: there is no result of `neurallambda llm matrix` in this folder")
    for path, facts in files.items():
        check_result(path, facts)
    arms, tasks = list(ARMS), list(TASKS)
    return sorted(
        files.values(), key=lambda one: (one["model"], tasks.index(one["task"]), one["base"], arms.index(one["arm"]))
    )


def table(results: Sequence[Result]) -> str:
    """Results as Markdown: a table, what it means, the arms, and where they ran.

    Args:
        results: as `read` gives them.
    """
    return "\n\n".join([rows_of(results), LEGEND, arms_of(results), circumstances(results)]) + "\n"


def rows_of(results: Sequence[Result]) -> str:
    """A table with a row for each result.

    Args:
        results: as `read` gives them.
    """
    lengths = lengths_of(results)
    texts = list(dict.fromkeys(name for one in results for seed in one["seeds"] for name in seed.get("retention", {})))
    head = ["base", "task", "arm", "seeds", *(f"exact at {length}" for length in lengths), "perplexity"]
    head += [f"of {name}" for name in texts] + ["parameters", "rate", "repeated", "tokens/s"]
    return markdown(head, [_row(one, lengths, texts) for one in results])


def lengths_of(results: Sequence[Result]) -> list[str]:
    """The lengths that any of some results was measured at."""
    return sorted({length for one in results for seed in one["seeds"] for length in seed["exact"]}, key=int)


def arms_of(results: Sequence[Result]) -> str:
    """What the arms of some results are, as a list."""
    arms = dict.fromkeys(one["arm"] for one in results)
    return "\n".join(f"- `{arm}`: {ARMS[arm].description}" for arm in ARMS if arm in arms)


def circumstances(results: Sequence[Result]) -> str:
    """Where some results come from."""
    return trained_on((one["training"], _about(one)) for one in results)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows))


def with_extreme(numbers: Sequence[float], extreme: float, digits: int = 3) -> str:
    """A mean, and beside it the worst where there are several.

    >>> with_extreme([0.5, 1.0], 0.5), with_extreme([0.5], 0.5)
    ('0.750 (0.500)', '0.500')
    """
    beside = f" ({extreme:.{digits}f})" if len(numbers) > 1 else ""
    return f"{mean(numbers):.{digits}f}{beside}"


def lost(run: Mapping[str, Any]) -> str:
    """What is said of a run that ended early, since its loss was no finite number any more; nothing of others.

    >>> lost({"lost_after": 12}), lost({})
    (', lost after step 12', '')
    """
    return f", lost after step {run['lost_after']}" if "lost_after" in run else ""


def _row(one: Result, lengths: Sequence[str], texts: Sequence[str]) -> list[str]:
    seeds = one["seeds"]
    start = [f"{one['model']}, {one['base']}", one["task"], one["arm"], str(len(seeds))]
    if not seeds:
        return start + ["–"] * (len(lengths) + len(texts) + 5)
    scores = [[seed["exact"][length] for seed in seeds if length in seed["exact"]] for length in lengths]
    ratios = [[seed["perplexity_ratio"] for seed in seeds]]
    ratios += [[seed["retention"][name] for seed in seeds if name in seed.get("retention", {})] for name in texts]
    return [
        *start,
        *(with_extreme(score, min(score)) if score else "–" for score in scores),
        *(with_extreme(ratio, max(ratio)) if ratio else "–" for ratio in ratios),
        f"{seeds[0]['parameters']:,}",
        f"{one['recipe']['learning_rate']:g}",
        _repeated(one["recipe"]),
        f"{mean(seed['tokens_per_second'] for seed in seeds):,.0f}",
    ]


def _repeated(recipe: Mapping[str, Any]) -> str:
    """How long the texts are that are repeated beside a task, in tokens."""
    if not recipe.get("replay_every", 0):
        return "–"
    lengths = recipe.get("replay_lengths", [recipe.get("replay_length", "–")])
    return " to ".join(map(str, dict.fromkeys(lengths)))


def _about(one: Result) -> str:
    recipe = one["recipe"]
    lengths = f"{recipe['lengths'][0]} to {recipe['lengths'][1]} long"
    return f"{recipe['steps']} steps of {recipe['rows']} rows of {lengths}, in {recipe.get('precision', 'float32')}"
