"""`neurallambda train`, `evaluate`, `sweep`, `report` and `models`."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from neurallambda.automata import load
from neurallambda.train.run_folder import RunFolder
from tests.cli.conftest import Call

SMALL = ("parity-check", "table", "seeds=2", "rows=4", "stages=1-3:3", "validation_rows=4", "model.states=3")
TEST = ("--lengths", "41-51", "--rows", "4")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_train_evaluate_report(call: Call, tmp_path: Path) -> None:
    trained = call("train", *SMALL)
    assert (trained.code, trained.stdout) == (0, "runs/parity-check-table\n")
    assert "parity-check, table: 2 seeds, at most 3 steps" in trained.stderr
    assert "step 3: stage 1 is over, its steps are used up" in trained.stderr
    assert "now: neurallambda evaluate runs/parity-check-table" in trained.stderr
    folder = tmp_path / "runs/parity-check-table"
    assert list((folder / "tensorboard").glob("events*"))
    evaluated = call("evaluate", str(folder), *TEST)
    assert evaluated.code == 0, evaluated.stderr
    assert "of 2 seeds solve it; mean" in evaluated.stdout
    assert (folder / "evaluation.svg").read_text().startswith("<?xml")
    found = json.loads((folder / "evaluation.json").read_text())
    assert found["evaluation"]["lengths"] == [41, 51]
    reported = call("report", "runs")
    assert (reported.code, reported.stdout.splitlines()[2].split(" | ")[:2]) == (0, ["| parity-check", "table"])
    written = call("report", "runs", "--out", "docs/results.md")
    assert (written.code, written.stdout) == (0, "")
    assert (tmp_path / "docs/results.md").read_text().startswith("# Results")
    assert (tmp_path / "docs/results/parity-check.svg").exists()
    nameless = call("report", "runs", "--out", "docs/page")
    assert (nameless.code, (tmp_path / "docs/page").exists()) == (2, False)
    assert "docs/page: got a name without an ending, expected one with it, as in page.md" in nameless.stderr


def test_a_second_run_gets_a_folder_of_its_own(call: Call) -> None:
    assert call("train", *SMALL).stdout == "runs/parity-check-table\n"
    assert call("train", *SMALL).stdout == "runs/parity-check-table-2\n"
    again = call("train", *SMALL, "--out", "runs/parity-check-table")
    assert again.code == 2
    assert "go on with it by --resume" in again.stderr


def test_a_run_is_resumed(call: Call) -> None:
    call("train", *SMALL, "--out", "mine")
    before = RunFolder(Path("mine")).members.read_bytes()
    again = call("train", "--resume", "mine")
    assert (again.code, again.stdout) == (0, "mine\n")
    assert RunFolder(Path("mine")).members.read_bytes() == before


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(spawn: Call) -> None:
    stop = "while ! grep -q '\"Stepped\"' run/log.jsonl 2>/dev/null; do sleep 0.1; done; kill -INT $!; wait $!"
    long = " ".join((*SMALL, "--out", "run")).replace("stages=1-3:3", "stages=1-3:100000")
    stopped = spawn(shell=f"$NL train {long} & {stop}")
    assert stopped.code == 130, stopped.stderr
    assert "go on with: neurallambda train --resume run" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert RunFolder(Path("run")).checkpoint.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train",), "TASK: none was named"),
        (("train", "parity-chek"), "did you mean parity-check"),
        (("train", "parity-check", "tabel"), "did you mean table"),
        (("train", "parity-check", "table", "other"), "expected KEY=VALUE; the recipe is table already"),
        (("train", "parity-check", "sedes=3"), "did you mean seeds?"),
        (("train", "parity-check", "--resume", "x"), "the run knows its task"),
        (("train", "--resume", "x"), "no folder of a run"),
        (("train", *SMALL, "--device", "abacus"), "device: got 'abacus'"),
        (("train", "parity-check", "rows=0"), "rows: got 0"),
        (("train", *SMALL, "seeds=3"), "seeds: got seeds=2 and seeds=3, expected it once"),
        (("train", *SMALL, "precision=fp16"), "precision: got 'fp16', expected 'no' or 'bf16'"),
        (("train", *SMALL, f"first_seed={2**60}"), "first_seed: got 1152921504606846976, expected at most"),
        (("train", "parity-check", "seeds=2", "repairs=1-4:8", "model=lstm", "--out", "x"), "repairs: got some"),
        (("train", "--resume", "x", "--out", "y"), "--out: got y, expected none"),
        (("train", "--resume", "x", "--show"), "--show: a run that is resumed"),
        (("train", "parity-check", "model.states=0", "--show"), "states: got 0, expected an integer of at least 1"),
        (
            ("train", "addition-steps", "controller", "stages=1-4:2", "--out", "x"),
            "validation_lengths: addition-steps has no inputs of length 40 (lengths: expected 4 alone",
        ),
        (("train", "parity-check", "steps", "stages=1-4:2", "--out", "x"), "tokens: got 5 in a row, expected the 1"),
        (("train", "parity-check", "xyzzy"), "there is no recipe 'xyzzy'; the recipes are controller, table"),
        (("train", "parity-check", "model=xyzzy"), "there is no model 'xyzzy'; the models are controller, table"),
        (("evaluate", "x"), "no folder of a run"),
        (("report", "x"), "there is no such file"),
        (("sweep", "parity-chek", "--out", "x"), "did you mean parity-check"),
        (("sweep", "seeds=3", "--out", "x"), "tasks: none was named"),
        (("sweep", "parity-check", "seeds=none", "--out", "x"), "seeds: got 'none'"),
        (("sweep", "parity-check", "parity-check", "--out", "x"), "x/parity-check-table: two trainings"),
        (("sweep", "parity-check", "--out", "x", "--lengths", "0-6"), "lengths: got 0 to 6"),
        (("sweep", "palindromes", "--out", "x", "--lengths", "1-6"), "lengths: got 1, expected at least 2"),
        (("sweep", "parity-check", "--out", "x", "--device", "abacus"), "device: got 'abacus'"),
        (("sweep", "parity-check", "model.states=0", "--out", "x"), "states: got 0, expected an integer of at least 1"),
    ],
)
def test_what_cannot_be_used_is_said(call: Call, arguments: tuple[str, ...], message: str) -> None:
    called = call(*arguments)
    assert called.code == 2
    assert message in called.stderr
    assert "Traceback" not in called.stderr
    assert not Path("x").exists()
    assert not Path("runs").exists()


@pytest.mark.parametrize("command", ["train", "sweep"])
def test_a_run_is_not_put_among_other_things(call: Call, command: str) -> None:
    folder = Path("x") if command == "train" else Path("x/parity-check-table")
    folder.mkdir(parents=True)
    (folder / "letter.txt").write_text("dear")
    called = call(command, *SMALL[:1], *SMALL[2:], "--out", "x")
    assert called.code == 2
    assert f"{folder}: something else lies in this folder (letter.txt), expected a new or an empty one" in called.stderr
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]
    (folder / "letter.txt").unlink()
    assert call("train", *SMALL, "--out", str(folder)).code == 0
    assert call("train", "--resume", str(folder)).code == 0


def test_a_file_is_no_folder_of_a_run(call: Call) -> None:
    Path("x").write_text("dear")
    called = call("train", *SMALL, "--out", "x")
    assert (called.code, "x: this is a file, expected the folder of a run" in called.stderr) == (2, True)


def test_after_a_training_that_was_refused_the_corrected_one_takes_the_folder(call: Call) -> None:
    wrong = ("train", "addition-steps", "steps", "seeds=1", "rows=2", "stages=4-4:1", "validation_rows=2", "--out", "x")
    assert call(*wrong, "validation_lengths=1-40").code == 2
    assert call(*wrong, "validation_lengths=4-4").code == 0


def test_what_a_run_does_not_allow_is_said_and_changes_nothing(call: Call) -> None:
    call("train", *SMALL, "--out", "run")
    before = sorted(path.name for path in Path("run").rglob("*"))
    Path("folder").mkdir()
    for arguments, message in (
        (("train", *SMALL, "--out", "run"), "go on with it by --resume"),
        (("evaluate", "run", *TEST, "--seed", f"{10**20}"), "seed: got 100000000000000000000, expected"),
        (("evaluate", "run", *TEST, "--out", "folder"), "'folder' is a directory"),
        (
            ("evaluate", "run", *TEST, "--out", "x.svg"),
            "--out: got x.svg, expected a file for the numbers, as in x.json",
        ),
        (("report", "run", "--out", "folder"), "'folder' is a directory"),
        (("export", "run", "--out", "folder"), "'folder' is a directory"),
    ):
        called = call(*arguments)
        assert called.code == 2, called
        assert message in called.stderr
        assert sorted(path.name for path in Path("run").rglob("*")) == before


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ('{"recipe": 5}', "run.json: this does not describe a run"),
        ('{"recipe": {"stages": [5], "task": "parity-check", "model": "table"}}', "recipe: got something that is none"),
    ],
)
def test_a_run_that_tells_no_recipe_is_refused(call: Call, facts: str, message: str) -> None:
    call("train", *SMALL, "--out", "run")
    Path("run/run.json").write_text(facts)
    for arguments in (("train", "--resume", "run"), ("evaluate", "run")):
        called = call(*arguments)
        assert (called.code, message in called.stderr) == (2, True)


def test_a_result_that_lacks_something_is_refused(call: Call) -> None:
    Path("one.json").write_text('{"form": "neurallambda result 1", "recipe_name": "table"}')
    called = call("report", "one.json")
    assert called.code == 2
    assert "one.json: this result cannot be reported, it lacks something or has it otherwise (KeyError('task'))" in (
        called.stderr
    )


def test_the_device_of_a_measurement_is_the_cpu(call: Call) -> None:
    assert "a GPU if there is one" in call("train", "--help").stdout
    assert "a GPU if there is one" not in call("evaluate", "--help").stdout


def test_a_run_that_is_not_over_is_told_so(call: Call) -> None:
    call("train", *SMALL, "--out", "run")
    Path("run/members.safetensors").unlink()
    assert (
        "this run is not over, and is measured as it is after step 3; go on with"
        in call("evaluate", "run", *TEST).stderr
    )
    assert "| 3 (interrupted) |" in call("report", "run").stdout


def test_a_run_that_kept_nothing_yet_is_not_measured(call: Call) -> None:
    call("train", *SMALL, "--out", "run")
    for path in (RunFolder(Path("run")).members, RunFolder(Path("run")).checkpoint):
        path.unlink()
    assert "nothing of this run was kept yet" in call("evaluate", "run").stderr
    assert "no checkpoint to go on from" in call("train", "--resume", "run").stderr


@pytest.mark.parametrize("lengths", ["x", "50-41", "0-4", "41-"])
def test_lengths_that_are_none(call: Call, lengths: str) -> None:
    call("train", *SMALL, "--out", "run")
    called = call("evaluate", "run", "--lengths", lengths)
    assert called.code == 2
    assert "lengths" in called.stderr
    assert "-1" not in called.stderr  # no length is negative


def test_show_prints_the_recipe(call: Call) -> None:
    shown = call("train", *SMALL, "--show")
    assert (shown.code, shown.stderr) == (0, "")
    assert {"task: parity-check", "model.states: 3", "seeds: 2"} <= set(shown.stdout.splitlines())
    assert not Path("runs").exists()


def test_models_are_listed_with_their_options(call: Call) -> None:
    listed = call("models")
    assert listed.code == 0
    assert "table: " in listed.stdout
    assert "    model.states=8" in listed.stdout.splitlines()
    assert "recipes:" in listed.stdout


@pytest.fixture
def _in_this_process(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands of a sweep run here, which is quick."""

    def run(commands: Sequence[Sequence[str]], log: Path) -> int:
        log.parent.mkdir(parents=True, exist_ok=True)
        for command in commands:
            assert list(command[:2]) == ["-m", "neurallambda"]
            called = call(*command[2:])
            log.write_text(called.stdout + called.stderr)
            if called.code:
                return called.code
        return 0

    monkeypatch.setattr("neurallambda.train.sweep.run_cell", run)


