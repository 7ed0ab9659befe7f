"""The loop: images in rows, of which only the value of a program is known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import perf_counter, process_time

import torch
from jaxtyping import Int
from torch import Tensor, nn

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError
from neurallambda.nn import ImageClassifier
from neurallambda.tasks.images import LabelledImages
from neurallambda.train.events import noting
from neurallambda.train.images.learner import FirstLearner, ImageLearner, Scene, saying
from neurallambda.train.images.problems import Problem, problem_named
from neurallambda.train.images.recipe import ImageRecipe
from neurallambda.train.learner import learn


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
        NotFiniteError: if a loss is no finite number.
        KeyboardInterrupt: if it was interrupted, at the end of a step: nothing is kept.
        MissingExtraError: if the package accelerate is not installed.
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
    scene = Scene(problem, networks, images, recipe, generator)
    _begin(scene, rows, answers, say)
    learner = ImageLearner(scene, rows, answers)
    learn(learner, [saying(say, learner.limit)])
    return Learned(
        networks={kind: learner.average[kind].eval() for kind in problem.images},  # pyright: ignore[reportArgumentType]
        losses=tuple(sum(one) / len(one) for one in learner.of_epochs),
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


def _begin(scene: Scene, rows: Mapping[str, Tensor], answers: Tensor, say: Callable[[str], None]) -> None:
    """Take the steps of the easier problem, if there is one."""
    easier = scene.problem.first_steps(answers)
    if easier is None or not scene.recipe.first_steps:
        return
    problem, places, answers = easier
    losses: list[float] = []
    learn(FirstLearner(replace(scene, problem=problem), rows["digits"][:, places], answers), [noting(losses)])
    last = losses[-50:]
    say(f"{scene.recipe.first_steps} first steps: loss {sum(last) / len(last):.4f}")


@torch.no_grad()
def _predictions(network: nn.Module, images: LabelledImages) -> Int[Tensor, " images"]:
    """What each image most likely shows."""
    network.eval()
    return torch.cat([network(part.float() / 255).argmax(-1) for part in images.pixels.split(500)])
