"""Programs that a language model calls: their words, how they begin in a model, and what is told of them."""

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurallambda.errors import ArgumentError
from neurallambda.lang import evaluate
from neurallambda.llm import GraftConfig, graft, structure_of
from neurallambda.llm.calls import CALLS, ProgramQueue, call_named
from neurallambda.llm.experiments.matrix import cells
from neurallambda.llm.heads import heads_of
from neurallambda.llm.inspection import inspect, seen_by, trace_graft
from neurallambda.llm.saving import load_grafted, save_grafted
from neurallambda.llm.structure import GraftedStructure
from neurallambda.llm.teaching.lisp_words import END, LISP_WORDS, from_words, in_words
from neurallambda.llm.teaching.tasks import calls_for, text_task
from neurallambda.nn import harden
from neurallambda.tasks.lisp.programs import INTEGERS, tokens
from neurallambda.traces import states
from tests.llm import tiny
from tests.llm.test_program_queue import PUT, TAKE, given_to, turned
from tests.llm.test_teaching import small_model, tokenizer


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
    with pytest.raises(ArgumentError, match=r"value_tokens: got \(1, 5, 5\), expected each of them once"):
        replace(tiny.CALLS, value_tokens=(1, 5, 5))
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
    structure.gate.fill_(1 / structure.gate_scale)
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
