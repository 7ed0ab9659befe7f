"""Learned tables: what is soft, what it is once hard, and the exact machines that come of it."""

from random import Random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state
from torch.nn import functional

from neurallambda.automata import CellularAutomaton, dumps, library, loads
from neurallambda.errors import ArgumentError
from neurallambda.nn import CellArrayModel, GatedCellModel, TableAutomaton, WindowAutomaton
from neurallambda.nn.choice import harden, hardened
from neurallambda.structures.cell_array.exact import table_of
from neurallambda.twins import NeuralFSM


def table_automaton(seed: int, **options: Any) -> TableAutomaton:
    torch.manual_seed(seed)
    return TableAutomaton(3, 4, **{"states": 5, **options}).eval()


def cell_model(seed: int, **options: Any) -> CellArrayModel:
    torch.manual_seed(seed)
    return CellArrayModel(4, 3, **{"states": 4, **options}).eval()


MODELS = [table_automaton, cell_model]
EMPTY, OPERATOR = 3, 2


@given(st.integers(0, 2**31), st.lists(st.integers(0, 2), min_size=1, max_size=12))
@settings(max_examples=20)
def test_a_table_is_a_chain_of_matrices(seed: int, string: list[int]) -> None:
    model = table_automaton(seed)
    tokens, chances = torch.tensor([string]), model.table.softmax(-1)
    state = functional.one_hot(torch.tensor(0), 5).float()
    for time, token in enumerate(string):
        state = state @ chances[token]
        torch.testing.assert_close(model.states(tokens)[0, time], state)
    torch.testing.assert_close(model(tokens)[0, -1], state @ model.readout)


@given(st.integers(0, 2**31), st.lists(st.integers(0, 2), min_size=1, max_size=12))
@settings(max_examples=20)
def test_a_window_is_a_table_that_reads_each_token_twice(seed: int, string: list[int]) -> None:
    torch.manual_seed(seed)
    model, empty = WindowAutomaton(3, 4, states=5, places=3).eval(), 2
    with torch.no_grad():
        model.places.normal_()
    place = int(model.places.argmax()) + 1
    with hardened(model):
        answers = model(torch.tensor([string]))[0]
    rules, state = model.table.table.argmax(-1), 0
    for time, token in enumerate(string):
        old = string[time - place] if time >= place else empty
        state = int(rules[token, int(rules[3 + old, state])])
        torch.testing.assert_close(answers[time], model.table.readout[state])


def test_a_window_may_look_at_several_places_at_once() -> None:
    torch.manual_seed(0)
    model = WindowAutomaton(3, 4, states=5, places=2).eval()
    tokens, answers = torch.tensor([[0, 1, 1, 0]]), []
    for place in range(2):
        alone = WindowAutomaton(3, 4, states=5, places=2).eval()
        alone.load_state_dict(model.state_dict())
        with torch.no_grad():
            alone.places.copy_(torch.tensor([0.0, 0.0])).select(0, place).add_(50.0)
        answers.append(alone(tokens)[0, 1])
    # of two tokens only the second read depends on the place, and the answer is linear in what is read
    torch.testing.assert_close(model(tokens)[0, 1], (answers[0] + answers[1]) / 2)


@given(st.integers(0, 2**31), st.lists(st.integers(0, 2), min_size=1, max_size=30))
@settings(max_examples=20)
def test_a_hard_table_is_the_machine_that_it_exports(seed: int, string: list[int]) -> None:
    model = table_automaton(seed)
    machine = model.export(symbols=["a", "b", "_"], answers=["w", "x", "y", "z"])
    with hardened(model):
        said = model(torch.tensor([string])).argmax(-1)[0].tolist()
    text = "".join("ab_"[token] for token in string)
    assert [*machine.transduce(text)][1:] == ["wxyz"[answer] for answer in said]
    assert loads(dumps(machine)) == machine
    assert machine.is_deterministic
    arrived = NeuralFSM(machine)
    states = arrived.states(arrived.encode([text]))[0].argmax(-1).tolist()
    assert [machine.states[number] for number in states] == [
        step.configuration.state for step in machine.run(text).steps
    ]


def plain_split(tokens: list[int]) -> tuple[list[int], list[int]]:
    """The operands: what stands before and behind the operator."""
    read = tokens[: tokens.index(EMPTY)] if EMPTY in tokens else tokens
    begun = read.index(OPERATOR) if OPERATOR in read else len(read)
    return read[:begun], read[begun + 1 :]