@pytest.mark.slow
def test_the_trainings_of_a_sweep_are_processes(call: Call) -> None:
    done = call("sweep", *SMALL[:1], *SMALL[2:], "--out", "all", *TEST, "--jobs", "2")
    assert (done.code, done.stdout) == (0, "neurallambda report all\n"), done.stderr
    assert "now: neurallambda evaluate" in Path("all/parity-check-table.log").read_text()


@pytest.mark.usefixtures("_in_this_process")
def test_a_sweep_goes_on_where_it_was(call: Call) -> None:
    arguments = ("sweep", *SMALL[:1], *SMALL[2:], "--recipe", "table", "--out", "all", *TEST)
    first = call(*arguments, "--first-seed", "0")
    assert (first.code, first.stdout) == (0, "neurallambda report all\n"), first.stderr
    assert Path("all/parity-check-table-0.log").exists()
    second = call(*arguments, "--first-seed", "0", "--first-seed", "2")
    assert "2 trainings, 1 of them done" in second.stderr
    assert "2 of 2: all/parity-check-table-2" in second.stderr
    rows = [line for line in call("report", "all").stdout.splitlines() if line.startswith("| parity-check | table |")]
    assert len(rows) == 2


@pytest.mark.usefixtures("_in_this_process")
@pytest.mark.parametrize("name", ["members.safetensors", "checkpoint.safetensors"])
def test_a_sweep_that_was_killed_at_any_moment_goes_on(call: Call, name: str) -> None:
    arguments = ("sweep", *SMALL[:1], *SMALL[2:], "--out", "all", *TEST)
    assert call(*arguments).code == 0
    folder = Path("all/parity-check-table")
    before = json.loads((folder / "evaluation.json").read_text())["seeds"]
    (folder / "evaluation.json").unlink()
    (folder / "members.safetensors").unlink(missing_ok=True)
    (folder / name).unlink(missing_ok=True)  # without a checkpoint: it was killed before it had taken a step
    assert call(*arguments).code == 0
    assert json.loads((folder / "evaluation.json").read_text())["seeds"] == before


