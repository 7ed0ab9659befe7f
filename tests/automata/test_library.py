"""Every machine of the library accepts what its description says."""

from itertools import product
from random import Random

import pytest

from neurallambda.automata import FSM, Limits, TuringMachine, dumps, library, loads
from neurallambda.errors import ArgumentError
from tests.automata.predicates import PREDICATES

NAMES = library.names()


def test_every_machine_has_a_predicate_and_a_description() -> None:
    assert set(PREDICATES) == set(NAMES)
    assert all(library.load(name).description for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_short_strings_all(name: str) -> None:
    machine, predicate = library.load(name), PREDICATES[name]
    for n in range(20):
        if len(machine.alphabet) ** n > 2000:
            break
        for symbols in product(machine.alphabet, repeat=n):
            assert machine.accepts(symbols) == predicate(machine.text(symbols)), symbols


@pytest.mark.parametrize("name", NAMES)
def test_long_strings_and_their_neighbours(name: str) -> None:
    machine, predicate, random = library.load(name), PREDICATES[name], Random(0)
    longest = 9 if isinstance(machine, TuringMachine) else 16 if not machine.is_deterministic else 30
    for n in [n for n in (5, 6, 9, 10, 12, 15, 16, 24, 30) if n <= longest and machine.count(n)]:
        for text in machine.samples(n, 30, seed=n):
            assert machine.accepts(text)
            assert predicate(text)
            symbols = [s for s in machine.tokens(text) if s not in ("^", "$")]
            for _ in range(4):
                edited = list(symbols)
                edited[random.randrange(n)] = random.choice(machine.alphabet)
                assert machine.accepts(edited) == predicate(machine.text(edited)), edited


@pytest.mark.parametrize("name", NAMES)
def test_counts_are_those_of_the_predicate(name: str) -> None:
    machine, predicate = library.load(name), PREDICATES[name]
    for n in range(20):
        if len(machine.alphabet) ** n > 2000:
            break
        expected = [machine.text(s) for s in product(machine.alphabet, repeat=n) if predicate(machine.text(s))]
        assert machine.count(n) == len(expected)
        assert sorted(machine.enumerate(n)) == sorted(expected)


@pytest.mark.parametrize("name", NAMES)
def test_files_are_in_the_form_that_we_write(name: str) -> None:
    machine = library.load(name)
    again = loads(dumps(machine))
    assert again == machine
    assert dumps(again) == dumps(machine)


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ArgumentError, match=r"no machine 'nothing'.*anbn, "):
        library.load("nothing")


def test_binary_increment_and_addition() -> None:
    increment, addition = library.load("binary_increment"), library.load("binary_addition")
    assert isinstance(increment, TuringMachine)
    assert isinstance(addition, TuringMachine)
    for x in range(40):
        assert increment.compute(f"{x:b}") == f"{x + 1:b}"
        for y in range(0, 40, 3):
            assert int(addition.compute(f"{x:b}+{y:b}", tape=2), 2) == x + y


def test_busy_beaver_writes_six_ones() -> None:
    beaver = library.load("busy_beaver_3")
    assert isinstance(beaver, TuringMachine)
    assert beaver.compute("") == "111111"
    assert len(beaver.run("").steps) - 1 == 14


def test_transducers() -> None:
    moore, pump, vending = (library.load(name) for name in ("remainder_3", "gas_pump", "vending_machine"))
    assert isinstance(moore, FSM)
    assert isinstance(pump, FSM)
    assert isinstance(vending, FSM)
    assert (moore.style, pump.style, library.load("parity").style) == ("moore", "mealy", "acceptor")  # type: ignore[attr-defined]
    for x in range(1, 60):
        digits = f"{x:b}"
        assert moore.transduce(digits) == tuple(str(int(digits[:i] or "0", 2) % 3) for i in range(len(digits) + 1))
    assert pump.transduce("lift squeeze tick tick release hang pay") == (
        "reset", "open", "count", "count", "close", "total", "receipt",
    )  # fmt: skip
    assert vending.transduce("dime dime press") == ("clink", "clink", "drink_and_change_5")
    with pytest.raises(ArgumentError, match="does not accept"):
        vending.transduce("dime press")
    with pytest.raises(ArgumentError, match="no outputs"):
        library.load("parity").transduce("1")  # type: ignore[attr-defined]


def test_limits_are_named_outcomes() -> None:
    machine = library.load("anbncn_tape")
    text = "a" * 20 + "b" * 20 + "c" * 20
    assert machine.decide(text) == "accepted"
    assert machine.decide(text, limits=Limits(steps=100)) == "out-of-steps"
    assert machine.decide(text, limits=Limits(cells=30)) == "out-of-memory"
    assert machine.decide(text, limits=Limits(configurations=50)) == "out-of-memory"
