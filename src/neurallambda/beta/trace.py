"""Traces: what memory holds before every step, by the most similar symbols, each with how similar it is."""

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.beta.alphabet import POINTS_FIRST, POINTS_SECOND, Demand, Flag, Tag
from neurallambda.beta.cases import Cases
from neurallambda.beta.decode import NAMED
from neurallambda.beta.encode import NeuralLambda
from neurallambda.beta.memory import Memory
from neurallambda.beta.module import MAX_STEPS, MOSTLY, NeuralBeta, Result
from neurallambda.beta.rules import ERRORS, Move

THRESHOLD = 0.005
"""What weighs less is left out of a trace."""


class Symbol(NamedTuple):
    """What a vector stands for: the most similar symbol, and the cosine of the angle between the two."""

    name: str
    confidence: float


class Weighted(NamedTuple):
    """One of several things that may be, and how much it is."""

    name: str
    weight: float


@dataclass(frozen=True)
class TraceCell:
    """A cell that is not free.

    Attributes:
        address: its place, as `A12`.
        tag: what it is.
        first, second: its columns; None where its tag has none.
        ir1, ir2: how much each column is reduced, from 0 to 1.
    """

    address: str
    tag: Symbol
    first: Symbol | None
    second: Symbol | None
    ir1: float
    ir2: float


@dataclass(frozen=True)
class TraceItem:
    """An item of the stack.

    Attributes:
        address: the cell it stands for.
        demand: how far that must be reduced.
        pointer: how much the stack's pointer is here.
    """

    address: Symbol
    demand: str
    pointer: float


@dataclass(frozen=True)
class TraceStep:
    """One step of one program.

    Attributes:
        number: counted from 1.
        cells: the memory before it.
        stack: the stack before it, from the bottom.
        moves: what it did, the heaviest first.
        errors: how much of it ended in each error.
        memory: the tensors of that memory.
    """

    number: int
    cells: tuple[TraceCell, ...]
    stack: tuple[TraceItem, ...]
    moves: tuple[Weighted, ...]
    errors: tuple[Weighted, ...]
    memory: Memory = field(repr=False, compare=False)


def trace(beta: NeuralBeta, program: NeuralLambda, max_steps: int = MAX_STEPS) -> Generator[TraceStep, None, Result]:
    """Run the first program of a batch step by step, without gradients.

    Yields:
        Each step, until the program has ended.

    Returns:
        The result, as `NeuralBeta.run` gives it.

    >>> beta = NeuralBeta(cells=8)
    >>> for step in trace(beta, beta.encode("((fn [x] x) 42)")):
    ...     print(step.number, step.moves[0].name, *(item.address.name for item in step.stack))
    1 visit A0
    2 visit A0 A1
    3 head A0 A1 A2
    4 reduced A0 A1 A2
    5 apply A0 A1
    6 visit A0
    7 base A0 A4
    8 finish A0
    """
    with torch.no_grad():
        rules, memory = beta.rules(program), beta.start(program)
    number = 0
    while True:
        number += 1
        with torch.no_grad():  # not around the `yield`: whoever takes the steps has gradients as before
            after, cases = beta.step(memory, rules)
            step = _step(beta, program, number, memory, cases)
        yield step
        memory = after
        if number >= max_steps or bool(cases.moves[0, [Move.FINISH, Move.FAIL]].sum() > MOSTLY):
            break
    steps = torch.full_like(cases.moves[:, 0], number)
    return Result(program, memory, cases.moves[:, Move.FINISH], cases.errors, steps, max_steps)


def _step(beta: NeuralBeta, program: NeuralLambda, number: int, memory: Memory, cases: Cases) -> TraceStep:
    errors = zip((str(kind) for kind in ERRORS), cases.errors[0].tolist(), strict=True)
    moves = zip((move.name.lower() for move in Move), cases.moves[0].tolist(), strict=True)
    cells, stack = _cells(beta, program, memory), _stack(beta, memory)
    return TraceStep(number, cells, stack, _heaviest(moves), _heaviest(errors), memory)


def _heaviest(weights: Iterable[tuple[str, float]]) -> tuple[Weighted, ...]:
    found = [Weighted(name, weight) for name, weight in weights if weight > THRESHOLD]
    return tuple(sorted(found, key=lambda one: -one.weight))


def _cells(beta: NeuralBeta, program: NeuralLambda, memory: Memory) -> tuple[TraceCell, ...]:
    alphabet, names = beta.alphabet, program.programs[0].names
    tags = _similar(beta, memory.tag[0], range(alphabet.cells, alphabet.cells + len(Tag)))
    every = range(len(alphabet.symbols))
    first, second = _similar(beta, memory.first[0], every), _similar(beta, memory.second[0], every)
    flags = memory.flags[0].tolist()
    found: list[TraceCell] = []
    for address, name in enumerate(tags):
        tag = Tag[name.name.removeprefix("tag ").upper()]
        if tag is Tag.FREE:
            continue
        column_1 = None if first[address].name == "nothing" and tag not in POINTS_FIRST else first[address]
        if column_1 is not None and tag in NAMED:
            column_1 = _named(column_1, names)
        column_2 = second[address] if tag in POINTS_SECOND else None
        ir1, ir2 = flags[address][Flag.IR1], flags[address][Flag.IR2]
        found.append(TraceCell(f"A{address}", Symbol(tag.name.lower(), name.confidence), column_1, column_2, ir1, ir2))
    return tuple(found)


def _named(symbol: Symbol, names: Mapping[int, str]) -> Symbol:
    """The name that an address stands for, if it is one."""
    place = symbol.name.removeprefix("A")
    return Symbol(names.get(int(place), symbol.name), symbol.confidence) if place.isdigit() else symbol


def _stack(beta: NeuralBeta, memory: Memory) -> tuple[TraceItem, ...]:
    """The items up to the highest place where the pointer may be."""
    width = memory.tag.shape[-1]
    weights = memory.stack.depth[0].tolist()
    height = max((level for level, weight in enumerate(weights) if weight > THRESHOLD), default=0)
    items = memory.stack.cells[0, :height]
    places = _similar(beta, items[:, :width], range(beta.alphabet.cells))
    demands = items[:, width:].argmax(-1).tolist()
    return tuple(
        TraceItem(place, Demand(demand).name.lower(), weights[level + 1])
        for level, (place, demand) in enumerate(zip(places, demands, strict=True))
    )


def _similar(beta: NeuralBeta, vectors: Float[Tensor, "n width"], places: range) -> list[Symbol]:
    """The most similar of some of the symbols for each vector."""
    codebook = beta.codebook[places.start : places.stop]
    cosines = torch.nn.functional.normalize(vectors, dim=-1) @ torch.nn.functional.normalize(codebook, dim=-1).mT
    best = cosines.max(-1)
    symbols = beta.alphabet.symbols[places.start : places.stop]
    return [
        Symbol(str(symbols[index]), value)
        for index, value in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]
