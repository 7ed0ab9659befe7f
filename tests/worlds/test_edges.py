"""What is rare: nothing possible, nothing to draw, one value, empty lists, odds of any size, gradients at corners."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

import neurallambda as nl
from neurallambda.lang import to_text
from neurallambda.worlds import Found, Worlds, load_recording

WORLDS = Worlds()
INF = float("inf")
ADD = "(defn add [xs ys] (if (empty? xs) 0 (+ (car xs) (add (cdr xs) ys)))) (add ?xs 0)"


def ends(found: Found, row: int = 0) -> dict[str, float]:
    return {
        str(end) if isinstance(end, nl.ErrorKind) else to_text(end): round(float(chance.detach()), 12)
        for end, chance in found.distribution()[row]
    }


def test_a_row_that_is_impossible_beside_rows_that_are_not() -> None:
    logits = torch.zeros(3, 3, requires_grad=True)
    program = WORLDS.compile("(observe (= (+ ?a 1) ?b))\n?a")
    found = program.infer(a=nl.Soft((1, 2, 3), logits), b=torch.tensor([2, 9, 4]))
    assert found.log_evidence.isfinite().tolist() == [True, False, True]
    assert [ends(found, row) for row in range(3)] == [{"1": 1.0}, {}, {"3": 1.0}]
    assert found.probability(1).tolist() == [1, 0, 0]
    error = found.error(1)
    assert error is not None
    assert (error.kind, error.line, error.column) == (nl.ErrorKind.IMPOSSIBLE, 1, 1)
    assert error.message == "row 1: no world is left: what `observe` was given is false in all of them"
    assert found.error(0) is None
    assert found.likeliest()[1] is None
    (found.probability(3).sum() + found.log_evidence[[0, 2]].sum()).backward()
    assert logits.grad is not None
    assert bool(logits.grad.isfinite().all())
    assert logits.grad[1].tolist() == [0, 0, 0]


def test_the_error_names_the_observation_that_took_the_last_world() -> None:
    found = WORLDS.compile("(observe (< ?a 3))\n(observe (> ?a 1))\n  (observe (= ?a 1)) ?a").infer(
        a=nl.Chances((1, 2, 3), (1, 1, 1))
    )
    error = found.error()
    assert error is not None
    assert (error.line, error.column) == (3, 3)


def test_evidence_that_has_no_probability_is_impossible() -> None:
    logits = torch.tensor([0.0, -INF], requires_grad=True)
    found = WORLDS.compile("(observe (= ?a 2)) ?a").infer(a=nl.Soft((1, 2), logits))
    assert found.log_evidence.tolist() == [-INF]
    error = found.error()
    assert error is not None
    assert error.kind is nl.ErrorKind.IMPOSSIBLE
    assert ends(found) == {}


@pytest.mark.parametrize("logits", [[0.0, -INF, 0.0], [-INF, -INF, 0.0], [-2000.0, 0.0, 1.0]], ids=str)
def test_probabilities_of_zero_and_one_have_finite_gradients(logits: list[float]) -> None:
    given = torch.tensor(logits, requires_grad=True)
    found = WORLDS.compile("(if (< ?a 3) (* ?a ?a) (car ?a))").infer(a=nl.Soft((1, 2, 3), given))
    chances = given.softmax(0)
    loss = found.probability(1) + 2 * found.probability(nl.ErrorKind.NOT_A_PAIR) + found.log_evidence
    (mine,) = torch.autograd.grad(loss.sum(), given)
    (theirs,) = torch.autograd.grad(chances[0] + 2 * chances[2], given)
    torch.testing.assert_close(mine, theirs.to(mine.dtype))


def test_a_hole_of_one_value_and_a_program_without_any() -> None:
    found = WORLDS.compile("(* ?a 3)").infer(a=nl.Soft((4,), torch.zeros(1)))
    assert ends(found) == {"12": 1.0}
    assert found.posterior("a").tolist() == [[1]]
    assert ends(WORLDS.compile("(* 4 3)").infer()) == {"12": 1.0}
    assert WORLDS.compile("1").infer(batch=3).log_evidence.tolist() == [0, 0, 0]


def test_lists_of_different_lengths_and_empty_ones() -> None:
    logits = torch.randn(4, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    soft = nl.Soft((0, 1), logits, torch.tensor([3, 0, 1, 2]))
    found = WORLDS.compile("(sum ?xs)").infer(xs=soft)
    one = logits.softmax(-1)[..., 1]
    assert ends(found, 1) == {"0": 1.0}
    assert float(found.probability(1)[2]) == pytest.approx(float(one[2, 0]), abs=1e-12)
    assert float(found.probability(2)[3]) == pytest.approx(float(one[3, 0] * one[3, 1]), abs=1e-12)
    assert float(found.probability(3)[0]) == pytest.approx(float(one[0].prod()), abs=1e-12)
    posterior = found.posterior("xs")
    assert posterior.shape == (4, 3, 2)
    torch.testing.assert_close(posterior[0], logits[0].softmax(-1), rtol=0, atol=1e-12)
    assert posterior[1].tolist() == [[0, 0]] * 3
    assert [len(one.holes["xs"]) for one in found.likeliest() if one is not None] == [3, 0, 1, 2]


def test_the_parts_of_nested_lists_are_drawn_one_by_one() -> None:
    coin = nl.Chances((1, 2), (1, 3))
    given = [[coin, 5], [], [[coin]], 7]
    found = WORLDS.compile("(car (car (nth ?t 2)))").infer(t=given)
    assert ends(found) == {"2": 0.75, "1": 0.25}
    found = WORLDS.compile("?t").infer(t=given)
    assert ends(found)["'('(2 5) '() '('(1)) 7)"] == pytest.approx(3 / 16)
    posterior = WORLDS.compile("(if (observe (= 2 (car (car ?t)))) 0 1)").infer(t=given).posterior("t")
    assert posterior[0][0].tolist() == [[0, 1]]
    assert posterior[0][1] == 5
    torch.testing.assert_close(posterior[2][0][0], torch.tensor([[0.25, 0.75]], dtype=torch.float64))


def test_rows_of_anything() -> None:
    coin = nl.Soft((1, 2), torch.tensor([0.0, 0.0]))
    found = WORLDS.compile("(foldl + 0 ?xs)").infer(xs=nl.Rows([[1, coin], [coin, coin, 3], []]))
    assert [ends(found, row) for row in range(3)] == [
        {"2": 0.5, "3": 0.5},
        {"6": 0.5, "5": 0.25, "7": 0.25},
        {"0": 1.0},
    ]
    posterior = WORLDS.compile("(observe (= 6 (foldl + 0 ?xs)))").infer(xs=nl.Rows([[5, coin], [coin, coin, 3]]))
    first, second = posterior.posterior("xs")
    assert [first[0], first[1].tolist()] == [5, [1, 0]]
    assert second[1].tolist() == [0.5, 0.5]


def test_a_posterior_of_what_nobody_looks_at_is_the_prior() -> None:
    a, b = nl.Chances((1, 2), (1, 3)), nl.Chances((True, False), (1, 1))
    found = WORLDS.compile("(observe ?b) (if (or ?b (= ?a 1)) 0 1)").infer(a=a, b=b)
    assert found.posterior("a").tolist() == [[0.25, 0.75]]
    assert found.posterior("b").tolist() == [[1, 0]]
    (likeliest,) = found.likeliest()
    assert likeliest is not None
    assert (likeliest.holes, likeliest.probability) == ({"a": 2, "b": True}, pytest.approx(0.75))


def test_the_posterior_can_be_differentiated() -> None:
    logits = torch.randn(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    program = WORLDS.compile("(observe (< (+ ?a (sample ?a)) 5)) ?a")

    def posterior(given: torch.Tensor) -> torch.Tensor:
        return program.infer(a=nl.Soft((1, 2, 3), given)).posterior("a")

    assert torch.autograd.gradcheck(posterior, (logits,))


def test_gradients_of_everything_by_finite_differences() -> None:
    logits = torch.randn(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    program = WORLDS.compile("(observe (or (flip 1 3) (< ?a 3))) (if (= ?a (sample ?a)) (* ?a ?a) (car ?a))")

    def everything(given: torch.Tensor) -> tuple[torch.Tensor, ...]:
        found = program.infer(a=nl.Soft((1, 2, 3), given))
        return found.log_evidence, found.probability(4), found.probability(nl.ErrorKind.NOT_A_PAIR)

    assert torch.autograd.gradcheck(everything, (logits,))


def test_gradients_of_gradients() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 2, 3, generator=generator, dtype=torch.float64).requires_grad_()
    some = torch.tensor([[0.0, 1.0, -INF]], dtype=torch.float64, requires_grad=True)
    recording = WORLDS.compile("(observe (= 2 (+ ?a (+ ?b (sample ?a))))) (* ?a ?b)").record(
        a=nl.Soft(range(3), a), b=nl.Soft(range(3), b)
    )
    one = WORLDS.compile("(observe (= ?a (sample ?a))) ?a").record(a=nl.Soft(range(3), some))

    def numbers(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, ...]:
        found = recording(a=a, b=b)
        return found.log_evidence, found.probability(1), found.posterior("a")

    assert torch.autograd.gradgradcheck(numbers, (a.detach().requires_grad_(), b.detach().requires_grad_()))
    (first,) = torch.autograd.grad(one(a=some).log_evidence.sum(), some, create_graph=True)
    (second,) = torch.autograd.grad(first[0, 0], some)
    assert first.isfinite().all()
    assert second.isfinite().all()


def test_single_precision_logits_have_gradients_of_their_own_type() -> None:
    logits = torch.zeros(2, requires_grad=True)
    WORLDS.compile("(observe (= ?a 1)) 1").infer(a=nl.Soft((1, 2), logits)).log_evidence.sum().backward()
    assert logits.grad is not None
    assert logits.grad.dtype == torch.float32
    assert logits.grad.tolist() == pytest.approx([0.5, -0.5])


def test_odds_of_any_size() -> None:
    huge = 10**400
    rare, sure = (Worlds().compile(f"(flip {one} {huge})").infer() for one in (1, huge - 1))
    assert float(rare.probability(True)) == float(sure.probability(False)) == 0
    assert float(rare.probability(False)) == float(sure.probability(True)) == 1
    assert torch.isfinite(rare.log_weights).all()
    logarithm = Worlds().compile(f"(observe (flip 1 {huge}))").infer().log_evidence
    assert float(logarithm) == pytest.approx(-400 * math.log(10), rel=1e-14)


@pytest.mark.parametrize("part", [1, nl.Chances((1, 2), (1, 1))], ids=["certain", "uncertain"])
def test_lists_that_are_nested_too_deep(part: object) -> None:
    def nested(depth: int) -> object:
        found = part
        for _ in range(depth):
            found = [found]
        return found

    program, reference = Worlds().compile("(car ?a)"), nl.evaluate("1", holes={"a": nested(100)}, seed=0)
    assert reference.text == "1"
    assert len(ends(program.infer(a=nested(100)))) == (1 if part == 1 else 2)
    for too_deep in (nested(101), [1, nested(5000)], nl.Rows([nested(101)])):
        with pytest.raises(nl.ArgumentError, match=r"holes\['a'\]: got lists nested more than 100 deep"):
            program.infer(a=too_deep)
    with pytest.raises(nl.ArgumentError, match="value: got lists nested more than 100 deep"):
        program.infer(a=[1]).probability(nested(101))


def test_new_tensors_may_be_made_elsewhere_by_default(tmp_path: Path) -> None:
    logits = torch.randn(2, 3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    xs, lengths = nl.Soft((1, 2), logits, torch.tensor([3, 1])), torch.tensor([4, 1])
    program = Worlds().compile("(observe (= ?total (sum ?xs))) (if (flip 1 3) (sample ?xs) 0)")
    seen = {"a": [0, 1], "b": [1, 0]}
    with_shortcuts = Worlds().compile("(observe (= (+ ?a ?b) 1))")

    def numbers() -> list[object]:
        found = program.infer(xs=xs, total=lengths)
        recording = program.record(xs=xs, total=lengths)
        recording.save(tmp_path / "recording")
        again = load_recording(tmp_path / "recording")(xs=logits)
        (gradient,) = torch.autograd.grad(found.log_evidence.sum(), logits, retain_graph=True)
        return [
            *([one.log_evidence.tolist(), one.posterior("xs").tolist(), one.likeliest()] for one in (found, again)),
            [recording(xs=xs).probability(0).tolist(), found.log_probabilities([0, [1]]).tolist()],
            [gradient.tolist(), str(found.error(1)), with_shortcuts.shortcuts(symbols=seen, values=range(2))],
            [Worlds(keep=2).compile("(sum ?xs)").infer(xs=xs).lost.tolist(), Worlds().compile("?n").infer(n=3).texts],
        ]

    expected = numbers()
    torch.set_default_device("meta")
    try:
        assert numbers() == expected
    finally:
        torch.set_default_device("cpu")


@pytest.mark.parametrize(
    ("source", "value", "kind"),
    [
        ("(+ ?a 1)", 1000, "overflow"),
        ("(let [x ?a] 1)", 1000, "overflow"),
        ("(let [x ?xs] 1)", [1, [1000]], "overflow"),
        ("1000", 1, "overflow"),
    ],
)
def test_integers_that_are_not_declared(source: str, value: object, kind: str) -> None:
    program = Worlds(integers=range(-256, 256)).compile(source)
    assert ends(program.infer({"a": value, "xs": value})) == {kind: 1.0}


def test_part_of_what_is_drawn_may_be_out_of_range() -> None:
    some = nl.Chances((1, 1000), (1, 3))
    worlds = Worlds(integers=range(-256, 256))
    for source, value in {"?a": "1", "(let [x ?a] 5)": "5", "'(1 ?a)": "'(1 1)", "((+ ?a) (sample ?a))": "2"}.items():
        found = ends(worlds.compile(source).infer(a=some))
        chance = 1 / 16 if "sample" in source else 1 / 4
        assert found == {value: chance, "overflow": 1 - chance}
    with pytest.raises(nl.ArgumentError, match=r"holes\['xs'\]: got 1000 in a list"):
        worlds.compile("(car ?xs)").infer(xs=[some, some])


@pytest.mark.parametrize(
    ("source", "draws"),
    [
        ("(/ 1 (- (sample ?a) 1))", (1,)),
        ("(if (flip 2 2) (/ 6 (- ?a 1)) 1)", (True,)),
        ("(if (flip 0 3) 1 (/ 6 (- (sample ?a) 1)))", (False, 1)),
        ("(if (flip 1 2) (/ (sample ?a) 0) (/ (sample ?b) 0))", None),
    ],
)
def test_draws_that_can_give_one_thing_only_are_draws(
    source: str, draws: tuple[Any, ...] | None, tmp_path: Path
) -> None:
    """The reference is asked for the place of an error, with all draws of the case."""
    recording = WORLDS.compile(source).record({"a": 1, "b": torch.tensor([3, 3])})
    recording.save(tmp_path / "recording")
    for found in (recording(), load_recording(tmp_path / "recording")()):
        error, likeliest = found.error(1), found.likeliest()[1]
        assert error is not None
        assert likeliest is not None
        assert error.kind is nl.ErrorKind.DIVISION_BY_ZERO
        assert error.line == 1
        assert likeliest.probability == pytest.approx(1 if draws else 0.5)
        assert likeliest.draws == draws or (draws is None and likeliest.draws in ((True, 1), (False, 3)))
        assert found.log_evidence.tolist() == pytest.approx([0.0, 0.0], abs=1e-12)


def test_the_chances_of_all_ends_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each end would be a time that goes by the square of their number: minutes for some thousands of rows."""
    found, asked = WORLDS.compile("(+ ?a ?n)").infer(a=nl.Soft((1, 2), torch.zeros(2)), n=torch.arange(50)), []
    chances = found.chances
    monkeypatch.setattr(Found, "chances", property(lambda self: asked.append(self) or chances))
    assert [ends(found, row) for row in (0, 49)] == [{"1": 0.5, "2": 0.5}, {"50": 0.5, "51": 0.5}]
    assert len(asked) == 2


def test_gradients_by_torch_func() -> None:
    program = WORLDS.compile("(observe (< ?a 3)) (+ ?a (sample ?a))")
    recording = program.record(a=nl.Soft((1, 2, 3), torch.zeros(3)))
    logits = torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64)

    def loss(given: torch.Tensor, *, again: bool) -> torch.Tensor:
        found = recording(given) if again else program.infer(a=nl.Soft((1, 2, 3), given))
        return found.log_evidence.sum() + found.probability(4).sum()

    (expected,) = torch.autograd.grad(loss(wanted := logits.clone().requires_grad_(), again=True), wanted)
    for again in (False, True):
        torch.testing.assert_close(
            torch.func.grad(lambda given, again=again: loss(given, again=again))(logits), expected
        )
