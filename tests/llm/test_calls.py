"""Programs that a language model calls: put, called and read as plain Python does it, with the slopes of the expectation."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.lang import evaluate
from neurallambda.llm import GraftConfig, graft, structure_of
from neurallambda.llm.calls import CALLS, ProgramQueue, call_named, history
from neurallambda.llm.experiments.matrix import cells
from neurallambda.llm.heads import heads_of
from neurallambda.llm.inspection import inspect, seen_by, trace_graft
from neurallambda.llm.saving import load_grafted, save_grafted
from neurallambda.llm.structure import GraftedStructure
from neurallambda.llm.teaching.lisp_words import END, LISP_WORDS, from_words, in_words
from neurallambda.llm.teaching.tasks import calls_for, text_task
from neurallambda.nn import harden
from neurallambda.structures import mask_of_lengths
from neurallambda.tasks.lisp.programs import INTEGERS, tokens
from neurallambda.traces import states
from tests.llm import tiny
from tests.llm.test_teaching import small_model, tokenizer
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


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40))
def test_a_program_in_words_has_the_value_that_an_evaluator_says(seed: int, length: int) -> None:
    prompt, answer = text_task("lisp").draw(length, Random(seed))
    words = tuple(prompt.split()[:-1])
    value = evaluate(" ".join(from_words(words)), integers=INTEGERS)
    assert call_named("evaluate")(words) == answer.split() == [*in_words(tokens(str(value.text))), END]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(LISP_WORDS), max_size=12))
def test_any_words_are_answered_or_not(words: list[str]) -> None:
    """Whatever is written, it is answered or not, and never an error."""
    answer = call_named("evaluate")(tuple(words))
    assert answer is None or answer[-1] == END


@pytest.mark.parametrize(
    "words", ["", "in", "out", "with", "false if", "in car list out out", "in times nine and nine nine out", "one two"]
)
def test_what_goes_wrong_has_no_answer(words: str) -> None:
    assert call_named("evaluate")(tuple(words.split())) is None


def test_calls_that_cannot_be_made_are_refused() -> None:
    with pytest.raises(ArgumentError, match="there is no call 'fly'; there are evaluate, again, backwards"):
        call_named("fly")
    with pytest.raises(ArgumentError, match="calls are made of `programs` and `values`"):
        GraftConfig(structure="calls", programs=(("a", "again"),))
    with pytest.raises(ArgumentError, match="expected words for calls"):
        GraftConfig(structure="calls", programs=(("a", "again"),), values=(1, 2))
    with pytest.raises(ArgumentError, match="expected numbers for a bank"):
        GraftConfig(structure="bank", programs=(("a", "?x"),), values=("one",))
    with pytest.raises(ArgumentError, match="expected at least one word"):
        GraftConfig(structure="calls", programs=(("a", "again"),), values=("",))
    with pytest.raises(ArgumentError, match="there is no call 'fly'"):
        GraftConfig(structure="calls", programs=(("a", "fly"),), values=("one",))
    with pytest.raises(ArgumentError, match="words of 'dyck' are not known"):
        calls_for(text_task("dyck"))
    with pytest.raises(ArgumentError, match="words of the task dyck are not known"):
        list(cells("any", ["pretrained"], ["calls"], ["dyck"]))
    for words, programs, problem in (
        (("a", "a"), (tuple,), "twice"),
        ((), (tuple,), "words"),
        (("a",), (), "programs"),
    ):
        with pytest.raises(ArgumentError, match=problem):
            ProgramQueue(capacity=2, words=words, programs=programs)
    assert GraftConfig.from_facts(tiny.CALLS.facts()) == tiny.CALLS


def test_a_call_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CALLS, "twice", lambda words: words * 2)
    config = GraftConfig(structure="calls", programs=(("doubled", "twice"),), values=("one", "two"), width=2, depth=4)
    structure = GraftedStructure(config, dim=3).structure
    assert isinstance(structure, ProgramQueue)
    _, shown = structure.scan(
        structure.init(1, dtype=torch.float64), *given_to(structure, [(PUT, 1, 0), (TAKE, 0, 0), (TAKE, 0, 0)])
    )
    assert shown.argmax(-1).tolist() == [[0, 1, 1]]


@torch.no_grad()
def by_hand() -> tuple[GraftedStructure, dict[str, torch.Tensor]]:
    """A structure that evaluates what stands before `is`, by weights that nobody learned, and hidden states that tell words apart."""
    words = [*LISP_WORDS, "is"]
    config = calls_for(text_task("lisp"))
    structure = GraftedStructure(config, dim=len(words)).eval()
    harden(structure)
    for module in (structure.action, structure.value, structure.query, structure.switch):
        module.weight.zero_()
        module.bias.zero_()
    structure.value.weight[:, : len(LISP_WORDS)] = torch.eye(len(LISP_WORDS))
    structure.bank.keys.copy_(torch.eye(len(config.programs), config.width))
    structure.query.bias[0] = 1.0
    structure.switch.weight[0, words.index("is")] = 1.0
    structure.switch.weight[2] = 0.5
    structure.gate.fill_(1 / config.gate_scale)
    structure.read.zero_()
    structure.read[: len(LISP_WORDS)] = torch.eye(len(LISP_WORDS))
    return structure, dict(zip(words, torch.eye(len(words)) * len(words) ** 0.5, strict=True))


@torch.no_grad()
def test_a_graft_that_knows_its_protocol_writes_the_value() -> None:
    """What is to be learned can be told."""
    structure, hidden = by_hand()
    random, words = Random(5), list(hidden)
    for length in (1, 2, 7, 40, 64):
        prompt, answer = text_task("lisp").draw(length, random)
        before, said = prompt.split(), answer.split()
        added, _ = structure(torch.stack([hidden[word] for word in [*before, *said[:-1]]])[None])
        assert [words[number] for number in added[0, len(before) - 1 :].argmax(-1)] == said
        assert not added[0, : len(before) - 1].any()


@pytest.mark.parametrize(("program", "call"), [("two", "evaluate"), ("in plus two", "evaluate: no answer")])
@torch.no_grad()
def test_which_program_is_called_is_told_where_it_is(program: str, call: str) -> None:
    structure, hidden = by_hand()
    said = (*program.split(), "is", "two")
    _, (written, answers) = heads_of(structure, torch.stack([hidden[word] for word in said])[None], said, ())
    assert written.calls == ()
    assert answers.calls == (*[""] * (len(said) - 2), call, "")
    assert [word for word, _ in answers.held[-2]] == ([] if "no" in call else ["two", "end"])


def test_everything_that_it_is_told_by_learns() -> None:
    model = tiny.grafted("llama", tiny.CALLS).train()
    structure = structure_of(model)
    with torch.no_grad():
        structure.value.weight.div_(4)  # several words are likely
    model(tiny.tokens(), use_cache=False).logits.square().mean().backward()
    for name, parameter in structure.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_what_is_called_is_told_and_drawn() -> None:
    spelled = tokenizer()
    model = graft(small_model(len(spelled)), tiny.CALLS)
    structure = structure_of(model)
    with torch.no_grad():
        for module in (structure.action, structure.value):
            module.weight.zero_()
        structure.value.bias[:] = torch.tensor([0.0, 1.0, 0.0] * 2)  # nothing but "two" is put
    found = inspect(model, spelled, "in plus one two out is", tokens=3)
    written, *_ = [head.held for head in found.heads if head.name == "queue of words 1"]
    assert [[word for word, _ in step] for step in written][:3] == [
        [spelled.decode([tiny.CALLS.value_tokens[1]])] * count for count in (1, 2, 3)
    ]
    assert not any(step for head in found.heads if "answers" in head.name for step in head.held)
    assert {head.name for head in found.heads} == {
        f"queue of {one} {head}" for one in ("words", "answers") for head in (1, 2)
    }
    assert {head.kind for head in found.heads} == {"queue"}
    assert found.text().splitlines()[0].split().count("calls") == 2
    assert len(found.text().splitlines()) == len(found.tokens) + 1
    assert len(list(states(trace_graft(found, name="calls")))) == len(found.tokens) + 1


@tiny.FAMILIES
@torch.no_grad()
def test_words_begin_to_be_put_where_their_tokens_are_seen(family: str) -> None:
    """And what begins a text is no word. What a word looks like alone or after it is all that is known of it at first."""
    config = replace(tiny.CALLS, values=("one", "two", "", "in"), value_tokens=(5, 6, 1, 7))
    model, inputs = graft(tiny.plain(family), config), torch.tensor([[1, 5], [1, 7], [1, 6]])
    structure = structure_of(model)
    with seen_by(structure) as hidden:
        model(inputs, use_cache=False)
    words = structure.instructions(hidden[0]).values.argmax(-1)
    assert words[..., 0].tolist() == words[..., 1].tolist() == [[2, 0], [2, 3], [2, 1]]


@torch.no_grad()
def test_what_is_like_no_word_is_none() -> None:
    """A state between that at a word and that where a text begins is none; only one that is clearly nearer to the word is it."""
    config = replace(tiny.CALLS, heads=1, values=("", "one", "two"), value_tokens=(1, 5, 6))
    structure = GraftedStructure(config, dim=32).eval()
    seen = torch.eye(3, 32)
    structure.name_values(torch.randn(40, 32), seen)
    between = torch.stack([seen[0] + share * seen[1] for share in (0.0, 1.0, 1.2, 1.4, 1.6, 3.0)])
    assert structure.instructions(between[None]).values[0, :, 0].argmax(-1).tolist() == [0, 0, 0, 1, 1, 1]


def test_the_modes_of_modules_stay_as_they_were() -> None:
    model = tiny.plain("llama").train()
    model.model.layers[0].eval()
    before = {name: module.training for name, module in model.named_modules()}
    graft(model, tiny.CALLS)
    assert before == {name: module.training for name, module in model.named_modules() if name in before}


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


def test_heads_without_a_latch_put_and_take_too() -> None:
    model: Any = tiny.grafted("llama", replace(tiny.CALLS, has_latch=False))
    inputs = tiny.tokens()
    with torch.no_grad():
        whole = model(inputs, use_cache=False).logits
        assert (tiny.stepped(model, inputs, 1) - whole).abs().max() <= tiny.NEAR


@torch.no_grad()
def test_one_that_shall_not_learn_computes_in_training_what_it_does_in_evaluation() -> None:
    model, inputs = tiny.grafted("llama", replace(tiny.CALLS, is_frozen=True, noise=1.0)), tiny.tokens()
    expected = model(inputs, use_cache=False).logits
    assert torch.equal(model.train()(inputs, use_cache=False).logits, expected)


def test_a_graft_whose_program_is_not_there_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CALLS, "mine", turned)
    save_grafted(graft(tiny.plain("llama"), replace(tiny.CALLS, programs=(("own", "mine"),))), tmp_path)
    monkeypatch.delitem(CALLS, "mine")
    with pytest.raises(ArgumentError, match="there is no call 'mine'"):
        load_grafted(tiny.plain("llama"), tmp_path)


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
