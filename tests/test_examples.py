"""Every example runs as it stands and says what it should."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))
SAYS = {
    "call_program.py": (
        "12 digits: 100 of 100 lists are sorted without a mistake",
        "48 digits: 100 of 100 lists are sorted without a mistake",
        "without the call: 0 of 100",
    ),
    "graft_stack.py": (
        "24 words: 100 of 100 lists are reversed without a mistake",
        "48 words: 100 of 100 lists are reversed without a mistake",
        "without the stack: 0 of 100",
    ),
    "learn_automaton.py": (
        "parity: right on 300 of 300 strings of 190 to 200 symbols",
        "anbn: right on 300 of 300 strings of 190 to 200 symbols",
    ),
    "learn_constants.py": ("learned (fn [x] (+ (* 3 x) 5))", "learned (* 6 3)"),
    "program_bank.py": ("right about 12 of 12",),
    "substitution.py": ("NAND, unseen: 500", "NAND, unseen and longer: 500"),
}
"""What each example must say, in this order."""
SHORTER = {"substitution.py": ("--steps", "300")}
"""Options with which an example that trains for long shows the same in seconds."""


def test_it_is_known_what_each_example_should_say() -> None:
    assert {example.name for example in EXAMPLES} == set(SAYS)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_says_what_it_should(example: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", example, *SHORTER.get(example.name, ())],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    lines = iter(done.stdout.splitlines())
    for wanted in SAYS[example.name]:
        assert any(line.strip() == wanted for line in lines), (wanted, done.stdout)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_is_short(example: Path) -> None:
    assert len(example.read_text().splitlines()) < 60
