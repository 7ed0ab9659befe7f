"""What all tasks have in common: batches, their layout, scores, data sets, errors."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurallambda.errors import ArgumentError
from neurallambda.tasks import TASKS, Batch, Score, Task, task


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def longer(asked: Task, by: int) -> tuple[int, int]:
    return asked.shortest, asked.shortest + by


@pytest.mark.parametrize("name", TASKS)
def test_rows_are_laid_out_in_time(name: str) -> None:
    asked = task(name)
    low, high = longer(asked, 7)
    batch = asked.batch((low, high), 40, generator=seeded())
    assert batch.tokens.shape == batch.targets.shape == batch.mask.shape == (40, asked.time(high))
    assert batch.tokens.dtype == batch.targets.dtype == batch.lengths.dtype == torch.int64
    assert batch.mask.dtype == torch.bool
    steps = torch.arange(asked.time(high))
    is_input = steps < batch.lengths[:, None]
    assert (batch.tokens[is_input] < asked.empty).all()
    assert (batch.tokens[~is_input] == asked.empty).all()
    assert (batch.tokens >= 0).all()
    assert (batch.targets[~batch.mask] == 0).all()
    assert ((batch.targets >= 0) & (batch.targets < asked.outputs)).all()
    assert batch.mask.any(1).all()
    assert (batch.mask & is_input).any() == (asked.reads == "along")
    assert (batch.lengths <= high).all()


@pytest.mark.parametrize("name", TASKS)
def test_batches_are_what_the_plain_answer_says(name: str) -> None:
    asked = task(name)
    batch = asked.batch(longer(asked, 12), 20, generator=seeded(3))
    for tokens, targets, mask, length in zip(batch.tokens, batch.targets, batch.mask, batch.lengths, strict=True):
        assert targets[mask].tolist() == asked.answer(tokens[:length].tolist())


@pytest.mark.parametrize("name", TASKS)
def test_the_same_seed_gives_the_same_rows(name: str) -> None:
    asked = task(name)
    first, again, other = (asked.batch(longer(asked, 9), 16, generator=seeded(seed)) for seed in (5, 5, 6))
    assert torch.equal(first.tokens, again.tokens)
    assert torch.equal(first.targets, again.targets)
    assert not torch.equal(first.tokens, other.tokens)


@pytest.mark.parametrize("name", TASKS)
def test_a_generator_goes_on_and_nothing_else_is_random(name: str) -> None:
    asked, generator, before = task(name), seeded(), torch.get_rng_state()
    batches = [asked.batch(longer(asked, 9), 16, generator=generator) for _ in range(2)]
    assert not torch.equal(batches[0].tokens, batches[1].tokens)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", TASKS)
def test_rows_get_longer_with_their_inputs(name: str) -> None:
    """All rows of a range fit into the time of the longest."""
    asked = task(name)
    times = [asked.time(length) for length in range(asked.shortest, asked.shortest + 15)]
    assert times == sorted(times)


def test_lengths_are_uniform() -> None:
    lengths = task("reverse-string").batch((3, 6), 4_000, generator=seeded()).lengths
    counts = lengths.bincount(minlength=8).tolist()
    assert counts[:3] == [0, 0, 0]
    assert all(abs(count - 1_000) < 150 for count in counts[3:7])


@pytest.mark.parametrize("name", TASKS)
def test_right_answers_score_one_and_others_less(name: str) -> None:
    asked = task(name)
    batch = asked.batch(longer(asked, 6), 30, generator=seeded())
    outside = torch.where(batch.mask, batch.targets, -7)
    assert asked.score(outside, batch) == Score(1.0, 1.0)
    wrong = outside.clone()
    where = batch.mask[0].nonzero()[0]
    wrong[0, where] = (wrong[0, where] + 1) % asked.outputs
    found = asked.score(wrong, batch)
    assert found.exact == pytest.approx(29 / 30)
    assert found.accuracy == pytest.approx(1 - 1 / int(batch.mask.sum()))


@given(st.integers(1, 6), st.integers(1, 6), st.data())
def test_scores_are_the_shares_that_counting_gives(rows: int, time: int, data: st.DataObject) -> None:
    def table(values: Any) -> list[list[Any]]:
        row = st.lists(values, min_size=time, max_size=time)
        return data.draw(st.lists(row, min_size=rows, max_size=rows))

    targets, predictions, mask = table(st.integers(0, 1)), table(st.integers(0, 1)), table(st.booleans())
    for row in mask:
        row[0] = True
    batch = Batch(
        tokens=torch.zeros(rows, time, dtype=torch.int64),
        targets=torch.tensor(targets),
        mask=torch.tensor(mask),
        lengths=torch.ones(rows, dtype=torch.int64),
    )
    asked = [
        [a == b for a, b, is_read in zip(one, other, read, strict=True) if is_read]
        for one, other, read in zip(targets, predictions, mask, strict=True)
    ]
    found = task("parity-check").score(torch.tensor(predictions), batch)
    assert found.exact == pytest.approx(sum(map(all, asked)) / rows)
    assert found.accuracy == pytest.approx(sum(map(sum, asked)) / sum(map(len, asked)))


def test_predictions_of_another_kind_are_refused() -> None:
    asked = task("parity-check")
    batch = asked.batch(4, 2, generator=seeded())
    with pytest.raises(ArgumentError, match=r"got shape \(2, 4\), expected \(2, 5\)"):
        asked.score(batch.targets[:, :4], batch)
    with pytest.raises(ArgumentError, match="take argmax"):
        asked.score(torch.zeros(2, 5), batch)


def test_mistakes_are_told() -> None:
    asked = task("reverse-string")
    with pytest.raises(ArgumentError, match="there is no task 'reverse-strin'; did you mean reverse-string"):
        task("reverse-strin")
    with pytest.raises(ArgumentError, match="there is no task 'xyzzy'; the tasks are"):
        task("xyzzy")
    with pytest.raises(ArgumentError, match=r"lengths: got \(5, 3\), expected"):
        asked.batch((5, 3), 1, generator=seeded())
    with pytest.raises(ArgumentError, match="lengths: got 0, expected"):
        asked.batch(0, 1, generator=seeded())
    with pytest.raises(ArgumentError, match="rows: got 0"):
        asked.batch(3, 0, generator=seeded())
    with pytest.raises(ArgumentError, match=r"got the symbol 2, expected numbers from 0 to 1"):
        asked.answer([0, 2])
    with pytest.raises(ArgumentError, match="got 0 symbols, expected at least 1"):
        asked.answer([])


def test_names_may_be_written_otherwise() -> None:
    assert task("Reverse_String") is task("reverse-string")


def test_a_dataset_holds_the_rows_of_a_batch() -> None:
    asked = task("stack-manipulation")
    rows = asked.dataset((2, 6), 20, seed=4)
    batch = asked.batch((2, 6), 20, generator=seeded(4))
    assert rows.column_names == ["input", "answer", "length", "tokens", "targets", "mask"]
    for row, record in enumerate(rows):
        assert isinstance(record, dict)
        end = len(record["tokens"])
        assert record["tokens"] == batch.tokens[row, :end].tolist()
        assert record["mask"] == batch.mask[row, :end].tolist()
        assert record["input"] == [asked.symbols[token] for token in record["tokens"][: record["length"]]]
        assert not batch.mask[row, end:].any()


def test_a_seed_that_no_generator_takes_is_refused() -> None:
    with pytest.raises(ArgumentError, match=f"seed: got {2**70}, expected an integer from"):
        task("parity-check").dataset(3, 2, seed=2**70)


def test_a_batch_is_a_state() -> None:
    batch = task("reverse-string").batch((1, 5), 8, generator=seeded())
    assert torch.equal(Batch.cat([batch.rows([0]), batch.rows(slice(1, 8))]).tokens, batch.tokens)
