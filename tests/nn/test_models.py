"""What all models of tokens owe: rows by themselves, padding without influence, hardening, seeds side by side."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from neurallambda.errors import ArgumentError
from neurallambda.nn import (
    Controller,
    LSTMModel,
    NameBlindController,
    Population,
    RNNModel,
    StepModel,
    StructureLayer,
    Transformer,
    TransformerBlock,
    TransformerModel,
    WindowAutomaton,
    harden,
)
from neurallambda.nn.positions import distance_biases, rotated

INPUTS, OUTPUTS, ROWS, TIME = 4, 3, 3, 8
SMALL: dict[str, Any] = {"dim": 8, "layers": 2, "heads": 2}
QUIET: dict[str, Any] = {"state_noise": 0.0, "action_noise": 0.0, "value_noise": 0.0}


def name_blind(**options: Any) -> NameBlindController:
    quiet = {"state_noise": 0.0, "action_noise": 0.0, "choice_noise": 0.0}
    return NameBlindController(INPUTS, OUTPUTS, names=2, **quiet, **options)


MODELS: dict[str, Callable[[], nn.Module]] = {
    "controller": lambda: Controller(INPUTS, OUTPUTS, stacks=1, queues=1, **QUIET),
    "controller-tanh": lambda: Controller(INPUTS, OUTPUTS, stacks=0, queues=1, cell="tanh", **QUIET),
    "controller-lstm": lambda: Controller(INPUTS, OUTPUTS, stacks=1, queues=0, cell="lstm", **QUIET),
    "controller-small": lambda: Controller(INPUTS, OUTPUTS, stacks=1, queues=1, capacity=2, **QUIET),
    "controller-bare": lambda: Controller(INPUTS, OUTPUTS, stacks=0, queues=0, **QUIET),
    "controller-priority": lambda: Controller(INPUTS, OUTPUTS, stacks=1, queues=1, priority_queues=2, **QUIET),
    "name-blind": lambda: name_blind(answers_names=True, latches=2, dictionaries=1),
    "name-blind-pause-full": lambda: name_blind(stacks=1, queues=1, pause=True),
    "window": lambda: WindowAutomaton(INPUTS, OUTPUTS, states=4, places=3, noise=0.0, place_noise=0.0),
    "rnn": lambda: RNNModel(INPUTS, OUTPUTS, hidden=8),
    "lstm": lambda: LSTMModel(INPUTS, OUTPUTS, hidden=8, layers=2),
    **{
        f"transformer-{positions}-{'causal' if causal else 'full'}": (
            lambda positions=positions, causal=causal: TransformerModel(
                INPUTS, OUTPUTS, positions=positions, is_causal=causal, **SMALL
            )
        )
        for positions in ("none", "sinusoidal", "rotary", "alibi")
        for causal in (True, False)
    },
    "transformer-stack": lambda: TransformerModel(INPUTS, OUTPUTS, structure="stack", **SMALL),
    "transformer-stack-alibi": lambda: TransformerModel(
        INPUTS, OUTPUTS, structure="stack", structure_noise=0.0, positions="alibi", **SMALL
    ),
    "transformer-queue": lambda: TransformerModel(
        INPUTS, OUTPUTS, structure="queue", structure_after=[0, 2], capacity=3, **SMALL
    ),
}


def model(name: str) -> nn.Module:
    torch.manual_seed(0)
    made = MODELS[name]().double()
    for parameter_name, parameter in made.named_parameters():
        if parameter_name.endswith("gate"):
            nn.init.normal_(parameter)
    return made


def tokens() -> Tensor:
    return torch.randint(INPUTS, (ROWS, TIME), generator=torch.Generator().manual_seed(1))


MASK = torch.tensor([[1, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0, 0, 0], [0, 0, 1, 1, 0, 1, 0, 1]]).bool()
"""A whole row, one that ends early, and one with gaps."""


@pytest.mark.parametrize("name", MODELS)
def test_rows_and_padding_have_no_influence_on_others(name: str) -> None:
    made = model(name)
    answers = made(tokens(), MASK)
    assert answers.shape == (ROWS, TIME, OUTPUTS)
    for row in range(ROWS):
        alone = made(tokens()[row : row + 1, MASK[row]])
        torch.testing.assert_close(answers[row : row + 1, MASK[row]], alone)
    answers.square().sum().backward()
    assert all(one.grad is not None and one.grad.isfinite().all() for one in made.parameters())


@pytest.mark.parametrize("name", MODELS)
def test_answers_of_causal_models_do_not_depend_on_what_comes(name: str) -> None:
    made = model(name)
    short, long = made(tokens()[:, :5]), made(tokens())[:, :5]
    if name.endswith("full"):
        assert not torch.allclose(short, long)
    else:
        torch.testing.assert_close(short, long)


@pytest.mark.parametrize("name", MODELS)
def test_seeds_side_by_side_are_seeds_alone(name: str) -> None:
    made = [model(name) for _ in range(2)]
    with torch.no_grad():
        for parameter in made[1].parameters():
            parameter.add_(0.1)
    population = Population(made)
    together = population(tokens().expand(2, -1, -1), MASK.expand(2, -1, -1))
    for seed, one in enumerate(made):
        torch.testing.assert_close(together[seed], one(tokens(), MASK))
    together.square().sum().backward()


def test_room_for_half_the_steps_is_room_enough() -> None:
    """As much as any sequence of actions could read again: with twice the room nothing changes."""
    made = model("controller")
    assert isinstance(made, Controller)
    for time in range(1, TIME + 1):
        roomy = made.with_room_for(10 * TIME)
        state, moments = roomy.prepare(tokens()[:, :time], None)
        outputs = []
        for step in range(time):
            moment = moments[0][:, step], (), (), ()
            state, output = roomy.advance(state, moment)
            outputs.append(output)
        torch.testing.assert_close(made(tokens()[:, :time]), made.finish(torch.stack(outputs, 1)))


def test_hardened_answers_are_the_same_with_any_room() -> None:
    made = harden(model("controller"))
    assert isinstance(made, Controller)
    assert torch.equal(made(tokens()), made.with_room_for(100)(tokens()))


def test_noise_on_the_actions_of_a_layer_is_for_training_alone_and_hardening_makes_them_certain() -> None:
    torch.manual_seed(0)
    made = TransformerModel(INPUTS, OUTPUTS, structure="stack", structure_noise=1.0, positions="alibi", **SMALL)
    for name, parameter in made.named_parameters():
        if name.endswith("gate"):
            nn.init.normal_(parameter)
    assert not torch.equal(made(tokens()), made(tokens()))
    made.eval()
    soft = made(tokens())
    assert torch.equal(soft, made(tokens()))
    hard = harden(made)(tokens())
    assert not torch.allclose(soft, hard)
    (layer,) = made.transformer.between.values()
    assert isinstance(layer, StructureLayer)
    with torch.no_grad():
        for parameter in (layer.to_logits.weight, layer.to_logits.bias):
            parameter.unflatten(0, (layer.heads, -1))[:, :3] *= 1e6  # the choices, certain without being hardened
    torch.testing.assert_close(hard, harden(made, False)(tokens()))


def test_rotations_make_products_depend_on_distances_alone() -> None:
    query, key = torch.randn(2, 1, 1, 4, 6, dtype=torch.float64)
    place = torch.arange(4).expand(1, 4)
    scores = [rotated(query, place + shift) @ rotated(key, place + shift).mT for shift in (0, 7)]
    torch.testing.assert_close(*scores)
    assert not torch.allclose(scores[0], query @ key.mT)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_rotations_know_places_far_away_in_any_precision(dtype: torch.dtype) -> None:
    place, vectors = torch.arange(1000).expand(1, 1, 1000)[0], torch.ones(1, 1, 1000, 6)
    turned = rotated(vectors.to(dtype), place)
    assert turned.dtype == dtype
    torch.testing.assert_close(turned.float(), rotated(vectors, place), rtol=0, atol=0.02)


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith("transformer")])
def test_hidden_states_that_are_not_seen_may_be_anything(name: str) -> None:
    made = model(name)
    assert isinstance(made, TransformerModel)
    body = made.transformer.with_room_for(TIME)
    hidden = torch.randn(ROWS, TIME, 8, dtype=torch.float64)
    given = torch.where(MASK[..., None], hidden, torch.nan)
    seen = body(given, MASK)[MASK]
    torch.testing.assert_close(seen, body(hidden, MASK)[MASK])
    seen.square().sum().backward()
    assert all(one.grad is None or one.grad.isfinite().all() for one in made.parameters())


def test_biases_fall_with_the_distance_by_slopes_of_the_paper() -> None:
    biases = distance_biases(torch.arange(3).expand(1, 3), 8)
    torch.testing.assert_close(biases[0, 0, 2], torch.tensor([-1.0, -0.5, 0.0]))
    torch.testing.assert_close(biases[0, :, 0, 1], -(0.5 ** torch.arange(1.0, 9.0)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: model("rnn")(tokens().double()), "tokens: got torch.float64, expected integers .batch, time."),
        (lambda: model("controller")(tokens()[0]), "tokens: got shape .8,., expected .batch, time."),
        (lambda: model("controller")(tokens()[:, :0]), "tokens: got shape .3, 0., expected .* at least one step"),
        (lambda: model("controller")(tokens()[:0]), "tokens: got shape .0, 8., expected at least one row"),
        (lambda: model("controller")(tokens() + 1), "tokens: got numbers from 1 to 4, expected 0 to 3"),
        (lambda: model("transformer-stack")(tokens() - 1), "tokens: got numbers from -1 to 2"),
        (lambda: model("lstm")(tokens(), MASK[:2]), "mask: got torch.bool of shape .2, 8., expected booleans"),
        (lambda: model("lstm")(tokens(), MASK.long()), "mask: got torch.int64"),
        (lambda: Controller(1, 2), "inputs: got 1, expected an integer of at least 2"),
        (lambda: Controller(3, 2, after=["take"]), "after: got 1 phases, expected one for each of the 2 heads"),
        (lambda: Controller(3, 2, after=["wait", "stay"]), "after: got"),  # pyright: ignore[reportArgumentType]
        (lambda: RNNModel(3, 2, hidden=0), "hidden: got 0"),
        (lambda: StepModel(4, 2, seen=3)(tokens()[:, :2]), "tokens: got 2 in a row, expected the 3 that are seen"),
        (lambda: StepModel(4, 2, seen=3)(tokens()), "tokens: got 8 in a row, .* at most 4 empty ones"),
        (lambda: TransformerModel(3, 2, dim=10, heads=4), "dim: got 10 for 4 heads, expected a multiple"),
        (lambda: TransformerModel(3, 2, dim=12, heads=4, positions="rotary"), "dim: .* an even multiple"),
        (lambda: Transformer([TransformerBlock(4, 2)], between={2: None}), "between: got"),  # pyright: ignore[reportArgumentType]
        (lambda: TransformerModel(3, 2, structure="stack", structure_after=[9]), "between: got a layer behind block 9"),
        (lambda: TransformerModel(3, 2, structure="stack", structure_noise=-1.0), "structure_noise: got -1.0"),
        (lambda: Controller(3, 2, action_noise=-1.0), "action_noise: got -1.0"),
        (lambda: Controller(3, 2, value_noise=float("nan")), "value_noise: got nan"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()
