"""Holes: what a soft program means, held to the exact mixture of what its sharp fillings mean."""

from itertools import product
from math import prod

import pytest
import torch
from torch import Tensor

from neurallambda.errors import ArgumentError, ErrorKind, SourceError
from neurallambda.lang.evaluate import evaluate
from neurallambda.machine import Machine, Soft

INTEGERS = range(-10, 20)

EXACT = (
    "(+ (* ?a 3) ?b)",
    "(- ?a ?b)",
    "(* ?a ?b)",
    "(/ ?a ?b)",
    "(mod ?a ?b)",
    "(< ?a ?b)",
    "(= ?a ?b)",
    "(not ?c)",
    "(?op ?a ?b)",
    "((fn [x] (+ x ?b)) ?a)",
    "(car '((+ ?a 1) ?b))",
    "(if ?c 1 '())",
    "(if ?c ?a (car '(1 2)))",
    "(if (< ?a ?b) 1 2)",
    "(+ ?a true)",
    "(let [f (fn [x y] (- y x))] (f ?a ?b))",
)
"""Each hole is used once, and no two things depend on one soft choice: the machine's answer is the exact mixture."""


def fillings() -> dict[str, Soft]:
    generator = torch.Generator().manual_seed(5)

    def soft(*values: int | bool | str) -> Soft:
        return Soft(values, torch.randn(len(values), generator=generator, dtype=torch.float64))

    return {"a": soft(-7, 0, 3, 9), "b": soft(-2, 0, 4), "c": soft(True, False), "op": soft("+", "*", "-", "<", "=")}


def exact_mixture(source: str, holes: dict[str, Soft]) -> dict[str, float]:
    """Run every sharp filling by the reference, and add up the chances of each end."""
    names = [name for name in holes if f"?{name}" in source]
    ends: dict[str, float] = {}
    for choice in product(*(range(len(holes[name].values)) for name in names)):
        sharp = {name: holes[name].values[i] for name, i in zip(names, choice, strict=True)}
        chance = prod(float(holes[name].probabilities[i]) for name, i in zip(names, choice, strict=True))
        outcome = evaluate(source, holes=sharp, integers=INTEGERS)
        end = str(outcome.error or outcome.text)
        ends[end] = ends.get(end, 0.0) + chance
    return ends


@pytest.mark.parametrize("source", EXACT)
def test_soft_data_used_once_gives_the_exact_mixture(source: str) -> None:
    machine = Machine(integers=INTEGERS, dtype=torch.float64)
    holes = fillings()
    result = machine.run(machine.encode(source, holes=holes), max_steps=200)
    expected = exact_mixture(source, holes)
    assert sum(expected.values()) == pytest.approx(1)
    for end, chance in expected.items():
        known = ErrorKind(end) if end in set(ErrorKind) else end
        assert float(result.probability(known)) == pytest.approx(chance, abs=1e-12), end


@pytest.mark.parametrize(
    ("source", "value"), [("(if ?c 3 (+ 4))", "3"), ("(if ?c + (- 1))", "+"), ("(if ?c 3 + )", "3")]
)
def test_what_a_partial_primitive_holds_is_not_the_answer(source: str, value: str) -> None:
    """A partial primitive holds an operator and an operand in the fields where other values have their own."""
    machine = Machine(integers=INTEGERS, dtype=torch.float64)
    result = machine.run(machine.encode([source, "(+ 3)"], holes=fillings()), max_steps=200)
    chance = float(fillings()["c"].probabilities[0])
    assert result.probability(value).tolist() == pytest.approx([chance, 0], abs=1e-12)
    distribution = result.distribution()
    total = sum(getattr(distribution, part).sum() for part in ("integers", "true", "false", "nil", "other", "errors"))
    assert float(total) == pytest.approx(2)