@pytest.mark.usefixtures("_in_this_process")
def test_a_sweep_measures_again_what_was_measured_otherwise(call: Call) -> None:
    arguments = ("sweep", *SMALL[:1], *SMALL[2:], "--out", "all")
    assert call(*arguments, *TEST).code == 0
    evaluation = Path("all/parity-check-table/evaluation.json")
    whole = evaluation.read_text()
    for spoilt, test in (
        (whole, ("--lengths", "41-61", "--rows", "4")),
        (whole, ("--lengths", "41-51", "--rows", "5")),
        (whole[:300], TEST),
        (whole.replace('"ended": "finished"', '"ended": "interrupted"'), TEST),
    ):
        evaluation.write_text(spoilt)
        assert "1 trainings, 0 of them done" in call(*arguments, *test).stderr
        assert "1 trainings, 1 of them done" in call(*arguments, *test).stderr
    other = call("sweep", "parity-check", "seeds=1", "--out", "all", *TEST)
    assert other.code == 2
    assert "all/parity-check-table: the run there has another recipe" in other.stderr


@pytest.mark.usefixtures("_in_this_process")
def test_a_training_of_a_sweep_that_fails_is_told(call: Call) -> None:
    Path("all/parity-check-table").mkdir(parents=True)
    Path("all/parity-check-table/checkpoint.safetensors").write_text("{}")
    failed = call("sweep", *SMALL[:1], *SMALL[2:], "--out", "all", *TEST)
    assert failed.code == 1
    assert "ended with exit code 2; see all/parity-check-table.log" in failed.stderr


