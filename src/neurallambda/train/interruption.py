"""Ctrl-C at the end of a step: what was learned is kept."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether somebody asked the training to stop."""

    def __init__(self) -> None:
        self.is_wanted = False


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Let Ctrl-C, or a request to end the process, be seen instead of raised; a second Ctrl-C ends at once.

    In a thread that is not the main one nothing changes: signals are not seen there.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return

    def note(number: int, frame: FrameType | None) -> None:
        if interruption.is_wanted and number == signal.SIGINT:
            raise KeyboardInterrupt
        interruption.is_wanted = True

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
