"""Machines as tasks: labels are the machine's verdicts, and no length gives one away."""

from collections import Counter
from pathlib import Path

import pytest
import torch

from neurallambda.automata import FSM, Acceptance, MachineError, Rule, library, save
from neurallambda.errors import ArgumentError
from neurallambda.tasks import Task, next_symbol, next_symbols, recognition, task, transduction

READ_ONCE = [name for name in library.names() if not library.load(name).reads_from_tape]
MIXED = [name for name in READ_ONCE if name != "remainder_3"]


def rows(asked: Task, lengths: int | tuple[int, int], count: int, seed: int = 0) -> list[tuple[list[str], list[str]]]:
    batch = asked.batch(lengths, count, generator=torch.Generator().manual_seed(seed))
    records = [asked.record(batch, row) for row in range(count)]
    return [(record["input"], record["answer"]) for record in records]  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize("name", MIXED)
def test_labels_are_verdicts_and_half_of_each_length(name: str) -> None:
    machine = library.load(name)
    asked = recognition(machine)
    by_length: dict[int, Counter[str]] = {}
    for string, (label,) in rows(asked, (asked.shortest, 12), 160):
        assert (label == "accepted") == machine.accepts(string)
        by_length.setdefault(len(string), Counter())[label] += 1
    for counts in by_length.values():
        total = counts.total()
        # Five standard deviations of a fair coin.
        assert abs(counts["accepted"] - total / 2) <= 2.5 * total**0.5


@pytest.mark.parametrize("name", READ_ONCE)
def test_next_symbols_spell_accepted_strings(name: str) -> None:
    machine = library.load(name)
    asked = next_symbol(machine)
    for (begin, *string), answer in rows(asked, (asked.shortest, 14), 20):
        assert begin == "begin"
        assert answer == [*string, "end"]
        assert machine.accepts(string)


@pytest.mark.parametrize("name", READ_ONCE)
def test_sets_of_next_symbols_hold_the_one_that_comes(name: str) -> None:
    machine = library.load(name)
    asked = next_symbols(machine)
    for (_, *string), answer in rows(asked, (asked.shortest, 14), 10):
        assert all(symbol in may.split("|") for symbol, may in zip([*string, "end"], answer, strict=True))


def test_sets_of_next_symbols_are_those_that_lead_on() -> None:
    """For balanced brackets, by counting: what is open may be closed, and anything may be opened."""
    for (_, *string), answer in rows(next_symbols(library.load("dyck1")), (1, 14), 30):
        depths = [string[:place].count("(") - string[:place].count(")") for place in range(len(string) + 1)]
        assert answer == ["(|)" if depth else "(|end" for depth in depths]


def test_a_moore_machine_writes_remainders() -> None:
    for digits, answer in rows(transduction(library.load("remainder_3")), (1, 30), 30):
        assert answer == [str(int("".join(digits[: place + 1]), 2) % 3) for place in range(len(digits))]


def test_a_mealy_machine_sells_drinks() -> None:
    """What was paid, by adding up: a machine that owes nothing has given it all back, as drinks of 15 or as change."""
    worth = {"clink": 0, "reject_coin": 0, "drink": 15, "drink_and_change_5": 20, "nothing": 0}
    for coins, answer in rows(transduction(library.load("vending_machine")), (2, 20), 40):
        paid = sum(
            {"nickel": 5, "dime": 10}.get(coin, 0)
            for coin, written in zip(coins, answer, strict=True)
            if written != "reject_coin"
        )
        given = sum(worth[written] if written in worth else int(written.rpartition("_")[2]) for written in answer)
        assert paid == given


def test_turing_machines_compute() -> None:
    for digits, answer in rows(transduction(library.load("binary_increment")), (1, 12), 20):
        assert int("".join(answer[:-1]), 2) == int("".join(digits), 2) + 1
        assert answer[-1] == "end"
    for digits, answer in rows(transduction(library.load("binary_addition")), (3, 9), 20):
        left, right = "".join(digits).split("+")
        assert int("".join(answer[:-1]), 2) == int(left, 2) + int(right, 2)


