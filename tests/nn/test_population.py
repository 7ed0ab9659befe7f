"""A population is its members: what each computes, and how each learns, is what it would alone."""

import copy
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from neurallambda.errors import ArgumentError
from neurallambda.nn import Controller, NameBlindController, Population, Sharpening, clip_each, hardened

SEEDS, ROWS, TIME = 3, 4, 7


def quiet() -> Controller:
    """A model without noise, so that it can be computed twice."""
    return Controller(3, 2, stacks=1, queues=1, state_noise=0.0, action_noise=0.0, value_noise=0.0)


def restful() -> NameBlindController:
    """A model without noise that takes more steps than there are tokens."""
    return NameBlindController(
        3, 2, names=2, stacks=1, queues=1, pause=True, state_noise=0.0, action_noise=0.0, choice_noise=0.0
    )


def tokens() -> Tensor:
    return torch.randint(3, (SEEDS, ROWS, TIME), generator=torch.Generator().manual_seed(0))


def mask() -> Tensor:
    lengths = torch.tensor([TIME, 3, 5, 1])
    return (torch.arange(TIME) < lengths[:, None]).expand(SEEDS, ROWS, TIME)


def alone(seed: int) -> Controller:
    torch.manual_seed(seed)
    return quiet()


@pytest.mark.parametrize("given", [(tokens(),), (tokens(), mask())])
def test_each_member_computes_what_the_model_built_alone_does(given: tuple[Tensor, ...]) -> None:
    population = Population.of(quiet, seeds=range(SEEDS))
    together = population(*given)
    for seed, member in enumerate(population.members()):
        own = tuple(one[seed] for one in given)
        torch.testing.assert_close(together[seed], alone(seed)(*own))
        torch.testing.assert_close(together[seed], member(*own))


def train(model: nn.Module, given: Tensor, clip: object) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        (100 * model(given).square()).flatten(-3).mean(-1).sum().backward()
        clip(model)  # pyright: ignore[reportCallIssue]
        optimizer.step()


def test_each_member_learns_as_it_would_alone() -> None:
    """Also where one seed's loss is not finite: the others do not notice."""
    population = Population.of(quiet, seeds=range(SEEDS))
    with torch.no_grad():
        population.template.get_parameter("answer.weight")[1] = torch.inf
    train(population, tokens(), lambda model: clip_each(model, 0.1))
    members = population.members()
    for seed in (0, 2):
        model = alone(seed)
        train(model, tokens()[seed], lambda model: nn.utils.clip_grad_norm_(model.parameters(), 0.1))
        for name, learned in model.named_parameters():
            torch.testing.assert_close(members[seed].get_parameter(name), learned, rtol=1e-4, atol=1e-6)


def test_gradients_are_clipped_seed_by_seed() -> None:
    population = Population([nn.Linear(2, 1), nn.Linear(2, 1)])
    population(torch.tensor([[[300.0, 400.0]], [[0.3, 0.4]]])).sum().backward()
    before = clip_each(population, 2.0)
    torch.testing.assert_close(
        before, torch.tensor([500.0, 0.5**2 + 1]).sqrt() * torch.tensor([500.0**0.5, 1.0]), rtol=1e-3, atol=1e-3
    )
    weight, bias = population.template.get_parameter("weight").grad, population.template.get_parameter("bias").grad
    assert weight is not None
    assert bias is not None
    after = torch.cat([weight.flatten(1), bias], dim=1).norm(dim=1)
    torch.testing.assert_close(after, torch.tensor([2.0, before[1].item()]))


def test_a_parameter_that_is_a_single_number_is_clipped_too() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.sharpening = Sharpening()

        def forward(self, x: Tensor) -> Tensor:
            return x * self.sharpening(len(x))

    population = Population([Scaled(), Scaled()])
    population(torch.tensor([[[100.0]], [[0.1]]])).sum().backward()
    before = clip_each(population, 2.0)
    torch.testing.assert_close(before[0], 1000 * before[1])
    (grad,) = (parameter.grad for parameter in population.parameters())
    torch.testing.assert_close(grad, torch.stack([torch.tensor(2.0), before[1]]))


