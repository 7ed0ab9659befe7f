"""The page of results with images."""

from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from neurallambda.train.circumstances import trained_on

PUBLISHED = {
    "addition-1": "97 to 98",
    "addition-4": "94.0 ± 0.3 (25)",
    "addition-15": "80.8 ± 1.1 (42)",
    "addition-100": "37.8 ± 2.9 (106)",
}
"""Accuracy in percent, its deviation, and minutes: DeepProofLog (AAAI 2026), and for one digit those before it."""
HEAD = """\
# Results on images

Written by `neurallambda images report`; [handwritten digits](worlds/digits.md) says what is learned, how, and how to do it again.
"""
LEGEND = """\
Accuracy is the share of rows of images, cut from the 10,000 test images, each image in one row, whose value is right: in the
first of 20 ways to put the images into rows, as it is published, and on average over all 20; mean and deviation over seeds,
in percent. All seeds that were started are counted. Right images is the share of single images. Published: accuracy, and minutes
in brackets, of DeepProofLog (AAAI 2026), and for one digit of those before it. Minutes are those of one seed on one thread, of a machine that
also did other work; CPU minutes are those in which it worked for this."""


def evidence_page(results: Sequence[Mapping[str, Any]]) -> str:
    """The text of the page.

    Args:
        results: as `read_evidence` gives them.
    """
    return "\n".join([HEAD, evidence_report(results), ""])


def evidence_report(results: Sequence[Mapping[str, Any]]) -> str:
    """All results as Markdown: a table, what it means, the recipes, and where they ran."""
    names = [
        "problem",
        "test rows",
        "seeds",
        "accuracy",
        "of 20 ways",
        "right images",
        "published",
        "minutes",
        "CPU minutes",
    ]
    rows = [names, ["---"] * len(names), *(_row(one) for one in results)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    ran = trained_on((seed, "") for one in results for seed in one["seeds"])
    return "\n\n".join([table, LEGEND, _recipes(results), ran])


def _row(one: Mapping[str, Any]) -> list[str]:
    seeds = one["seeds"]
    held = f" ({one['held_out']:,} images held out of training)" if one["held_out"] else ""

    def percent(name: str) -> str:
        return spread([100 * seed[name] for seed in seeds])

    right = {kind: [100 * seed["images_right"][kind] for seed in seeds] for kind in seeds[0]["images_right"]}
    return [
        one["problem"] + held,
        f"{seeds[0]['rows']:,}",
        ", ".join(str(seed["seed"]) for seed in seeds),
        percent("accuracy"),
        percent("accuracy_of_all_pairings"),
        ", ".join(f"{mean(shares):.2f}" + (f" ({kind})" if len(right) > 1 else "") for kind, shares in right.items()),
        PUBLISHED.get(one["problem"], "–"),
        f"{mean(seed['minutes'] for seed in seeds):.1f}",
        f"{mean(seed['cpu_minutes'] for seed in seeds):.1f}",
    ]


def spread(numbers: Sequence[float]) -> str:
    """Mean and deviation.

    >>> spread([1.0, 2.0, 3.0]), spread([1.0])
    ('2.0 ± 1.0', '1.0')
    """
    return f"{mean(numbers):.1f}" + (f" ± {stdev(numbers):.1f}" if len(numbers) > 1 else "")


def _recipes(results: Sequence[Mapping[str, Any]]) -> str:
    """The recipes: what they have in common, and what not."""
    recipes = [one["recipe"] for one in results]
    fields = [name for name in recipes[0] if name != "problem"]
    same = [name for name in fields if all(one.get(name) == recipes[0][name] for one in recipes)]
    lines = ["Recipe: " + ", ".join(f"{_plain(name)} {recipes[0][name]}" for name in same) + "."]
    other = [name for name in fields if name not in same]
    if other:
        lines += [""] + [
            f"- {one['problem']}: " + ", ".join(f"{_plain(name)} {one[name]}" for name in other) for one in recipes
        ]
    return "\n".join(lines)


def _plain(name: str) -> str:
    return name.replace("_", " ")
