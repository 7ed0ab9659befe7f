"""`run --trace`: the code's cells, then each step, on stderr; the value alone on stdout."""

import io
import re

import pytest
import torch
from rich.console import Console

from neurallambda import Soft
from neurallambda.cli.tracing import Tracer
from neurallambda.traces import trace
from tests.cli.conftest import Call

SEED = "((fn [x] '(x x x)) 42)"
SEED_CODE = """\
code  the first records of the memory
  A0  halt
  A1  bind      x = A2 in A3
  A2  integer   42
  A3  binary    cons A4 A5
  A4  variable  x
  A5  binary    cons A4 A6
  A6  binary    cons A4 A7
  A7  nil
"""
SEED_RUN = """\
step  rule                control         environment    continuation    writes
   1  1.00 begin bind     A1 bind                        A0 halt         A8   call x = _ in A3 → A0
   2  1.00 bind value     A2 42                          A8 call         A9   integer 42 as x
   3  1.00 begin binary   A3 binary       x=A9           A0 halt         A10  operand cons _ A5 {x=A9} → A0
   4  1.00 hold operand   A9 42           x=A9           A10 operand     A11  compute binary cons 42 _ → A0
   5  1.00 begin binary   A5 binary       x=A9           A11 compute     A12  operand cons _ A6 {x=A9} → A11
   6  1.00 hold operand   A9 42           x=A9           A12 operand     A13  compute binary cons 42 _ → A11
   7  1.00 begin binary   A6 binary       x=A9           A13 compute     A14  operand cons _ A7 {x=A9} → A13
   8  1.00 hold operand   A9 42           x=A9           A14 operand     A15  compute binary cons 42 _ → A13
   9  1.00 cons           A7 nil          x=A9           A15 compute     A16  pair A9 A7
  10  1.00 cons           A16 pair        x=A9           A13 compute     A17  pair A9 A16
  11  1.00 cons           A17 pair        x=A9           A11 compute     A18  pair A9 A17
  12  1.00 halt           A18 pair        x=A9           A0 halt         ends in '(42 42 42)
"""


def trimmed(text: str) -> str:
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


def shown(source: str, *, width: int = 120, colour: bool = False, **holes: Soft) -> str:
    """What a tracer writes of a run."""
    console = Console(
        file=io.StringIO(), width=width, force_terminal=colour, color_system="truecolor" if colour else None
    )
    Tracer(console).show(trace(source, holes=holes))
    assert isinstance(console.file, io.StringIO)
    return trimmed(console.file.getvalue())


def test_the_seeds_example(call: Call) -> None:
    called = call("run", SEED, "--trace")
    assert (called.code, called.stdout) == (0, "'(42 42 42)\n")
    text = trimmed(called.stderr)
    assert SEED_CODE in text
    assert SEED_RUN in text


@pytest.mark.parametrize("width", [40, 80, 99, 120, 300])
def test_every_step_of_a_short_program_is_a_line_at_any_width(width: int) -> None:
    text = shown(SEED, width=width)
    assert len(text.splitlines()) == 8 + 12 + 5
    assert max(map(len, text.splitlines())) <= max(80, min(width, 132))


def test_colours_are_for_terminals() -> None:
    plain, coloured = shown(SEED), shown(SEED, colour=True)
    assert "\x1b[" not in plain
    assert "\x1b[1;33mbegin bind\x1b[0m" in coloured
    assert trimmed(re.sub(r"\x1b\[[0-9;]*m", "", coloured)) == plain


def test_errors_are_shown_where_they_happen(call: Call) -> None:
    called = call("run", "(car 1)", "--trace")
    assert (called.code, called.stdout) == (1, "")
    *_, last_step, _, message, text, caret = called.stderr.splitlines()
    assert re.search(r"1\.00 no pair .* ends in not-a-pair", last_step)
    assert message == "not-a-pair: line 1, column 1: `car` was given 1, which is no pair"
    assert (text.strip(), caret.strip()) == ("(car 1)", "^")


def test_a_step_may_write_nothing() -> None:
    assert re.search(r"1\.00 branch true .* nothing\n", shown("(if true 1 2)"))


def test_a_run_that_does_not_end_stops_at_its_limit(call: Call) -> None:
    called = call("run", "((fn [x] (x x)) (fn [x] (x x)))", "--trace", "--max-steps", "7")
    assert (called.code, called.stdout) == (1, "")
    assert re.findall(r"^ +(\d+) +1\.00", called.stderr, re.MULTILINE) == [str(number) for number in range(1, 8)]


def test_an_unbound_name_has_no_trace(call: Call) -> None:
    called = call("run", "x", "--trace")
    assert (called.code, called.stdout) == (1, "")
    assert called.stderr.startswith("unbound: ")


def test_soft_values_have_weights() -> None:
    text = shown("(+ ?a 1)", a=Soft((1, 5), torch.tensor([0.75, 0.25]).log()))
    assert "A2  integer  (1 0.75 | 5 0.25)" in text
    assert "compute binary + (1 0.75 | 5 0.25) _ → A0" in text
    assert "integer (2 0.75 | 6 0.25)" in text


def test_soft_control_has_a_row_for_each_alternative() -> None:
    text = shown("(if ?c 7 (+ 1 2))", c=Soft((True, False), torch.tensor([0.6, 0.4]).log()))
    assert re.search(r"^ +2 +1\.00 branch true +A2.*\n^0\.60", text, re.MULTILINE)
    assert re.search(r"^ +2 +1\.00 branch false +A2.*\n^0\.40", text, re.MULTILINE)
    assert "ends in 7 0.60" in text
    assert re.search(r"^ +3 +1\.00 begin binary +A4", text, re.MULTILINE)


def test_a_value_that_may_be_many_things_is_cut_short() -> None:
    values = tuple(range(9))
    assert "A2  integer  (0 0.11 | 1 0.11 | 2 0.11 | …)" in shown("(+ ?a 1)", a=Soft(values, torch.zeros(9)))


def test_functions_are_shown_with_what_they_see() -> None:
    text = shown("(let [x 5] ((fn [f] (f 1)) (fn [y] (+ x y))))")
    assert re.search(r"closure \[y\] A\d+ \{x=A\d+\} as f", text)
    assert re.search(r"x=A\d+ y=A\d+", text)


@pytest.mark.parametrize("engine", ["reference", "worlds"])
def test_engines_without_memory_show_the_terms(call: Call, engine: str) -> None:
    called = call("run", "(+ 1 (* 2 3))", "--trace", "--engine", engine)
    assert (called.code, called.stdout) == (0, "7\n")
    assert "hold operand       (+ 1 (* 2 3))" in called.stderr
    assert called.stderr.endswith("     ends in 7\n")


@pytest.mark.parametrize(("tensors", "stepper"), [("machine", "stepper"), ("beta", "beta-stepper")])
def test_a_stepper_shows_what_the_tensors_show(call: Call, tensors: str, stepper: str) -> None:
    found = [call("run", SEED, "--trace", "--engine", engine) for engine in (tensors, stepper)]
    assert found[0] == found[1]
    assert found[0].stdout == "'(42 42 42)\n"


def test_a_long_run_is_shown_as_it_goes(call: Call) -> None:
    source = "(defn count [n] (if (= n 0) 0 (count (- n 1)))) (count 100)"
    called = call("run", source, "--trace", "--engine", "stepper")
    assert called.stdout == "0\n"
    assert called.stderr.count("bind n") == 0
    assert called.stderr.count("1.00 bind value") == 101
