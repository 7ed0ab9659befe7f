"""What is wanted of grafts, and whether a matrix of experiments shows it: each target is met, missed, or still open."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Literal

from neurallambda.llm.experiments.result_file import Result
from neurallambda.llm.teaching.tasks import TASKS

Verdict = Literal["met", "missed", "open"]

SEEDS = 5
"""How many seeds of an arm count for a target; those without the prior are eight."""
ENOUGH = 3
"""From so many seeds on, two arms are compared."""
LARGEST_RATIO = 1.01
COMPARED = tuple(name for name, task in TASKS.items() if not task.programs)
"""The tasks that structures without programs are meant for."""
WITH_PROGRAMS = {"bank": "", "calls": ", by calls of programs"}
"""The arms that have programs, and what a target of exactness says of them."""


@dataclass(frozen=True)
class Judgement:
    """A target, and what was found.

    Attributes:
        target: what is wanted.
        found: what the results say.
        verdict: `open` where runs that are not there yet could still decide it.
    """

    target: str
    found: str
    verdict: Verdict


def judge(results: Sequence[Result]) -> list[Judgement]:
    """What is wanted of structures in pretrained models, against results of one base model.

    Args:
        results: as `neurallambda.llm.experiments.report.read` gives them, of one base model.
    """
    own = {(one["task"], one["arm"]): one for one in results if one["base"] == "pretrained" and one["seeds"]}
    # The same structure, for bases whose hidden states are large.
    own = {(task, "structure"): one for (task, arm), one in own.items() if arm == "fast-gate"} | own
    with_programs = [own[task, arm] for arm in WITH_PROGRAMS for task in TASKS if (task, arm) in own]
    return [
        _against_lora(own),
        *(_exact(own.get((task, "structure")), task) for task in ("reverse", "copy")),
        *(
            _exact(own[task, "structure-tries"], task, more=", begun again where validation fails")
            for task in ("reverse", "copy")
            if (task, "structure-tries") in own
        ),
        *(_exact(one, one["task"], more=WITH_PROGRAMS[one["arm"]]) for one in with_programs),
        _retention(
            [own[task, "structure"] for task in COMPARED if (task, "structure") in own],
            with_programs,
        ),
        _without_prior([own[task, "no-prior"] for task in COMPARED if (task, "no-prior") in own]),
    ]


def generalisation(one: Result) -> float:
    """How well lengths beyond those of the training are answered: the mean over these lengths and over seeds.

    Args:
        one: a result with seeds.
    """
    greatest = one["recipe"]["lengths"][1]
    beyond = [score for seed in one["seeds"] for length, score in seed["exact"].items() if int(length) > greatest]
    return mean(beyond)


def is_exact(one: Result, seed: Result) -> bool:
    """Whether a seed answers 99% at four times and 95% at eight times the greatest length of training.

    Args:
        one: a result.
        seed: one of its seeds.
    """
    greatest = one["recipe"]["lengths"][1]
    return seed["exact"][str(4 * greatest)] >= 0.99 and seed["exact"][str(8 * greatest)] >= 0.95


def _against_lora(own: dict[tuple[str, str], Result]) -> Judgement:
    said, won, lost = [], 0, 0
    for task in COMPARED:
        pair = [own.get((task, arm)) for arm in ("structure", "lora")]
        if any(one is None or len(one["seeds"]) < ENOUGH for one in pair):
            continue
        ours, theirs = (generalisation(one) for one in pair if one is not None)
        won, lost = won + (ours > theirs), lost + (ours <= theirs)
        said.append(f"{task} {ours:.3f} against {theirs:.3f}")
    rest = len(COMPARED) - len(said)
    found = "; ".join(said + ([f"{rest} of {len(COMPARED)} tasks not measured"] if rest else []))
    verdict: Verdict = "met" if won >= 4 else "missed" if lost > len(COMPARED) - 4 else "open"
    return Judgement(
        f"at 2, 4 and 8 times the length of training, on average, better than LoRA of equal size in 4 of {len(COMPARED)} tasks",
        found,
        verdict,
    )


def _exact(one: Result | None, task: str, more: str = "") -> Judgement:
    target = (
        f"{task}: exact at 4 times the length in 99% and at 8 times in 95% of the rows, with 4 of {SEEDS} seeds{more}"
    )
    return _counted(target, [] if one is None else [one], wanted=4, seeds=SEEDS)


def _without_prior(found: Sequence[Result]) -> Judgement:
    """One task is enough."""
    target = "the same without the phase prior, with 1 of 8 seeds of a task"
    return _counted(target, found, wanted=1, seeds=8)


def _counted(target: str, results: Sequence[Result], *, wanted: int, seeds: int) -> Judgement:
    """Whether so many of the first seeds are exact, in one of some results."""
    verdicts: list[Verdict] = []
    said = []
    for one in results:
        counted = sorted(one["seeds"], key=lambda seed: seed["seed"])[:seeds]
        right = sum(is_exact(one, seed) for seed in counted)
        rest = seeds - len(counted)
        verdicts.append("met" if right >= wanted else "missed" if right + rest < wanted else "open")
        said.append(f"{one['task']}: {right} of {len(counted)} seeds" + (f", {rest} not run" if rest else ""))
    verdict: Verdict = "met" if "met" in verdicts else "open" if "open" in verdicts or not verdicts else "missed"
    return Judgement(target, "; ".join(said) or "not measured", verdict)


def _retention(structures: Sequence[Result], with_programs: Sequence[Result]) -> Judgement:
    """The worst of all seeds; those with programs may be missing."""
    worst = [
        (ratio, f"{one['task']}, {one['arm']}, seed {seed['seed']}" + ("" if text is None else f", {text}"))
        for one in (*structures, *with_programs)
        for seed in one["seeds"]
        for text, ratio in [(None, seed["perplexity_ratio"]), *seed.get("retention", {}).items()]
    ]
    target = f"with the base frozen, perplexity is at most 1% worse, with each of {SEEDS} seeds of each task"
    if not worst:
        return Judgement(target, "not measured", "open")
    (ratio, where), above = max(worst), sum(one > LARGEST_RATIO for one, _ in worst)
    found = f"worst: × {ratio:.4f} ({where})" + (f"; above it are {above} of {len(worst)}" if above else "")
    rest = len(COMPARED) - sum(len(one["seeds"]) >= SEEDS for one in structures)
    if rest:
        found += f"; not measured with all seeds: {rest} of {len(COMPARED)} tasks"
    return Judgement(target, found, "missed" if above else "open" if rest else "met")
