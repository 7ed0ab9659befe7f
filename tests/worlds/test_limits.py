"""Limits are ends like others, and say what keeps worlds apart."""

import pytest
import torch

import neurallambda as nl
from neurallambda.worlds import Worlds
from tests.worlds.test_edges import ends


def test_too_many_worlds_say_what_keeps_them_apart() -> None:
    coin = nl.Chances((0, 1), (1, 1))
    worlds = Worlds(max_worlds=100)
    found = worlds.compile("(defn twice [xs]\n (map (* 2) xs))\n(sum (twice ?xs))").infer(xs=[coin] * 12)
    assert ends(found) == {"out-of-memory": 1.0}
    error = found.error()
    assert error is not None
    assert error.message.startswith(
        "64 worlds draw here, and there would be more than max_worlds=100. What keeps them apart: "
    )
    assert error.message.endswith("apart: a value on the way, which waits for the result of a call, has 2 values")
    beside = worlds.compile("(sum (map (* 2) ?xs))").infer(xs=nl.Rows([[coin] * 12, [coin] * 3]))
    assert ends(beside, 0) == {"out-of-memory": 1.0}
    assert ends(beside, 1) == {"0": 0.125, "2": 0.375, "4": 0.375, "6": 0.125}


def test_a_limit_of_memory_is_an_end() -> None:
    source = "(defn keep [n] (if (= n 0) 0 (+ n (keep (- n 1))))) (keep ?n)"
    rows = torch.tensor([3, 100_000] + [2] * 20)
    found = Worlds(max_words=10_000).compile(source).infer(n=rows)
    assert [ends(found, row) for row in range(3)] == [{"6": 1.0}, {"out-of-memory": 1.0}, {"3": 1.0}]
    assert "max_words=10,000" in str(found.error(1))
    growing = "(defn grow [xs] (if (flip 1 2) (length xs) (grow (cons 1 xs)))) (grow '())"
    found = Worlds(max_words=100).compile(growing).infer()
    assert float(found.probability(2)) == pytest.approx(0.125, abs=1e-12)
    assert 0 < float(found.probability(nl.ErrorKind.OUT_OF_MEMORY)) < 0.01
    assert float(sum(chance for _, chance in found.distribution()[0])) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("(go ?xs '())", "`seen` has 64 values"),
        ("(keep ?xs)", "`x`, which waits for the result of line 3, column 68, has 2 values"),
        ("(+ 0 (keep ?xs))", "`x`, which waits for the result of line 3, column 68, has 2 values"),
        ("(branch 12)", "what waits for the result of the call has 64 forms"),
    ],
)
def test_what_keeps_worlds_apart_is_named(source: str, what: str) -> None:
    coin = nl.Chances((0, 1), (1, 1))
    definitions = """
        (defn go [xs seen] (if (empty? xs) seen (go (cdr xs) (cons (+ 1 (car xs)) seen))))
        (defn keep [xs] (if (empty? xs) 0 (let [x (+ 1 (car xs)) y (keep (cdr xs))] (* x (+ x y)))))
        (defn branch [n] (if (= n 0) 0 (if (flip 1 2) (+ 1 (branch (- n 1))) (+ 2 (branch (- n 1))))))
    """
    error = Worlds(max_worlds=100).compile(definitions + source).infer({"xs": [coin] * 12}).error()
    assert error is not None
    assert error.message.endswith(f"What keeps them apart: {what}")


def test_a_limit_of_steps_is_that_of_each_world() -> None:
    source = "(defn count [n] (if (= n 0) 7 (count (- n 1)))) (count ?n)"
    found = Worlds(max_steps=60).compile(source).infer(n=torch.tensor([1, 1000, 3]))
    assert [ends(found, row) for row in range(3)] == [{"7": 1.0}, {"out-of-steps": 1.0}, {"7": 1.0}]
