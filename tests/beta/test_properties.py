"""What holds of every step: batches are singles, mixtures stay mixtures, gradients are right, limits are reported."""

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor

from neurallambda.beta import APPLICATIVE, BY_VALUE, NORMAL, NeuralBeta, NeuralLambda, Strategy
from neurallambda.beta.memory import Memory
from neurallambda.beta.rules import Move
from neurallambda.errors import ArgumentError, ErrorKind, ProgramError
from neurallambda.lang.syntax.printer import to_text
from neurallambda.machine import Soft
from neurallambda.symbols import Codebook, Kind
from tests.beta.soft import soft, with_parts

SOURCES = [
    "((fn [x f] (f x)) 2 (fn [y] '(0 y y)))",
    "((fn [x] (if (< x 2) (+ x 1) x)) 1)",
    "(and true x)",
    "(cond false 1 x 2 else (car '(3)))",
    "(((fn [x] (fn [y] x)) y) 2)",
    "(car 1)",
    "(letrec [f (fn [n] (if n 1 (f z)))] (f z))",
]
TINY = range(-2, 4)


def make(
    cells: int = 24, *, dtype: torch.dtype = torch.float32, kind: str = "onehot", integers: range = TINY
) -> NeuralBeta:
    generator = torch.Generator().manual_seed(0)
    return NeuralBeta(cells=cells, integers=integers, codebook=kind, generator=generator, dtype=dtype)


def steps(beta: NeuralBeta, program: NeuralLambda, count: int) -> list[tuple[Memory, Tensor, Tensor]]:
    """The memory after each step, its moves and its errors."""
    rules, memory = beta.rules(program), beta.start(program)
    found = []
    for _ in range(count):
        memory, cases = beta.step(memory, rules)
        found.append((memory, cases.moves, cases.errors))
    return found


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("amount", [0.0, 0.3])
def test_a_batch_is_its_singles(amount: float, dtype: torch.dtype) -> None:
    beta = make(dtype=dtype)
    with torch.no_grad():
        program = soft(beta, beta.encode(SOURCES), amount, seed=1)
        together = steps(beta, program, 12)
        for row, source in enumerate(SOURCES):
            parts = (part[row : row + 1] for part in (program.tag, program.first, program.second))
            alone = steps(beta, with_parts(beta.encode(source), tuple(parts)), 12)
            # Rows share the operators that may occur, which changes nothing but how much is computed.
            for (memory, moves, _), (memory_alone, moves_alone, _) in zip(together, alone, strict=True):
                for field in ("tag", "first", "second", "flags"):
                    torch.testing.assert_close(getattr(memory, field)[row], getattr(memory_alone, field)[0])
                torch.testing.assert_close(moves[row], moves_alone[0])


@settings(max_examples=15, phases=[Phase.generate])
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.05, 0.5, 1.0]), st.sampled_from([NORMAL, APPLICATIVE, BY_VALUE]))
def test_mixtures_stay_mixtures(seed: int, amount: float, strategy: Strategy) -> None:
    beta = make(dtype=torch.float64)
    beta.strategy = strategy
    with torch.no_grad():
        program = soft(beta, beta.encode(SOURCES), amount, seed)
        for memory, moves, errors in steps(beta, program, 12):
            for part in (memory.tag, memory.first, memory.second, memory.stack.depth):
                assert part.min() > -1e-12
                torch.testing.assert_close(part.sum(-1), torch.ones_like(part[..., 0]))
            assert moves.min() > -1e-12
            # What is left is a column without an address where one should be: there, nothing is done.
            assert moves.sum(-1).max() < 1 + 1e-12
            torch.testing.assert_close(errors.sum(-1), moves[:, Move.FAIL])
            assert memory.flags.min() > -1e-12
            assert memory.flags.max() < 1 + 1e-12


def outputs(beta: NeuralBeta, program: NeuralLambda, count: int) -> tuple[Tensor, ...]:
    """What a run can be differentiated by."""
    memory, moves, errors = steps(beta, program, count)[-1]
    return memory.tag, memory.first, memory.second, memory.flags, moves, errors


@pytest.mark.parametrize("kind", ["onehot", "orthonormal", "gaussian"])
@pytest.mark.parametrize("index", range(3), ids=["tag", "column 1", "column 2"])
def test_gradcheck_of_every_part(index: int, kind: str) -> None:
    beta = make(16, dtype=torch.float64, kind=kind)
    program = soft(beta, beta.encode(["((fn [x] (+ x 1)) 2)", "(car '(x))"]), 0.1, seed=index)
    parts = [program.tag.detach(), program.first.detach(), program.second.detach()]
    parts[index].requires_grad_()

    def function(part: Tensor) -> tuple[Tensor, ...]:
        return outputs(beta, with_parts(program, (*parts[:index], part, *parts[index + 1 :])), 6)

    assert torch.autograd.gradcheck(function, (parts[index],), fast_mode=True)