def test_a_cellular_automaton_multiplies() -> None:
    for names, answer in rows(task("transduction:binary_multiplication"), (3, 20), 30):
        left, right = "".join(names).split("|")
        product = int("".join(reversed(answer)), 2)
        assert product == int(left[::-1], 2) * int(right[::-1], 2)


@pytest.mark.parametrize("kind", ["recognition", "next-symbol", "transduction"])
def test_a_rule_file_is_a_task(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    save(library.load("vending_machine"), path)
    asked = task(f"{kind}:{path}")
    same = task(f"{kind}:vending_machine")
    generators = [torch.Generator().manual_seed(3) for _ in range(2)]
    batches = [one.batch((4, 9), 10, generator=g) for one, g in zip((asked, same), generators, strict=True)]
    assert torch.equal(batches[0].tokens, batches[1].tokens)
    assert torch.equal(batches[0].targets, batches[1].targets)


@pytest.mark.parametrize("name", ["dyck2", "anbncn", "even_pairs", "palindromes"])
@pytest.mark.parametrize("kind", ["recognition", "next-symbol", "next-symbols"])
def test_batches_are_what_the_plain_answer_says(kind: str, name: str) -> None:
    asked = task(f"{kind}:{name}")
    batch = asked.batch((asked.shortest, 12), 20, generator=torch.Generator().manual_seed(1))
    for tokens, targets, mask, length in zip(batch.tokens, batch.targets, batch.mask, batch.lengths, strict=True):
        assert targets[mask].tolist() == asked.answer(tokens[:length].tolist())


def test_mistakes_are_told(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="some strings are accepted and others are not"):
        recognition(library.load("remainder_3"))
    with pytest.raises(ArgumentError, match="a pda that writes nothing"):
        transduction(library.load("dyck1"))
    with pytest.raises(ArgumentError, match="reads from a tape"):
        next_symbols(library.load("binary_increment"))
    with pytest.raises(ArgumentError, match="the machine accepts, and '101' it does not"):
        next_symbol(library.load("parity")).answer([2, 1, 0, 1])
    with pytest.raises(ArgumentError, match="expected begin and then a string"):
        next_symbol(library.load("parity")).answer([1, 1])
    with pytest.raises(ArgumentError, match="no file 'nowhere', and no machine of that name"):
        task("recognition:nowhere")
    with pytest.raises(ArgumentError, match="accepts nothing; expected transduction:binary_multiplication"):
        task("recognition:binary_multiplication")
    with pytest.raises(ArgumentError, match="has no outputs"):
        task("transduction:rule_110")
    with pytest.raises(ArgumentError, match=r"two strings with one \| between them"):
        task("transduction:binary_multiplication").answer([0, 1, 0])
    with pytest.raises(ArgumentError, match="expected a machine after it, as in recognition:dyck2"):
        task("recognition")
    with pytest.raises(ArgumentError, match="did you mean recognition"):
        task("recognitoin:dyck2")
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    with pytest.raises(MachineError):
        task(f"recognition:{broken}")
    loops = tuple(Rule("a", state, (), state, ()) for state in ("INITIAL", "ELSEWHERE"))
    nothing = FSM(symbols=("a",), rules=loops, acceptance=Acceptance(states=("ELSEWHERE",)))
    with pytest.raises(ArgumentError, match="at no length up to 64"):
        next_symbol(nothing)
    many = FSM(
        symbols=tuple("abcdefghij"),
        rules=tuple(Rule(symbol, "INITIAL", (), "INITIAL", ()) for symbol in "abcdefghij"),
        acceptance=Acceptance(states=("INITIAL",)),
    )
    with pytest.raises(ArgumentError, match="has 10 symbols, expected at most 9"):
        next_symbols(many)
