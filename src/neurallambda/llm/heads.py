"""What the structures of a graft do over time: their actions, what they hold, and the programs that they call."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.llm.calls import ProgramQueue
from neurallambda.llm.config import GraftConfig
from neurallambda.llm.instructions import Instructions
from neurallambda.llm.structure import GraftedStructure

LEAST = 0.005
"""What weighs less is left out."""
ANSWERS = "queue of answers"

Held = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class GraftedHead:
    """What one structure does over time.

    Attributes:
        name: which it is, as in `stack 1`; a bank is two stacks, of values and of programs, and calls are two queues, of the
            words that were written and of what is left of the answer.
        labels: the names of its actions.
        actions: how much of each is done.
        held: what it holds after each token, what is read first: the token at which it was put, or where there are
            programs the likeliest value, word or program, and how surely it is there.
        calls: of a queue of answers, the program that is called at each token, and whether it has no answer; an empty text
            where none is. Empty in other structures.
    """

    name: str
    labels: tuple[str, ...]
    actions: Float[Tensor, "time actions"]
    held: tuple[Held, ...]
    calls: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """`stack` or `queue`: as what it is drawn."""
        return self.name.partition(" ")[0]


def heads_of(
    structure: GraftedStructure, hidden: Float[Tensor, "1 time dim"], names: tuple[str, ...], values_as: tuple[str, ...]
) -> tuple[Tensor | None, tuple[GraftedHead, ...]]:
    """The latch after each token, None without one, and what the heads do.

    Args:
        structure: of a grafted model.
        hidden: what it sees of one text.
        names: the tokens of that text, as people read them.
        values_as: the tokens of the values of a bank or of calls; none: the values themselves.
    """
    given = structure.instructions(hidden)
    latch = None if given.latch is None else given.latch[0, :, 0]
    if structure.structure is None or given.actions is None:
        return latch, ()
    if structure.config.has_programs:
        return latch, _with_programs(structure, given, values_as)
    return latch, _with_vectors(structure, given, names)


def _with_vectors(structure: GraftedStructure, given: Instructions, names: tuple[str, ...]) -> tuple[GraftedHead, ...]:
    """What each stack or queue of vectors does; a vector has the name of the token at which it was put."""
    driven, config = structure.structure, structure.config
    assert driven is not None and given.actions is not None
    memory, values, actions = structure.together(given.before.memory), given.values[0], given.actions[0]
    first = config.initial_values
    labels = (*(f"initial {number + 1}" for number in range(first)), *names)
    known = torch.cat([structure.initial.movedim(0, 1) * config.initial_scale, values]) if first else values
    held: list[list[Held]] = [[] for _ in range(config.heads)]
    for step in range(len(names)):
        memory, _ = driven.step(memory, actions[step], values[step])
        for head, cells in enumerate(driven.contents(memory)):
            held[head].append(_told(cells, known[: first + step + 1, head], labels))
    action_labels = driven.operands[0].labels
    return tuple(
        GraftedHead(f"{config.structure} {head + 1}", action_labels, actions[:, head], tuple(one))
        for head, one in enumerate(held)
    )


def _with_programs(
    structure: GraftedStructure, given: Instructions, values_as: tuple[str, ...]
) -> tuple[GraftedHead, ...]:
    """What each head does with programs: the two stores of each, what lies in them, and its actions."""
    driven, config = structure.structure, structure.config
    assert driven is not None and given.actions is not None
    values = values_as or tuple(map(str, config.values))
    held: dict[str, list[Held]] = {}
    memory = structure.together(given.before.memory)
    for step in range(given.actions.shape[1]):
        memory, _ = driven.step(memory, *(operand[0, step] for operand in given.operands()))
        for head, cells in enumerate(driven.contents(memory)):
            for name, labels, weights in _stores(config, values, cells):
                held.setdefault(f"{name} {head + 1}", []).append(_likeliest(labels, weights))
    calls = _calls(structure, driven, given) if isinstance(driven, ProgramQueue) else {}
    labels, actions = driven.operands[0].labels, given.actions[0].repeat_interleave(2, 1)
    return tuple(
        GraftedHead(name, labels, actions[:, place], tuple(found), calls.get(name, ()))
        for place, (name, found) in enumerate(held.items())
    )


def _calls(structure: GraftedStructure, queue: ProgramQueue, given: Instructions) -> dict[str, tuple[str, ...]]:
    """The program that is called at each token, by the name of the queue of its answers."""
    names = [name for name, _ in structure.config.programs]
    found: dict[str, list[str]] = {}
    before = structure.together(given.before.memory)
    for operands in zip(*(operand[0] for operand in given.operands()), strict=True):
        after, _ = queue.step(before, *operands)
        for head, program in enumerate(queue.called(before, *operands)):
            name = "" if program is None else names[program]
            has_failed = bool(after.failed[head] > before.failed[head])
            found.setdefault(f"{ANSWERS} {head + 1}", []).append(f"{name}: no answer" if has_failed else name)
        before = after
    return {name: tuple(calls) for name, calls in found.items()}


def _stores(
    config: GraftConfig, values: tuple[str, ...], cells: Float[Tensor, "places options"]
) -> tuple[tuple[str, tuple[str, ...], Tensor], ...]:
    """The two stores of a structure with programs: their names, what may lie in them, and how surely it does."""
    if config.structure == "calls":
        written, answer = cells.split(config.depth)
        return ("queue of words", values, written), (ANSWERS, values, answer)
    programs = tuple(name for name, _ in config.programs)
    of_values, of_programs = cells.split([len(values), len(programs)], 1)
    return ("stack of values", values, of_values), ("stack of programs", programs, of_programs)


def _likeliest(labels: tuple[str, ...], cells: Float[Tensor, "places options"]) -> Held:
    """The likeliest of each cell in which something lies."""
    weights, places = cells.max(1)
    pairs = zip(places.tolist(), weights.tolist(), strict=True)
    return tuple((labels[place], min(1.0, weight)) for place, weight in pairs if weight >= LEAST)


def _told(cells: Float[Tensor, "places width"], known: Float[Tensor, "values width"], labels: tuple[str, ...]) -> Held:
    """By which of the values that were put each cell is explained best, and how much of it lies there."""
    found = []
    for cell in cells:
        weights = (known @ cell) / known.square().sum(-1).clamp_min(1e-12)
        errors = (cell - weights[:, None] * known).square().sum(-1)
        best = int(errors.argmin())
        weight = min(1.0, float(weights[best]))
        if weight >= LEAST:
            found.append((labels[best], weight))
    return tuple(found)
