"""How good trained models are, by the length of the input: most of it far longer than any that training showed."""

import copy
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn.functional import pad

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.nn import Augmented, CellArrayModel, Population, Recurrent, TransformerBlock, hardened
from neurallambda.nn.numbered_rules import CellRules
from neurallambda.structures.priority_queue import PriorityQueue
from neurallambda.tasks import Batch, Task
from neurallambda.tasks.task import generator_from
from neurallambda.train.drawn import Drawn, real_tokens
from neurallambda.train.driving import drive

SOLVED = 0.9
"""The score from which a task counts as solved."""
FRESH = 2_000_000_011
"""The seed of the inputs of a test, which neither training nor validation draws."""
AT_ONCE = 4096
"""How many rows, of all members together, are looked at at a time."""
TOKENS_AT_ONCE = 2**21
"""How many tokens of a member are looked at at a time, where rows of different lengths are run together."""

PAIRS_AT_ONCE = 100_000_000
"""How many pairs of tokens of a row are looked at at a time, where there is attention."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How good the members of a population are.

    Attributes:
        lengths: of the inputs.
        rows: how many inputs of each length; all members see the same.
        seed: that they come from.
        hard: whether every soft choice was made (its argmax taken).
        accuracy: the share of the answers' tokens that are right, for each member and length.
        exact: the share of the rows whose whole answer is right, for each member and length.
        seconds: how long it took.
    """

    lengths: tuple[int, ...]
    rows: int
    seed: int
    hard: bool
    accuracy: tuple[tuple[float, ...], ...]
    exact: tuple[tuple[float, ...], ...]
    seconds: float

    @property
    def scores(self) -> tuple[float, ...]:
        """The mean over all lengths of each member's accuracy."""
        return tuple(sum(one) / len(one) for one in self.accuracy)

    @property
    def solved(self) -> int:
        """How many members have a score of at least 0.9."""
        return sum(score >= SOLVED for score in self.scores)

    def facts(self) -> dict[str, Any]:
        """The evaluation as JSON has it, to a ten-thousandth."""
        rounded = {name: [[round(x, 4) for x in one] for one in getattr(self, name)] for name in ("accuracy", "exact")}
        return asdict(self) | {"lengths": list(self.lengths), "seconds": round(self.seconds, 1)} | rounded


@checked
def lengths_between(least: int, greatest: int, every: int = 10) -> tuple[int, ...]:
    """Lengths from the least to the greatest, both of them included.

    Args:
        least: the first.
        greatest: the last.
        every: how far they are apart, at most.

    Raises:
        ArgumentError: if there is none.

    Example:
        >>> lengths_between(41, 70)
        (41, 51, 61, 70)
    """
    check_count("every", every)
    if not 1 <= least <= greatest:
        raise ArgumentError(
            f"lengths: got {least} to {greatest}, expected a least one of at least 1, and one not below it"
        )
    return (*range(least, greatest, every), greatest)


@checked
def evaluate(
    model: nn.Module,
    task: Task,
    *,
    lengths: Sequence[int],
    rows: int = 128,
    seed: int = FRESH,
    hard: bool = True,
) -> Evaluation:
    """Measure models on fresh inputs.

    Args:
        model: a `Population`, or a single model, which counts as a population of one.
        task: what is asked; of a task of a step, whole runs that the models drive.
        lengths: of the inputs.
        rows: how many inputs of each length.
        seed: that they come from.
        hard: whether every soft choice of the models is made, as its argmax.

    Returns:
        Accuracies of each member at each length.

    Raises:
        ArgumentError: if a number is out of its range.

    Example:
        >>> from neurallambda.tasks import task
        >>> from neurallambda.train import MODELS
        >>> parity = task("parity-check")
        >>> found = evaluate(MODELS["table"](parity), parity, lengths=(41, 50), rows=8)
        >>> len(found.scores), found.lengths
        (1, (41, 50))
    """
    check_count("rows", rows)
    began = perf_counter()
    generator = generator_from(seed)
    was_training = model.training
    model.eval()
    try:
        if task.runs is not None:
            by_member = drive(model, task, lengths, rows, generator)
        else:
            batches = [task.batch(length, rows, generator=generator) for length in lengths]
            by_member = list(zip(*_scores(model, task, batches, hard), strict=True))
    finally:
        model.train(was_training)
    return Evaluation(
        lengths=tuple(lengths),
        rows=rows,
        seed=seed,
        hard=hard,
        accuracy=tuple(tuple(accuracy for accuracy, _ in one) for one in by_member),
        exact=tuple(tuple(exact for _, exact in one) for one in by_member),
        seconds=perf_counter() - began,
    )