def test_alternatives_that_are_always_mixed_are_not_the_mixture() -> None:
    """Registers are independent: two branches that both go on share one continuation, unless they are kept apart."""
    source = "(+ (if ?c (+ 1 1) 5) 1)"
    holes = {"c": Soft((True, False), torch.zeros(2, dtype=torch.float64))}
    assert exact_mixture(source, holes) == {"3": 0.5, "6": 0.5}
    for alternatives, is_exact in ((1, False), (2, True)):
        machine = Machine(integers=INTEGERS, dtype=torch.float64, alternatives=alternatives)
        result = machine.run(machine.encode(source, holes=holes), max_steps=200)
        found = [float(result.probability(value)) for value in (3, 6)]
        assert (found == pytest.approx([0.5, 0.5], abs=1e-3)) is is_exact


def test_a_hole_used_twice_is_two_independent_draws() -> None:
    machine = Machine(integers=INTEGERS, dtype=torch.float64)
    holes = {"a": Soft((1, 2), torch.zeros(2, dtype=torch.float64))}
    result = machine.run(machine.encode("(+ ?a ?a)", holes=holes))
    assert [float(result.probability(n)) for n in (2, 3, 4)] == pytest.approx([0.25, 0.5, 0.25])


def test_logits_over_all_integers_and_rows_of_their_own() -> None:
    machine = Machine(integers=range(4))
    logits = torch.full((2, 4), -50.0)
    logits[0, 1] = logits[1, 2] = 50.0
    result = machine.run(machine.encode(["(+ ?a 1)", "(* ?a 1)"], holes={"a": logits}))
    assert [outcome.text for outcome in machine.decode(result)] == ["2", "2"]


def test_probability_of_structures() -> None:
    machine = Machine(integers=range(4), dtype=torch.float64)
    holes = {"a": Soft((1, 2), torch.tensor([0.0, 1.0], dtype=torch.float64))}
    result = machine.run(machine.encode(["'(0 ?a)", "(cons ?a ?a)", "(if true + -)"], holes=holes))
    chance = float(torch.tensor([0.0, 1.0], dtype=torch.float64).softmax(-1)[1])
    assert result.probability("'(0 2)").tolist() == pytest.approx([chance, 0, 0])
    assert result.probability("(cons 2 2)").tolist() == pytest.approx([0, chance**2, 0])
    assert result.probability("+").tolist() == pytest.approx([0, 0, 1])
    with pytest.raises(ArgumentError, match="value"):
        result.probability("(fn [x] x)")


def test_learning_by_descent() -> None:
    """The constant of a program is found by Adam from what the program should give."""
    machine = Machine(integers=range(-8, 24))
    logits = torch.zeros(32, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.5)
    for _ in range(40):
        result = machine.run(machine.encode(["(+ (* ?a 2) 1)", "(- ?a 1)"], holes={"a": logits}))
        chances = torch.stack([result.probability(11)[0], result.probability(4)[1]])
        optimizer.zero_grad()
        (-chances.log().sum()).backward()
        optimizer.step()
    assert int(logits.argmax()) - 8 == 5
    assert float(logits.detach().softmax(-1).max()) > 0.95


@pytest.mark.parametrize(
    ("filling", "message"),
    [
        (torch.zeros(3), "logits over the declared integers"),
        (Soft((1, 2), torch.zeros(3, 2)), "batch of 1"),
        (Soft(("plus",), torch.zeros(1)), "'plus' is not a primitive"),
    ],
    ids=["length", "batch", "name"],
)
def test_bad_fillings_are_refused(filling: Tensor | Soft, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Machine().encode("(+ ?a 1)", holes={"a": filling})


def test_soft_refuses_what_does_not_fit() -> None:
    with pytest.raises(ArgumentError, match="last axis"):
        Soft((1, 2), torch.zeros(3))
    with pytest.raises(ArgumentError, match="once"):
        Soft((1, 1), torch.zeros(2))


def test_a_program_with_an_unfilled_hole_is_refused() -> None:
    with pytest.raises(SourceError, match=r"line 1, column 4.*\?a is not filled"):
        Machine().encode("(+ ?a 1)")
