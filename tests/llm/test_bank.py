"""A bank of programs in a language model: put, applied and read as an evaluator of the language says."""

from random import Random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurallambda.errors import ArgumentError
from neurallambda.lang import evaluate
from neurallambda.llm import GraftConfig, disabled, graft, structure_of
from neurallambda.llm.experiments.matrix import cells
from neurallambda.llm.inspection import inspect, trace_graft
from neurallambda.llm.structure import GraftedStructure
from neurallambda.llm.teaching.lisp_words import DIGITS
from neurallambda.llm.teaching.tasks import PROGRAMS, graft_for, text_task
from neurallambda.nn import ProgramBank, harden
from neurallambda.structures import ProgramStack
from neurallambda.traces import states
from tests.llm.test_teaching import small_model, tokenizer
from tests.llm.tiny import BANK, CALLS, grafted, plain, stepped, tokens

CLOCK = ProgramStack(
    capacity=8,
    results=ProgramBank(PROGRAMS, output=range(10), width=2, generator=torch.Generator()).table("x", "y"),
)
PUT_VALUE, PUT_PROGRAM, APPLY, HOLD = range(4)
INSTRUCTIONS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 3)), min_size=1, max_size=24)


def ran(program: str, x: int, y: int) -> int | None:
    found = evaluate(program, holes={"x": x, "y": y})
    return None if found.error is not None or found.text not in map(str, range(10)) else int(str(found.text))


def given_to(instructions: list[tuple[int, int, int]]) -> tuple[torch.Tensor, ...]:
    columns = zip(*instructions, strict=True)
    sizes = [operand.size for operand in CLOCK.operands]
    return tuple(
        torch.nn.functional.one_hot(torch.tensor([column]), size).double()
        for column, size in zip(columns, sizes, strict=True)
    )


@settings(max_examples=25, deadline=None)
@given(INSTRUCTIONS)
def test_certain_instructions_run_the_programs_themselves(instructions: list[tuple[int, int, int]]) -> None:
    """The judge keeps lists, and evaluates the text of a program where one is applied."""
    values: list[int | None] = []
    programs: list[str] = []
    expected, failed = [], 0
    for action, value, program in instructions:
        match action:
            case 0:
                values.append(value)
            case 1:
                programs.append(list(PROGRAMS.values())[program])
            case 2:
                text = programs.pop() if programs else None
                y, x = (values.pop() if values else None for _ in range(2))
                result = None if text is None or x is None or y is None else ran(text, x, y)
                values.append(result)
                failed += result is None
            case _:
                pass
        values, programs = values[-8:], programs[-8:]
        expected.append([float(bool(values) and values[-1] == place) for place in range(10)])
    state, reads = CLOCK.scan(CLOCK.init(1, dtype=torch.float64), *given_to(instructions))
    assert reads[0].tolist() == expected
    assert state.failed.tolist() == [failed]
    assert state.values.sum(2).max() <= 1


def test_an_application_is_the_mixture_of_all_that_may_be_meant() -> None:
    """Of values and a program that are uncertain, and independent of each other, it is the exact mean."""
    generator = torch.Generator().manual_seed(0)
    first, second = torch.rand(2, 1, 10, generator=generator, dtype=torch.float64).softmax(-1)
    program = torch.rand(1, 4, generator=generator, dtype=torch.float64).softmax(-1)
    state = CLOCK.init(1, dtype=torch.float64)
    for action, value in ((PUT_PROGRAM, first), (PUT_VALUE, first), (PUT_VALUE, second), (APPLY, first)):
        certain = torch.eye(4, dtype=torch.float64)[action][None]
        state, read = CLOCK.step(state, certain, value, program)
    mean = torch.zeros(10, dtype=torch.float64)
    for number, text in enumerate(PROGRAMS.values()):
        for x in range(10):
            for y in range(10):
                mean[ran(text, x, y)] += program[0, number] * first[0, x] * second[0, y]
    torch.testing.assert_close(read[0], mean)
    torch.testing.assert_close(read.sum(), torch.ones((), dtype=torch.float64))
    assert float(state.failed) == pytest.approx(0, abs=1e-12)


def test_the_table_of_a_bank_is_what_its_programs_give() -> None:
    for number, text in enumerate(PROGRAMS.values()):
        for x in range(10):
            for y in range(10):
                assert CLOCK.results[number][x][y] == ran(text, x, y)
    odd = {"head": "(car ?x)", "sum": "(+ ?x ?y)", "first": "?x", "three": "3"}
    bank = ProgramBank(odd, output=(1, 3), width=2, generator=torch.Generator())
    assert bank.table("x", "y") == (
        ((None, None), (None, None)),
        ((None, None), (None, None)),
        ((0, 0), (1, 1)),
        ((1, 1), (1, 1)),
    )


def test_tables_that_cannot_be_made_are_refused() -> None:
    def bank(text: str, **more: Any) -> ProgramBank:
        return ProgramBank({"a": text}, output=(0, 1), width=2, generator=torch.Generator(), **more)

    with pytest.raises(ArgumentError, match=r"the holes of the programs are: x, z"):
        bank("(+ ?x ?z)").table("x", "y")
    with pytest.raises(ArgumentError, match="two different holes"):
        bank("(+ ?x ?y)").table("x", "x")
    with pytest.raises(ArgumentError, match="no uncertain inputs"):
        bank("(+ ?x ?y)", inputs={"x": (0, 1)}).table("x", "y")


