"""The harness refuses to time wrong answers, and its results carry what is needed to judge them."""

import json
import subprocess
from pathlib import Path

import pytest
import torch

from benchmarks.__main__ import describe, main
from benchmarks.harness import Benchmark, Case, WrongAnswerError, benchmark, run, select, write
from benchmarks.timing import spread
from neurallambda.train.environment import commit, hardware, versions


def entry(*, checks: dict[str, bool], numbers: dict[str, object], limits: dict[str, float] | None = None) -> Benchmark:
    case = Case(verify=lambda: checks, measure=lambda: numbers)
    return Benchmark(name="entry", claim="it is fast", limits=limits or {}, prepare=lambda seed: case)


def never() -> dict[str, object]:
    raise AssertionError("a benchmark was timed before its answers were known to be right")


@pytest.mark.parametrize(
    ("checks", "said"),
    [({"sum": True, "product": False}, "product"), ({}, "checks no answer")],
)
def test_wrong_or_unchecked_answers_are_never_timed(checks: dict[str, bool], said: str) -> None:
    case = Case(verify=lambda: checks, measure=never)
    with pytest.raises(WrongAnswerError, match=said):
        run(Benchmark(name="entry", claim="it is fast", limits={}, prepare=lambda seed: case), seed=0)


def test_verification_comes_before_measurement() -> None:
    order: list[str] = []

    def verify() -> dict[str, bool]:
        order.append("verify")
        return {"right": True}

    def measure() -> dict[str, object]:
        order.append("measure")
        return {}

    run(Benchmark(name="entry", claim="", limits={}, prepare=lambda seed: Case(verify=verify, measure=measure)), seed=0)
    assert order == ["verify", "measure"]


def test_the_seed_reaches_the_benchmark_and_the_result() -> None:
    case_of = {seed: Case(verify=lambda: {"right": True}, measure=lambda seed=seed: {"seed": seed}) for seed in (3, 4)}
    result = run(Benchmark(name="entry", claim="", limits={}, prepare=case_of.__getitem__), seed=4)
    assert (result.numbers["seed"], result.seed) == (4, 4)


def test_limits_name_what_is_above_them() -> None:
    numbers: dict[str, object] = {"slow": 2.0, "equal": 1.0, "timed": spread([0.5, 3.0, 4.0]), "free": 100.0}
    numbers["absent"] = float("nan")  # of another library that is not installed
    limits = {"slow": 1.0, "equal": 1.0, "timed": 2.0, "absent": 1.0}
    result = run(entry(checks={"right": True}, numbers=numbers, limits=limits), seed=0)
    assert result.missed == ("slow", "timed", "absent")
    text = "\n".join(describe(result))
    assert "absent: nan  (not measured, so not within its limit, 1)" in text
    assert "slow: 2  (above its limit, 1)" in text
    assert "equal: 1  (within its limit, 1)" in text


def test_a_limit_on_nothing_measured_is_an_error() -> None:
    with pytest.raises(KeyError, match="limits absent but measures present"):
        run(entry(checks={"right": True}, numbers={"present": 1}, limits={"absent": 1.0}), seed=0)


def test_results_on_disk_say_where_they_come_from(tmp_path: Path) -> None:
    numbers: dict[str, object] = {"ratio": spread([1.0, 2.0, 3.0]), "curve": [1, 2, 4]}
    path = write(run(entry(checks={"right": True}, numbers=numbers), seed=7), tmp_path / "new")
    written = json.loads(path.read_text())
    assert path.name == "entry.json"
    assert written["numbers"]["ratio"]["median"] == 2.0
    assert written["numbers"]["curve"] == [1, 2, 4]
    assert (written["seed"], written["checks"]) == (7, ["right"])
    assert written["versions"].keys() >= {"python", "torch", "neurallambda"}
    assert written["hardware"].keys() >= {"cpu", "cores", "memory_bytes", "torch_threads", "gpus"}
    assert {"commit", "dirty", "date"} <= written.keys()


