"""The trainings of a sweep: their folders, and what is left to do of them."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from neurallambda.errors import ArgumentError
from neurallambda.train.run_folder import RunFolder
from neurallambda.train.sweep import Asked, cells, sweep

ASKED = Asked(lengths=(41, 51), rows=4)


def test_each_training_has_a_folder_of_its_own(tmp_path: Path) -> None:
    found = cells(tmp_path, ["parity-check", "even-pairs"], ["table", "lstm"], [0, 5], ["seeds=2"])
    assert len({one.folder for one in found}) == len(found) == 8
    with pytest.raises(ArgumentError, match="even-pairs-table: two trainings of the sweep would have this folder"):
        cells(tmp_path, ["even-pairs"], ["table", "table"], [], [])


@pytest.mark.parametrize(
    ("lengths", "every", "rows"), [((0, 6), 10, 128), ((5, 4), 10, 128), ((1, 4), 0, 128), ((1, 4), 10, 0)]
)
def test_tests_that_cannot_be_made_are_refused(lengths: tuple[int, int], every: int, rows: int) -> None:
    with pytest.raises(ArgumentError):
        Asked(lengths=lengths, every=every, rows=rows)


def test_a_run_by_another_recipe_is_not_gone_on_with(tmp_path: Path) -> None:
    (cell,) = cells(tmp_path, ["parity-check"], [], [], ["seeds=2"])
    (other,) = cells(tmp_path, ["parity-check"], [], [], ["seeds=3"])
    assert cell.folder == other.folder
    RunFolder(cell.folder).begin({"recipe": cell.made.facts()})
    cell.check(ASKED)
    with pytest.raises(ArgumentError, match="the run there has another recipe"):
        next(sweep([other], ASKED, device="cpu"))


def test_on_other_machines_paths_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(
        "from neurallambda.train.recipes import recipe_for\ndef short(task): return recipe_for(task.name)\n"
    )
    called: list[Any] = []
    remote = SimpleNamespace(remote=lambda commands, log: called.append((commands, log)) or "one")
    fake = SimpleNamespace(
        init=lambda **_: None, remote=lambda _: remote, wait=lambda waiting: (waiting[:1], []), get=lambda _: 0
    )
    monkeypatch.setitem(sys.modules, "ray", fake)
    todo = cells(Path("all"), ["parity-check"], ["mine.py:short"], [], [])
    ((_, code),) = sweep(todo, ASKED, device="cuda", use_ray=True)
    (((train, evaluate), log),) = called
    assert code == 0
    assert log == tmp_path / "all/parity-check-table.log"
    assert f"{tmp_path / 'mine.py'}:short" in train
    assert str(tmp_path / "all/parity-check-table") in train
    assert str(tmp_path / "all/parity-check-table") in evaluate
