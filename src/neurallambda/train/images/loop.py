"""The loop: images in rows, of which only the value of a program is known."""

import math
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from time import perf_counter, process_time

import torch
from jaxtyping import Int
from torch import Tensor, nn

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError
from neurallambda.nn import ImageClassifier
from neurallambda.tasks.images import LabelledImages
from neurallambda.train.images.augment import augmented
from neurallambda.train.images.problems import Problem, problem_named
from neurallambda.train.images.recipe import ImageRecipe

FIRST_ROWS = 64
"""The rows of a step of the easier problem."""
REPORT_EVERY = 100


@dataclass(frozen=True)
class Learned:
    """What a training came to.

    Attributes:
        networks: one for each kind of images; the average of all steps.
        losses: the mean of each epoch: minus the logarithm of the likelihood, for each image.
        minutes: how long it took.
        cpu_minutes: how much of that the processor worked for it.
    """

    networks: dict[str, ImageClassifier]
    losses: tuple[float, ...]
    minutes: float
    cpu_minutes: float


@checked
def train_on_images(
    recipe: ImageRecipe,
    images: Mapping[str, LabelledImages],
    *,
    seed: int = 0,
    listener: Callable[[str], None] | None = None,
) -> Learned:
    """Train networks from scratch; of a row of images they are told only what the program makes of it.

    Args:
        recipe: how.
        images: of each kind, as the problem names them. Each is in one row at most.
        seed: of the rows, the networks and all that is drawn by chance.
        listener: is told how far it is, in words.

    Raises:
        ArgumentError: if there are too few images, or none of a kind.
    """
    began, cpu = perf_counter(), process_time()
    say = listener or (lambda _: None)
    problem = problem_named(recipe.problem)
    generator = torch.Generator().manual_seed(seed)
    rows = draw_rows(problem, images, generator)
    labels = {kind: images[kind].labels[index] for kind, index in rows.items()}
    answers = problem.answers(labels)
    networks = nn.ModuleDict(
        {kind: _network(problem.classes[kind], images[kind], recipe, seed) for kind in problem.images}
    )
    torch.manual_seed(seed)  # of dropout
    _begin(problem, networks, images, rows, answers, recipe, generator, say)
    average = deepcopy(networks)
    optimizer = torch.optim.AdamW(
        networks.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.99), weight_decay=recipe.weight_decay
    )
    size = min(len(answers), max(1, recipe.images_per_step // sum(problem.images.values())))
    steps = recipe.epochs * (len(answers) // size)
    losses: list[list[float]] = []
    for step, (epoch, chosen) in enumerate(_batches(len(answers), size, recipe.epochs, generator)):
        done = step / steps
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * min(1.0, 12 * (step + 1) / steps) * (1 + math.cos(math.pi * done)) / 2
        strength = recipe.augmentation * (min(1.0, 3 * done) if done < 0.9 else 0.5)
        seen = {kind: index[chosen] for kind, index in rows.items()}
        loss = _loss(problem, networks, images, seen, answers[chosen], strength, recipe, generator)
        _step(loss, networks, optimizer, recipe.clip)
        _keep_average(average, networks, min(recipe.average, (1 + step) / (10 + step)))
        if len(losses) <= epoch:
            losses.append([])
        losses[epoch].append(loss.item())
        if (step + 1) % REPORT_EVERY == 0 or step + 1 == steps:
            last = losses[epoch][-REPORT_EVERY:]
            say(f"step {step + 1} of {steps}: loss {sum(last) / len(last):.4f}")
    return Learned(
        networks={kind: average[kind].eval() for kind in problem.images},  # pyright: ignore[reportArgumentType]
        losses=tuple(sum(one) / len(one) for one in losses),
        minutes=(perf_counter() - began) / 60,
        cpu_minutes=(process_time() - cpu) / 60,
    )


@checked
def measure(
    problem: Problem, networks: Mapping[str, nn.Module], images: Mapping[str, LabelledImages], *, seeds: range
) -> dict[str, list[float] | dict[str, float]]:
    """How often the value of a row is right, when each image is taken for what it most likely shows.

    Args:
        problem: what is asked.
        networks: of each kind.
        images: of each kind, that no network was trained on.
        seeds: of the ways in which the images are put into rows; each image is in one row at most.

    Returns:
        `rows`: for each seed, the share of rows whose value is right; `images`: for each kind, the share of images.
    """
    shown = {kind: _predictions(networks[kind], images[kind]) for kind in problem.images}
    found: list[float] = []
    for seed in seeds:
        rows = draw_rows(problem, images, torch.Generator().manual_seed(seed))
        given = problem.answers({kind: shown[kind][index] for kind, index in rows.items()})
        right = problem.answers({kind: images[kind].labels[index] for kind, index in rows.items()})
        found.append((given == right).all(1).double().mean().item())
    single = {kind: (shown[kind] == images[kind].labels).double().mean().item() for kind in shown}
    return {"rows": found, "images": single}


def draw_rows(
    problem: Problem, images: Mapping[str, LabelledImages], generator: torch.Generator
) -> dict[str, Int[Tensor, "rows images"]]:
    """The images of each row, each image in one row at most; those of which there are few are used again.

    Digits are as many as there are, so their number is that of the rows; operators are drawn as they are needed.

    Raises:
        ArgumentError: if a kind is missing, or there are too few for one row.
    """
    for kind, count in problem.images.items():
        if kind not in images:
            raise ArgumentError(
                f"images: there are none of the kind {kind!r}; {problem.name} has {', '.join(problem.images)}"
            )
        if len(images[kind]) < count:
            raise ArgumentError(f"images[{kind!r}]: got {len(images[kind])}, expected at least the {count} of a row")
    number = len(images["digits"]) // problem.images["digits"]
    found = {}
    for kind, count in problem.images.items():
        if kind == "digits":
            order = torch.randperm(len(images[kind]), generator=generator)[: number * count]
        else:
            order = torch.randint(len(images[kind]), (number * count,), generator=generator)
        found[kind] = order.view(number, count)
    return found


def _network(classes: int, images: LabelledImages, recipe: ImageRecipe, seed: int) -> ImageClassifier:
    """A network whose first parameters are given by the seed, whatever else was drawn before."""
    height, width = images.pixels.shape[1:]
    if height != width:
        raise ArgumentError(f"images: got {height} by {width} pixels, expected squares")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return ImageClassifier(classes, width=recipe.width, size=height)


def _begin(
    problem: Problem,
    networks: nn.ModuleDict,
    images: Mapping[str, LabelledImages],
    rows: Mapping[str, Tensor],
    answers: Tensor,
    recipe: ImageRecipe,
    generator: torch.Generator,
    say: Callable[[str], None],
) -> None:
    """Take the steps of the easier problem, if there is one."""
    easier = problem.first_steps(answers)
    if easier is None or not recipe.first_steps:
        return
    problem, places, answers = easier
    index = rows["digits"][:, places]
    optimizer = torch.optim.AdamW(networks.parameters(), lr=recipe.first_rate)
    losses: list[float] = []
    for _ in range(recipe.first_steps):
        chosen = torch.randint(len(index), (min(len(index), FIRST_ROWS),), generator=generator)
        strength = recipe.augmentation / 2
        loss = _loss(problem, networks, images, {"digits": index[chosen]}, answers[chosen], strength, recipe, generator)
        _step(loss, networks, optimizer, recipe.clip)
        losses.append(loss.item())
    last = losses[-50:]
    say(f"{recipe.first_steps} first steps: loss {sum(last) / len(last):.4f}")


def _batches(rows: int, size: int, epochs: int, generator: torch.Generator) -> Iterator[tuple[int, Tensor]]:
    """The rows of each step, in a new order in each epoch; what is left over of an epoch is not used in it."""
    for epoch in range(epochs):
        order = torch.randperm(rows, generator=generator)
        for start in range(0, rows - size + 1, size):
            yield epoch, order[start : start + size]


def _loss(
    problem: Problem,
    networks: nn.ModuleDict,
    images: Mapping[str, LabelledImages],
    rows: Mapping[str, Tensor],
    answers: Tensor,
    strength: float,
    recipe: ImageRecipe,
    generator: torch.Generator,
) -> Tensor:
    """Minus the logarithm of the likelihood of what is known, for each image."""
    logits = {}
    for kind, index in rows.items():
        pixels = images[kind].pixels[index.reshape(-1)].float() / 255
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.precision == "bf16"):
            found = networks[kind](augmented(pixels, strength, generator))
        logits[kind] = found.float().view(*index.shape, -1)
    return -problem.log_likelihood(logits, answers).mean() / sum(problem.images.values())


def _step(loss: Tensor, networks: nn.Module, optimizer: torch.optim.Optimizer, clip: float) -> None:
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(networks.parameters(), clip)
    optimizer.step()


@torch.no_grad()
def _keep_average(average: nn.Module, networks: nn.Module, keep: float) -> None:
    for held, now in zip(average.state_dict().values(), networks.state_dict().values(), strict=True):
        if held.is_floating_point():
            held.lerp_(now, 1 - keep)
        else:
            held.copy_(now)


@torch.no_grad()
def _predictions(network: nn.Module, images: LabelledImages) -> Int[Tensor, " images"]:
    """What each image most likely shows."""
    network.eval()
    return torch.cat([network(part.float() / 255).argmax(-1) for part in images.pixels.split(500)])
