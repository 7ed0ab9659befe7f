"""The forms of uncertain programs: how they are read, what they mean for given draws, and every case of them."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest

from neurallambda.errors import ArgumentError, ErrorKind, ProgramError, SourceError
from neurallambda.lang import Chances, evaluate, parse_term, possibilities, to_text
from neurallambda.lang.normalize import normalize
from neurallambda.lang.terms import Observe, Sample

DIE = Chances((1, 2, 3, 4, 5, 6), (Fraction(1, 6),) * 6)
COIN = Chances((True, False), (Fraction(1, 4), Fraction(3, 4)))


def chances(source: str, holes: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
    """The evidence, and what each end has of it."""
    evidence: Any = 0
    ends: dict[str, Any] = {}
    for one in possibilities(source, holes=holes):
        if not one.is_ruled_out:
            evidence += one.probability
            end = str(one.outcome.error or one.outcome.text)
            ends[end] = ends.get(end, 0) + one.probability
    return evidence, {end: weight / evidence for end, weight in ends.items()}


@pytest.mark.parametrize(
    "text", ["(sample ?a)", "(observe true)", "(fn [x] (observe (= x (sample ?die))))", "(flip 3 10)"]
)
def test_what_is_read_is_printed_again(text: str) -> None:
    assert to_text(parse_term(text)) == text


def test_the_terms() -> None:
    assert isinstance(parse_term("(sample ?a)"), Sample)
    assert isinstance(parse_term("(observe (< 1 2))"), Observe)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("(sample x)", "expected a hole, got `x`; what is sampled is a hole, as in \\(sample \\?a\\)"),
        ("(sample)", "expected a hole"),
        ("(sample ?a ?b)", "expected a closing \\)"),
        ("(observe)", "expected an expression"),
        ("(fn [sample] 1)", "sample is a keyword"),
        ("(flip 3 2)", "no probability"),
        ("(flip 0 0)", "no probability"),
        ("(flip -1 2)", "no probability"),
    ],
)
def test_what_is_no_form_is_refused_at_its_place(source: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as refused:
        evaluate(source, seed=0)
    assert refused.value.line == 1


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("(flip - 1 10)", "9"),
        ("(let [flip +] (flip 3 10))", "13"),
        ("(defn flip [n m] (* n m)) (flip 3 10)", "30"),
        ("((fn [flip] (flip 1 2)) -)", "-1"),
    ],
)
def test_flip_means_what_the_program_says(source: str, value: str) -> None:
    assert evaluate(source).text == value


def test_draws_as_given() -> None:
    assert evaluate("'((flip 1 2) (sample ?a) ?a)", holes={"a": 2}, draws=[True, 2]).text == "'(true 2 2)"
    with pytest.raises(ArgumentError, match="draws: got 1, and the program draws once more, at line 1, column 14"):
        evaluate("'((flip 1 2) (flip 1 2))", draws=[True])
    with pytest.raises(ArgumentError, match="draws: got 5 at place 0, expected one of"):
        evaluate("(flip 1 2)", draws=[5])
    with pytest.raises(SourceError, match="line 1, column 1: \\(flip 1 2\\) draws; give `draws` or a `seed`"):
        evaluate("(flip 1 2)")


def test_draws_by_a_seed() -> None:
    source, holes = "(and (= ?a ?a) (flip 1 2))", {"a": DIE}
    found = [evaluate(source, holes=holes, seed=seed).text for seed in range(200)]
    assert found == [evaluate(source, holes=holes, seed=seed).text for seed in range(200)]
    assert 60 < found.count("true") < 140
    with pytest.raises(ArgumentError, match=r"holes\['a'\]: got several values; expected one, or a `seed`"):
        evaluate("?a", holes={"a": DIE})


def test_a_hole_may_be_a_list() -> None:
    assert evaluate("(map (+ 1) ?xs)", holes={"xs": [1, [2], 3]}).error is ErrorKind.NOT_AN_INTEGER
    assert evaluate("'((length ?xs) ?xs)", holes={"xs": [1, [True, []], "+"]}).text == "'(3 '(1 '(true '()) +))"
    assert evaluate("(length ?xs)", holes={"xs": [1, 300]}, integers=range(256)).error is ErrorKind.OVERFLOW


def test_an_observation_that_is_false_has_a_place() -> None:
    outcome = evaluate("(+ 1\n  (if (observe (= 1 2)) 1 2))")
    assert (outcome.error, outcome.line, outcome.column) == (ErrorKind.IMPOSSIBLE, 2, 7)
    assert outcome.message == "what `observe` was given is false"
    outcome = evaluate("(observe 3)")
    assert (outcome.error, outcome.message) == (ErrorKind.NOT_A_BOOLEAN, "`observe` was given 3, which is no boolean")


def test_an_error_after_draws_has_a_place() -> None:
    outcome = evaluate("(if (flip 1 2)\n 1\n (car ?a))", holes={"a": 4}, draws=[False])
    assert (outcome.error, outcome.line) == (ErrorKind.NOT_A_PAIR, 3)


@pytest.mark.parametrize(
    ("source", "evidence", "ends"),
    [
        ("(= ?d ?d)", 1, {"true": 1}),
        ("(= (sample ?d) (sample ?d))", 1, {"true": Fraction(1, 6), "false": Fraction(5, 6)}),
        ("(observe (or ?c (flip 1 2))) ?c", Fraction(5, 8), {"true": Fraction(2, 5), "false": Fraction(3, 5)}),
        (
            "(/ 6 (- ?d 1)) (observe (< ?d 3)) ?d",
            Fraction(1, 3),
            {"division-by-zero": Fraction(1, 2), "2": Fraction(1, 2)},
        ),
        ("(flip 0 3)", 1, {"false": 1}),
    ],
)
def test_every_case(source: str, evidence: Any, ends: dict[str, Any]) -> None:
    assert chances(source, {"d": DIE, "c": COIN}) == (evidence, ends)


def test_too_many_cases_are_refused() -> None:
    with pytest.raises(ArgumentError, match="more than 100 possibilities"):
        list(possibilities("(sum ?xs)", holes={"xs": [DIE] * 4}, most=100))


@pytest.mark.parametrize("source", ["(sample ?a)", "(if true 1 (flip 1 2))", "(observe true) 1"])
def test_normalize_refuses_them_by_name(source: str) -> None:
    with pytest.raises(SourceError, match=r"normalize takes no .* the engine worlds runs it"):
        normalize(source)


def test_normalize_takes_a_flip_of_the_program() -> None:
    assert to_text(normalize("(fn [flip] (flip 3 10))")) == "(fn [flip] (flip 3 10))"


@pytest.mark.parametrize(
    "values", [((1, 2), (0.5,)), ((), ()), ((1,), (0,)), ((1, 1), (1, 2)), ((1, 2), (1, -1)), ([1], (1,))]
)
def test_chances_that_make_no_sense(values: Any) -> None:
    with pytest.raises(ArgumentError):
        Chances(*values)


def test_an_unbound_name_is_one_case() -> None:
    (one,) = possibilities("(f 1)")
    assert one.outcome.error is ErrorKind.UNBOUND
    with pytest.raises(ProgramError):
        one.outcome.text  # noqa: B018
