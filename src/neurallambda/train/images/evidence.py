"""Results of problems with images: one file for each problem, that grows by a record for each seed."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neurallambda.errors import ArgumentError
from neurallambda.tasks.images import LabelledImages, draw, load_digits
from neurallambda.train.images.loop import Learned, measure, train_on_images
from neurallambda.train.images.problems import problem_named
from neurallambda.train.images.recipe import ImageRecipe
from neurallambda.train.results import facts_in, read_facts, write_result
from neurallambda.train.run_folder import where

FORM = "neurallambda result with images 1"
"""What says that a JSON file is such a result."""
PAIRINGS = range(1000, 1020)
"""The seeds of the ways in which the test's images are put into rows; the first of them is the test as it is published."""
OPERATORS = {"train": (6000, 1), "held out": (2000, 2), "test": (2000, 3)}
"""How many operators are drawn for each part, and the seed of that."""

Images = Mapping[str, LabelledImages]


def images_for(folder: Path, problem: str, *, held_out: int) -> tuple[Images, Images]:
    """The images for training, and those for measuring: of the test, or so many that are held out of training.

    Args:
        folder: that holds the files of MNIST.
        problem: its name.
        held_out: 0: measured is on the test.
    """
    trained, measured = load_digits(folder)
    if held_out:
        trained, measured = trained.split(held_out)
    found: tuple[dict[str, LabelledImages], dict[str, LabelledImages]] = {"digits": trained}, {"digits": measured}
    if "operators" in problem_named(problem).images:
        for images, part in zip(found, ("train", "held out" if held_out else "test"), strict=True):
            number, seed = OPERATORS[part]
            images["operators"] = draw("+-*", number, size=trained.pixels.shape[-1], noise=0.3, seed=seed)
    return found


def add_seeds(
    path: Path,
    recipe: ImageRecipe,
    seeds: Sequence[int],
    images: tuple[Images, Images],
    *,
    held_out: int = 0,
    listener: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Train with each seed that the file does not have yet, measure, and write the file after each.

    Args:
        path: of the result; it need not be there.
        recipe: how.
        seeds: which; each that is begun is counted, however it ends.
        images: for training and for measuring.
        held_out: how many images were held out of training to be measured on; 0: measured is on the test.
        listener: is told how far it is.

    Returns:
        The result.

    Raises:
        ArgumentError: if the file is something else, or has another recipe.
    """
    say = listener or (lambda _: None)
    found = _begun(path, recipe, held_out)
    for seed in seeds:
        if any(one["seed"] == seed for one in found["seeds"]):
            say(f"{recipe.problem}, seed {seed}: done before")
            continue
        say(f"{recipe.problem}, seed {seed}")
        learned = train_on_images(recipe, images[0], seed=seed, listener=listener)
        record = _record(seed, recipe, learned, images[1])
        found["seeds"].append(record)
        write_result(path, found)
        say(f"{recipe.problem}, seed {seed}: {record['accuracy']:.4f}, in {record['minutes']} minutes")
    return found


def read_evidence(path: Path) -> dict[str, Any]:
    """Read a result.

    Raises:
        ArgumentError: if the file holds none.
    """
    return read_facts(path, FORM, "neurallambda images learn")


def find_evidence(folder: Path) -> list[dict[str, Any]]:
    """The results in a folder, by kind of problem and by size.

    Raises:
        ArgumentError: if there is none.
    """
    found = facts_in(folder, FORM)
    if not found:
        raise ArgumentError(f"{folder}: there is no result in this folder; `neurallambda images learn` makes one")
    kinds = ("addition", "sorting", "expressions")

    def place(result: Mapping[str, Any]) -> tuple[int, int, bool]:
        kind, _, count = result["problem"].rpartition("-")
        return kinds.index(kind), int(count), result["held_out"] > 0

    return sorted(found, key=place)


def _begun(path: Path, recipe: ImageRecipe, held_out: int) -> dict[str, Any]:
    """What the file has already; without a file, a result without seeds."""
    asked = {"recipe": recipe.facts(), "held_out": held_out}
    if not path.exists():
        return {"form": FORM, "problem": recipe.problem, **asked, "pairings": list(PAIRINGS), "seeds": []}
    found = read_evidence(path)
    for name, value in asked.items():
        if found[name] != value:
            raise ArgumentError(f"{path}: it was begun with {name} {found[name]}; got {value}. Name another folder")
    return found


def _record(seed: int, recipe: ImageRecipe, learned: Learned, images: Images) -> dict[str, Any]:
    """What is written of one seed."""
    problem = problem_named(recipe.problem)
    found = measure(problem, learned.networks, images, seeds=PAIRINGS)
    rows, single = found["rows"], found["images"]
    assert isinstance(rows, list) and isinstance(single, dict)
    return {
        "seed": seed,
        "accuracy": round(rows[0], 6),
        "accuracy_of_all_pairings": round(sum(rows) / len(rows), 6),
        "rows": len(images["digits"]) // problem.images["digits"],
        "images_right": {kind: round(share, 6) for kind, share in single.items()},
        "parameters": sum(parameter.numel() for one in learned.networks.values() for parameter in one.parameters()),
        "losses": [round(loss, 4) for loss in learned.losses],
        "minutes": round(learned.minutes, 1),
        "cpu_minutes": round(learned.cpu_minutes, 1),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **where(),
    }