@pytest.mark.parametrize(
    "results", [(), ((),), (((0, 0),),), (((0, 2), (0, 0)),), (((0, -1), (0, 0)),), (((0, 0), (0, 0)), ((0, 0),))]
)
def test_what_is_no_table_is_refused(results: Any) -> None:
    with pytest.raises(ArgumentError, match="results"):
        ProgramStack(capacity=2, results=results)


def test_banks_of_nothing_are_refused() -> None:
    with pytest.raises(ArgumentError, match="`programs` and `values`"):
        GraftConfig(structure="bank", programs=(("sum", "(+ ?x ?y)"),))
    with pytest.raises(ArgumentError, match="got 1 for 2 values"):
        GraftConfig(structure="bank", programs=(("sum", "(+ ?x ?y)"),), values=(0, 1), value_tokens=(3,))
    one, two = ("sum", "(+ ?x ?y)"), ("sum", "(- ?x ?y)")
    for programs, values in (((one, two), (0, 1)), ((one,), (0, 0))):
        with pytest.raises(ArgumentError, match="expected each of them once"):
            GraftConfig(structure="bank", programs=programs, values=values)
    with pytest.raises(ArgumentError, match="expected tokens of the model"):
        graft(
            plain("llama"),
            GraftConfig(
                structure="bank", programs=(("one", "?x"), ("sum", "(+ ?x ?y)")), values=(0,), value_tokens=(10_000,)
            ),
        )
    with pytest.raises(ArgumentError, match="not about programs"):
        list(cells("any", ["pretrained"], ["bank"], ["reverse"]))
    assert GraftConfig.from_facts(BANK.facts()) == BANK


@pytest.mark.parametrize("config", [BANK, CALLS], ids=["bank", "calls"])
@torch.no_grad()
def test_values_begin_as_the_words_that_they_are_written_as(config: GraftConfig) -> None:
    model = graft(plain("llama"), config)
    structure, writer = structure_of(model), plain("llama").get_output_embeddings().weight
    for place, token in enumerate(config.value_tokens):
        assert float(torch.cosine_similarity(structure.read[:, place], writer[token], dim=0)) > 0.999
        if config is BANK:
            assert float(torch.cosine_similarity(structure.value.weight[place], writer[token], dim=0)) > 0.999


@torch.no_grad()
def test_a_graft_that_knows_its_protocol_computes_what_the_text_says() -> None:
    """Hidden states that tell words apart, and weights written by hand: what is to be learned can be told."""
    words = ["in", "out", "is", *DIGITS, *PROGRAMS]
    config = graft_for(text_task("arithmetic"))
    model_sized = torch.eye(len(words)) * len(words) ** 0.5
    structure = GraftedStructure(config, dim=len(words)).eval()
    harden(structure)
    for module in (structure.action, structure.value, structure.query, structure.switch):
        module.weight.zero_()
        module.bias.zero_()
    place = {word: number for number, word in enumerate(words)}
    for word in words:
        action = PUT_VALUE if word in DIGITS else PUT_PROGRAM if word in PROGRAMS else APPLY if word == "out" else HOLD
        structure.action.weight[action, place[word]] = 1.0
    for number, word in enumerate(DIGITS):
        structure.value.weight[number, place[word]] = 1.0
    for number, word in enumerate(PROGRAMS):
        structure.query.weight[number, place[word]] = 1.0
    structure.bank.keys.copy_(torch.eye(len(PROGRAMS), config.width))
    structure.switch.weight[0, place["is"]] = 1.0
    structure.switch.weight[2] = 0.5
    structure.gate.fill_(1 / structure.gate_scale)
    structure.read.zero_()
    for number, word in enumerate(DIGITS):
        structure.read[place[word], number] = 1.0
    random = Random(5)
    for length in (1, 2, 7, 40):
        prompt, answer = text_task("arithmetic").draw(length, random)
        added, _ = structure(model_sized[[place[word] for word in prompt.split()]][None])
        assert words[int(added[0, -1].argmax())] == answer
        assert not added[0, :-1].any()


def test_what_a_bank_does_is_told_and_drawn() -> None:
    spelled = tokenizer()
    model = graft(small_model(len(spelled)), BANK)
    found = inspect(model, spelled, "in plus one two out is", tokens=3)
    assert {head.name for head in found.heads} == {
        f"stack of {one} {head}" for one in ("values", "programs") for head in (1, 2)
    }
    assert {head.kind for head in found.heads} == {"stack"}
    assert len(found.text().splitlines()) == len(found.tokens) + 1
    assert len(list(states(trace_graft(found, name="bank")))) == len(found.tokens) + 1


@torch.no_grad()
def test_the_state_of_a_bank_goes_with_the_cache() -> None:
    model, inputs = grafted("llama", BANK), tokens()
    whole = model(inputs, use_cache=False).logits
    with disabled(model):
        assert (model(inputs, use_cache=False).logits - whole).abs().max() > 0.1
    assert (stepped(model, inputs, 1) - whole).abs().max() <= 1e-4
    assert (stepped(model, inputs, 4, forget=True) - whole).abs().max() > 1e-2
