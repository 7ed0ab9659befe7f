"""Leaving out what is not there changes nothing: values to the bit at the corners, gradients, and the end of a run."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils._python_dispatch import TorchDispatchMode

from neurallambda.beta import STRATEGIES, NeuralBeta, NeuralLambda, Strategy, asking
from neurallambda.beta.look import Graph
from neurallambda.beta.step import take_step
from tests.beta.soft import soft

SOURCES = [
    "((fn [x y z] '(x y z)) 1 2 3)",
    "((fn [x] (if (< x 2) (+ x 1) x)) 1)",
    "(fn [x] (cond (not x) 1 x 2 else (car '(3))))",
    "(and (empty? '(1)) y)",
    "(* 3 3)",
    "(if 1 2 3)",
    "(letrec [f (fn [n] (if n 1 (f z)))] (f z))",
]
THREE = "((fn [x y z] '(x y z)) 1 2 3)"


def make(kind: str, strategy: Strategy = STRATEGIES["normal"], dtype: torch.dtype = torch.float64) -> NeuralBeta:
    generator = torch.Generator().manual_seed(0)
    beta = NeuralBeta(
        cells=24, integers=range(-2, 4), codebook=kind, strategy=strategy, generator=generator, dtype=dtype
    )
    return beta.requires_grad_(False)


def states(beta: NeuralBeta, program: NeuralLambda, count: int) -> list[dict[str, Tensor]]:
    """All that is there after each step, where a step knows what the one before it has read."""
    rules, memory = beta.rules(program), beta.start(program)
    graph: Graph | None = None
    found: list[dict[str, Tensor]] = []
    for _ in range(count):
        step = take_step(memory, rules, graph)
        memory, graph = step.memory, step.graph
        parts = {field.name: getattr(step.cases, field.name) for field in fields(step.cases)}
        parts |= {name: getattr(memory, name) for name in ("tag", "first", "second", "flags")}
        found.append(parts | {"depth": memory.stack.depth, "items": memory.stack.cells})
    return found


def ask_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "may_ask", lambda weights: False)


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
def test_certain_steps_are_the_same_to_the_bit(strategy: Strategy, monkeypatch: pytest.MonkeyPatch) -> None:
    beta = make("onehot", strategy, torch.float32)
    singly = [states(beta, beta.encode(source), 34) for source in SOURCES]
    ask_nothing(monkeypatch)
    for number, all_cases in enumerate(states(beta, beta.encode(SOURCES), 34)):
        for row, source in enumerate(SOURCES):
            for name, value in singly[row][number].items():
                assert torch.equal(value[0], all_cases[name][row]), (source, number, name)


@pytest.mark.parametrize("strategy", [STRATEGIES["normal"], STRATEGIES["applicative"]], ids=["normal", "applicative"])
@pytest.mark.parametrize("kind", ["orthonormal", "gaussian"])
@pytest.mark.parametrize("amount", [0.0, 0.3])
def test_mixtures_are_the_same_up_to_rounding(
    amount: float, kind: str, strategy: Strategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    beta = make(kind, strategy)
    program = soft(beta, beta.encode(SOURCES), amount, seed=2)
    found = states(beta, program, 12)
    ask_nothing(monkeypatch)
    for left_out, all_cases in zip(found, states(beta, program, 12), strict=True):
        for name, value in left_out.items():
            torch.testing.assert_close(
                value, all_cases[name], rtol=0, atol=1e-12, msg=lambda text, n=name: f"{n}: {text}"
            )


def test_the_end_of_a_run_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    beta = make("onehot")
    program = beta.encode(SOURCES)
    result = beta.run(program, max_steps=80)
    ask_nothing(monkeypatch)
    other = beta.run(program, max_steps=80)
    for name in ("finished", "errors", "steps"):
        assert torch.equal(getattr(result, name), getattr(other, name))
    for name in ("tag", "first", "second", "flags"):
        assert torch.equal(getattr(result.memory, name), getattr(other.memory, name))


@pytest.mark.parametrize("what", ["tag", "first", "second"])
def test_gradients_at_a_corner_are_those_of_all_cases(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no weight may have a derivative; so one program is differentiated in which nearly nothing has any."""
    beta = make("onehot")

    def gradient() -> Tensor:
        program = beta.encode("((fn [x] (+ x 1)) 2)")
        part = getattr(program, what).clone().requires_grad_()
        parts = {name: getattr(program, name) for name in ("tag", "first", "second")} | {what: part}
        result = beta.run(NeuralLambda(**parts, programs=program.programs, operators=program.operators), max_steps=16)
        outputs = (result.finished.sum(), result.memory.tag.square().sum(), result.memory.first.square().sum())
        return torch.autograd.grad(sum(outputs[1:], outputs[0]), part)[0]

    found = gradient()
    ask_nothing(monkeypatch)
    assert found.abs().max() > 0
    assert torch.equal(found, gradient())


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # torch's own
def test_nothing_is_asked_of_what_is_differentiated() -> None:
    weight = torch.zeros(2, 3)
    assert asking.present(weight) == [False] * 3
    assert asking.present(weight.clone().requires_grad_()) == [True] * 3
    with forward_ad.dual_level():
        assert asking.present(forward_ad.make_dual(weight, torch.ones(2, 3))) == [True] * 3
    found: list[list[bool]] = []
    torch.vmap(lambda rows: found.append(asking.present(rows)) or rows)(weight[None])
    assert found == [[True] * 3]
    assert asking.present(torch.tensor([[0.0, float("nan")]])) == [False, True]


class Operations(TorchDispatchMode):
    """Counts what PyTorch is asked to do."""

    count = 0

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        self.count += 1
        return func(*args, **(kwargs or {}))


def test_a_certain_step_asks_little_of_pytorch() -> None:
    """All cases take about 1,000 operations a step; those of one program that there are take 219."""
    beta = NeuralBeta(cells=24)
    beta.normalize(THREE)
    with Operations() as operations:
        (outcome,) = beta.normalize([THREE])
    assert (outcome.text, outcome.steps) == ("'(1 2 3)", 33)
    assert operations.count < 33 * 240
