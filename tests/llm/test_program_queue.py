"""A queue of words with a program in its middle: put, called and read as plain Python does it, with the slopes of the expectation."""

from itertools import product
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.llm.calls import ProgramQueue, history
from neurallambda.structures import mask_of_lengths
from tests.structures.test_parity import CLIMATE, machine_of

PUT, TAKE, HOLD = range(3)


def turned(words: tuple[str, ...]) -> tuple[str, ...]:
    return words[::-1]


def picky(words: tuple[str, ...]) -> tuple[str, ...] | None:
    """No answer to an even number of words, one that is too long to one word, and an unknown word among three."""
    match len(words):
        case 1:
            return words * 9
        case 3:
            return (*words, "four")
        case odd if odd % 2:
            return words[:2]
        case _:
            return None


QUEUE = ProgramQueue(capacity=5, words=("one", "", "three"), programs=(turned, picky))
SMALL = ProgramQueue(capacity=3, words=("one", "two"), programs=(turned, tuple))


def test_steps_equal_the_reference() -> None:
    run_state_machine_as_test(machine_of(QUEUE), settings=CLIMATE)


INSTRUCTIONS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1)), min_size=1, max_size=24)


def given_to(queue: ProgramQueue, *rows: list[tuple[int, ...]]) -> tuple[Tensor, ...]:
    """Certain instructions of several rows of one length."""
    return tuple(
        torch.nn.functional.one_hot(numbers, operand.size).double()
        for numbers, operand in zip(torch.tensor(rows).unbind(-1), queue.operands, strict=True)
    )


@settings(max_examples=25, deadline=None)
@given(INSTRUCTIONS, st.integers(0, 24))
def test_a_scan_in_two_parts_is_what_the_reference_shows(instructions: list[tuple[int, ...]], cut: int) -> None:
    reference, expected = QUEUE.reference(), []
    for instruction in instructions:
        reference.step(*instruction)
        expected.append(reference.read())
    operands = given_to(QUEUE, instructions)
    state, reads = QUEUE.init(1, dtype=torch.float64), []
    for part in (slice(0, cut), slice(cut, None)):
        state, shown = QUEUE.scan(state, *(operand[:, part] for operand in operands))
        reads += shown[0].tolist()
    assert reads == expected
    assert state.failed.tolist() == [vars(reference)["failed"]]
    assert QUEUE.contents(state).sum() == QUEUE.size(state)


def test_a_program_is_called_once_where_nothing_learns() -> None:
    """Each time with other words: what was called before is known."""
    given = list[tuple[str, ...]]()
    queue = ProgramQueue(capacity=4, words=("one", "two"), programs=(lambda words: given.append(words) or words, tuple))
    operands = given_to(queue, [(PUT, 0, 0), (PUT, 1, 1), (TAKE, 0, 0), (TAKE, 0, 0), (PUT, 1, 0), (TAKE, 1, 1)])
    queue.scan(queue.init(1, dtype=torch.float64), *operands)
    assert given == [("one", "two")]


def soft(queue: ProgramQueue, *leading: int, seed: int, sharpness: float = 2.0) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(
        (sharpness * torch.randn(*leading, operand.size, generator=generator, dtype=torch.float64)).softmax(-1)
        for operand in queue.operands
    )


@pytest.mark.parametrize("seed", range(5))
def test_rows_do_not_know_of_each_other_and_masked_steps_change_nothing(seed: int) -> None:
    lengths = torch.tensor([9, 4, 0])
    operands = tuple(operand.requires_grad_() for operand in soft(QUEUE, 3, 9, seed=seed))
    state, reads = QUEUE.scan(QUEUE.init(3, dtype=torch.float64), *operands, mask=mask_of_lengths(lengths, 9))
    slopes = torch.autograd.grad(reads.square().sum(), operands)
    for row, length in enumerate(lengths.tolist()):
        alone = tuple(operand[row : row + 1, :length].detach().requires_grad_() for operand in operands)
        after, shown = QUEUE.scan(QUEUE.init(1, dtype=torch.float64), *alone)
        torch.testing.assert_close(reads[row : row + 1, :length], shown, rtol=0, atol=0)
        for name, held in vars(after).items():
            torch.testing.assert_close(vars(state)[name][row : row + 1], held, rtol=0, atol=1e-15)
        if length:
            weight = shown.square().sum() + (9 - length) * shown[:, -1].square().sum()
            for whole, one in zip(slopes, torch.autograd.grad(weight, alone), strict=True):
                torch.testing.assert_close(whole[row : row + 1, :length], one)


def expectation(queue: ProgramQueue, operands: tuple[Tensor, ...], weights: Tensor) -> Tensor:
    """The mean over all sequences of certain instructions of what they show, by the plain queue."""
    time = operands[0].shape[0]
    options = list(product(*(range(operand.size) for operand in queue.operands)))
    total = weights.new_zeros(())
    for sequence in product(options, repeat=time):
        reference, shown = queue.reference(), []
        probability = weights.new_ones(())
        for step, instruction in enumerate(sequence):
            reference.step(*instruction)
            shown.append(reference.read())
            for operand, option in zip(operands, instruction, strict=True):
                probability = probability * operand[step, option]
        total = total + probability * (weights * torch.tensor(shown, dtype=weights.dtype)).sum()
    return total


