"""The two measures of memory see what a call allocates, and only that."""

import sys

import pytest
import torch

from benchmarks.memory import copy_bandwidth, peak_process_memory, peak_tensor_memory

MEBIBYTE = 2**20


def touch(size: int) -> None:
    bytearray(size)


def fail() -> None:
    sys.exit(3)


def test_a_fresh_process_grows_by_what_the_call_needs() -> None:
    ballast = torch.ones(400 * MEBIBYTE, dtype=torch.uint8)  # this process is larger than what is measured
    growth = peak_process_memory(touch, 200 * MEBIBYTE)
    assert 190 * MEBIBYTE < growth < 260 * MEBIBYTE
    assert peak_process_memory(touch, 1) < 20 * MEBIBYTE
    assert len(ballast) == 400 * MEBIBYTE


def test_a_process_that_ends_early_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="fail ended early"):
        peak_process_memory(fail)


def test_tensor_memory_is_the_highest_sum_held_at_once() -> None:
    def call() -> torch.Tensor:
        first = torch.ones(MEBIBYTE, dtype=torch.uint8)
        second = first.clone()
        del first
        return second.clone()  # two at once, though three were made

    before = torch.ones(8 * MEBIBYTE, dtype=torch.uint8)  # held already, so not counted
    assert peak_tensor_memory(call) == pytest.approx(2 * MEBIBYTE, abs=1024)
    assert len(before) == 8 * MEBIBYTE


def test_bandwidth_counts_bytes_in_and_out() -> None:
    found = copy_bandwidth(buffer_bytes=MEBIBYTE, repeats=3)
    assert 0 < found.lower_quartile <= found.median <= found.upper_quartile


def test_bandwidth_counts_every_byte_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(1000))
    monkeypatch.setattr("benchmarks.timing.perf_counter", lambda: next(ticks))
    assert copy_bandwidth(buffer_bytes=MEBIBYTE, repeats=3).median == 2 * MEBIBYTE
