"""Measurements on a clock of our own, where every second is known."""

import gc

import pytest

from benchmarks.timing import measure_ratio, measure_time, spread


class Clock:
    """A clock that only `work` moves; `slowdown` is how much longer everything takes just now."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slowdown = 1.0
        self.log: list[str] = []

    def work(self, name: str, seconds: float) -> None:
        self.log.append(name)
        self.now += seconds * self.slowdown


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("benchmarks.timing.perf_counter", lambda: made.now)
    return made


def test_the_time_is_that_of_one_call_however_often_it_is_repeated(clock: Clock) -> None:
    fast = measure_time(lambda: clock.work("fast", 0.001), repeats=5, least_seconds=0.1)
    assert fast.median == pytest.approx(0.001)
    assert fast.repeats == 5
    assert len(clock.log) > 5 * 100


def test_a_slow_call_runs_once_a_measurement(clock: Clock) -> None:
    measure_time(lambda: clock.work("slow", 1.0), repeats=5, least_seconds=0.1)
    assert len(clock.log) == 5 + 2


def test_warming_up_does_not_count(clock: Clock) -> None:
    seconds = iter([100.0] + [1.0] * 10)
    assert measure_time(lambda: clock.work("call", next(seconds)), repeats=5).upper_quartile == 1.0


def test_outliers_move_the_spread_and_not_the_median(clock: Clock) -> None:
    seconds = iter([1.0, 1.0, 1.0, 1.0, 50.0, 1.0, 60.0])
    assert measure_time(lambda: clock.work("call", next(seconds)), repeats=5).median == 1.0


def test_work_left_running_is_waited_for(clock: Clock) -> None:
    pending = 0.0

    def launch() -> None:
        nonlocal pending
        pending += 1.0

    def synchronize() -> None:
        nonlocal pending
        clock.work("wait", pending)
        pending = 0.0

    assert measure_time(launch, repeats=3, synchronize=synchronize).median == 1.0


def test_a_ratio_survives_a_machine_that_changes_speed(clock: Clock) -> None:
    calls = 0

    def first() -> None:
        nonlocal calls
        calls += 1
        clock.slowdown = 1.0 if calls < 6 else 10.0
        clock.work("first", 3.0)

    ratio = measure_ratio(first, lambda: clock.work("second", 1.0), repeats=9)
    assert ratio.median == pytest.approx(3.0)


def test_the_two_sides_of_a_ratio_run_in_turn_and_change_places(clock: Clock) -> None:
    measure_ratio(lambda: clock.work("a", 1.0), lambda: clock.work("b", 1.0), repeats=4)
    assert "".join(clock.log[4:]) == "abbaabba"


def test_the_collector_rests_while_measuring_and_is_put_back(clock: Clock) -> None:
    states: list[bool] = []

    def call() -> None:
        states.append(gc.isenabled())
        clock.work("call", 1.0)

    measure_time(call, repeats=2)
    assert states == [False] * len(states)
    assert gc.isenabled()


def test_spread_is_the_median_and_the_quartiles() -> None:
    found = spread([5.0, 1.0, 4.0, 2.0, 3.0])
    assert (found.lower_quartile, found.median, found.upper_quartile, found.repeats) == (2.0, 3.0, 4.0, 5)
