"""The families of machines: the members that have a file are those files' languages, and larger ones count right."""

import pytest

from neurallambda.automata import library
from neurallambda.automata.library.families import bounded_dyck, dyck, modular_counter
from neurallambda.errors import ArgumentError
from tests.automata.predicates import balanced


@pytest.mark.parametrize("kinds", [1, 2, 3])
def test_dyck_is_the_machine_of_the_file(kinds: int) -> None:
    machine = library.load(f"dyck{kinds}")
    assert set(dyck(kinds).rules) >= {rule for rule in machine.rules if rule.input not in ("^", "$")}
    assert [dyck(kinds).count(n) for n in range(20)] == [machine.count(n) for n in range(20)]


def test_more_kinds_than_there_are_brackets() -> None:
    machine = dyck(6)
    assert machine.accepts("(5(6)6[])5")
    assert not machine.accepts("(5(6)5)6")
    assert machine.count(6) == 5 * 6**3


@pytest.mark.parametrize(("kinds", "depth"), [(1, 1), (1, 4), (2, 2), (2, 3), (3, 2)])
def test_bounded_dyck(kinds: int, depth: int) -> None:
    machine = bounded_dyck(kinds, depth)
    for n in range(0, 9, 2):
        assert machine.count(n) == sum(balanced(s, depth) for s in dyck(kinds).enumerate(n))
    assert bounded_dyck(2, 3).count(20) == library.load("dyck2_depth3").count(20)


def test_modular_counters() -> None:
    for modulus in (3, 5):
        assert modular_counter(modulus).rules == library.load(f"modular_counter_{modulus}").rules
    assert modular_counter(7).accepts("ab" * 14)
    assert modular_counter(1).count(5) == 32


def test_sizes_that_make_no_machine() -> None:
    for wrong in (lambda: dyck(0), lambda: bounded_dyck(1, 0), lambda: bounded_dyck(9, 30), lambda: modular_counter(0)):
        with pytest.raises(ArgumentError):
            wrong()
