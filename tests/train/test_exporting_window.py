"""A learned window is written down as a machine with a queue, and answers as the hardened network does."""

import pytest
import torch

from neurallambda.automata import TuringMachine, dumps, loads
from neurallambda.nn import WindowAutomaton
from neurallambda.tasks import Task, task
from neurallambda.train import MODELS, export, verify
from neurallambda.train.evaluation import predict
from neurallambda.train.exporting import answered


def seeded(asked: Task, seed: int, places: int) -> WindowAutomaton:
    torch.manual_seed(seed)
    model = MODELS["window"](asked, states=5, places=places).eval()
    assert isinstance(model, WindowAutomaton)
    with torch.no_grad():
        model.places.copy_(torch.randn(places))
    return model


@pytest.mark.parametrize("places", [1, 4])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["sliding-window-sum", "n-back", "reverse-string"])
def test_an_exported_window_answers_what_the_hardened_model_answers(name: str, seed: int, places: int) -> None:
    asked = task(name)
    model = seeded(asked, seed, places)
    machine = export(model, asked)
    assert isinstance(machine, TuringMachine)
    assert machine.is_deterministic
    assert loads(dumps(machine)) == machine
    batch = asked.batch((1, 12), 8, generator=torch.Generator().manual_seed(seed))
    predicted = predict(model, asked, batch)[0]
    for number, length in enumerate(batch.lengths.tolist()):
        said = [asked.answers[one] for one in predicted[number][batch.mask[number]].tolist()]
        assert answered(machine, asked, batch.tokens[number, :length].tolist()) == said


def test_a_right_window_is_verified_at_lengths_that_no_training_shows() -> None:
    asked = task("parity-check")
    model = WindowAutomaton(asked.inputs, asked.outputs, states=2, places=3)
    keep, change = torch.eye(2), 1 - torch.eye(2)
    with torch.no_grad():  # a 1 that comes changes the state; what leaves the window does not
        model.places.copy_(torch.tensor([0.0, 0.0, 1.0]))
        model.table.table.copy_(9 * torch.stack([keep, change, keep, keep, keep, keep]))
        model.table.readout.copy_(torch.eye(2))
    assert verify(export(model, asked), asked, lengths=(41, 100), rows=5).is_right
    with torch.no_grad():  # a 1 that leaves the window changes it back: the parity of the last three tokens alone
        model.table.table[4] = 9 * change
    assert not verify(export(model, asked), asked, lengths=(41,), rows=20).is_right
