"""Images of which only the value of a program is known: the likelihood is that of enumeration, and networks learn."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

import neurallambda as nl
from neurallambda.errors import ArgumentError
from neurallambda.tasks.images import draw
from neurallambda.train.images import ImageRecipe, Problem, changed_recipe, measure, problem_named, train_on_images
from neurallambda.train.images.evidence import add_seeds, find_evidence, read_evidence
from neurallambda.train.images.problems import Addition
from neurallambda.train.images.report import evidence_page

NAMES = ("addition-1", "addition-2", "sorting-1", "sorting-3", "expressions-2")
SMALL = {"width": 4, "images_per_step": 60, "first_steps": 40, "precision": "no", "augmentation": 0.0, "average": 0.9}


def random_logits(problem: Problem, rows: int, seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        kind: (2 * torch.randn(rows, count, problem.classes[kind], generator=generator)).requires_grad_()
        for kind, count in problem.images.items()
    }


def random_labels(problem: Problem, rows: int, seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        kind: torch.randint(problem.classes[kind], (rows, count), generator=generator)
        for kind, count in problem.images.items()
    }


def by_enumeration(problem: Problem, logits: dict[str, torch.Tensor], answers: torch.Tensor) -> torch.Tensor:
    """The probability of what is known, by all that images may show."""
    kinds = [(kind, place) for kind, count in problem.images.items() for place in range(count)]
    cases = torch.tensor(list(product(*(range(problem.classes[kind]) for kind, _ in kinds))))
    columns = {kind: [at for at, (one, _) in enumerate(kinds) if one == kind] for kind in problem.images}
    values = problem.answers({kind: cases[:, places] for kind, places in columns.items()})
    log = {kind: one.double().log_softmax(-1) for kind, one in logits.items()}
    weight = sum(log[kind][:, place, cases[:, at]] for at, (kind, place) in enumerate(kinds))
    assert isinstance(weight, torch.Tensor)
    agrees = (values[None] == answers[:, None]).all(-1)
    return weight.masked_fill(~agrees, -torch.inf).logsumexp(-1)


@pytest.mark.parametrize("name", NAMES)
def test_the_likelihood_is_that_of_enumeration(name: str) -> None:
    problem = problem_named(name)
    logits = random_logits(problem, 5, seed=1)
    answers = problem.answers(random_labels(problem, 5, seed=2))
    found, wanted = problem.log_likelihood(logits, answers), by_enumeration(problem, logits, answers)
    torch.testing.assert_close(found, wanted.float(), rtol=1e-5, atol=1e-5)
    gradients = [torch.autograd.grad(one.sum(), list(logits.values()), retain_graph=True) for one in (found, wanted)]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other.float(), rtol=1e-4, atol=1e-5)


def test_the_first_digits_of_a_sum_have_an_unknown_carry() -> None:
    easier = problem_named("addition-3").first_steps(torch.tensor([[1, 2, 7, 1], [0, 0, 0, 0]]))
    assert easier is not None
    problem, places, answers = easier
    assert (places, answers.tolist()) == ([2, 5], [[7, 1], [0, 0]])
    logits = random_logits(problem, 2, seed=3)["digits"]
    chances = logits.double().softmax(-1)
    pairs = chances[:, 0, :, None] * chances[:, 1, None, :]
    total = torch.arange(10)[:, None] + torch.arange(10)
    wanted = [(pairs[0, (total == 17) | (total == 16)].sum() / 2).log(), (pairs[1, total == 0].sum() / 2).log()]
    torch.testing.assert_close(problem.log_likelihood({"digits": logits}, answers), torch.stack(wanted).float())
    assert problem_named("addition-1").first_steps(torch.zeros(1, 2, dtype=torch.long)) is None


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_those_of_the_reference(name: str) -> None:
    """With certain digits the program ends in no error, and other answers are impossible."""
    problem: Any = problem_named(name)
    labels = random_labels(problem, 6, seed=4)
    answers = problem.answers(labels)
    for row in range(6):
        holes: dict[str, Any] = {kind: one[row].tolist() for kind, one in labels.items()}
        digits, known = holes.get("digits", []), answers[row].tolist()
        if name.startswith("addition"):
            half = len(digits) // 2
            holes = {"xs": digits[:half], "ys": digits[half:], "target": known, "carry": 0}
        elif name.startswith("sorting"):
            holes = {"xs": digits, "sorted": known}
        value = nl.evaluate(problem.SOURCE, holes=holes).text
        assert value == (str(known[0]) if name.startswith("expressions") else "true")


def test_one_recording_serves_all_sums() -> None:
    problem = Addition(2)
    for seed in range(3):
        answers = problem.answers(random_labels(problem, 4, seed=seed))
        problem.log_likelihood(random_logits(problem, 4, seed=seed), answers)
    assert len(problem.layer._recordings) == 1  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize(
    "name",
    [
        "addition-1",
        "addition-2",
        pytest.param("sorting-2", marks=pytest.mark.slow),
        pytest.param("expressions-2", marks=pytest.mark.slow),
    ],
)
def test_networks_learn_from_values_alone(name: str) -> None:
    torch.set_num_threads(1)
    images = {"digits": draw("0123456789", 2400, size=12, seed=1), "operators": draw("+-*", 600, size=12, seed=2)}
    fresh = {"digits": draw("0123456789", 400, size=12, seed=3), "operators": draw("+-*", 200, size=12, seed=4)}
    recipe = ImageRecipe(problem=name, epochs=6, learning_rate=1e-2, **SMALL)
    told: list[str] = []
    learned = train_on_images(recipe, images, seed=1, listener=told.append)
    found = measure(problem_named(name), learned.networks, fresh, seeds=range(2))
    assert isinstance(found["rows"], list)
    assert min(found["rows"]) > 0.85, found
    assert learned.losses[-1] < learned.losses[0]
    assert told


def test_the_same_seed_learns_the_same() -> None:
    images = {"digits": draw("0123456789", 120, size=12, seed=1)}
    recipe = ImageRecipe(problem="addition-2", epochs=1, **SMALL | {"augmentation": 1.0})  # pyright: ignore[reportArgumentType]
    one, again, other = (train_on_images(recipe, images, seed=seed).losses for seed in (1, 1, 2))
    assert one == again != other


def test_what_is_missing_is_named() -> None:
    recipe = ImageRecipe(problem="expressions-3")
    with pytest.raises(ArgumentError, match="none of the kind 'operators'"):
        train_on_images(recipe, {"digits": draw("01", 9)})
    with pytest.raises(ArgumentError, match="at least the 3 of a row"):
        train_on_images(recipe, {"digits": draw("01", 2), "operators": draw("+-*", 9)})


@pytest.mark.parametrize(
    "name", ["", "addition", "addition-0", "addition--1", "addition-99999", "adding-2", "expressions-1"]
)
def test_problems_that_there_are_not(name: str) -> None:
    with pytest.raises(ArgumentError, match=r"no such problem|at least two"):
        problem_named(name)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("epocs=3", "did you mean epochs"),
        ("epochs", "expected KEY=VALUE"),
        ("epochs=some", "epochs: got 'some'"),
        ("epochs=0", "epochs"),
        ("average=1.0", "average"),
        ("precision=fp8", "precision"),
        ("learning_rate=-1", "learning_rate"),
        ("learning_rate=nan", "learning_rate"),
        ("problem=addition-2", "no such key"),
    ],
)
def test_recipes_that_make_no_sense(change: str, what: str) -> None:
    with pytest.raises(ArgumentError, match=what):
        changed_recipe("addition-1", [change])


def test_results_grow_by_seeds_and_are_reported(tmp_path: Path) -> None:
    images = {"digits": draw("0123456789", 120, size=12, seed=1)}
    recipe = ImageRecipe(problem="sorting-2", epochs=1, **SMALL)
    path, told = tmp_path / "sorting-2.json", []
    add_seeds(path, recipe, [5], (images, images))
    add_seeds(path, recipe, [5, 6], (images, images), listener=told.append)
    assert told[0] == "sorting-2, seed 5: done before"
    found = read_evidence(path)
    assert [one["seed"] for one in found["seeds"]] == [5, 6]
    assert found["seeds"][0]["rows"] == 60
    (tmp_path / "other.json").write_text("{}")
    page = evidence_page(find_evidence(tmp_path))
    assert "| sorting-2 | 60 | 5, 6 |" in page
    with pytest.raises(ArgumentError, match="begun with recipe"):
        add_seeds(path, changed_recipe("sorting-2", ["epochs=2"]), [7], (images, images))
    with pytest.raises(ArgumentError, match="begun with held_out"):
        add_seeds(path, recipe, [7], (images, images), held_out=10)


def test_what_is_no_result(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for text in ("nonsense", "[]", json.dumps({"form": "other"})):
        path.write_text(text)
        with pytest.raises(ArgumentError, match=r"x\.json: this is no"):
            read_evidence(path)
    with pytest.raises(ArgumentError, match="no such file"):
        read_evidence(tmp_path / "y.json")
    with pytest.raises(ArgumentError, match="no result in this folder"):
        find_evidence(tmp_path)
