"""Random programs with uncertain data, and every case of them by the reference evaluator, as numbers of torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from torch import Tensor

import neurallambda as nl
from neurallambda.errors import ArgumentError
from neurallambda.lang import Chances, possibilities, to_text
from neurallambda.lang.terms import Hole, Integer, Let, Observe, Primitive, Program, Sample, Term, Variable, apply
from tests.typed_programs import Want, Writer, programs

INTEGERS = range(-256, 256)
VALUES: Mapping[str, tuple[Any, ...]] = {"a": (1, 2, -3), "b": (0, 5), "p": (True, False), "op": ("+", "*")}
LIST = ((0, 1), (2, 0), (1, 3))
"""The values of the parts of the list `?xs`."""


class UncertainWriter(Writer):
    """Writes holes, samples, coins and observations as well."""

    def literal(self, want: Want) -> Term:
        if self.draw(st.integers(0, 2)):
            match want.type:
                case "integer":
                    return self.choose([Hole("a"), Hole("b"), Sample("a"), Hole("a")])
                case "boolean":
                    coin = apply(Variable("flip"), (Integer(self.draw(st.integers(0, 3))), Integer(3)))
                    return self.choose([Hole("p"), Hole("p"), coin])
                case "list":
                    return Hole("xs")
                case _:
                    pass
        return super().literal(want)

    def general(self, want: Want) -> Term:
        if self.draw(st.integers(0, 5)) == 0:
            (test,) = self.each(("boolean",), want)
            return Let((("seen", Observe(test)),), self.write(want))
        return super().general(want)


@st.composite
def uncertain_programs(draw: DrawFn) -> Program:
    """Programs with several holes, each used as often as it happens, and observations."""
    program = draw(programs(UncertainWriter))
    *definitions, main = program.forms
    if draw(st.booleans()):
        main = Let((("seen", Observe(apply(Primitive("="), (Hole("a"), Hole("a"))))),), main)
    return Program((*definitions, main))


@dataclass(frozen=True)
class Data:
    """Logits for the holes of a batch of rows."""

    logits: dict[str, Tensor]
    items: Tensor

    def holes(self) -> dict[str, Any]:
        """What `infer` takes."""
        found: dict[str, Any] = {name: nl.Soft(VALUES[name], logits) for name, logits in self.logits.items()}
        found["xs"] = [nl.Soft(values, self.items[:, place]) for place, values in enumerate(LIST)]
        return found

    def row(self, row: int) -> dict[str, Any]:
        """The same for one row."""
        found: dict[str, Any] = {name: nl.Soft(VALUES[name], logits[row]) for name, logits in self.logits.items()}
        found["xs"] = [nl.Soft(values, self.items[row, place]) for place, values in enumerate(LIST)]
        return found

    def leaves(self) -> list[Tensor]:
        """All logits."""
        return [*self.logits.values(), self.items]


def data(rows: int, seed: int) -> Data:
    """Random logits."""
    generator = torch.Generator().manual_seed(seed)

    def some(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()

    return Data({name: some(rows, len(values)) for name, values in VALUES.items()}, some(rows, len(LIST), 2))


@dataclass(frozen=True)
class Case:
    """A case that was not ruled out: how it ends, and what it has drawn."""

    end: str
    holes: dict[str, Any]
    draws: tuple[tuple[str | None, Any], ...]


CHANCES: dict[str, Any] = {name: Chances(values, (1,) * len(values)) for name, values in VALUES.items()}
CHANCES["xs"] = [Chances(values, (1,) * len(values)) for values in LIST]


def cases(program: str | Program, most: int = 400) -> list[tuple[Case, Any]] | None:
    """All cases with the chances of their coins; None: there are too many."""
    found: list[tuple[Case, Any]] = []
    try:
        for one in possibilities(program, holes=CHANCES, integers=INTEGERS, most=most):
            if one.is_ruled_out:
                continue
            weight: Any = one.probability
            for name in one.holes:
                weight = weight * (8 if name == "xs" else len(VALUES[name]))
            for name, _ in one.draws:
                weight = weight * (len(VALUES[name]) if name else 1)
            end = f"error {one.outcome.error}" if one.outcome.error else one.outcome.text
            found.append((Case(end, dict(one.holes), one.draws), float(weight)))
    except ArgumentError as error:
        assert "possibilities" in str(error), error  # noqa: PT017
        return None
    return found


def weights(found: list[tuple[Case, Any]], given: Data, row: int) -> Tensor:
    """The probability of each case in a row of data."""
    numbers = [given.items.new_tensor(1.0)] if not found else []
    chances = {name: logits[row].softmax(-1) for name, logits in given.logits.items()}
    items = given.items[row].softmax(-1)
    for case, coins in found:
        number = given.items.new_tensor(coins)
        for name, value in case.holes.items():
            if name == "xs":
                for place, item in enumerate(value):
                    number = number * items[place][LIST[place].index(item)]
            else:
                number = number * chances[name][VALUES[name].index(value)]
        for name, value in case.draws:
            if name is not None:
                number = number * chances[name][VALUES[name].index(value)]
        numbers.append(number)
    return torch.stack(numbers) if found else given.items.new_zeros(0)


def text(program: Program) -> str:
    """A program as text."""
    return to_text(program)