@pytest.mark.parametrize("kind", ["orthonormal", "gaussian"])
def test_gradcheck_of_the_codebook(kind: str) -> None:
    beta = make(12, dtype=torch.float64, kind=kind, integers=range(4))
    vectors = beta.codebook.detach().clone().requires_grad_()

    def function(vectors: Tensor) -> tuple[Tensor, ...]:
        vars(beta)["_parameters"].pop("codebook", None)  # a parameter is a leaf, and what is checked must not be
        object.__setattr__(beta, "codebook", vectors)
        return outputs(beta, soft(beta, beta.encode("((fn [x] (+ x 1)) 2)"), 0.1, seed=3), 6)

    assert torch.autograd.gradcheck(function, (vectors,), fast_mode=True)


def test_a_hole_learns_its_value() -> None:
    beta = make(24, integers=range(-4, 8))
    logits = torch.zeros(8, requires_grad=True)
    result = beta.run(
        beta.encode("((fn [x] (* x 2)) ?a)", holes={"a": Soft(tuple(range(-4, 4)), logits)}), max_steps=20
    )
    six = beta.codebook[beta.alphabet.literals.start + 6 + 4]
    address = int((result.memory.first[0, 0] @ beta.codebook[: beta.alphabet.cells].mT).argmax())
    likelihood = result.memory.first[0, address] @ six
    (gradient,) = torch.autograd.grad(likelihood.log(), logits)
    assert gradient.argmax() == 7
    assert gradient[7] > 0


def test_soft_data_gives_exact_marginals() -> None:
    beta = make(24, integers=range(-4, 12), dtype=torch.float64)
    logits = torch.tensor([0.0, 1.0, 0.5], dtype=torch.float64)
    with torch.no_grad():
        result = beta.run(beta.encode("(+ ?a 1)", holes={"a": Soft((1, 2, 5), logits)}), max_steps=20)
    address = int((result.memory.first[0, 0] @ beta.codebook[: beta.alphabet.cells].mT).argmax())
    found = (result.memory.first[0, address] @ beta.codebook[beta.alphabet.literals].mT)[[4 + 2, 4 + 3, 4 + 6]]
    torch.testing.assert_close(found, logits.softmax(-1))


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("((fn [x] '(x (fn [y] '(x y y y y)))) 1)", ErrorKind.OUT_OF_MEMORY),
        ("((fn [x] (x x)) (fn [x] (x x)))", ErrorKind.OUT_OF_STEPS),
        ("((fn [x] (x x x)) (fn [x] (x x x)))", ErrorKind.OUT_OF_MEMORY),
        ("(letrec [f (fn [x] f)] f)", ErrorKind.OUT_OF_STEPS),
        ("(def a b) (def b a) a", ErrorKind.OUT_OF_STEPS),
        ("'(1 2 3 1 2 3 1 2 3 1 2 3 1 2 3)", ErrorKind.OUT_OF_MEMORY),
        ("(* 3 3)", ErrorKind.OVERFLOW),
        ("7", ErrorKind.OVERFLOW),
        ("(+ 1 true)", ErrorKind.NOT_AN_INTEGER),
        ("(/ 1 0)", ErrorKind.DIVISION_BY_ZERO),
        ("(1 2)", ErrorKind.NOT_A_FUNCTION),
        ("(if 1 2 3)", ErrorKind.NOT_A_BOOLEAN),
    ],
)
def test_every_end_has_a_name(source: str, kind: ErrorKind) -> None:
    beta = make(20)
    (outcome,) = beta.normalize([source], max_steps=200)
    assert outcome.error is kind
    with pytest.raises(ProgramError, match=kind):
        beta.normalize(source, max_steps=200)


def test_more_cells_are_enough() -> None:
    source = "((fn [x] '(x (fn [y] '(x y y y y)))) 1)"
    with pytest.raises(ProgramError, match=ErrorKind.OUT_OF_MEMORY):
        make(20).normalize(source)
    assert to_text(make(32).normalize(source)) == "'(1 (fn [y] '(1 y y y y)))"


def test_a_learned_codebook_can_be_given() -> None:
    beta = make(8, kind="gaussian")
    codebook = Codebook(beta.alphabet.symbols, beta.codebook.detach(), kind=Kind.GAUSSIAN)
    again = NeuralBeta(cells=8, integers=TINY, codebook=codebook)
    assert to_text(again.normalize("((fn [x] x) 2)")) == "2"
    assert [name for name, _ in again.named_parameters()] == ["codebook"]


@pytest.mark.parametrize(
    "arguments",
    [{"cells": 1}, {"codebook": "onehot", "vec_size": 3}, {"codebook": "gaussian"}, {"codebook": "words"}],
)
def test_arguments_that_cannot_be_used(arguments: dict[str, object]) -> None:
    with pytest.raises(ArgumentError):
        NeuralBeta(**{"cells": 8, **arguments})


def test_a_codebook_over_other_symbols_is_refused() -> None:
    with pytest.raises(ArgumentError, match="Alphabet"):
        NeuralBeta(cells=8, codebook=Codebook.make("abc"))


def test_holes_of_several_kinds_are_refused() -> None:
    with pytest.raises(ArgumentError, match="one kind"):
        make().encode("?a", holes={"a": Soft((1, True), torch.zeros(2))})
