"""All cells of a matrix at a glance: a row for each arm, a column for each task."""

from collections.abc import Sequence
from statistics import mean

from neurallambda.llm.experiments.arms import ARMS
from neurallambda.llm.experiments.report import markdown
from neurallambda.llm.experiments.result_file import Result

TOLD = """\
Of each arm on each task, the means over its seeds: the share of exact answers at the greatest length of training, that at the greatest
length of the test, and the perplexity on the model's own texts divided by what it was."""


def overview(results: Sequence[Result]) -> str:
    """A table of arms and tasks.

    Args:
        results: of one model, as `neurallambda.llm.experiments.report.read` gives them.

    Returns:
        Markdown; a dash stands for what is not measured.
    """
    tasks = list(dict.fromkeys(one["task"] for one in results))
    cells = {(one["base"], one["arm"], one["task"]): _cell(one) for one in results}
    made = [
        (base, arm)
        for base in ("pretrained", "random")
        for arm in ARMS
        if any((base, arm, task) in cells for task in tasks)
    ]
    rows = [[base, f"`{arm}`", *(cells.get((base, arm, task), "–") for task in tasks)] for base, arm in made]
    return markdown(["base", "arm", *tasks], rows)


def _cell(one: Result) -> str:
    seeds = one["seeds"]
    if not seeds:
        return "–"
    lengths = sorted({length for seed in seeds for length in seed["exact"]}, key=int)
    ends = [lengths[0], lengths[-1]] if len(lengths) > 1 else lengths
    shares = [mean(seed["exact"][length] for seed in seeds if length in seed["exact"]) for length in ends]
    ratio = mean(seed["perplexity_ratio"] for seed in seeds)
    return ", ".join([" / ".join(f"{share:.2f}" for share in shares), f"× {ratio:.2f}"])
