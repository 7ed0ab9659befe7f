"""What notebooks show of results, programs and states: small tables, in which text of programs is text."""

from typing import Any

import pytest
import torch

import neurallambda as nl
from neurallambda.beta import NeuralBeta
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


def test_worlds_show_what_they_may_use_and_their_programs() -> None:
    worlds = nl.Worlds(integers=range(-4, 4), keep=100)
    shown = html(worlds)
    for part in ("-4 to 3", "1,000,000", "the 100 heaviest"):
        assert part in shown
    shown = html(worlds.compile(["(+ ?a (sample ?b))", "1 ; <b>"]))
    for part in ("(+ ?a (sample ?b))", "?a, ?b", "&lt;b&gt;"):
        assert part in shown


@pytest.mark.parametrize("width", [1, 3])
def test_a_state_shows_its_tensors(width: int) -> None:
    stack = SuperpositionStack(capacity=4, width=width)
    state = stack.init(batch=2)
    shown = html(state)
    assert str(tuple(state.rest.shape)) in shown
    assert "torch.float32" in shown


def test_machines_show_what_they_may_use() -> None:
    shown = html(nl.Machine(integers=range(-4, 4), capacity=2_000))
    for part in ("-4 to 3", "2,000", "float32"):
        assert part in shown


def test_beta_shows_itself_its_programs_and_its_results() -> None:
    beta = NeuralBeta(cells=12, integers=range(8))
    assert "0 to 7" in html(beta)
    program = beta.encode(["((fn [x] x) 5)", "(car 1)"])
    shown = html(program)
    for part in ("A2", "function", "<code>x</code>", "<code>5</code>"):
        assert part in shown
    ends = html(beta.run(program))
    assert "normal form" in ends
    assert "error not-a-pair" in ends
    assert "goes on" in html(beta.run(program, max_steps=2))


def test_a_trace_shows_its_run_and_still_has_its_events() -> None:
    run = nl.trace("((fn [x] (+ x 1)) 2)", engine="stepper")
    shown = html(run)
    for part in ("<code>(+ 2 1)</code>", "<iframe", 'sandbox="allow-scripts"', "<details>"):
        assert part in shown
    assert "<script" not in shown
    assert len(list(run)) == 8
    begun = nl.trace("(+ 1 2)", engine="stepper")
    next(begun)
    assert html(begun) == "<code>Trace(stepper, &#x27;(+ 1 2)&#x27;)</code>"
    with pytest.raises(nl.ArgumentError, match="taken already"):
        begun.document()


def test_what_is_shown_of_a_long_run_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurallambda.viewer.notebook.LARGEST", 1_000)
    shown = html(nl.trace("(+ 1 2)", engine="stepper"))
    assert "<iframe" not in shown
    assert "writes it as a page" in shown