@given(
    st.integers(0, 2**31),
    st.lists(st.integers(0, 1), max_size=6),
    st.lists(st.integers(0, 1), max_size=6),
    st.booleans(),
    st.integers(0, 5),
)
@settings(max_examples=40)
def test_hard_cells_are_the_machine_that_they_export(
    seed: int, one: list[int], other: list[int], has_operator: bool, more: int
) -> None:
    model, read = cell_model(seed), [*one, OPERATOR, *other] if has_operator else [*one, *other]
    machine = model.export(symbols=["0", "1", "*"], answers=["0", "1", "end"])
    tokens = [*read, *[EMPTY] * (max(len(read), 1) + more)]
    first, second = plain_split(tokens)
    with hardened(model):
        said = model(torch.tensor([tokens]))[0].argmax(-1).tolist()
    steps = -(-len(tokens) // 2)
    expected = machine.transduce([str(bit) for bit in first], [str(bit) for bit in second], steps=steps)
    answers = ["01"[answer] if answer < 2 else "end" for answer in said]
    assert tuple(answers[len(read) :][:steps]) == expected[: len(tokens) - len(read)]
    assert loads(dumps(machine), CellularAutomaton) == machine


@pytest.mark.parametrize("build", MODELS)
@given(st.integers(0, 2**31))
@settings(max_examples=10)
def test_rows_do_not_touch_and_masked_tokens_do_not_count(build: Any, seed: int) -> None:
    model, generator = build(seed), torch.Generator().manual_seed(seed)
    tokens = torch.randint(3, (3, 8), generator=generator)
    tokens[:, 4:] = 3 if build is cell_model else 2
    together = model(tokens)
    torch.testing.assert_close(together, torch.cat([model(tokens[b : b + 1]) for b in range(3)]))
    assert torch.equal(model(tokens, torch.ones_like(tokens, dtype=torch.bool)), together)
    padded = torch.cat([tokens, torch.randint(3, (3, 2), generator=generator)], 1)
    mask = torch.arange(10) < 8
    torch.testing.assert_close(model(padded, mask.expand(3, 10))[:, :8], together)


def test_the_learned_multiplier_would_be_the_library_s() -> None:
    machine = library.load("binary_multiplication", CellularAutomaton)
    model = CellArrayModel(4, 3, states=4)
    with torch.no_grad():
        model.table.copy_(20 * table_of(machine))
        for number, state in enumerate(machine.states):
            model.readout[:, number] = 20 * functional.one_hot(torch.tensor(int(state in ("SUM", "BOTH"))), 3).float()
    random = Random(0)
    for length in (1, 5, 30):
        one, other = ([random.randrange(2) for _ in range(length)] for _ in range(2))
        tokens = torch.tensor([[*one, 2, *other, *[3] * (2 * length + 1)]])
        value = sum(bit << place for place, bit in enumerate(one)) * sum(
            bit << place for place, bit in enumerate(other)
        )
        expected = [value >> place & 1 for place in range(2 * length)]
        for is_hard in (True, False):
            harden(model, is_hard)
            assert model.eval()(tokens)[0, 2 * length + 1 :].argmax(-1).tolist()[: 2 * length] == expected


@given(st.integers(0, 2**31), st.integers(0, 3), st.booleans(), st.integers(1, 4), st.integers(1, 4))
@settings(max_examples=30)
def test_operands_are_shown_after_a_pause_and_the_longer_one_lies_in_the_cells(
    seed: int, pause: int, longer_first: bool, one: int, other: int
) -> None:
    model, random = cell_model(seed, pause=pause, longer_first=longer_first), Random(seed)
    first, second = ([random.randrange(2) for _ in range(size)] for size in (one, other))
    time = 2 * (one + other + 1)
    tokens = torch.tensor([(first + [OPERATOR] + second + [EMPTY] * time)[:time]])
    cells, shown = (second, first) if longer_first and other > one else (first, second)
    none, wait = model.array.symbols - 1, [OPERATOR] * pause
    found = model.operands(tokens)
    steps = time // 2 + pause
    assert found.first[0].tolist() == (cells + [none] * steps)[:steps]
    assert found.second[0].tolist() == (wait + shown + [none] * steps)[:steps]
    states = [0] * (steps + 1)
    table, readout = model.table.argmax(-1).tolist(), model.readout.argmax(-1).tolist()
    written = (cells + [none] * steps)[:steps]
    with hardened(model):
        answers = model(tokens)[0].argmax(-1).tolist()
    for step in range(steps):
        seen = int(found.second[0, step])
        after = [table[written[k]][seen][states[k]][states[k + 1]] for k in range(steps - step)]
        states = [*after, *[0] * (step + 1)]
        place = one + other + 1 + step - pause
        if step >= pause and place < time:
            assert answers[place] == readout[seen][states[0]]


@pytest.mark.parametrize("build", MODELS)
def test_seeds_side_by_side_are_the_seeds_alone(build: Any) -> None:
    models = [build(seed) for seed in range(3)]
    parameters, buffers = stack_module_state(models)
    tokens = torch.randint(3, (3, 2, 6))

    def one(numbers: dict[str, Tensor], held: dict[str, Tensor], tokens: Tensor) -> Tensor:
        return functional_call(models[0], (numbers, held), (tokens,))

    together = torch.vmap(one)(parameters, buffers, tokens)
    for seed, model in enumerate(models):
        torch.testing.assert_close(together[seed], model(tokens[seed]))
    for model in models:
        model.train()
    noisy = torch.vmap(one, randomness="different")(parameters, buffers, tokens[:1].expand(3, 2, 6))
    again = torch.vmap(one, randomness="different")(parameters, buffers, tokens[:1].expand(3, 2, 6))
    assert not torch.equal(noisy, again)


@pytest.mark.parametrize("build", MODELS)
def test_gradients(build: Any) -> None:
    model = build(0, states=2).double()
    tokens = torch.tensor([[0, 1, 2, 1, 2, 0], [1, 1, 0, 2, 2, 2]])
    names = [name for name, _ in model.named_parameters()]

    def logits(*numbers: Tensor) -> Tensor:
        return functional_call(model, dict(zip(names, numbers, strict=True)), (tokens,))

    assert torch.autograd.gradcheck(
        logits, tuple(parameter.detach().requires_grad_() for parameter in model.parameters())
    )


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: TableAutomaton(0, 2), "inputs: got 0"),
        (lambda: TableAutomaton(3, 2, states=0), "states: got 0"),
        (lambda: TableAutomaton(3, 2, noise=-1.0), "std: got -1.0"),
        (lambda: CellArrayModel(2, 3), "inputs: got 2"),
        (lambda: CellArrayModel(4, 3, operator=3), "operator: got 3, expected a token from 0 to 2"),
        (lambda: CellArrayModel(4, 3, share=0.0), "share: got 0.0"),
        (lambda: CellArrayModel(4, 3, pause=-1), "pause: got -1"),
        (lambda: table_automaton(0).export(symbols=["a"], answers=["w", "x", "y", "z"]), "expected 3 names of tokens"),
        (lambda: cell_model(0).export(symbols=["a"], answers=["w", "x", "y"]), "expected the names of 4 tokens"),
        (lambda: cell_model(0).export(symbols=["0", "1", "*"], answers=["w"]), "table: got"),
        (lambda: table_automaton(0)(torch.tensor([[0, 3]])), "tokens: got 3, expected numbers from 0 to 2"),
        (lambda: cell_model(0)(torch.tensor([[0, -1]])), "tokens: got -1, expected numbers from 0 to 3"),
    ],
)
def test_bad_arguments(build: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        build()


def test_a_table_learns_parity() -> None:
    torch.manual_seed(1)
    model = TableAutomaton(2, 2, states=4)
    tokens = torch.cartesian_prod(*[torch.arange(2)] * 6)
    targets = tokens.cumsum(1) % 2
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-2, betas=(0.9, 0.99))
    for _ in range(200):
        optimizer.zero_grad()
        functional.cross_entropy(model(tokens).flatten(0, 1), targets.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    with hardened(model.eval()):
        assert torch.equal(model(tokens).argmax(-1), targets)
    machine, random = model.export(symbols=["0", "1"], answers=["even", "odd"]), Random(0)
    bits = [random.randrange(2) for _ in range(1001)]
    assert machine.transduce("".join(map(str, bits)))[-1] == ("odd" if sum(bits) % 2 else "even")


@pytest.mark.compile
@pytest.mark.parametrize("build", [*MODELS, lambda seed: GatedCellModel(4, 3, channels=6).eval()])
def test_models_compile_without_a_break(build: Any) -> None:
    model = build(0)
    tokens = torch.tensor([[0, 1, 2, 1, 2, 0], [1, 1, 0, 2, 2, 2]])
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(tokens), model(tokens))
    compiled(tokens).square().sum().backward()
    found = [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]
    model.zero_grad()
    model(tokens).square().sum().backward()
    torch.testing.assert_close(
        found, [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    )
