"""Recursion without Python's stack, so that a term nested a hundred thousand deep is walked like any other."""

from collections.abc import Generator
from typing import Any


def trampoline(generator: Generator[Any, Any, Any]) -> Any:
    """Run a recursive algorithm written as a generator: it yields the generator of each recursive call it needs and
    is sent back what that call returns.

    >>> def depth(nested):
    ...     return 1 + (yield depth(nested[0])) if nested else 0
    >>> trampoline(depth([[[[]]]]))
    3
    """
    stack = [generator]
    answer: Any = None
    while stack:
        try:
            call = stack[-1].send(answer)
        except StopIteration as finished:
            stack.pop()
            answer = finished.value
        else:
            stack.append(call)
            answer = None
    return answer
