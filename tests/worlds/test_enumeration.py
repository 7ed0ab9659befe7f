"""Random programs: what worlds find out is what going through all cases finds out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import Tensor

import neurallambda as nl
from neurallambda.lang import to_text
from neurallambda.lang.terms import Program
from neurallambda.worlds import Found, Worlds
from tests.worlds.uncertain_programs import (
    INTEGERS,
    LIST,
    VALUES,
    Case,
    Data,
    cases,
    data,
    uncertain_programs,
    weights,
)

EXACT = 1e-12
SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)


def ends(found: list[tuple[Case, Any]], chances: Tensor) -> dict[str, float]:
    """The probability of each end, from the probabilities of the cases."""
    total: dict[str, float] = {}
    for (case, _), chance in zip(found, (chances / chances.sum()).tolist(), strict=True):
        total[case.end] = total.get(case.end, 0.0) + chance
    return total


def told(found: Found, row: int) -> dict[str, float]:
    """The same, as worlds tell it."""
    return {
        f"error {end}" if isinstance(end, nl.ErrorKind) else to_text(end): float(chance.detach())
        for end, chance in found.distribution()[row]
    }


def agree(program: Program, worlds: Worlds, most: int) -> tuple[Found, Data, list[tuple[Case, Any]]] | None:
    """Ask both, and compare evidence and ends."""
    known = cases(program, most)
    if known is None:
        return None
    some = data(2, seed=len(to_text(program)))
    found = worlds.compile(program).infer(some.holes(), batch=2)
    for row in range(2):
        if not known:
            assert found.log_evidence[row] == -torch.inf
            assert not told(found, row)
            continue
        chances = weights(known, some, row).detach()
        assert found.log_evidence[row].exp().item() == pytest.approx(chances.sum().item(), abs=EXACT)
        expected = ends(known, chances)
        assert told(found, row) == pytest.approx(expected, abs=EXACT)
    return found, some, known


def gradients_agree(found: Found, some: Data, known: list[tuple[Case, Any]]) -> None:
    """The gradients of the evidence, and of the probability of one end."""
    if not known or not found.log_evidence.requires_grad:
        return
    end = known[0][0].end
    value = nl.ErrorKind(end.removeprefix("error ")) if end.startswith("error ") else end
    chances = [weights(known, some, row) for row in range(2)]
    mine = found.log_evidence.sum() + found.probability(value)[1]
    is_it = torch.tensor([case.end == end for case, _ in known])
    theirs = sum(one.sum().log() for one in chances) + chances[1][is_it].sum() / chances[1].sum()
    assert isinstance(theirs, Tensor)
    if not theirs.requires_grad:
        return
    ours = torch.autograd.grad(mine, some.leaves(), allow_unused=True, materialize_grads=True)
    others = torch.autograd.grad(theirs, some.leaves(), allow_unused=True, materialize_grads=True)
    for one, other in zip(ours, others, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=EXACT)


def holes_agree(found: Found, some: Data, known: list[tuple[Case, Any]]) -> None:
    """What the holes were: the probability of each value, and the likeliest case."""
    if not known:
        assert found.likeliest() == [None, None]
        return
    for row, likeliest in enumerate(found.likeliest()):
        chances = weights(known, some, row).detach()
        chances = chances / chances.sum()
        assert likeliest is not None
        assert likeliest.probability == pytest.approx(chances.max().item(), abs=1e-9)
        ties = [case for (case, _), chance in zip(known, chances, strict=True) if chance >= chances.max() - 1e-12]
        end = likeliest.end
        text = f"error {end}" if isinstance(end, nl.ErrorKind) else to_text(end)
        matching = [case for case in ties if case.end == text and case.holes == likeliest.holes]
        assert matching, (likeliest, ties)
        for name in found.run.named:
            posterior = found.posterior(name)
            if name == "xs":
                for place, values in enumerate(LIST):
                    items = [case.holes["xs"][place] for case, _ in known]
                    assert posterior[place][row].tolist() == pytest.approx(_shares(items, values, chances), abs=EXACT)
            else:
                values = [case.holes[name] for case, _ in known]
                assert posterior[row].tolist() == pytest.approx(_shares(values, VALUES[name], chances), abs=EXACT)


def _shares(found: Sequence[Any], values: Sequence[Any], chances: Tensor) -> list[float]:
    """How likely each of the values is, where each case has one."""
    return [
        sum(chance for one, chance in zip(found, chances.tolist(), strict=True) if one is value) for value in values
    ]


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
@given(uncertain_programs())
def test_random_programs(program: Program) -> None:
    if (both := agree(program, Worlds(integers=INTEGERS), 60)) is not None:
        gradients_agree(*both)
        holes_agree(*both)


@settings(max_examples=8, deadline=None, suppress_health_check=SLOW)
@given(uncertain_programs())
def test_worlds_that_never_merge(program: Program) -> None:
    agree(program, Worlds(integers=INTEGERS, merging=False), 60)


@settings(max_examples=12, deadline=None, suppress_health_check=SLOW)
@given(uncertain_programs())
def test_hashes_that_collide(program: Program) -> None:
    worlds = Worlds(integers=INTEGERS)
    worlds.settings = replace(worlds.settings, hash_bits=1)
    agree(program, worlds, 60)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None, suppress_health_check=SLOW)
@given(uncertain_programs())
def test_many_random_programs(program: Program) -> None:
    if (both := agree(program, Worlds(integers=INTEGERS), 400)) is not None:
        gradients_agree(*both)
        holes_agree(*both)


@settings(max_examples=6, deadline=None, suppress_health_check=SLOW)
@given(uncertain_programs())
def test_a_batch_is_its_rows(program: Program) -> None:
    some, compiled = data(3, seed=5), Worlds(integers=INTEGERS).compile(program)
    together = compiled.infer(some.holes(), batch=3)
    for row in range(3):
        alone = compiled.infer(some.row(row))
        torch.testing.assert_close(alone.log_evidence[0], together.log_evidence[row], rtol=0, atol=EXACT)
        assert told(alone, 0) == pytest.approx(told(together, row), abs=EXACT)