def test_a_result_that_json_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="a result cannot hold"):
        write(run(entry(checks={"right": True}, numbers={"object": object()}), seed=0), tmp_path)


def test_names_are_unique_and_patterns_select() -> None:
    registry: dict[str, Benchmark] = {}
    case = Case(verify=dict, measure=dict)

    @benchmark(claim="one", registry=registry)
    def heap_read(seed: int) -> Case:
        return case

    @benchmark(claim="two", limits={"seconds": 1.0}, registry=registry)
    def heap_write(seed: int) -> Case:
        return case

    assert [each.name for each in select(["heap_*"], registry)] == ["heap_read", "heap_write"]
    assert [each.name for each in select([], registry)] == ["heap_read", "heap_write"]
    assert select(["heap_write"], registry)[0].limits == {"seconds": 1.0}
    with pytest.raises(KeyError, match="no benchmark is called 'stack'; there are: heap_read, heap_write"):
        select(["stack"], registry)
    with pytest.raises(ValueError, match="two benchmarks are called 'heap_read'"):
        benchmark(claim="again", registry=registry)(heap_read)


def git(*arguments: str, folder: Path) -> None:
    identity = ("-c", "user.name=tester", "-c", "user.email=tester@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_a_checkout_is_dirty_when_anything_but_results_changed(tmp_path: Path) -> None:
    assert (commit(tmp_path).hash, commit(tmp_path).dirty) == (None, None)
    git("init", folder=tmp_path)
    (tmp_path / "code.py").write_text("1")
    git("add", "code.py", folder=tmp_path)
    git("commit", "-m", "first", folder=tmp_path)
    state = commit(tmp_path)
    assert state.hash is not None
    assert (len(state.hash), state.dirty) == (40, False)
    (tmp_path / "benchmarks/results").mkdir(parents=True)
    (tmp_path / "benchmarks/results/entry.json").write_text("{}")
    assert commit(tmp_path).dirty is False
    (tmp_path / "code.py").write_text("2")
    assert commit(tmp_path).dirty is True


def test_the_machine_is_described() -> None:
    machine = hardware()
    assert machine["cpu"]
    assert isinstance(machine["memory_bytes"], int)
    assert machine["memory_bytes"] > 2**20
    assert versions()["python"].startswith("3.")


def test_the_command_lists_and_refuses_unknown_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "copying"]) == 0
    assert capsys.readouterr().out.startswith("copying: a copy moves its bytes")
    with pytest.raises(SystemExit, match="2"):
        main(["no-such-benchmark"])
    assert "no benchmark is called 'no-such-benchmark'" in capsys.readouterr().err


def test_the_command_sets_the_threads_that_results_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    monkeypatch.setattr("benchmarks.__main__.select", lambda names: [entry(checks={"right": True}, numbers={})])
    try:
        main(["--threads", str(before + 1), "--results", str(tmp_path)])
        written = json.loads((tmp_path / "entry.json").read_text())
    finally:
        torch.set_num_threads(before)
    assert written["hardware"]["torch_threads"] == before + 1


def test_the_command_writes_results_and_fails_on_wrong_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = entry(checks={"right": True}, numbers={"count": 3, "ratio": spread([1.0, 2.0, 3.0])})
    monkeypatch.setattr("benchmarks.__main__.select", lambda names: [right])
    assert main(["--results", str(tmp_path)]) == 0
    assert (tmp_path / "entry.json").exists()
    assert capsys.readouterr().out == "entry: it is fast\n  count: 3\n  ratio: 2 [1.5, 2.5] over 3\n"

    wrong = entry(checks={"right": False}, numbers={})
    monkeypatch.setattr("benchmarks.__main__.select", lambda names: [wrong])
    (tmp_path / "entry.json").unlink()
    assert main(["--results", str(tmp_path)]) == 1
    assert not (tmp_path / "entry.json").exists()
    assert "not timed, since right" in capsys.readouterr().err
