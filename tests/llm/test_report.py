"""The table and the page of results, and what is judged by them, from results that are made up."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from neurallambda.errors import ArgumentError
from neurallambda.llm.experiments.page import page
from neurallambda.llm.experiments.report import read, table
from neurallambda.llm.experiments.result_file import FORM
from neurallambda.llm.experiments.targets import COMPARED, Judgement, generalisation, judge
from neurallambda.llm.experiments.window_table import FORM as WINDOW
from neurallambda.llm.experiments.window_table import find_windows
from neurallambda.train.results import facts_in, write_result

WHERE = {
    "commit": "0123456789abcdef",
    "dirty": False,
    "hardware": {"cpu": "a processor", "torch_threads": 1},
    "versions": {"torch": "2.13.0"},
}


def seed(number: int, *exact: float, ratio: float = 1.0, **more: Any) -> dict[str, Any]:
    """What one seed came to at lengths 8, 16, 32 and 64."""
    scores = dict(zip(("8", "16", "32", "64"), exact, strict=True))
    facts = {"seed": number, "validation": exact[0], "loss": 0.1, "parameters": 1234, "seconds": 60.0}
    return facts | {"tokens_per_second": 500, "exact": scores, "perplexity_ratio": ratio} | more


def result(task: str, arm: str, seeds: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    recipe = {"steps": 200, "rows": 32, "lengths": [2, 8], "learning_rate": 0.003, "precision": "bfloat16"}
    tuning = [{"learning_rate": rate, "validation": 0.5, "loss": 1.0} for rate in (0.001, 0.003)]
    facts = {"form": FORM, "model": "tiny", "base": "pretrained", "arm": arm, "task": task, "recipe": recipe}
    return facts | {"rates": [0.001, 0.003], "tuning": tuning, "seeds": list(seeds), "training": WHERE} | more


def good(count: int, **more: Any) -> list[dict[str, Any]]:
    return [seed(number, 1.0, 1.0, 1.0, 0.96, **more) for number in range(count)]


def bad(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [seed(first + number, 0.5, 0.1, 0.0, 0.0) for number in range(count)]


def verdict(results: list[dict[str, Any]], about: str) -> Judgement:
    (found,) = [one for one in judge(results) if about in one.target]
    return found


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [
        ([], "open"),
        (good(3), "open"),
        (good(4), "met"),
        (good(3) + bad(1, 3), "open"),
        (good(3) + bad(2, 3), "missed"),
        (bad(2), "missed"),
        (bad(2) + [{**one, "seed": one["seed"] + 2} for one in good(4)], "missed"),  # the sixth seed does not count
        ([seed(number, 1.0, 1.0, 0.98, 1.0) for number in range(5)], "missed"),
        ([seed(number, 1.0, 1.0, 0.99, 0.95) for number in range(5)], "met"),
    ],
)
def test_four_seeds_of_five_must_be_exact(seeds: list[dict[str, Any]], expected: str) -> None:
    assert verdict([result("reverse", "structure", seeds)], "reverse: exact").verdict == expected
    assert verdict([result("reverse", "structure", seeds)], "copy: exact").verdict == "open"


def test_a_structure_with_a_fast_gate_counts_where_no_other_is_measured() -> None:
    fast = result("reverse", "fast-gate", good(5))
    assert verdict([fast], "reverse: exact").verdict == "met"
    assert "fast-gate" in verdict([fast], "perplexity").found
    assert verdict([fast, result("reverse", "structure", bad(5))], "reverse: exact").verdict == "missed"


def test_random_bases_count_for_no_target() -> None:
    made = [result("reverse", "structure", good(5), base="random")]
    assert {one.verdict for one in judge(made)} == {"open"}


def test_four_tasks_of_five_must_be_better_than_lora() -> None:
    def against(won: int, lost: int, seeds: int = 3) -> Judgement:
        results = []
        for place, task in enumerate(COMPARED):
            if place < won + lost:
                pair = (good(seeds), bad(seeds)) if place < won else (bad(seeds), good(seeds))
                results += [result(task, arm, one) for arm, one in zip(("structure", "lora"), pair, strict=True)]
        return verdict(results, "LoRA")

    assert [against(*counts).verdict for counts in ((0, 0), (3, 0), (4, 0), (4, 1), (0, 1), (3, 2), (1, 2))] == [
        *("open", "open", "met", "met", "open", "missed", "missed")
    ]
    assert against(4, 1, seeds=2).verdict == "open"
    assert "reverse 0.987 against 0.033" in against(1, 0).found
    assert generalisation(result("copy", "lora", [seed(0, 1.0, 0.3, 0.2, 0.1)])) == pytest.approx(0.2)


def test_calls_of_programs_are_held_to_what_structures_are() -> None:
    called = [result("lisp", "calls", good(5)), result("copy", "calls", bad(5))]
    assert [(one.target[:4], one.verdict) for one in judge(called) if "calls of programs" in one.target] == [
        ("copy", "missed"),
        ("lisp", "met"),
    ]


def test_one_seed_without_prior_is_enough() -> None:
    found = verdict([result("reverse", "no-prior", bad(7))], "without the phase prior")
    assert (found.verdict, found.found) == ("open", "reverse: 0 of 7 seeds, 1 not run")
    assert verdict([result("reverse", "no-prior", bad(8))], "without the phase prior").verdict == "missed"
    both = [result("reverse", "no-prior", bad(8)), result("copy", "no-prior", bad(2) + good(1))]
    assert verdict(both, "without the phase prior").verdict == "met"


def test_the_worst_perplexity_counts_on_every_text() -> None:
    def found(**more: Any) -> Judgement:
        return verdict([result(task, "structure", good(5, **more)) for task in COMPARED], "perplexity")

    assert found(ratio=1.01).verdict == "met"
    assert found(ratio=1.0101).verdict == "missed"
    missed = found(retention={"bible": 1.02})
    assert missed.verdict == "missed"
    assert "reverse, structure, seed 0, bible" in missed.found or "bible); above it are 25 of 50" in missed.found
    with_bank = [result(task, "structure", good(5)) for task in COMPARED] + [
        result("arithmetic", "bank", good(5, retention={"bible": 1.02}))
    ]
    assert verdict(with_bank, "perplexity").verdict == "missed"
    assert "arithmetic, bank, seed 4, bible); above it are 5 of 35" in verdict(with_bank, "perplexity").found
    few = verdict([result("copy", "structure", good(2))], "perplexity")
    assert (few.verdict, "not measured with all seeds: 5 of 5 tasks" in few.found) == ("open", True)


def test_a_page_is_right_at_any_time(tmp_path: Path) -> None:
    """Cells that are only begun, half done and done stand side by side."""
    made = [
        result("reverse", "structure", good(2, retention={"bible": 1.004})),
        result("reverse", "lora", bad(1)),
        result("reverse", "no-prior", [], tuning=[{"learning_rate": 0.003, "validation": 0.25, "loss": 2.0}]),
        result("copy", "structure", [], tuning=[]),
    ]
    for number, one in enumerate(made):
        (tmp_path / f"{number}.json").write_text(json.dumps(one))
    (tmp_path / "other.json").write_text("{}")
    results = read(tmp_path)
    assert [(one["task"], one["arm"]) for one in results] == [
        *(("reverse", "structure"), ("reverse", "lora"), ("reverse", "no-prior"), ("copy", "structure"))
    ]
    for text in (table(results), page(results)):
        assert "| tiny, pretrained | reverse | structure | 2 | 1.000 (1.000) | 1.000 (1.000) | 1.000 (1.000) |" in text
        assert "| 0.960 (0.960) | 1.000 (1.000) | 1.004 (1.004) | 1,234 | 0.003 | – | 500 |" in text
        assert "| reverse | lora | 1 | 0.500 | 0.100 | 0.000 | 0.000 | 1.000 | – | 1,234 | 0.003 | – | 500 |" in text
        assert "| reverse | no-prior | 0 | – |" in text
        widths = [{line.count("|") for line in block.splitlines()} for block in text.split("\n\n") if block[:1] == "|"]
        assert all(len(width) == 1 for width in widths)
    whole = page(results)
    assert "| pretrained | `structure` | 1.00 / 0.96, × 1.00 | – |" in whole
    assert "| pretrained | `lora` | 0.50 / 0.00, × 1.00 | – |" in whole
    assert "| pretrained | `no-prior` | – | – |" in whole
    assert "Begun, and no seed that counts is there yet: `no-prior` (pretrained)." in whole
    assert "| pretrained | no-prior | – | 0.250 |" in whole
    assert "| pretrained | structure | 0.500 | 0.500, chosen |" in whole
    assert whole.count("| pretrained | structure | 1 | 1.000 |") == 1
    assert "Trained on: a processor, 1 thread(s), torch 2.13.0, 200 steps of " in whole
    assert whole.endswith(": commit 0123456789.\n")
    with pytest.raises(ArgumentError, match="no result"):
        read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arm": "magic"}, "arm: got 'magic', expected one of structure, "),
        ({"task": "juggle"}, "task: got 'juggle', expected one of reverse, "),
        ({"base": "made up"}, "base: got 'made up', expected one of pretrained, random"),
        ({"model": 3}, "model: got 3, expected text"),
        ({"seeds": None}, "seeds: got None, expected a list"),
        ({"seeds": [{"seed": 3}]}, r"seeds\[0\].parameters is missing"),
        ({"seeds": [seed(3, 1.0, 1.0, 1.0, 1.0, exact={"8": 1.0})]}, "exact of seed 3.16 is missing"),
        (
            {"tuning": [{"learning_rate": "much"}]},
            r"tuning\[0\].learning_rate: got 'much', expected an integer or a number",
        ),
        ({"recipe": {}}, "recipe.lengths is missing"),
        (
            {"recipe": result("copy", "lora", [])["recipe"] | {"replay_lengths": 20}},
            "recipe.replay_lengths: got 20, expected a list",
        ),
        ({"training": WHERE | {"hardware": "a processor"}}, "training.hardware: got 'a processor', expected a record"),
        ({"seeds": good(1, retention=3)}, "retention of seed 0: got 3, expected a record"),
        ({"seeds": good(1, retention={"bible": "x"})}, "retention of seed 0.bible: got 'x', expected an integer or a"),
        (
            {"seeds": good(1, exact={"8": 1, "16": 1, "32": 1, "64": 1, "abc": 1})},
            "exact of seed 0: got 'abc', expected a length of inputs",
        ),
        ({"seeds": good(1, parameters=True)}, r"seeds\[0\].parameters: got True, expected an integer"),
        ({"seeds": good(1, perplexity_ratio=10**400)}, r"seeds\[0\].perplexity_ratio: got 1000"),
        ({"rates": []}, "rates: got none, expected at least one"),
        ({"tuning": [{"learning_rate": 0.001, "validation": 0.5}]}, r"tuning\[0\].loss is missing"),
        (
            {"recipe": result("copy", "lora", [])["recipe"] | {"lengths": [0, 0]}},
            r"recipe.lengths: got \[0, 0\], expected two of at least 1",
        ),
    ],
)
def test_a_result_that_cannot_be_shown_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    (tmp_path / "good.json").write_text(json.dumps(result("copy", "lora", good(1))))
    (tmp_path / "wrong.json").write_text(json.dumps(result("copy", "lora", good(1)) | changes))
    with pytest.raises(ArgumentError, match=rf"wrong\.json: {message}"):
        read(tmp_path)


def test_a_result_that_lacks_a_field_or_was_not_written_to_its_end_is_named(tmp_path: Path) -> None:
    whole = result("copy", "lora", good(1))
    (tmp_path / "good.json").write_text(json.dumps(whole))
    for field in set(whole) - {"form"}:
        (tmp_path / "wrong.json").write_text(json.dumps({name: one for name, one in whole.items() if name != field}))
        with pytest.raises(ArgumentError, match=rf"wrong\.json: {field} is missing"):
            read(tmp_path)
    (tmp_path / "wrong.json").write_text(json.dumps(whole)[:-5])
    with pytest.raises(ArgumentError, match=r"wrong\.json: this is no JSON"):
        read(tmp_path)


def test_a_window_that_cannot_be_shown_is_named(tmp_path: Path) -> None:
    facts = {"form": WINDOW, "model": "tiny", "base": 2.0, "window": 3.0, "arms": {}, "training": WHERE}
    facts["recipe"] = {"window": 2, "steps": 2, "rows": 2}
    for changes, message in (
        ({"base": None}, "base: got None, expected an integer or a number"),
        ({"arms": {"lora": {"seeds": [{"perplexity": 2.5}]}}}, r"arms\.lora\.seeds\[0\]\.parameters is missing"),
        (
            {"arms": {"lora": {"seeds": [{"perplexity": 2.5, "parameters": 3}]}}},
            r"arms\.lora\.learning_rate is missing",
        ),
        ({"base": 0}, "base: got 0, expected a perplexity, which is above 0"),
    ):
        (tmp_path / "wrong.json").write_text(json.dumps(facts | changes))
        with pytest.raises(ArgumentError, match=rf"wrong\.json: {message}"):
            find_windows(tmp_path)
    (tmp_path / "wrong.json").write_text(json.dumps(facts))
    assert [one["model"] for one in find_windows(tmp_path)] == ["tiny"]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"replay_every": 2, "replay_tokens": 500, "replay_lengths": [20, 200]}, "20 to 200"),
        ({"replay_every": 2, "replay_rows": 2, "random_rows": 3, "replay_length": 100}, "100"),
        ({"replay_every": 0, "replay_tokens": 500, "replay_lengths": [20, 200]}, "–"),
    ],
    ids=["as it is", "as it was", "none"],
)
def test_a_table_says_how_long_the_texts_are_that_are_repeated(texts: dict[str, Any], said: str) -> None:
    recipe = result("copy", "lora", [])["recipe"] | texts
    assert f"| 1,234 | 0.003 | {said} | 500 |" in table([result("copy", "lora", good(1), recipe=recipe)])


def test_a_page_is_right_where_all_rates_were_tried_and_none_was_chosen_yet() -> None:
    """So an earlier version left a result that was interrupted then."""
    recipe = result("reverse", "full", [])["recipe"] | {"learning_rate": 0.5}
    assert "| pretrained | full | 0.500 | 0.500 |" in page([result("reverse", "full", [], recipe=recipe)])


def test_a_report_needs_nothing_of_the_extra(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(result("copy", "lora", good(1))))
    script = """
import sys
sys.modules.update(dict.fromkeys(("accelerate", "gguf", "peft", "rwkv7_hf", "transformers")))
from neurallambda.cli.app import app
app(["llm", "report", sys.argv[1]])
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "| tiny, pretrained | copy | lora | 1 |" in done.stdout


def test_a_result_is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(path: Path, text: str) -> None:
        path.write_bytes(text.encode()[:9])
        raise KeyboardInterrupt

    file = tmp_path / "one.json"
    write_result(file, {"form": FORM, "seeds": [1]})
    monkeypatch.setattr(Path, "write_text", torn)
    with pytest.raises(KeyboardInterrupt):
        write_result(file, {"form": FORM, "seeds": [1, 2]})
    assert facts_in(tmp_path, FORM) == [{"form": FORM, "seeds": [1]}]
