"""Fillings: one contract for all engines, refused by the name of the hole when the program is encoded."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch

import neurallambda as nl
from neurallambda import engines
from neurallambda.beta import NeuralBeta
from neurallambda.lang.fillings import check_names
from neurallambda.machine import Machine

INF, NAN = float("inf"), float("nan")
TENSOR_ENGINES = {
    "machine": lambda: Machine(integers=range(-8, 8)),
    "beta": lambda: NeuralBeta(cells=16, integers=range(-8, 8)),
}
ENGINES = pytest.mark.parametrize("make", TENSOR_ENGINES.values(), ids=TENSOR_ENGINES)

WRONG_TYPES = pytest.mark.compile  # in the session without run-time checks of types, which would answer first

STRANGE = {
    "a float among values": lambda: nl.Soft((1, 2.5), torch.zeros(2)),  # pyright: ignore[reportArgumentType]
    "a whole float": lambda: nl.Soft((1, 2.0), torch.zeros(2)),  # pyright: ignore[reportArgumentType]
    "None among values": lambda: nl.Soft((1, None), torch.zeros(2)),  # pyright: ignore[reportArgumentType]
    "a tuple among values": lambda: nl.Soft((1, (2, 3)), torch.zeros(2)),  # pyright: ignore[reportArgumentType]
    "a list among values": lambda: nl.Soft((1, [2, 3]), torch.zeros(2)),  # pyright: ignore[reportArgumentType]
    "no primitive": lambda: nl.Soft((1, "plus"), torch.zeros(2)),
    "NaN": lambda: nl.Soft((1, 2), torch.tensor([NAN, 0.0])),
    "plus infinity": lambda: nl.Soft((1, 2), torch.tensor([INF, 0.0])),
    "all minus infinity": lambda: nl.Soft((1, 2), torch.tensor([-INF, -INF])),
    "all minus infinity in one row": lambda: nl.Soft((1, 2), torch.tensor([[0.0, 0.0], [-INF, -INF]])),
    "None": lambda: None,
    "a certain float": lambda: 2.0,
    "a list": lambda: [1, 2],
    "a tuple": lambda: (1, 2),
    "integer logits": lambda: torch.zeros(16, dtype=torch.long),
    "too few logits": lambda: torch.zeros(3),
    "a dict": lambda: {1: 0.5},
}


@WRONG_TYPES
@ENGINES
@pytest.mark.parametrize("source", ["(+ ?a 0)", "(if true 1 ?a)", "1"], ids=["reached", "not reached", "not there"])
@pytest.mark.parametrize("filling", STRANGE.values(), ids=STRANGE)
def test_what_cannot_fill_a_hole_is_refused_by_its_name(
    make: Callable[[], Any], source: str, filling: Callable[[], Any]
) -> None:
    with pytest.raises(nl.ArgumentError, match=r"holes\['a'\]: "):
        make().encode([source, source], holes={"a": filling()})


@WRONG_TYPES
@pytest.mark.parametrize("engine", list(nl.Engine))
@pytest.mark.parametrize("filling", [None, 2.0, [1], (1,), "plus", {}], ids=repr)
def test_every_engine_refuses_the_same(engine: nl.Engine, filling: object) -> None:
    if engine is nl.Engine.WORLDS and filling in ([1], (1,)):  # a list, which this engine takes
        assert nl.run("(if true 1 ?a)", holes={"a": filling}, engine=engine) == "1"
        return
    with pytest.raises(nl.ArgumentError, match=r"holes\['a'\]: "):
        nl.run("(if true 1 ?a)", holes={"a": filling}, engine=engine)


@WRONG_TYPES
@pytest.mark.parametrize("holes", [[("a", 1)], 3, {1: 2}, {"?a": 2}], ids=repr)
def test_holes_are_a_mapping_from_names(holes: object) -> None:
    with pytest.raises(nl.ArgumentError, match="holes"):
        check_names(holes)
    with pytest.raises(nl.ArgumentError, match="holes"):
        Machine().encode("?a", holes=holes)  # pyright: ignore[reportArgumentType]


@WRONG_TYPES
@pytest.mark.parametrize(
    ("values", "logits", "message"),
    [
        ((1, 2), [0.0, 0.0], "logits: .*expected a tensor"),
        ((1, 2), torch.zeros(2, dtype=torch.long), "floating point"),
        ((1, 2), None, "logits: .*expected a tensor"),
        ([1, 2], torch.zeros(2), "values: .*expected a tuple"),
        ((), torch.zeros(0), "at least one"),
        ((1, 2), torch.tensor(0.0), "last axis"),
    ],
    ids=str,
)
def test_what_is_no_distribution_is_refused_where_it_is_made(values: Any, logits: Any, message: str) -> None:
    with pytest.raises(nl.ArgumentError, match=message):
        nl.Soft(values, logits)


@ENGINES
def test_a_value_may_be_masked_and_its_gradient_is_zero(make: Callable[[], Any]) -> None:
    logits = torch.tensor([0.0, -INF, 0.0], requires_grad=True)
    engine = make()
    result = engine.run(engine.encode("(+ ?a 1)", holes={"a": nl.Soft((1, 2, 3), logits)}), max_steps=30)
    total = result.probability(2).sum() if isinstance(engine, Machine) else result.memory.first.square().sum()
    total.backward()
    assert logits.grad is not None
    assert bool(logits.grad.isfinite().all())
    assert float(logits.grad[1]) == 0


def test_half_precision_logits_still_sum_to_one() -> None:
    logits = torch.randn(16, generator=torch.Generator().manual_seed(0)).half()
    machine = Machine(integers=range(-8, 8), dtype=torch.float64)
    ends = machine.run(machine.encode("?a", holes={"a": logits})).distribution()
    assert float(ends.integers.sum()) == pytest.approx(1, abs=1e-12)


def test_a_hole_that_no_program_has_may_be_filled() -> None:
    for engine in nl.Engine:
        assert nl.run("(+ 1 1)", holes={"b": 3}, engine=engine) == "2"


OUT_OF_RANGE = {
    "?a": "1",
    "(+ ?a 0)": "1",
    "(+ 0 ?a)": "1",
    "(if true ?a 1)": "1",
    "(let [x ?a] (+ x x))": "2",
    "'(1 ?a)": "'(1 1)",
    "(car (cons ?a 1))": "1",
    "(car (cdr (cons 0 (cons ?a '()))))": "1",
    "((fn [x] x) ?a)": "1",
    "((+ ?a) 2)": "3",
    "(= ?a 1)": "true",
    "(let [f (fn [x] ?a)] (f 0))": "1",
}


@pytest.mark.parametrize(("source", "value"), OUT_OF_RANGE.items(), ids=OUT_OF_RANGE)
def test_the_part_that_is_out_of_range_overflows_and_nothing_else(source: str, value: str) -> None:
    machine = Machine(integers=range(-32, 32), dtype=torch.float64)
    logits = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    result = machine.run(machine.encode(source, holes={"a": nl.Soft((1, 1000), logits)}), max_steps=50)
    assert result.probability(value).item() == pytest.approx(0.5, abs=1e-12)
    assert result.probability(nl.ErrorKind.OVERFLOW).item() == pytest.approx(0.5, abs=1e-12)
    assert machine.decode(result)[0].text == value
    (gradient,) = torch.autograd.grad(result.probability(value).sum(), logits)
    assert gradient.tolist() == pytest.approx([0.25, -0.25])


@pytest.mark.parametrize("logits", [[-INF, 0.0], [0.0, -INF], [-200.0, 200.0]], ids=str)
def test_nearly_or_certainly_out_of_range(logits: list[float]) -> None:
    machine = Machine(integers=range(-32, 32))
    given = torch.tensor(logits, requires_grad=True)
    result = machine.run(machine.encode("(* ?a 3)", holes={"a": nl.Soft((1, 1000), given)}))
    chances = torch.stack([result.probability(3)[0], result.probability(nl.ErrorKind.OVERFLOW)[0]])
    torch.testing.assert_close(chances, given.softmax(0))
    chances[0].backward()
    assert given.grad is not None
    assert bool(given.grad.isfinite().all())


@ENGINES
def test_rows_of_their_own(make: Callable[[], Any]) -> None:
    engine = make()
    sharp = 60 * torch.eye(3)
    program = engine.encode(["(+ ?a 1)", "(* ?a 2)", "?a"], holes={"a": nl.Soft((1, 2, 3), sharp)})
    assert [outcome.text for outcome in engine.decode(engine.run(program, max_steps=50))] == ["2", "4", "3"]


def test_rows_follow_their_programs_where_one_does_not_fit() -> None:
    beta = NeuralBeta(cells=10, integers=range(-8, 8))
    large = "(+ 1 (+ 1 (+ 1 (+ 1 (+ 1 ?a)))))"
    outcomes = beta.normalize([large, "(+ ?a 1)"], holes={"a": nl.Soft((1, 2), 60 * torch.eye(2))})
    assert [str(outcome.error or outcome.text) for outcome in outcomes] == ["out-of-memory", "3"]


def test_what_beta_cannot_hold() -> None:
    beta = NeuralBeta(cells=10, integers=range(-8, 8))
    with pytest.raises(nl.ArgumentError, match=r"holes\['a'\]: got 1000 among several"):
        beta.encode("?a", holes={"a": nl.Soft((1, 1000), torch.zeros(2))})
    outcomes = beta.normalize(["(+ ?a 1)", "(+ 1 1)"], holes={"a": 1000})
    assert [str(outcome.error or outcome.text) for outcome in outcomes] == ["overflow", "2"]


SOFT = {"m": nl.Soft((1, 2), torch.tensor([0.0, 2.0])), "n": 3}


@pytest.mark.parametrize(("engine", "holes"), list(product(nl.Engine, [{"m": 2, "n": 3}, SOFT])), ids=str)
def test_run_takes_holes(engine: nl.Engine, holes: Any) -> None:
    source = "(+ ?m ?n)"
    if not engines.ENGINES[engine].has_tensors and holes is SOFT:
        with pytest.raises(nl.ArgumentError, match=r"holes\['m'\]: got a distribution, and an engine without tensors"):
            nl.run(source, engine=engine, holes=holes)
        return
    assert nl.run(source, engine=engine, holes=holes) == "5"
    outcomes = list(nl.run_all([source, "(* ?n 2)", "(+ 1 1)", "?other"], engine=engine, holes=holes))
    assert [outcome.text for outcome in outcomes[:3] if isinstance(outcome, nl.Outcome)] == ["5", "6", "2"]
    assert isinstance(outcomes[3], nl.SourceError)


def test_a_stream_takes_one_row_of_logits() -> None:
    for engine in ("machine", "beta"):
        with pytest.raises(nl.ArgumentError, match="one row for all"):
            nl.run(["?a", "?a"], engine=engine, holes={"a": nl.Soft((1, 2), torch.zeros(2, 2))})


def test_a_wrong_engine_or_device_is_refused_at_once() -> None:
    with pytest.raises(
        nl.ArgumentError,
        match="engine: got 'machin'; expected machine or reference or beta or worlds or stepper or beta-stepper",
    ):
        nl.run_all([], engine="machin")
    with pytest.raises(nl.ArgumentError, match="device: got 'abacus'"):
        nl.run_all([], device="abacus")
    with pytest.raises(nl.ArgumentError, match="device: got 'abacus'"):
        Machine(device="abacus")
