"""Measuring by length, results, and the table of all of them."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from neurallambda.errors import ArgumentError
from neurallambda.nn import Population
from neurallambda.tasks import task
from neurallambda.train import MODELS, Recipe, Stage, train
from neurallambda.train.evaluation import Evaluation, evaluate, lengths_between, predict
from neurallambda.train.measures import cross_entropy, token_accuracy
from neurallambda.train.measuring import measure
from neurallambda.train.report import report, summary
from neurallambda.train.report_page import write_page
from neurallambda.train.results import find_results, read_result, write_result
from neurallambda.train.run_folder import RunFolder

REVERSE = task("reverse-string")


class Oracle(nn.Module):
    """Reverses its input, but not beyond a length: an answer of known quality."""

    def __init__(self, longest: float) -> None:
        super().__init__()
        self.longest = nn.Parameter(torch.tensor(longest))

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        del mask
        lengths = (tokens != REVERSE.empty).sum(1)
        places = (2 * lengths[:, None] - 1 - torch.arange(tokens.shape[1])).clip(0, tokens.shape[1] - 1)
        right = tokens.gather(1, places).clip(0, 1)
        answers = torch.where(lengths[:, None] <= self.longest, right, 1 - right)
        return nn.functional.one_hot(answers, 2).float()


def test_each_member_is_measured_at_each_length() -> None:
    members = Population([Oracle(100.0), Oracle(45.0), Oracle(0.0)])
    found = evaluate(members, REVERSE, lengths=(41, 45, 50), rows=7)
    assert found.accuracy == ((1.0, 1.0, 1.0), (1.0, 1.0, 0.0), (0.0, 0.0, 0.0))
    assert found.exact == found.accuracy
    assert found.scores == pytest.approx((1, 2 / 3, 0))
    assert (found.solved, found.rows, found.hard) == (1, 7, True)


def test_a_single_model_is_a_population_of_one() -> None:
    found = evaluate(Oracle(45.0), REVERSE, lengths=(41, 50), rows=7)
    assert found.accuracy == ((1.0, 0.0),)


def test_many_rows_are_looked_at_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    members = Population([Oracle(100.0), Oracle(0.0)])
    whole = evaluate(members, REVERSE, lengths=(41,), rows=9)
    monkeypatch.setattr("neurallambda.train.evaluation.AT_ONCE", 4)
    parts = evaluate(members, REVERSE, lengths=(41,), rows=9)
    assert whole.accuracy == parts.accuracy == ((1.0,), (0.0,))


def test_the_same_seed_asks_the_same_and_the_mode_of_the_model_stays() -> None:
    model = Oracle(45.0).train()
    first, again = (
        predict(model, REVERSE, REVERSE.batch(5, 3, generator=torch.Generator().manual_seed(1))) for _ in "ab"
    )
    assert torch.equal(first, again)
    evaluate(model, REVERSE, lengths=(3,), rows=1)
    assert model.training


def test_lengths() -> None:
    lengths = lengths_between(41, 500)
    assert (lengths[0], lengths[-1], len(lengths)) == (41, 500, 47)
    assert max(b - a for a, b in itertools.pairwise(lengths)) == 10
    assert lengths_between(41, 41) == (41,)
    for least, greatest, every in ((5, 4, 1), (0, 4, 1), (1, 4, 0)):
        with pytest.raises(ArgumentError):
            lengths_between(least, greatest, every)


def test_every_length_is_there_once() -> None:
    assert len(set(lengths_between(41, 501))) == len(lengths_between(41, 501))


def test_measures_agree_with_each_row_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64)
    targets = torch.randint(0, 5, (2, 3, 4), generator=generator)
    mask = torch.rand(2, 3, 4, generator=generator) < 0.6
    mask[..., 0] = True
    for member in range(2):
        per_row = [
            nn.functional.cross_entropy(
                logits[member, row][mask[member, row]].float(), targets[member, row][mask[member, row]]
            )
            for row in range(3)
        ]
        assert float(cross_entropy(logits, targets, mask)[member]) == pytest.approx(float(torch.stack(per_row).mean()))
        right = (logits[member].argmax(-1) == targets[member])[mask[member]]
        assert float(token_accuracy(logits, targets, mask)[member]) == pytest.approx(float(right.float().mean()))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "parity")
    stages = (Stage(lengths=(1, 3), steps=3, keep=2), Stage(lengths=(1, 3), steps=1))
    recipe = Recipe(task="parity-check", model="table", seeds=3, stages=stages, rows=4, validation_rows=4)
    trained = train(recipe, folder.path, device="cpu")
    write_result(folder.evaluation, measure(trained, folder.facts(), lengths=(41, 51), rows=4))
    write_result(folder.path / "kept.json", measure(trained, folder.facts(), lengths=(41, 51), rows=4, kept_only=True))
    return folder


def test_a_result_counts_every_seed_that_started(run: RunFolder) -> None:
    found = read_result(run.evaluation)
    assert (found["started"], found["kept"], found["scored"], len(found["seeds"])) == (3, 2, 3, 3)
    assert [one["why"] for one in found["seeds"]].count("pruned") == 1
    assert found["mean"] == pytest.approx(sum(one["score"] for one in found["seeds"]) / 3, abs=1e-4)
    assert {"commit", "hardware", "versions", "command"} <= found["training"].keys()
    assert found["recipe"]["stages"][0]["keep"] == 2
    assert found["evaluation"]["lengths"] == [41, 51]


def test_a_seed_that_was_not_measured_is_not_solved(run: RunFolder) -> None:
    found = read_result(run.path / "kept.json")
    (gone,) = [one for one in found["seeds"] if one["why"] == "pruned"]
    assert (gone["score"], gone["solved"], found["scored"], found["started"]) == (None, False, 2, 3)
    assert "–" in summary(found)
    row = report([found]).splitlines()[2]
    assert f"{found['mean']:.3f}*" in row
    assert f"{found['solved']} / 3" in row


def test_a_mean_at_a_length_says_where_it_is_over_some_seeds_only() -> None:
    one = result(started=3, recipe={"stages": [{"lengths": [1, 10]}]})
    exact = [[0.9, 0.5, 0.1], [0.7, 0.5, 0.1]]
    one["evaluation"] = one["evaluation"] | {"lengths": [20, 30, 40], "exact": exact}
    one["seeds"] = [*one["seeds"], one["seeds"][0] | {"seed": 2, "score": None, "exact": None}]
    row = report([one]).splitlines()[-1].split(" | ")
    assert row[3:] == ["1.000 (1.000–1.000)", "0.800* (0.700–0.900)", "0.500* (0.500–0.500)", "0.100* (0.100–0.100) |"]


def test_a_seed_that_no_generator_takes_is_refused() -> None:
    for seed in (2**64, -(2**63) - 1):
        with pytest.raises(ArgumentError, match=f"seed: got {seed}, expected an integer from"):
            evaluate(Oracle(45.0), REVERSE, lengths=(3,), rows=1, seed=seed)


def test_a_model_that_is_measured_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    addition = task("binary-addition")
    model, moved = MODELS["cells"](addition), list[nn.Module]()
    monkeypatch.setattr(type(model), "cpu", lambda self: moved.append(self) or self)
    predict(model, addition, addition.batch(5, 2, generator=torch.Generator().manual_seed(0)))
    assert len(moved) == 1
    assert moved[0] is not model


def test_results_are_found_in_folders(run: RunFolder, tmp_path: Path) -> None:
    assert find_results([run.path]) == [run.evaluation, run.path / "kept.json"]
    assert find_results([run.evaluation, run.path]) == [run.evaluation, run.path / "kept.json"]
    with pytest.raises(ArgumentError, match="there is no result in this folder"):
        find_results([tmp_path])
    (tmp_path / "other.json").write_text("[1")
    (tmp_path / "list.json").write_text("[1]")
    for name in ("other.json", "list.json", "nothing.json"):
        with pytest.raises(ArgumentError, match=name):
            read_result(tmp_path / name)


def result(**values: Any) -> dict[str, Any]:
    seeds = [
        {
            "seed": seed,
            "score": score,
            "exact": score,
            "solved": score >= 0.9,
            "validation": 1.0,
            "left_after": None,
            "why": None,
        }
        for seed, score in enumerate((1.0, 0.5))
    ]
    evaluation = Evaluation(
        lengths=(41, 500),
        rows=128,
        seed=1,
        hard=True,
        accuracy=((1.0, 1.0), (0.6, 0.4)),
        exact=((1.0, 1.0), (0.6, 0.4)),
        seconds=3.0,
    )
    return {
        "task": "reverse-string", "recipe_name": "controller", "recipe": {"stages": [{"lengths": [1, 12]}]},
        "parameters": 1234, "started": 2, "kept": 2, "solved": 1, "mean": 0.75, "min": 0.5, "max": 1.0, "scored": 2,
        "seeds": seeds, "steps": 1407, "seconds": 150.0, "evaluation": evaluation.facts(),
        "training": {"commit": "a" * 40, "dirty": False, "hardware": {"cpu": "abacus", "torch_threads": 1, "gpus": []}, "versions": {"torch": "2"}},
    } | values  # fmt: skip


def test_the_table() -> None:
    text = report([result(), result(recipe_name="lstm", mean=0.5), result(task="parity-check", mean=1.0)])
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert [row[0].removeprefix("| ") for row in rows[2:]] == ["parity-check", "reverse-string", "reverse-string"]
    assert [row[1] for row in rows[2:]] == ["controller", "controller", "lstm"]
    assert rows[3][2:11] == ["1 / 2", "2", "0.750", "0.500", "1.000", "1.000", "1,407", "2.5 min", "1,234"]
    assert "(Stack-RNN)" in rows[3][11] or "(" in rows[3][11]
    assert "Test: 2 lengths from 41 to 500, 128 fresh rows each, every choice made." in text
    assert "abacus, 1 thread(s), torch 2: commit aaaaaaaaaa" in text


@pytest.mark.parametrize("task", ["addition-steps", "member-traced", "steps:dyck2"])
def test_what_is_learned_from_traces_is_marked(task: str) -> None:
    text = report([result(), result(task=task)])
    assert f"\n| {task} † | controller |" in text
    assert "\n| reverse-string | controller |" in text
    assert "\n\n† Learned from traces, not from answers" in text
    assert "†" not in report([result(), result(task="lisp-step")])


def test_different_tests_are_told_apart() -> None:
    other = result(recipe_name="short")
    other["evaluation"] = other["evaluation"] | {"rows": 8}
    text = report([result(), other])
    assert "128 fresh rows each, every choice made: reverse-string (controller)." in text
    assert "8 fresh rows each, every choice made: reverse-string (short)." in text


def test_exact_rows_by_length_are_of_results_at_two_three_and_four_times_the_longest_of_training() -> None:
    longer = result(recipe_name="longer")
    exact = [[0.9, 1.0, 0.8, 0.1, 0.6], [0.9, 0.5, 0.8, 0.1, 0.0]]
    longer["evaluation"] = longer["evaluation"] | {"lengths": [20, 24, 30, 36, 48], "exact": exact}
    assert "beyond" not in report([result()])
    text = report([result(), longer])
    (row,) = [line for line in text.partition("beyond")[2].splitlines() if line.startswith("| reverse-string")]
    assert row.split(" | ")[1:] == [
        "longer", "12", "1.000 (1.000–1.000)", "0.750 (0.500–1.000)", "0.100 (0.100–0.100)", "0.300 (0.000–0.600) |",
    ]  # fmt: skip


def test_the_plot_of_a_machine_s_task_has_a_name_that_every_system_takes(tmp_path: Path) -> None:
    page, plot = write_page(tmp_path / "results.md", [result(task="next-symbols:dyck2")])
    assert plot.name == "next-symbols-dyck2.svg"
    assert "(results/next-symbols-dyck2.svg)" in page.read_text()


def test_the_page_is_the_same_each_time(tmp_path: Path) -> None:
    written = write_page(tmp_path / "results.md", [result(), result(recipe_name="lstm")])
    assert [path.relative_to(tmp_path).as_posix() for path in written] == ["results.md", "results/reverse-string.svg"]
    before = [path.read_text() for path in written]
    assert "![accuracy by length: reverse-string](results/reverse-string.svg)" in before[0]
    assert "<svg" in before[1]
    write_page(tmp_path / "results.md", [result(recipe_name="lstm"), result()])
    assert [path.read_text() for path in written] == before


def test_a_result_is_written_for_people_too(tmp_path: Path) -> None:
    write_result(tmp_path / "one.json", result())
    text = (tmp_path / "one.json").read_text()
    assert json.loads(text)["seeds"] == result()["seeds"]
    assert len(text.splitlines()) < 60
