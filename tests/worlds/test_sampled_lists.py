"""`(sample ?xs)` of a list: every part is drawn afresh, each time."""

from pathlib import Path
from typing import Any

import pytest
import torch

import neurallambda as nl
from neurallambda.lang import possibilities, to_text
from neurallambda.worlds import Found, Rows, Worlds, load_recording

COIN, DIE = nl.Chances((0, 1), (1, 2)), nl.Chances((1, 2, 3), (1, 1, 2))
SOURCES = (
    "(sample ?xs)",
    "(+ (sum (sample ?xs)) (sum (sample ?xs)))",
    "(= (car ?xs) (car (sample ?xs)))",
    "(observe (< (sum (sample ?xs)) (sum ?xs))) ?xs",
    "(if (flip 1 3) (sample ?xs) (/ 6 (car (sample ?xs))))",
    "(defn-memo f [n] (if (= n 0) 0 (+ (sum (sample ?xs)) (f (- n 1))))) (f 2)",
)
GIVEN: tuple[list[Any], ...] = ([COIN, DIE], [COIN], [5, COIN, 2], [COIN, COIN, DIE])


def told(found: Found, row: int = 0) -> dict[str, float]:
    return {
        str(end) if isinstance(end, nl.ErrorKind) else to_text(end): float(chance)
        for end, chance in found.distribution()[row]
    }


def by_cases(source: str, xs: Any) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in possibilities(source, holes={"xs": xs}):
        if not one.is_ruled_out:
            end = str(one.outcome.error or one.outcome.text)
            found[end] = found.get(end, 0.0) + float(one.probability)
    total = sum(found.values())
    return {end: chance / total for end, chance in found.items()}


@pytest.mark.parametrize("source", SOURCES)
def test_it_is_every_case(source: str, tmp_path: Path) -> None:
    program = Worlds().compile(source)
    together = program.infer(xs=Rows(GIVEN))
    program.record(xs=Rows(GIVEN)).save(tmp_path / "recording")
    again = load_recording(tmp_path / "recording")(xs=Rows(GIVEN))
    for row, xs in enumerate(GIVEN):
        wanted = by_cases(source, xs)
        for found, place in ((program.infer(xs=xs), 0), (together, row), (again, row)):
            assert told(found, place) == pytest.approx(wanted, abs=1e-12)


def test_lists_of_different_lengths() -> None:
    logits = torch.randn(3, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    soft = nl.Soft((1, 3), logits, torch.tensor([2, 0, 1]))
    found = Worlds().compile("(sum (sample ?xs))").infer(xs=soft)
    one, other = logits[0].softmax(-1), logits[2, 0].softmax(-1)
    torch.testing.assert_close(found.probability(4)[0], one[0, 0] * one[1, 1] + one[0, 1] * one[1, 0])
    assert found.probability(0).tolist() == pytest.approx([0, 1, 0])
    torch.testing.assert_close(found.probability(3)[2], other[1])
    (gradient,) = torch.autograd.grad(found.probability(3)[2], logits)
    torch.testing.assert_close(gradient[2, 0], other[1] * (torch.tensor([0.0, 1.0]) - other))
    likeliest = found.likeliest()
    assert [len(one.draws[0]) if one else None for one in likeliest] == [2, 0, 1]


def test_nested_lists_and_certain_ones() -> None:
    nested = [[COIN, 7], [], DIE]
    assert told(Worlds().compile("(sample ?xs)").infer(xs=nested)) == pytest.approx(by_cases("(sample ?xs)", nested))
    assert told(Worlds().compile("(sample ?xs)").infer(xs=[1, [2]])) == {"'(1 '(2))": 1.0}
    assert nl.evaluate("(sample ?xs)", holes={"xs": [1, [2]]}, draws=[[1, [2]]]).text == "'(1 '(2))"
    assert nl.evaluate("(sample ?xs)", holes={"xs": nested}, seed=1).text[:4] == "'('("


def test_a_case_is_told_and_an_error_has_its_place() -> None:
    found = (
        Worlds()
        .compile("(if (flip 1 100) 0 (/ (sum (sample ?xs)) (- (car (sample ?xs)) (car ?xs))))")
        .infer(xs=[DIE, 4])
    )
    error, likeliest = found.error(), found.likeliest()[0]
    assert error is not None
    assert "by zero" in error.message
    assert likeliest is not None
    assert likeliest.draws == (False, [3, 4], [3, 4])
    assert likeliest.holes == {"xs": [3, 4]}


def test_draws_that_cannot_be() -> None:
    for draws in ([[1]], [[1, 9]], [1], [[1, [2]]]):
        with pytest.raises(nl.ArgumentError, match="draws: got"):
            nl.evaluate("(sample ?xs)", holes={"xs": [1, 2]}, draws=draws)
    with pytest.raises(nl.ArgumentError, match="expected an integer"):
        nl.evaluate("(sample ?xs)", draws=[[2.5]])
    assert nl.evaluate("(sample ?xs)", draws=[[1, 400]], integers=range(256)).error is nl.ErrorKind.OVERFLOW