def test_what_is_kept_goes_on_as_before() -> None:
    """The optimizer too: its memory of the others is dropped."""
    population, control = Population.of(quiet, seeds=range(SEEDS)), Population.of(quiet, seeds=range(SEEDS))
    optimizers = [torch.optim.Adam(one.parameters(), lr=0.01) for one in (population, control)]

    def step(which: int, model: Population, given: Tensor) -> None:
        optimizers[which].zero_grad()
        model(given).square().sum().backward()
        optimizers[which].step()

    for which, one in enumerate((population, control)):
        step(which, one, tokens())
    population.keep([2, 0], optimizers[0])
    assert len(population) == 2
    step(0, population, tokens()[[2, 0]])
    step(1, control, tokens())
    for kept, one in zip(population.members(), (control.members()[2], control.members()[0]), strict=True):
        for name, parameter in kept.named_parameters():
            torch.testing.assert_close(parameter, one.get_parameter(name))


def test_its_state_dict_goes_round() -> None:
    population, other = Population.of(quiet, seeds=range(SEEDS)), Population.of(quiet, seeds=range(9, 9 + SEEDS))
    other.load_state_dict(population.state_dict())
    assert torch.equal(other(tokens()), population(tokens()))
    assert torch.equal(copy.deepcopy(population)(tokens()), population(tokens()))


def test_its_noise_differs_between_seeds_and_is_only_in_training() -> None:
    population = Population([Controller(3, 2)] * SEEDS)
    given = tokens()[:1].expand(SEEDS, -1, -1)
    assert all(not torch.equal(one, other) for one, other in pairwise(population(given)))
    population.eval()
    assert all(torch.equal(one, other) for one, other in pairwise(population(given)))


def test_it_is_hardened_as_a_model_is() -> None:
    population = Population.of(quiet, seeds=range(SEEDS))
    with hardened(population):
        together = population(tokens())
    for seed, member in enumerate(population.members()):
        with hardened(member):
            torch.testing.assert_close(together[seed], member(tokens()[seed]))
    assert not torch.equal(together, population(tokens()))


def test_parameters_and_buffers_that_are_shared_stay_shared() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.Linear(2, 2)
            self.other = nn.Linear(2, 2)
            self.other.weight = self.one.weight
            self.register_buffer("scale", torch.tensor(2.0))

        def forward(self, x: Tensor) -> Tensor:
            return self.other(self.one(x)) * self.scale

    models = [Tied() for _ in range(SEEDS)]
    population = Population(models)
    assert len(list(population.parameters())) == 3
    given = torch.randn(SEEDS, 5, 2)
    for seed, member in enumerate(population.members()):
        torch.testing.assert_close(population(given)[seed], models[seed](given[seed]))
        assert isinstance(member, Tied)
        assert member.one.weight is member.other.weight


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Population([]), "models: got none"),
        (
            lambda: Population([nn.Linear(2, 3), nn.Linear(3, 2)]),
            "models: got a Linear at position 1 .* names and shapes",
        ),
        (lambda: Population([nn.Linear(2, 3), nn.ReLU()]), "models: got a ReLU at position 1"),
        (lambda: Population([nn.Linear(2, 3)] * 2)(torch.ones(3, 2)), "inputs: .* first axis is the 2 seeds"),
        (lambda: Population([nn.Linear(2, 3)] * 2).keep([]), r"indices: got \[\], expected at least one"),
        (lambda: Population([nn.Linear(2, 3)] * 2).keep([2]), r"indices: got \[2\], expected .* from 0 to 1"),
        (lambda: clip_each(Population([nn.Linear(2, 3)]), 0.0), "norm: got 0.0, expected a positive"),
    ],
)
def test_what_does_not_fit_is_refused(make: object, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()  # pyright: ignore[reportCallIssue]


@pytest.mark.compile
@pytest.mark.parametrize(
    ("make", "given"), [(quiet, (tokens(),)), (quiet, (tokens(), mask())), (restful, (tokens(), mask()))]
)
def test_compiled_steps_give_what_steps_do(
    make: Callable[[], nn.Module], given: tuple[Tensor, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gradients too, at a length that is no multiple of the steps in a call, and at two lengths of one capacity."""
    plain = torch.compile

    def traced(function: object, **options: object) -> object:
        return plain(function, **(options | {"backend": "eager"}))  # pyright: ignore[reportCallIssue, reportArgumentType]

    monkeypatch.setattr(torch, "compile", traced)
    monkeypatch.setattr("neurallambda.nn.population.UNROLL", 2)
    eager = Population.of(make, seeds=range(SEEDS))
    compiled = copy.deepcopy(eager)
    compiled.is_compiled = True
    for time in (TIME, TIME - 1):
        found = []
        for population in (eager, compiled):
            population.zero_grad()
            answers = population(*(one[..., :time] for one in given))
            answers.square().sum().backward()
            found.append((answers, [parameter.grad for parameter in population.parameters()]))
        torch.testing.assert_close(*found)
