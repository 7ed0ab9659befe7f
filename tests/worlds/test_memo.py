"""Functions that are run once for each argument: the same results, and the inside algorithm."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings

import neurallambda as nl
from neurallambda.lang import evaluate, parse, to_text
from neurallambda.lang.terms import Define, Function, Program
from neurallambda.worlds import Worlds, load_recording
from tests.worlds.test_enumeration import SLOW, agree, gradients_agree, holes_agree
from tests.worlds.uncertain_programs import INTEGERS, uncertain_programs


def remembered(program: Program) -> Program:
    """The same program, all of whose functions are run once for each argument."""
    forms = (
        replace(form, is_memo=True) if isinstance(form, Define) and isinstance(form.value, Function) else form
        for form in program.forms
    )
    return Program(tuple(forms))


@settings(max_examples=15, deadline=None, suppress_health_check=SLOW)
@given(uncertain_programs())
def test_random_programs(program: Program) -> None:
    if (both := agree(remembered(program), Worlds(integers=INTEGERS), 60)) is not None:
        gradients_agree(*both)
        holes_agree(*both)


@settings(max_examples=8, deadline=None, suppress_health_check=SLOW)
@given(uncertain_programs())
def test_hashes_that_collide(program: Program) -> None:
    worlds = Worlds(integers=INTEGERS)
    worlds.settings = replace(worlds.settings, hash_bits=1)
    agree(remembered(program), worlds, 60)


def test_it_is_read_and_printed_and_means_the_same_everywhere() -> None:
    source = "(defn-memo double [x] (* 2 x)) (double 4)"
    assert to_text(parse(source)) == source
    assert parse(source) != parse(source.replace("-memo", ""))
    assert evaluate(source).text == "8"
    for engine in ("reference", "worlds"):
        assert nl.run(source, engine=engine) == "8"
    with pytest.raises(nl.SourceError, match="definitions stand at the top level"):
        parse("(+ 1 (defn-memo f [x] x))")


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(uncertain_programs())
def test_random_programs_are_read_as_they_are_printed(program: Program) -> None:
    for one in (program, remembered(program)):
        assert parse(to_text(one)) == one
        assert parse(to_text(one, width=30)) == one


TREES = """
; a tree is a leaf, written 0, or a branch, written 1 and two trees; gives what is left of the word after one tree
(defn-memo after-tree [word]
  (if (empty? word)
      (observe false)
      (if (flip 4 10)
          (if (observe (= 1 (car word))) (after-tree (after-tree (cdr word))) '())
          (if (observe (= 0 (car word))) (cdr word) '()))))
(observe (empty? (after-tree ?word)))
"""


def inside(word: Sequence[int], branch: float) -> float:
    """The probability that a tree is written as this word."""
    size = len(word)
    table = [[0.0] * (size + 1) for _ in range(size + 2)]
    for start in reversed(range(size)):
        for end in range(start + 1, size + 1):
            if word[start] == 0:
                table[start][end] = (1 - branch) * (end == start + 1)
            else:
                table[start][end] = branch * sum(table[start + 1][k] * table[k][end] for k in range(start + 2, end))
    return table[0][size]


def test_the_inside_algorithm() -> None:
    words = [[0], [1, 0, 0], [1, 1, 0, 0, 1, 0, 0], [1, 0], [0, 0]]
    found = Worlds().compile(TREES).infer(word=nl.Rows(words))
    expected = [inside(word, 0.4) for word in words]
    assert found.log_evidence.exp().tolist() == pytest.approx(expected, abs=1e-10)


AMBIGUOUS = """
(defn-memo after-sum [word]
  (cond (empty? word) (observe false)
        (sample ?leaf) (if (observe (= 0 (car word))) (cdr word) '())
        (flip 1 2) (if (observe (= 1 (car word))) (after-sum (after-sum (cdr word))) '())
        else (if (observe (= 1 (car word))) (after-sum (after-sum (after-sum (cdr word)))) '())))
(observe (empty? (after-sum ?word)))
"""


def test_an_ambiguous_grammar_with_learned_weights() -> None:
    """Each row has a weight of its own; gradients are those of the inside table."""
    words = [[1, 1, 0, 0, 1, 0, 0, 0], [1, 0, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0]]
    logits = torch.tensor([[0.3, 0.0], [-1.0, 0.5], [2.0, 1.0]], dtype=torch.float64, requires_grad=True)
    found = Worlds().compile(AMBIGUOUS).infer(word=nl.Rows(words), leaf=nl.Soft((True, False), logits))
    leaf = logits.softmax(-1)[:, 0]
    expected = torch.stack([_ambiguous(word, chance) for word, chance in zip(words, leaf, strict=True)])
    torch.testing.assert_close(found.log_evidence.exp(), expected, rtol=0, atol=1e-10)
    (mine,) = torch.autograd.grad(found.log_evidence.exp().sum(), logits)
    (theirs,) = torch.autograd.grad(expected.sum(), logits)
    torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-10)


def _ambiguous(word: Sequence[int], leaf: torch.Tensor) -> torch.Tensor:
    size = len(word)
    zero = torch.zeros((), dtype=torch.float64)
    one: dict[tuple[int, int], torch.Tensor] = {}
    two: dict[tuple[int, int], torch.Tensor] = {}
    for start in reversed(range(size + 1)):
        for end in range(start + 1, size + 1):
            if word[start] == 0:
                one[start, end] = leaf if end == start + 1 else zero
            else:
                pairs = two.get((start + 1, end), zero)
                triples = sum(
                    (one.get((start + 1, k), zero) * two.get((k, end), zero) for k in range(start + 2, end)), zero
                )
                one[start, end] = (1 - leaf) * 0.5 * (pairs + triples)
        for end in range(start + 1, size + 1):
            two[start, end] = sum(
                (one.get((start, k), zero) * one.get((k, end), zero) for k in range(start + 1, end)), zero
            )
    return one[0, size]


def test_long_words_cost_no_more_than_their_parts() -> None:
    counts = []
    for size in (10, 20, 40):
        run = Worlds().compile(TREES).infer(word=[1, 0] * size + [0]).run
        counts.append(run.instructions)
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])


def test_errors_limits_and_draws_of_calls_are_those_of_the_program(tmp_path: Path) -> None:
    source = "(defn-memo f [n] (if (flip 1 3) (car n) (sample ?d)))\n(+ (f 1) (* 10 (f 2)))"
    program = Worlds().compile(source)
    found = program.infer(d=nl.Chances((1, 2), (1, 3)))
    assert float(found.probability(nl.ErrorKind.NOT_A_PAIR)) == pytest.approx(1 - 4 / 9)
    assert float(found.probability(12)) == pytest.approx(4 / 9 * 3 / 16)
    error = found.error(0, nl.ErrorKind.NOT_A_PAIR)
    assert error is not None
    assert error.message == "`car` was given 1, which is no pair"
    (likeliest,) = found.likeliest()
    assert likeliest is not None
    assert likeliest.draws == (True,)
    recording = program.record(d=nl.Chances((1, 2), (1, 3)))
    recording.save(tmp_path / "calls.pt")
    again = load_recording(tmp_path / "calls.pt")(d=torch.tensor([0.0, 0.0]))
    assert float(again.probability(21)) == pytest.approx(4 / 9 / 4)
    endless = Worlds(max_steps=200).compile("(defn-memo f [n] (f (+ n 1))) (if (flip 1 2) 1 (f 0))").infer()
    assert float(endless.probability(1)) == 0.5
    assert float(endless.probability(nl.ErrorKind.OUT_OF_STEPS)) == 0.5
