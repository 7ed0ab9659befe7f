"""Machines are learned from examples, and what is learned is rounded and judged by the exact machine."""

from itertools import product

import pytest
import torch

from neurallambda.automata import Automaton, library
from neurallambda.automata.data.generate import Recipe, generate
from neurallambda.automata.data.lengths import Lengths
from neurallambda.errors import ArgumentError
from neurallambda.twins import NeuralFSM, SuperposedAutomaton
from neurallambda.twins.blank import blank_fsm, blank_pda
from neurallambda.twins.examples import draw_examples, encode_examples
from neurallambda.twins.learning import Course, learn

SHORT = Recipe(size=300, lengths=Lengths.parse("0-12"), negatives=0.5)
LONG = Recipe(size=100, lengths=Lengths.parse("190-200"), negatives=0.5, seed=9)


def assert_same(found: Automaton | None, target: Automaton) -> None:
    assert found is not None
    for n in range(8):
        assert all(found.accepts(s) == target.accepts(s) for s in product(target.alphabet, repeat=n))
    assert all(found.accepts(row.string) == row.label for row in generate(target, LONG))


def test_parity_from_labels_alone() -> None:
    target = library.load("parity")
    twin = NeuralFSM(blank_fsm(target.alphabet, states=4))
    learned = learn(twin, draw_examples(target, SHORT), Course(starts=3, steps=150, batch=64), seed=0)
    assert_same(learned.machine, target)
    assert learned.scores.shape == (21, *twin.table.scores.shape)
    assert torch.equal(learned.scores[-1], twin.table.scores)
    late, early = learned.losses[-10:].mean(0)[learned.best], learned.losses[:10].mean(0)[learned.best]
    assert late < early / 10
    text = ["", "1", "101", "0111" * 5]
    assert twin.believes(text) == [target.accepts(one) for one in text]


@pytest.mark.slow
def test_anbn_from_prospects() -> None:
    target = library.load("anbn")
    twin = SuperposedAutomaton(blank_pda(target.alphabet, states=2, stack="A"), capacity=12)
    course = Course(starts=4, steps=120, batch=32, may_stop=True)
    learned = learn(twin, draw_examples(target, SHORT, with_prospects=True), course, seed=0)
    assert_same(learned.machine, target)


def test_the_same_seed_learns_the_same() -> None:
    target = library.load("parity")
    examples, course = draw_examples(target, SHORT), Course(starts=2, steps=10, batch=16, snapshots=2)
    one, same, other = (
        learn(NeuralFSM(blank_fsm(target.alphabet, states=3)), examples, course, seed=seed) for seed in (1, 1, 2)
    )
    assert torch.equal(one.losses, same.losses)
    assert not torch.equal(one.losses, other.losses)
    assert one.scores.shape[0] == 3


def test_starts_do_not_touch_one_another() -> None:
    """The first start learns the same whether others learn beside it or not."""
    target = library.load("parity")
    examples = draw_examples(target, SHORT)

    def losses(starts: int) -> torch.Tensor:
        twin = NeuralFSM(blank_fsm(target.alphabet, states=3), dtype=torch.float64)
        # The batches are drawn after the starts, so that their seeds differ; one step of the whole batch does not.
        course = Course(starts=starts, steps=1, batch=4, snapshots=1)
        return learn(twin, examples[:1] * 4, course, seed=0).losses[0]

    assert torch.allclose(losses(1)[0], losses(3)[0], atol=1e-12)


def test_what_rounds_to_nothing_right_is_said() -> None:
    target = library.load("modular_counter_5")
    twin = NeuralFSM(blank_fsm(target.alphabet, states=2))
    learned = learn(twin, draw_examples(target, SHORT), Course(starts=2, steps=5, batch=16), seed=0)
    assert learned.machine is None
    assert not any(attempt.fits for attempt in learned.attempts)


def test_examples_must_tell_what_is_learned_from() -> None:
    target = library.load("anbn")
    told, labels = draw_examples(target, SHORT, with_prospects=True), draw_examples(target, SHORT)
    with pytest.raises(ArgumentError, match="with_prospects=False"):
        learn(NeuralFSM(blank_fsm("ab", states=2)), told, Course(), seed=0)
    pushdown = SuperposedAutomaton(blank_pda("ab", states=2, stack="A"), capacity=4)
    with pytest.raises(ArgumentError, match="with_prospects=True"):
        learn(pushdown, labels, Course(), seed=0)
    like = torch.zeros(1)
    with pytest.raises(ArgumentError, match="got none"):
        encode_examples(pushdown.table.layout, [], like=like)
    with pytest.raises(ArgumentError, match="some tell prospects"):
        encode_examples(pushdown.table.layout, [told[0], labels[0]], like=like)


def test_prospects_of_a_built_twin_are_those_of_the_machine() -> None:
    dyck = blank_pda("()", states=1, stack="A")
    twin = SuperposedAutomaton(dyck, capacity=6)
    with torch.no_grad():
        twin.table.allow_all()
        twin.table.scores[:] = -1e30
        twin.table.accept_scores[:] = 1e30
        verbs = [move.operations[0].verb for move in twin.table.layout.moves]
        twin.table.scores[0, 0, :, verbs.index("push")] = 0.0
        twin.table.scores[0, 1, 1, verbs.index("pop")] = 0.0
        twin.table.scores[0, 1, 0, -1] = 0.0
        twin.table.scores[0, 2:, :, -1] = 0.0
    examples = draw_examples(library.load("dyck1"), SHORT, with_prospects=True)
    data = encode_examples(twin.table.layout, [one for one in examples if len(one.string) <= 6], like=twin.table.scores)
    with torch.no_grad():
        found = twin.prospects(data.strings)
    assert torch.equal(found * data.told[..., None], data.prospects * data.told[..., None])
