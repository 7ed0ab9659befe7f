"""Tasks of a step: the exact machine's own actions drive the runs to the right answers, and other actions do not."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurallambda.errors import ArgumentError
from neurallambda.tasks import task
from neurallambda.tasks.traces import adder
from neurallambda.tasks.traces.runs import ProgramRun, TapeRun
from neurallambda.tasks.traces.steps import LONGEST, STEPS
from neurallambda.tasks.traces.traced import REVERSE

NAMES = list(STEPS)


@pytest.mark.parametrize("name", NAMES)
@given(st.integers(1, 30), st.integers(0, 2**31))
@settings(max_examples=15, deadline=None)
def test_the_actions_of_the_exact_machine_lead_to_the_right_answer(name: str, size: int, seed: int) -> None:
    runs = task(name).runs
    assert runs is not None
    inputs = runs.draw(size, np.random.default_rng(seed))
    record, run = runs.trace(inputs), runs.begin(inputs)
    channels = task(name).answer_length(task(name).shortest)
    for step in record.steps:
        assert not run.is_over
        assert run.situation() == (step.state, *step.seen)
        run.act(step.actions[:channels])
    assert run.is_over
    assert run.answer() == runs.answer(inputs) == record.answer
    assert len(record.steps) <= runs.limit(size)


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_situations_and_what_is_done_in_them(name: str) -> None:
    one = task(name)
    width = one.shortest
    batch = one.batch((width, width), 64, generator=torch.Generator().manual_seed(0))
    for row in range(64):
        end = batch.tokens[row].tolist()
        assert batch.targets[row, width:][batch.mask[row, width:]].tolist() == one.answer(end[:width])
    with pytest.raises(ArgumentError, match="lengths: expected"):
        one.batch((width, width + 1), 64, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ArgumentError, match="none of the traces"):
        one.answer([0] * width)


def test_the_traces_are_short() -> None:
    runs = task("reverse-steps").runs
    assert runs is not None
    assert len(runs.draw(LONGEST, np.random.default_rng(0))[0].split()) == LONGEST == 5


def test_what_cannot_be_done_is_refused() -> None:
    run = TapeRun(adder(2), "1+1")
    with pytest.raises(ArgumentError, match="got 1 operations, expected 3"):
        run.act(("COPY", "R 1"))
    with pytest.raises(ArgumentError, match="expected L, S or R"):
        run.act(("COPY", "push 1", "R 1", "S KEEP"))
    program = ProgramRun(REVERSE, ("'(1 2)",))
    with pytest.raises(ArgumentError, match="the name of a rule"):
        program.act(("fly",))
    with pytest.raises(ArgumentError):
        program.act(("call",))
    assert not program.is_over
