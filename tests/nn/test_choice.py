"""Choices: soft ones are softmaxes, hard ones are their argmax, and noise is in training only."""

import pytest
import torch
from torch import nn

from neurallambda.errors import ArgumentError
from neurallambda.nn import Choice, Controller, Noise, cooled, harden, hardened, sharpen


def test_a_hard_choice_is_the_argmax_and_exactly_one_option() -> None:
    choice = harden(Choice())
    logits = torch.tensor([[1.0, 3.0, 2.0], [0.0, 0.0, 0.0]])  # of equal ones, one is taken
    assert choice(logits).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert torch.equal(harden(choice, hard=False)(logits), logits.softmax(-1))


def test_temperature_sharpens_towards_the_hard_choice() -> None:
    logits = torch.tensor([1.0, 2.0])
    assert torch.equal(sharpen(Choice(), 0.5)(logits), (2 * logits).softmax(-1))
    torch.testing.assert_close(sharpen(Choice(), 0.01)(logits), torch.tensor([0.0, 1.0]))


def test_a_model_is_hard_inside_the_block_only() -> None:
    model = nn.Sequential(Choice(), harden(Choice()))
    inside = []

    def fails() -> None:
        with hardened(model):
            inside.extend(one.is_hard for one in model if isinstance(one, Choice))
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert inside == [True, True]
    assert [one.is_hard for one in model if isinstance(one, Choice)] == [False, True]


def test_hard_models_hold_whole_symbols_in_certain_states() -> None:
    model = harden(Controller(4, 3, stacks=1, queues=1)).eval()
    assert isinstance(model, Controller)
    state, (inputs, *none) = model.with_room_for(9).prepare(torch.randint(4, (5, 9)), None)
    assert none == [(), (), ()]
    for time in range(9):
        state, _ = model.with_room_for(9).advance(state, (inputs[:, time], (), (), ()))
        numbers = torch.cat([state.hidden[0].flatten(), *(memory.cells.flatten() for memory in state.memories)])
        assert ((numbers == 0) | (numbers == 1)).all()


def test_noise_has_the_standard_deviation_asked_for_and_stops_in_evaluation() -> None:
    torch.manual_seed(0)
    noise = Noise([0.0, 2.0])
    found = noise(torch.zeros(10_000, 2)).std(0)
    torch.testing.assert_close(found, torch.tensor([0.0, 2.0]), rtol=0.05, atol=0)
    assert not noise.eval()(torch.zeros(3, 2)).any()


def test_cooling_is_by_the_same_factor_at_each_step() -> None:
    temperatures = [cooled(step / 4, first=2.0, last=0.125) for step in range(5)]
    assert temperatures == pytest.approx([2.0, 1.0, 0.5, 0.25, 0.125])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Noise(-1.0), "std: got -1.0, expected finite"),
        (lambda: Noise([0.5, float("nan")]), "std: .* expected finite"),
        (lambda: cooled(2.0), "progress: got 2.0, expected a number from 0 to 1"),
        (lambda: sharpen(Choice(), 0.0), "temperature: got 0.0, expected a positive"),
        (lambda: harden("model"), "model: got 'model', expected a Module"),  # pyright: ignore[reportArgumentType]
        (lambda: hardened("model").__enter__(), "model: got 'model', expected a Module"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_what_does_not_fit_is_refused(call: object, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()  # pyright: ignore[reportCallIssue]
