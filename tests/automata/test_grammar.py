"""Grammars: counted against all derivations, and to and from pushdown automata without a run lost."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurallambda.automata import library
from neurallambda.automata.grammar import Grammar, Production, from_pda, to_pda
from neurallambda.automata.languages.productions import EndlessDerivationsError
from neurallambda.errors import ArgumentError, SourceError
from tests.automata.predicates import PREDICATES

STRINGS = ["".join(letters) for n in range(6) for letters in product("ab", repeat=n)]
BODIES = st.lists(st.sampled_from(["S", "T", "a", "b", "a"]), max_size=4).map(tuple)
GRAMMARS = st.lists(st.builds(Production, st.sampled_from(["S", "T"]), BODIES), min_size=1, max_size=6).map(
    lambda productions: Grammar(start="S", productions=(Production("S", ("a",)), *productions))
)


def leftmost(grammar: Grammar, string: str, most: int = 4000) -> int | None:
    """The number of leftmost derivations by trying all of them; None where there may be more."""
    heads = grammar.nonterminals
    bodies = {head: [p.body for p in dict.fromkeys(grammar.productions) if p.head == head] for head in heads}
    todo: list[tuple[str, tuple[str, ...], int]] = [(string, (grammar.start,), 0)]
    found = 0
    while todo:
        rest, form, idle = todo.pop()
        most -= 1
        if most < 0 or idle > 12:
            return None
        if not form:
            found += not rest
        elif form[0] in heads:
            todo += [(rest, body + form[1:], idle + 1) for body in bodies[form[0]]]
        elif rest.startswith(form[0]):
            todo.append((rest[1:], form[1:], 0))
    return found


@given(GRAMMARS)
def test_derivations_are_counted_as_by_trying_all(grammar: Grammar) -> None:
    counts = {string: leftmost(grammar, string) for string in STRINGS}
    try:
        for string, expected in counts.items():
            if expected is not None:
                assert grammar.count_derivations(string) == expected
        for n in range(6):
            known = [count for string, count in counts.items() if len(string) == n]
            if set(grammar.terminals) <= {"a", "b"} and None not in known:
                assert grammar.count(n) == sum(count or 0 for count in known)
    except EndlessDerivationsError:
        assert None in counts.values()
    for string, expected in counts.items():
        if expected is not None:
            assert grammar.accepts(string) == (expected > 0)


@settings(max_examples=15)
@given(GRAMMARS)
def test_a_machine_has_a_run_for_each_derivation(grammar: Grammar) -> None:
    machine = to_pda(grammar)
    for string in STRINGS[:7]:
        assert machine.accepts(string) == grammar.accepts(string)
        try:
            assert machine.count_runs(string) == grammar.count_derivations(string)
        except EndlessDerivationsError:
            with pytest.raises(EndlessDerivationsError):
                grammar.count(3)


@pytest.mark.parametrize("name", ["anbn", "dyck2", "palindromes", "html_tags", "anbmcnm", "wcwr"])
def test_the_grammar_of_a_machine_derives_its_strings(name: str) -> None:
    machine = library.load(name)
    grammar = from_pda(machine)  # pyright: ignore[reportArgumentType]
    assert [grammar.count(n) for n in range(12)] == [machine.count(n) for n in range(12)]
    again = Grammar.parse(str(grammar))
    assert again == grammar
    if name != "html_tags":
        for n in range(7):
            for symbols in product(machine.alphabet, repeat=min(n, 5)):
                assert grammar.accepts(symbols) == PREDICATES[name]("".join(symbols))


def test_text_of_grammars() -> None:
    grammar = Grammar.parse("S -> a S b | ε\n\n")
    assert str(grammar) == "S -> a S b | ε"
    assert grammar.terminals == ("a", "b")
    assert [grammar.count(n) for n in range(5)] == [1, 0, 1, 0, 1]
    for text, message in {"": "at least one line", "S a b": "line 1: expected", "S -> a\n-> b": "line 2"}.items():
        with pytest.raises(SourceError, match=message):
            Grammar.parse(text)
    with pytest.raises(ArgumentError, match="no production for the start 'T'"):
        Grammar(start="T", productions=grammar.productions)
    with pytest.raises(ArgumentError, match="no string of length 1 is derived"):
        grammar.sample(1)
    with pytest.raises(EndlessDerivationsError, match="infinitely many"):
        Grammar.parse("S -> S | a").count(1)
    assert Grammar.parse("S -> S | a").accepts("a")


def test_words_as_terminals_are_read_back() -> None:
    sums = Grammar.parse("E -> E + E | id")
    assert sums.sample(3) == "id+id"
    assert sums.accepts("id+id")
    assert sums.count_derivations("id+id+id") == 2
    assert not sums.accepts("i+d")
    machine = to_pda(sums)
    assert machine.accepts("id+id")
    assert machine.sample(1) == "id"
    for text in ("S -> x | xx", "S -> 0 | 1 | 10"):
        with pytest.raises(ArgumentError, match=r"not read back as it was written.*separator=' '"):
            Grammar.parse(text)
        apart = Grammar.parse(text.replace("S -> ", "S -> S S | "), separator=" ")
        for seed in range(20):
            assert apart.accepts(apart.sample(3, seed))
        assert to_pda(apart).accepts(apart.sample(2, 1))
        assert from_pda(to_pda(apart)).separator == " "
    assert Grammar.parse("\ufeffS -> a").start == "S"
