"""What notebooks show of results, programs and states: small tables, in which text of programs is text."""

from typing import Any

import pytest
import torch

import neurallambda as nl
from neurallambda.html import table
from neurallambda.structures.superposition.stack import SuperpositionStack


def html(thing: Any) -> str:
    """As a notebook asks for it."""
    return thing._repr_html_()


def test_text_is_text() -> None:
    assert "<script>" not in table(["<script>"], [["<script>"]], note="<script>")


def test_a_result_shows_its_ends() -> None:
    machine = nl.Machine()
    result = machine.run(machine.encode("(if ?c 1 (car 5))", holes={"c": nl.Soft((True, False), torch.zeros(2))}))
    shown = html(result)
    assert "<td><code>1</code></td><td>0.5000 <meter" in shown
    assert "error not-a-pair" in shown
    many = html(machine.run(machine.encode([f"(+ {n} 1)" for n in range(20)])))
    assert many.count("<tr>") == 9
    assert len(many) < 2_000


def test_a_program_shows_its_cells() -> None:
    shown = html(nl.Machine().encode("(+ 1 ?a)", holes={"a": nl.Soft((1, 2), torch.zeros(2))}))
    for part in ("A1", "binary", "operator +", "literal 1"):
        assert part in shown


def test_an_uncertain_answer_shows_its_ends() -> None:
    found = nl.Worlds().compile("(+ ?a ?a)").infer(a=nl.Soft((1, 2), torch.zeros(1, 2)))
    assert "<code>2</code></td><td>0.5000" in html(found)


@pytest.mark.parametrize("width", [1, 3])
def test_a_state_shows_its_tensors(width: int) -> None:
    stack = SuperpositionStack(capacity=4, width=width)
    state = stack.init(batch=2)
    shown = html(state)
    assert str(tuple(state.rest.shape)) in shown
    assert "torch.float32" in shown