def test_a_sweep_on_ray_needs_ray(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    called = call("sweep", *SMALL[:1], *SMALL[2:], "--out", "all", "--ray")
    assert called.code == 2
    assert "a sweep on Ray needs the package ray, which is not installed: pip install ray" in called.stderr


def test_inspect_and_export(call: Call) -> None:
    small = ("seeds=2", "rows=16", "stages=1-6:60", "validation_rows=8")
    assert call("train", "parity-check", *small, "--out", "parity").code == 0
    assert (
        call(
            "train", "reverse-string", "seeds=1", "rows=2", "stages=1-2:1", "validation_rows=2", "--out", "reverse"
        ).code
        == 0
    )
    watched = call("inspect", "reverse", "011", "--out", "page.html")
    assert (watched.code, watched.stderr) == (0, "written to page.html\n")
    assert Path("page.html").read_text().startswith("<!doctype html>")
    shown = call("inspect", "reverse", "011", "--out", "picture.svg")
    assert (shown.code, len(shown.stdout.splitlines())) == (0, 7)
    assert Path("picture.svg").exists()
    exported = call("export", "parity", "--seed", "1", "--rows", "4", "--out", "rules.json")
    assert exported.code in (0, 1)
    assert "exact answers by length: 41: " in exported.stdout
    assert load("rules.json").symbols == ("0", "1", "_")
    for arguments, message in (
        (("inspect", "parity", "012"), "expected symbols of parity-check"),
        (("inspect", "parity", "01", "--seed", "7"), "seed: got 7, expected one that started: 0 1"),
        (("export", "nowhere"), "no folder of a run"),
        (("inspect", "parity", "01", "--out", "x.svg"), "no structure whose contents could be drawn"),
        (
            ("inspect", "nowhere", "01", "--out", "x.png"),
            "--out: x.png: the name does not tell the format; expected one that ends in .svg, .html, .json, .jsonl, .txt",
        ),
        (("inspect", "parity", "01", "--out", "nowhere/x.json"), "nowhere/x.json: No such file or directory"),
    ):
        called = call(*arguments)
        assert (called.code, called.stdout) == (2, ""), called
        assert message in called.stderr
