"""Many programs at once: each ends as it ends alone, and memory stays within its bounds."""

import pytest
import torch

from neurallambda.errors import SourceError
from neurallambda.lang.evaluate import evaluate
from neurallambda.machine import batches
from neurallambda.machine.batches import run_batches
from neurallambda.machine.machine import Machine
from neurallambda.machine.run import Runner
from neurallambda.programs import Limits, run, run_all
from tests.programs import INTEGERS, PROGRAMS

LOOPS = [f"(defn loop [n] (if (= n 0) '({n}) (loop (- n 1)))) (loop {n})" for n in (0, 30, 1, 12, 5, 2)]


def test_programs_leave_as_they_end_and_each_has_its_own_end() -> None:
    machine = Machine()
    programs = {index: machine.assemble(source) for index, source in enumerate(LOOPS)}
    found = list(run_batches(machine, programs, max_steps=10_000))
    assert {key: outcome.text for key, outcome in found} == {0: "'(0)", 1: "'(30)", 2: "'(1)", 3: "'(12)", 4: "'(5)", 5: "'(2)"}  # fmt: skip
    assert [key for key, _ in found][-1] == 1  # the longest is the last to end
    for key, outcome in found:
        assert outcome.steps == evaluate(LOOPS[key]).steps


def test_a_batch_that_grows_too_large_is_halved(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    step = Runner.step

    def counting(runner: Runner) -> object:
        sizes.append(len(runner.registers.running))
        return step(runner)

    monkeypatch.setattr(Runner, "step", counting)
    monkeypatch.setattr(batches, "BYTES", 1_500_000)
    machine = Machine()
    sources = ["(defn loop [n] (if (= n 0) 7 (loop (- n 1)))) (loop 20)"] * 8
    programs = {index: machine.assemble(source) for index, source in enumerate(sources)}
    found = dict(run_batches(machine, programs, max_steps=10_000))
    assert [found[index].text for index in range(8)] == ["7"] * 8
    assert {1, 8} <= set(sizes)
    assert sum(sizes) < 8 * (evaluate(sources[0]).steps + 8)  # nothing was run twice


def test_limits_hold_in_batches() -> None:
    endless = "(letrec [f (fn [x] (f x))] (f 1))"
    found = run([endless, "(+ 1 2)", endless], limits=Limits(max_steps=70))
    assert [(outcome.error or outcome.text) for outcome in found] == ["out-of-steps", "3", "out-of-steps"]
    found = run([endless, "(+ 1 2)"], limits=Limits(capacity=60))
    assert [(outcome.error or outcome.text) for outcome in found] == ["out-of-memory", "3"]


def test_a_stream_keeps_its_order_and_its_errors() -> None:
    sources = [example.source for example in PROGRAMS[:40]] + ["(", "(+ 1 2)", "(undefined 1)"]
    ends = list(run_all(iter(sources), limits=Limits(integers=INTEGERS)))
    assert len(ends) == 43
    assert isinstance(ends[40], SourceError)
    assert str(ends[41]) == "3"
    assert str(ends[42]).startswith("unbound")
    for example, end in zip(PROGRAMS[:40], ends, strict=False):
        assert not isinstance(end, SourceError)
        assert (end.error or end.text) == (example.error or example.value)


def test_the_place_of_a_bad_program_in_a_batch_is_told() -> None:
    with pytest.raises(SourceError) as caught:
        run(["1", "(", "2"])
    assert "program 1 of the batch" in caught.value.__notes__[0]


def test_both_engines_run_batches() -> None:
    sources = ["(+ 1 2)", "(car 1)", *LOOPS]
    by_machine, by_reference = run(sources, engine="machine"), run(sources, engine="reference")
    assert [(o.term, o.error, o.steps) for o in by_machine] == [(o.term, o.error, o.steps) for o in by_reference]


def test_gradients_are_off() -> None:
    assert torch.is_grad_enabled()
    run(["(+ 1 2)"])
    assert torch.is_grad_enabled()
