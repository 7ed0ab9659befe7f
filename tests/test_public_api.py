"""The public names, pinned: a change to any list here is a change that users see, and belongs in the changelog."""

import pytest

import neurallambda
from neurallambda.errors import ErrorKind

NAMES = [
    "ArgumentError",
    "Chances",
    "Distribution",
    "Engine",
    "ErrorKind",
    "Limits",
    "Machine",
    "NeuralLambda",
    "NeurallambdaError",
    "Outcome",
    "ProgramError",
    "Result",
    "Rows",
    "Soft",
    "SourceError",
    "Trace",
    "Worlds",
    "__version__",
    "evaluate",
    "normalize",
    "run",
    "run_all",
    "trace",
]

ERRORS = [
    "unbound",
    "not-a-function",
    "not-an-integer",
    "not-a-boolean",
    "not-a-pair",
    "division-by-zero",
    "overflow",
    "out-of-memory",
    "out-of-steps",
    "impossible",
]


def test_the_package_offers_exactly_these_names() -> None:
    assert sorted(neurallambda.__all__) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there_and_documented(name: str) -> None:
    assert name in dir(neurallambda)
    assert getattr(neurallambda, name).__doc__


def test_the_named_errors_are_these() -> None:
    assert [str(kind) for kind in ErrorKind] == ERRORS