@pytest.mark.parametrize("seed", range(8))
def test_slopes_at_certain_instructions_are_those_of_the_expectation(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By how much an option is better than the one that is chosen; what all options have in common is worth nothing."""
    monkeypatch.setattr(history, "LEAST", 0.0)
    random = Random(seed)
    free = [tuple(random.randrange(operand.size) for operand in SMALL.operands) for _ in range(2)]
    instructions = [(PUT, random.randrange(2), 0), *free]
    operands = tuple(operand[0].requires_grad_() for operand in given_to(SMALL, instructions))
    weights = torch.randn(3, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    expected = torch.autograd.grad(expectation(SMALL, operands, weights), operands)
    _, shown = SMALL.scan(SMALL.init(1, dtype=torch.float64), *(operand[None] for operand in operands))
    found = torch.autograd.grad((weights * shown[0]).sum(), operands)
    for operand, one, other in zip(operands, found, expected, strict=True):
        chosen = operand.argmax(-1, keepdim=True)
        torch.testing.assert_close(one - one.gather(-1, chosen), other - other.gather(-1, chosen))


def test_near_certain_instructions_show_nearly_the_same() -> None:
    certain = given_to(QUEUE, [(PUT, 0, 0), (PUT, 1, 0), (TAKE, 0, 0), (TAKE, 0, 0), (HOLD, 0, 1), (TAKE, 0, 0)])
    _, shown = QUEUE.scan(QUEUE.init(1, dtype=torch.float64), *certain)
    for distance in (1e-2, 1e-4, 1e-6):
        near = tuple((1 - distance) * one + distance / one.shape[-1] for one in certain)
        _, other = QUEUE.scan(QUEUE.init(1, dtype=torch.float64), *near)
        assert (other - shown).abs().max() <= 6 * distance


def made_of(program: Any, *words: str) -> ProgramQueue:
    return ProgramQueue(capacity=4, words=words or ("dog", "cat"), programs=(program,))


def shown_by(queue: ProgramQueue) -> list[list[float]]:
    """What is shown when two words are put, and two are taken."""
    _, reads = queue.scan(
        queue.init(1, dtype=torch.float64), *given_to(queue, [(PUT, 0, 0), (PUT, 1, 0), (TAKE, 0, 0), (TAKE, 0, 0)])
    )
    return reads[0, 2:].tolist()


def test_an_answer_may_be_any_words() -> None:
    for program in (reversed, lambda words: (word for word in words[::-1]), lambda words: list(words[::-1])):
        assert shown_by(made_of(program)) == [[0.0, 1.0], [1.0, 0.0]]


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        (lambda words: "dog", "gave 'dog', expected words"),
        (lambda words: 3, "TypeError: 'int' object is not iterable"),
        (lambda words: [3], r"gave \[3\], expected words"),
        (lambda words: set(words), r"gave \{'.*'\}, expected words"),
        (lambda words: words[9], "IndexError: tuple index out of range"),
    ],
)
def test_what_is_no_answer_is_said_with_its_program_and_its_words(program: Any, problem: str) -> None:
    with pytest.raises(ArgumentError, match=problem) as raised:
        shown_by(made_of(program))
    assert "<lambda> of ('dog', 'cat')" in str(raised.value)


def test_no_word_is_no_word_of_an_answer() -> None:
    assert shown_by(made_of(lambda words: ("", "a"), "a", "", "b")) == [[0.0] * 3] * 2


def test_numbers_of_words_are_exact_or_refused() -> None:
    words = tuple(f"word {number}" for number in range(300))
    with pytest.raises(ArgumentError, match="counts to 256, and there are 300 words"):
        made_of(turned, *words).init(1, dtype=torch.bfloat16)
    made_of(turned, *words).init(1, dtype=torch.float16)

    class Unhashable:
        __hash__ = None  # pyright: ignore[reportAssignmentType]

        def __call__(self, words: tuple[str, ...]) -> tuple[str, ...]:
            return words

    with pytest.raises(ArgumentError, match="which has no hash"):
        made_of(Unhashable())


def test_near_certain_choices_slopes_are_nearly_those_of_the_expectation() -> None:
    """With the options that are left out as a rule."""
    certain = given_to(SMALL, [(PUT, 0, 0), (PUT, 1, 0), (TAKE, 0, 1)])
    operands = tuple((0.94 * one[0] + 0.06 / one.shape[-1]).requires_grad_() for one in certain)
    weights = torch.randn(3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.autograd.grad(expectation(SMALL, operands, weights), operands)
    _, shown = SMALL.scan(SMALL.init(1, dtype=torch.float64), *(operand[None] for operand in operands))
    found = torch.autograd.grad((weights * shown[0]).sum(), operands)
    for operand, one, other in zip(operands, found, expected, strict=True):
        chosen = operand.argmax(-1, keepdim=True)
        ours, theirs = one - one.gather(-1, chosen), other - other.gather(-1, chosen)
        assert theirs.abs().max() > 0.1
        assert (ours - theirs).abs().max() <= 0.25 * theirs.abs().max()


@pytest.mark.compile
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
def test_compiled_it_is_the_same() -> None:
    """A graph ends before it, and goes on after it."""
    operands = tuple(operand.requires_grad_() for operand in soft(QUEUE, 2, 6, seed=0))

    def read(*given: Tensor) -> Tensor:
        return QUEUE.scan(QUEUE.init(2, dtype=torch.float64), *given)[1].square()

    plain, compiled = read(*operands), torch.compile(read, backend="eager")(*operands)
    assert torch.equal(plain, compiled)
    pairs = zip(*(torch.autograd.grad(one.sum(), operands) for one in (plain, compiled)), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
