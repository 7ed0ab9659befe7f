"""The substitution task: its pairs are right, its judge is strict, and a rule known beforehand passes it."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurallambda.errors import ArgumentError
from neurallambda.nn import EqualityChoice, NandChoice
from neurallambda.symbols import Codebook
from neurallambda.tasks.baselines import Perceptron, Recurrent, count, widest
from neurallambda.tasks.substitution import Pairs, candidates, draw, exact, train


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def bipolar(count: int, size: int = 32) -> Codebook:
    return Codebook.make(range(count), kind="bipolar", vec_size=size, generator=seeded())


@given(st.integers(2, 6), st.integers(0, 5), st.integers(1, 8), st.integers(0, 99))
def test_targets_are_what_replacing_gives(symbols: int, first: int, length: int, seed: int) -> None:
    allowed = range(first, first + symbols)
    pairs = draw(allowed, batch=3, length=length, generator=seeded(seed))
    rows = zip(pairs.sequence.tolist(), pairs.old.tolist(), pairs.new.tolist(), pairs.target.tolist(), strict=True)
    for sequence, old, new, target in rows:
        assert old != new
        assert {*sequence, old, new} <= set(allowed)
        assert target == [new if symbol == old else symbol for symbol in sequence]


def test_pairs_are_drawn_evenly() -> None:
    pairs = draw(range(4), batch=6_000, length=2, generator=seeded())
    counts = Counter(zip(pairs.old.tolist(), pairs.new.tolist(), strict=True))
    assert len(counts) == 12
    assert all(400 < number < 600 for number in counts.values())
    assert abs(float((pairs.sequence == pairs.old[:, None]).double().mean()) - (0.25 + 0.75 / 4)) < 0.02


class Rule(torch.nn.Module):
    """The substitution itself, on vectors, but for the last place of sequences of an old symbol that `wrong` names."""

    def __init__(self, wrong: torch.Tensor | None = None) -> None:
        super().__init__()
        self.wrong = wrong

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        here, old, new = given.unbind(-2)
        answer = torch.where((here == old).all(-1, keepdim=True), new, here)
        if self.wrong is not None:
            spoiled = (old[:, -1] == self.wrong).all(-1, keepdim=True)
            answer[:, -1] = torch.where(spoiled, -answer[:, -1], answer[:, -1])
        return answer


def test_the_judge_wants_every_place() -> None:
    codebook = bipolar(8)
    pairs = draw(range(8), batch=100, length=5, generator=seeded(1))
    assert exact(Rule(), codebook, pairs) == 1.0
    wrong = int((pairs.old == 3).sum())
    assert wrong
    assert exact(Rule(codebook.project(3)), codebook, pairs) == pytest.approx(1 - wrong / 100)


def test_candidates_are_here_old_and_new() -> None:
    codebook = bipolar(8)
    pairs = Pairs(*(torch.tensor(part) for part in ([[1, 2]], [2], [5], [[1, 5]])))
    for place, symbols in enumerate([[1, 2, 5], [2, 2, 5]]):
        assert torch.equal(candidates(pairs, codebook)[0, place], codebook.project(symbols))


def test_a_choice_by_nands_learns_it_for_symbols_it_never_saw() -> None:
    codebook = bipolar(64, 64)
    choice = NandChoice(candidates=3, size=64, gates=32, generator=seeded())
    pairs = draw(range(32, 64), batch=200, length=32, generator=seeded(2))
    before = exact(choice, codebook, pairs)
    train(choice, codebook, range(32), steps=150, learning_rate=0.05, generator=seeded(1), batch=16, length=8)
    assert before < 0.05
    assert exact(choice, codebook, pairs) > 0.95


@pytest.mark.parametrize("kind", ["bipolar", "gaussian", "orthonormal", "onehot"])
def test_a_choice_by_equality_learns_it_in_every_codebook(kind: str) -> None:
    """On symbols that training never showed, in sequences of four times the length."""
    codebook = Codebook.make(range(64), kind=kind, vec_size=64, generator=seeded())
    choice = EqualityChoice(candidates=3, gates=16, generator=seeded())
    pairs = draw(range(32, 64), batch=200, length=32, generator=seeded(2))
    before = exact(choice, codebook, pairs)
    train(choice, codebook, range(32), steps=300, learning_rate=0.05, generator=seeded(1), batch=16, length=8)
    assert before < 0.05
    assert exact(choice, codebook, pairs) >= 0.99


def test_a_start_where_half_of_the_gates_took_part_and_none_could_leave_is_left() -> None:
    codebook = Codebook.make(range(256), kind="bipolar", vec_size=64, generator=seeded(1010))
    choice = EqualityChoice(candidates=3, gates=16, generator=seeded(1010))
    train(choice, codebook, range(128), steps=300, learning_rate=0.05, generator=seeded(1011))
    assert exact(choice, codebook, draw(range(128), batch=200, length=64, generator=seeded(1012))) == 1.0


@pytest.mark.parametrize("kind", [Perceptron, Recurrent])
def test_rivals_are_as_large_as_they_may_be(kind: type[Perceptron] | type[Recurrent]) -> None:
    width = widest(kind, size=16, parameters=10_000)
    sizes = [count(kind(size=16, width=width + more, generator=seeded())) for more in (0, 1)]
    assert sizes[0] <= 10_000 < sizes[1]
    assert sizes[0] == count(kind(size=16, width=width, generator=None))


@pytest.mark.parametrize("kind", [Perceptron, Recurrent])
def test_rivals_can_learn_what_they_are_shown(kind: type[Perceptron] | type[Recurrent]) -> None:
    """With four symbols to know by heart each must be able to, or the comparison is not fair."""
    codebook = bipolar(4)
    model = kind(size=32, width=64, generator=seeded())
    train(model, codebook, range(4), steps=300, learning_rate=0.01, generator=seeded(1), batch=16, length=8)
    assert exact(model, codebook, draw(range(4), batch=200, length=8, generator=seeded(2))) > 0.95


@pytest.mark.parametrize("kind", [Perceptron, Recurrent])
def test_rivals_start_as_torch_starts_them_from_their_own_generator(kind: type[Perceptron] | type[Recurrent]) -> None:
    before = torch.get_rng_state()
    first, again = (kind(size=16, width=64, generator=seeded()) for _ in range(2))
    assert torch.equal(before, torch.get_rng_state())
    for parameter, same in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(parameter, same)
    torch.manual_seed(0)
    theirs = torch.nn.Linear(64, 16) if kind is Perceptron else torch.nn.GRU(96, 64)
    mine = first.out if isinstance(first, Perceptron) else first.memory
    for parameter, usual in zip(mine.parameters(), theirs.parameters(), strict=True):
        assert float(parameter.detach().abs().max()) == pytest.approx(float(usual.detach().abs().max()), rel=0.15)


def test_mistakes_are_told() -> None:
    with pytest.raises(ArgumentError, match="got 1, expected at least two"):
        draw(range(1), batch=1, length=1, generator=seeded())
    with pytest.raises(ArgumentError, match="less than the narrowest model has"):
        widest(Perceptron, size=16, parameters=10)
