"""One protocol for all engines: each is found by its name, and answers the same questions."""

import pytest

from neurallambda.engines import ENGINES, engine_named, make_engine
from neurallambda.engines.protocol import Engine, Limits
from neurallambda.errors import ArgumentError, ErrorKind, SourceError
from neurallambda.lang.outcome import Outcome

EVERY = pytest.mark.parametrize("name", ENGINES)
SMALL = Limits(cells=24, integers=range(-10, 50))
SOURCES = ["(+ 1 2)", "(car 1)", "(", "y", "(+ ?a 1)", "((fn [x] '(x x)) 3)"]


def told(outcome: Outcome | SourceError) -> str:
    return type(outcome).__name__ if isinstance(outcome, SourceError) else str(outcome.error or outcome.text)


def test_every_engine_is_there_under_its_name() -> None:
    assert set(ENGINES) == set(Engine)
    assert [make_engine(name).name for name in Engine] == list(Engine)


@pytest.mark.parametrize("name", ["machin", "", "Machine", "ENGINE.BETA"])
def test_a_name_of_none(name: str) -> None:
    with pytest.raises(
        ArgumentError, match="expected machine or reference or beta or worlds or stepper or beta-stepper"
    ):
        engine_named(name)


@EVERY
def test_an_option_that_it_does_not_take(name: Engine) -> None:
    with pytest.raises(ArgumentError, match="colour: got it for the engine"):
        make_engine(name, colour="red")


@EVERY
def test_a_stream_is_its_programs(name: Engine) -> None:
    engine = make_engine(name, limits=SMALL)
    found = list(engine.run_all(SOURCES))
    assert list(map(told, found)) == ["3", "not-a-pair", "SourceError", "unbound", "SourceError", "'(3 3)"]
    for source, outcome in zip(SOURCES, found, strict=True):
        if isinstance(outcome, SourceError):
            with pytest.raises(SourceError):
                engine.run(source)
        else:
            assert told(engine.run(source)) == told(outcome)


@EVERY
def test_holes_are_filled(name: Engine) -> None:
    engine = make_engine(name, limits=SMALL)
    assert engine.run("(?op ?a 2)", holes={"op": "*", "a": 7}).text == "14"
    assert [told(one) for one in engine.run_all(["(+ ?a 1)", "(if ?a 1 2)"], holes={"a": 4})] == ["5", "not-a-boolean"]


@EVERY
def test_limits_hold(name: Engine) -> None:
    few = make_engine(name, limits=Limits(max_steps=3, integers=range(8), cells=24))
    assert few.max_steps == 3
    assert few.run("(+ 1 (+ 2 (+ 1 1)))").error is ErrorKind.OUT_OF_STEPS
    small = make_engine(name, limits=Limits(integers=range(8), cells=24))
    assert small.run("(* 3 3)").error is ErrorKind.OVERFLOW


@EVERY
def test_terms_that_are_not_closed(name: Engine) -> None:
    engine = make_engine(name, limits=SMALL)
    if name in (Engine.MACHINE, Engine.WORLDS, Engine.STEPPER):
        with pytest.raises(ArgumentError, match="runs closed programs"):
            engine.reduce("((fn [x] '(x x)) y)")
    else:
        assert engine.reduce("((fn [x] '(x x)) y)").text == "'(y y)"
