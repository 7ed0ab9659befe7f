"""A stream of programs: what is wrong with one of them is its own end, and the same by every engine."""

import pytest

from neurallambda.errors import SourceError
from neurallambda.programs import Engine, run, run_all

STREAM = [
    "1",
    "(defn f [x] x)",
    "",
    "; nothing",
    "(def x x)",
    "(def x x) 1",
    "(def x x) x",
    "(def a b) (def b a) 1",
    "(def a (f 1)) (defn f [n] a) (f 2)",
    "(+ x nil)",
    "(mpa car '())",
    "(+ ?a 1)",
    "(fn [x) x",
    "2",
]


@pytest.mark.parametrize("engine", [Engine.MACHINE, Engine.BETA])
def test_every_engine_says_what_the_reference_says(engine: Engine) -> None:
    expected = [str(end) for end in run_all(STREAM, engine="reference")]
    assert [str(end) for end in run_all(STREAM, engine=engine)] == expected
    assert (expected[0], expected[-1]) == ("1", "2")


@pytest.mark.parametrize("engine", list(Engine))
def test_one_program_alone_is_refused(engine: Engine) -> None:
    for source, problem in (("", "is empty"), ("(def x 1)", "definitions only")):
        with pytest.raises(SourceError, match=problem):
            run(source, engine=engine)
