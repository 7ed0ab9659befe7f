"""Every benchmark still prepares and still gets right answers."""

import pytest

from benchmarks.__main__ import load_suite

SUITE = load_suite()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SUITE))
def test_the_answers_of_a_benchmark_are_right(name: str) -> None:
    checks = SUITE[name].prepare(0).verify()
    assert checks
    assert all(checks.values()), checks
