"""Text is read back as it was written, or a separator is asked for."""

from itertools import product
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from neurallambda.automata import FSM, MachineError, Rule, library
from neurallambda.automata.data.generate import Recipe, generate
from neurallambda.automata.data.lengths import Lengths
from neurallambda.automata.library.families import dyck
from neurallambda.automata.rules.strings import longest_first, misread, split
from neurallambda.errors import ArgumentError

SYMBOLS = st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=4, unique=True)


def machine_of(symbols: list[str], separator: str = "") -> FSM:
    rules = tuple(Rule(symbol, "INITIAL", (), "INITIAL", ()) for symbol in symbols)
    rules += (Rule(symbols[0], "INITIAL", (), "ACCEPT", ()),)
    return FSM(symbols=tuple(symbols), rules=rules, separator=separator)


@given(SYMBOLS, st.sampled_from(["", "a", "aa", "ab", "aba"]))
@example(["ab", "abab", "aba"], "")
def test_misread_is_exact(symbols: list[str], separator: str) -> None:
    """Nothing is found where all texts of up to five symbols are read back, and what is found shows in one of them."""
    pattern = longest_first(symbols)
    strings = (string for n in range(1, 6) for string in product(symbols, repeat=n))
    wrong = next((s for s in strings if split(separator.join(s), pattern, separator) != s), None)
    found = misread(symbols, separator)
    assert (found is None) == (wrong is None), (found, wrong)


@pytest.mark.parametrize("symbols", [["x", "xx"], ["0", "1", "10"], ["a", "ab", "bc", "c"]])
def test_symbols_that_run_together_are_refused(symbols: list[str]) -> None:
    with pytest.raises(MachineError, match="give the machine a separator"):
        machine_of(symbols)
    machine = machine_of(symbols, " ")
    recipe = Recipe(size=100, lengths=Lengths.parse("1-6"), negatives=0.5)
    for row in generate(machine, recipe):
        text = machine.text(row.string)
        assert machine.tokens(text) == row.string
        assert machine.accepts(text) == row.label


def test_separators_that_are_read_too_early_are_refused() -> None:
    with pytest.raises(MachineError, match="the separator 'aa' is read too early"):
        machine_of(["xa", "b"], "aa")
    with pytest.raises(MachineError, match="contains the separator"):
        machine_of(["x a", "b"], " ")
    assert machine_of(["<", "<b", "x"]).tokens("<<bx<") == ("<", "<b", "x", "<")


def test_markers_are_symbols_of_the_text_too() -> None:
    rules = (Rule("^", "INITIAL", (), "P", ()), Rule("^a", "P", (), "P", ()), Rule("a", "P", (), "P", ()))
    with pytest.raises(MachineError, match=r"where '\^' was written, '\^a' may be read"):
        FSM(symbols=("^", "a", "^a", "$"), rules=(*rules, Rule("$", "P", (), "ACCEPT", ())))


@pytest.mark.parametrize("name", library.names())
def test_the_library_is_read_back(name: str) -> None:
    machine = library.load(name)
    assert all(machine.tokens(machine.text(s)) == machine.framed_tokens(s) for s in product(machine.alphabet, repeat=2))
    assert len(dyck(120).alphabet) == 240


def test_what_is_no_string_is_said() -> None:
    for wrong in (3, None, b"ab", [1, 2], {"a"}):
        string: Any = wrong
        for ask in (library.load("parity").accepts, library.load("dyck1").decide, library.load("ww").run):
            with pytest.raises(ArgumentError, match="string: got"):
                ask(string)
