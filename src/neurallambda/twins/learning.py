"""Learning a machine from examples by gradient descent, from several random starts at once, and rounding what was learned.

The starts are independent of one another: each has its own rule table, and all see the same batches. Which of them is kept
is decided on the training examples alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from neurallambda.arguments import checked
from neurallambda.automata.automaton import Automaton
from neurallambda.automata.rules.problem import MachineError
from neurallambda.descent import descend
from neurallambda.errors import ArgumentError, check_count
from neurallambda.twins.examples import Example, Examples, encode_examples
from neurallambda.twins.rule_table import uncertainty
from neurallambda.twins.twin import NeuralFSM, SuperposedAutomaton

_CERTAIN = 1e-5


@checked
@dataclass(frozen=True, kw_only=True)
class Course:
    """How to learn.

    Attributes:
        starts: how many random tables to start from.
        steps: how many steps of descent each takes.
        batch: how many examples a step looks at.
        rate: the learning rate of Adam.
        decide: the weight of the tables' uncertainty in the loss, reached at the end and growing evenly from 0.
        spread: how far apart the first scores of a cell are.
        may_stop: whether cells may refuse; without, only the last state tells.
        snapshots: how many times to look at the tables on the way.

    Raises:
        ArgumentError: a number is out of its range.
    """

    starts: int = 8
    steps: int = 400
    batch: int = 128
    rate: float = 0.1
    decide: float = 0.05
    spread: float = 1.0
    may_stop: bool = False
    snapshots: int = 20

    def __post_init__(self) -> None:
        for name in ("starts", "steps", "batch", "snapshots"):
            check_count(name, getattr(self, name))
        for name, least in (("rate", "above"), ("decide", "at least"), ("spread", "at least")):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
                raise ArgumentError(f"{name}: got {value!r}, expected a finite number")
            if value < 0 or (least == "above" and value == 0):
                raise ArgumentError(f"{name}: got {value!r}, expected a number {least} 0")


@dataclass(frozen=True)
class Attempt:
    """What one start came to.

    Attributes:
        loss: the mean of its loss over the last tenth of the steps.
        machine: the exact machine that its table rounds to; None where it rounds to none.
        fits: whether that machine is right on every training example.
    """

    loss: float
    machine: Automaton | None
    fits: bool


@dataclass(frozen=True)
class Learned:
    """What was learned.

    Attributes:
        attempts: one for each start.
        best: the number of the start with the least loss among those that fit, or among all where none fits.
        scores: the table of the best start at each snapshot.
        losses: the loss of every start at every step.
    """

    attempts: tuple[Attempt, ...]
    best: int
    scores: Float[Tensor, "snapshots *cells moves"]
    losses: Float[Tensor, "steps starts"]

    @property
    def machine(self) -> Automaton | None:
        """The machine of the best start, if it fits."""
        attempt = self.attempts[self.best]
        return attempt.machine if attempt.fits else None


class Loss(nn.Module):
    """How wrong a twin is about examples, with how undecided it is.

    Where the examples tell what may come next, the twin must say so at each prefix; otherwise it must say the labels.
    """

    def __init__(self, twin: NeuralFSM | SuperposedAutomaton) -> None:
        super().__init__()
        self.twin = twin

    def forward(self, examples: Examples) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """The mean cross entropy, and the uncertainty of the table."""
        undecided = uncertainty(self.twin.table.log_weights)
        if isinstance(self.twin, SuperposedAutomaton):
            chances = self.twin.prospects(examples.strings).clamp(_CERTAIN, 1 - _CERTAIN)
            wrong = functional.binary_cross_entropy(chances, examples.prospects, reduction="none").mean(-1)
            return (wrong * examples.told).sum() / examples.told.sum(), undecided
        chances = self.twin.scan(examples.strings).exp().clamp(_CERTAIN, 1 - _CERTAIN)
        return functional.binary_cross_entropy(chances, examples.labels), undecided


@checked
def learn(
    twin: NeuralFSM | SuperposedAutomaton, examples: Sequence[Example], course: Course, *, seed: int = 0
) -> Learned:
    """Learn a machine.

    Args:
        twin: the twin of a blank machine; its table is overwritten, in the end by that of the best start.
        examples: what to learn from. A `NeuralFSM` learns from labels, a `SuperposedAutomaton` from prospects.
        course: how to learn.
        seed: for the starts and the batches.

    Raises:
        ArgumentError: the examples do not tell what this twin learns from.
    """
    wants = isinstance(twin, SuperposedAutomaton)
    if any(bool(example.prospects) != wants for example in examples):
        raise ArgumentError(
            "examples: a SuperposedAutomaton learns from prospects, a NeuralFSM from labels alone; "
            f"draw them with with_prospects={wants}"
        )
    generator = torch.Generator().manual_seed(seed)
    data = encode_examples(twin.table.layout, examples, like=twin.table.scores)
    tables = _starts(twin, course, generator)
    losses, snapshots = _descend(twin, tables, data, course, generator)
    late = losses[-max(1, course.steps // 10) :].mean(0).tolist()
    attempts = tuple(_attempt(twin, tables, start, late[start], examples) for start in range(course.starts))
    best = min(range(course.starts), key=lambda start: (not attempts[start].fits, attempts[start].loss))
    _install(twin, tables, best)
    return Learned(attempts, best, snapshots[:, best], losses)


_Tables = dict[str, Tensor]


def _starts(twin: NeuralFSM | SuperposedAutomaton, course: Course, generator: torch.Generator) -> _Tables:
    """The parameters of all starts, each stacked along a new first axis."""
    drawn: list[_Tables] = []
    for _ in range(course.starts):
        twin.table.reset(generator=generator, spread=course.spread, may_stop=course.may_stop)
        drawn.append({name: value.detach().clone() for name, value in twin.table.named_parameters()})
    return {name: torch.stack([one[name] for one in drawn]).requires_grad_() for name in drawn[0]}


def _descend(
    twin: NeuralFSM | SuperposedAutomaton, tables: _Tables, data: Examples, course: Course, generator: torch.Generator
) -> tuple[Float[Tensor, "steps starts"], Float[Tensor, "snapshots starts *cells moves"]]:
    """Adjust the tables; returns the losses and the scores at the snapshots."""
    loss_of = Loss(twin)
    losses, snapshots = [], [tables["scores"].detach().clone()]
    seen_at = {round(course.steps * (number + 1) / course.snapshots) for number in range(course.snapshots)}

    def loss(step: int) -> Tensor:
        rows = torch.randint(len(data.labels), (course.batch,), generator=generator).to(data.labels.device)
        wrong, undecided = torch.vmap(partial(_loss, loss_of, data.rows(rows)))(tables)
        losses.append(wrong.detach())
        return (wrong + course.decide * step / course.steps * undecided).sum()

    def watch(step: int) -> None:
        if step in seen_at:
            snapshots.append(tables["scores"].detach().clone())

    descend(tables.values(), loss, steps=course.steps, learning_rate=course.rate, watch=watch)
    return torch.stack(losses), torch.stack(snapshots)


def _loss(loss_of: Loss, batch: Examples, table: _Tables) -> tuple[Tensor, Tensor]:
    """The loss of one start."""
    return functional_call(loss_of, {f"twin.table.{name}": value for name, value in table.items()}, (batch,))


def _install(twin: NeuralFSM | SuperposedAutomaton, tables: _Tables, start: int) -> None:
    with torch.no_grad():
        for name, parameter in twin.table.named_parameters():
            parameter.copy_(tables[name][start])


def _attempt(
    twin: NeuralFSM | SuperposedAutomaton, tables: _Tables, start: int, loss: float, examples: Sequence[Example]
) -> Attempt:
    """Round the table of one start, and let the exact machine judge it on the training examples."""
    _install(twin, tables, start)
    try:
        machine = twin.extract()
    except (ArgumentError, MachineError):
        return Attempt(loss, None, False)
    return Attempt(loss, machine, all(machine.accepts(one.string) == one.label for one in examples))