def _scores(model: nn.Module, task: Task, batches: Sequence[Batch], hard: bool) -> list[list[tuple[float, float]]]:
    """For each batch, the token accuracy and the share of exact rows of each member."""
    found = []
    for predictions, batch in zip(_predictions(model, task, batches, hard), batches, strict=True):
        scores = [task.score(of_member, batch) for of_member in predictions]
        found.append([(score.accuracy, score.exact) for score in scores])
    return found


def _predictions(model: nn.Module, task: Task, batches: Sequence[Batch], hard: bool) -> list[Tensor]:
    """What each member answers to each batch: [members, rows, time].

    A model that reads step by step does not see what comes later: rows of different lengths can run side by side, so
    that there are fewer, larger steps.
    """
    found: list[Tensor] = []
    joins = hard and _reads_step_by_step(model) and not _makes_pairs(model)
    for group in _side_by_side(batches) if joins else [[batch] for batch in batches]:
        time = max(batch.tokens.shape[1] for batch in group)
        joined = Batch.cat([_padded(batch, time, task.empty) for batch in group])
        members = len(model) if isinstance(model, Population) else 1
        at_once = max(1, _rows_at_once(model, time) // members)
        if len(group) > 1:
            at_once = max(at_once, TOKENS_AT_ONCE // time)
        starts = range(0, len(joined.lengths), at_once)
        parts = [predict(model, task, joined.rows(slice(at, at + at_once)), hard=hard) for at in starts]
        by_batch = torch.cat(parts, 1).split([len(batch.lengths) for batch in group], dim=1)
        found += [part[..., : batch.tokens.shape[1]] for part, batch in zip(by_batch, group, strict=True)]
    return found


def _side_by_side(batches: Sequence[Batch]) -> list[list[Batch]]:
    """Batches that follow one another, in groups of so many that their rows fit."""
    groups: list[list[Batch]] = []
    for batch in batches:
        group = [*groups[-1], batch] if groups else [batch]
        if (
            groups
            and sum(len(one.lengths) for one in group) * max(one.tokens.shape[1] for one in group) <= TOKENS_AT_ONCE
        ):
            groups[-1] = group
        else:
            groups.append([batch])
    return groups


def _reads_step_by_step(model: nn.Module) -> bool:
    return isinstance(model.template if isinstance(model, Population) else model, Recurrent)


def _padded(batch: Batch, time: int, empty: int) -> Batch:
    """The same rows with so many steps."""
    more = (0, time - batch.tokens.shape[1])
    return Batch(
        tokens=pad(batch.tokens, more, value=empty),
        targets=pad(batch.targets, more),
        mask=pad(batch.mask, more),
        lengths=batch.lengths,
    )


def _rows_at_once(model: nn.Module, time: int) -> int:
    """How many rows fit into memory: attention makes a number for each pair of tokens, and so does a priority queue."""
    return min(AT_ONCE, max(1, PAIRS_AT_ONCE // time**2)) if _makes_pairs(model) else AT_ONCE


def _makes_pairs(model: nn.Module) -> bool:
    """Whether it compares every two tokens of a row."""
    structures = [one for part in model.modules() if isinstance(part, Augmented) for one in part.structures]
    return any(isinstance(part, TransformerBlock) for part in model.modules()) or any(
        isinstance(one, PriorityQueue) for one in structures
    )


@torch.no_grad()
def predict(model: nn.Module, task: Task, batch: Batch, *, hard: bool = True) -> Int[Tensor, "members rows time"]:
    """What models answer, at every token, on the CPU.

    Args:
        model: a `Population`, or a single model.
        task: what is asked.
        batch: the rows, the same for all members.
        hard: whether every soft choice of the models is made.
    """
    device = next(model.parameters()).device
    members = len(model) if isinstance(model, Population) else 1
    drawn = Drawn.of(batch.to(device), members, is_shared=True)
    # What a row's padding does to a model that reads step by step, nobody looks at.
    is_causal = _reads_step_by_step(model)
    real = None if is_causal else real_tokens(drawn.lengths, task.time, drawn.tokens.shape[-1])
    if hard and isinstance(model.template if isinstance(model, Population) else model, CellArrayModel):
        # Rules by number need a thousandth of the memory that tables of ones and zeros do.
        each = model.members() if isinstance(model, Population) else [copy.deepcopy(model)]  # it is not ours to move
        tokens = batch.tokens.cpu()
        return torch.stack([CellRules(one.cpu()).predict(tokens) for one in each if isinstance(one, CellArrayModel)])
    with hardened(model) if hard else nullcontext():
        if isinstance(model, Population):
            return model(drawn.tokens, real).argmax(-1).cpu()
        return model(drawn.tokens[0], None if real is None else real[0]).argmax(-1)[None].cpu()
