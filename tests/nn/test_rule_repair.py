"""Repair: what a few wrong rules cost is won back, and nothing is lost."""

from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from neurallambda.automata import CellularAutomaton, library
from neurallambda.errors import ArgumentError
from neurallambda.nn import CellArrayModel, TableAutomaton, harden, repair
from neurallambda.nn.numbered_rules import CellRules
from neurallambda.structures.cell_array.exact import table_of
from neurallambda.tasks import task


def multiplier() -> CellArrayModel:
    """The exact multiplier, as a model."""
    machine = library.load("binary_multiplication", CellularAutomaton)
    model = CellArrayModel(4, 3, states=4)
    with torch.no_grad():
        model.table.copy_(5 * table_of(machine))
        for number, state in enumerate(machine.states):
            digit = torch.tensor(int(state in ("SUM", "BOTH")))
            model.readout[:, number] = 5 * functional.one_hot(digit, 3).float()
    return model


def products(count: int, seed: int, width: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    """Products of numbers of the same width; of each all digits are asked for but the last, for which there is no room."""
    random, rows, targets = Random(seed), [], []
    length = 2 * width + 1
    for _ in range(count):
        one, other = (random.getrandbits(width) for _ in range(2))
        bits = [[number >> place & 1 for place in range(length)] for number in (one, other, one * other)]
        rows.append([*bits[0][:width], 2, *bits[1][:width], *[3] * length])
        targets.append([*[0] * length, *bits[2]])
    mask = torch.arange(2 * length) >= length
    return torch.tensor(rows), torch.tensor(targets), mask.expand(count, -1)


def exact(model: CellArrayModel | TableAutomaton, tokens: Tensor, targets: Tensor, mask: Tensor) -> int:
    harden(model.eval())
    return int(((model(tokens).argmax(-1) == targets) | ~mask).all(1).sum())


@given(st.integers(0, 2**31))
@settings(max_examples=5, deadline=None)
def test_counts_are_those_of_the_hard_model_and_never_fall(seed: int) -> None:
    torch.manual_seed(seed)
    model, data = CellArrayModel(4, 3, states=4), products(40, seed, width=3)
    before = exact(model, *data)
    found = repair(model, *data, rounds=5, generator=torch.Generator().manual_seed(seed))
    assert (found.rows, found.before) == (40, before)
    assert found.after == exact(model, *data) >= before


def test_broken_rules_are_found() -> None:
    model, data, fresh = multiplier(), products(300, 0), products(100, 1)
    assert exact(model, *data) == 300
    assert repair(model, *data) == (300, 300, 300, 0)
    with torch.no_grad():
        model.table[1, 1, 0, 1] = torch.tensor([0.0, 0.0, 1.0, 0.0])  # 1 and 1 are said to be 3
        model.readout[0, 1] = torch.tensor([1.0, 0.0, 0.0])  # a digit 1 that is said to be 0 where a 0 is seen
    assert exact(model, *fresh) < 60
    found = repair(model, *data, rounds=30, generator=torch.Generator().manual_seed(0))
    assert found.after == 300
    assert found.changes >= 2
    assert exact(model, *fresh) == 100
    assert model.table.requires_grad


def test_where_rows_cannot_be_right_answers_are_counted() -> None:
    (tokens, targets, mask), model = products(300, 0), multiplier()
    last = torch.zeros_like(mask)
    last[:, -1] = True
    noise = torch.randint(2, (300,), generator=torch.Generator().manual_seed(0))
    targets = torch.where(last, noise[:, None] * 2, targets)  # what nobody can know, so that hardly a row is right
    with torch.no_grad():
        model.table[1, 1, 0, 1] = torch.tensor([0.0, 0.0, 1.0, 0.0])
        model.readout[0, 1] = torch.tensor([1.0, 0.0, 0.0])
    found = repair(model, tokens, targets, mask, rounds=30, judge="answers", generator=torch.Generator().manual_seed(0))
    said = harden(model.eval())(tokens).argmax(-1)
    assert bool(((said == targets) | ~mask | last).all())
    assert found.after < 250


def test_rows_that_cannot_be_right_do_not_take_all_rounds() -> None:
    (tokens, targets, mask), model = products(600, 0), multiplier()
    with torch.no_grad():
        model.table[1, 1, 0, 1] = torch.tensor([0.0, 0.0, 1.0, 0.0])  # 1 and 1 are said to be 3
    said = harden(model.eval())(tokens).argmax(-1)
    harmed = ((said != targets) & mask).any(1)
    few = torch.cat([harmed.nonzero().flatten()[:3], (~harmed).nonzero().flatten()])
    tokens, targets, mask = tokens[few], targets[few].clone(), mask[few]
    targets[3:, -1] = 2  # an end after all rows but three, and nothing in a row that tells which
    assert len(few) > 100
    found = repair(model, tokens, targets, mask, rounds=25, generator=torch.Generator().manual_seed(0))
    assert (found.before, found.after) == (0, 3)


def test_bad_input() -> None:
    model, (tokens, targets, mask) = multiplier(), products(3, 0)
    with pytest.raises(ArgumentError, match="rounds: got -1"):
        repair(model, tokens, targets, mask, rounds=-1)
    with pytest.raises(ArgumentError, match="tries: got 0"):
        repair(model, tokens, targets, mask, tries=0)
    with pytest.raises(ArgumentError, match="tokens"):
        repair(TableAutomaton(2, 2), tokens, targets, mask)


def test_rules_of_an_automaton_are_found() -> None:
    parity = task("parity-check")
    model = TableAutomaton(parity.inputs, parity.outputs, states=4)
    with torch.no_grad():
        model.table.copy_(5 * torch.eye(4).expand(3, 4, 4))
        model.table[1, :2] = 5 * torch.eye(4)[[1, 1]]  # a second 1 is said to change nothing
        model.readout.copy_(5 * torch.eye(2).repeat(2, 1))
    batch = parity.batch((1, 20), 200, generator=torch.Generator().manual_seed(0))
    found = repair(model, batch.tokens, batch.targets, batch.mask, generator=torch.Generator().manual_seed(0))
    assert found.before < 150
    assert found.after == 200
    fresh = parity.batch(300, 50, generator=torch.Generator().manual_seed(1))
    assert exact(model, fresh.tokens, fresh.targets, fresh.mask) == 50


@given(st.integers(0, 2**31))
@settings(max_examples=5, deadline=None)
def test_counts_of_an_automaton_are_those_of_the_hard_model(seed: int) -> None:
    torch.manual_seed(seed)
    sums = task("modular-arithmetic-simple")
    model = TableAutomaton(sums.inputs, sums.outputs, states=6)
    batch = sums.batch((1, 9), 40, generator=torch.Generator().manual_seed(seed))
    found = repair(model, batch.tokens, batch.targets, batch.mask, rounds=4, generator=torch.Generator().manual_seed(1))
    assert found.after == exact(model, batch.tokens, batch.targets, batch.mask) >= found.before


@pytest.mark.parametrize("pause", [0, 2, 5])
def test_a_repair_counts_the_rows_that_the_hard_model_answers(pause: int) -> None:
    model, data = CellArrayModel(4, 3, states=4, pause=pause, longer_first=True), products(40, 0, width=1)
    found = repair(model, *data, rounds=4, generator=torch.Generator().manual_seed(1))
    assert found.after == exact(model, *data) >= found.before


@given(st.integers(0, 2**31), st.integers(1, 9), st.integers(0, 3), st.booleans())
@settings(max_examples=30, deadline=None)
def test_rules_by_number_say_what_the_hard_model_says(seed: int, longest: int, pause: int, longer_first: bool) -> None:
    torch.manual_seed(seed)
    model = harden(CellArrayModel(4, 3, states=5, pause=pause, longer_first=longer_first).eval())
    tokens = task("binary-addition").batch((1, longest), 8, generator=torch.Generator().manual_seed(seed)).tokens
    with torch.no_grad():
        assert torch.equal(CellRules(model).predict(tokens), model(tokens).argmax(-1))  # pyright: ignore[reportArgumentType]
