"""The programs that can be called, by name: each is given words, and answers with words or not at all."""

from collections.abc import Callable, Sequence
from itertools import accumulate

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, SourceError
from neurallambda.llm.teaching.lisp_words import END, SIGNS, from_words, in_words
from neurallambda.tasks.lisp.programs import tokens, value_of

_NESTS = {SIGNS["("]: 1, SIGNS["'("]: 1, SIGNS["["]: 1, SIGNS[")"]: -1, SIGNS["]"]: -1}

Call = Callable[[tuple[str, ...]], Sequence[str] | None]
"""From a tuple of words to those of the answer, in a list or a tuple; None where there is no answer. The same words always have the
same answer, which is kept. It must not raise, and answers quickly: in training it is tried with much that is never called."""


def evaluated(words: tuple[str, ...]) -> list[str] | None:
    """The value of a program of the Lisp, both in words, with a word for its end.

    Args:
        words: as `in_words` writes a program.

    Returns:
        The value; None where the words are no program, or it ends in an error or outside the declared range of integers.

    Example:
        >>> evaluated(("in", "plus", "three", "below", "eight", "out"))
        ['below', 'five', 'end']
        >>> evaluated(("in", "plus"))
    """
    if not _is_one(words):  # as most of what is tried in training, and quickly told
        return None
    try:
        program = from_words(words)
        if len(program) > 1 and not any(word in _NESTS for word in words):
            return None
        outcome = value_of(program)
        return None if outcome.error is not None else [*in_words(tokens(str(outcome.text))), END]
    except (ArgumentError, SourceError):  # the words are no program, or the value has no words
        return None


def _is_one(words: tuple[str, ...]) -> bool:
    """Whether brackets are such that this can be one expression: the first one is closed by the last word, or there is none.

    >>> _is_one(("in", "plus", "one", "two", "out")), _is_one(("list", "out", "two")), _is_one(("two", "and"))
    (True, False, True)
    """
    depths = list(accumulate(_NESTS.get(word, 0) for word in words))
    return not any(depths) or (min(depths[:-1], default=0) > 0 and depths[-1] == 0)


def again(words: tuple[str, ...]) -> tuple[str, ...]:
    """The same words.

    Args:
        words: any.
    """
    return words


def backwards(words: tuple[str, ...]) -> tuple[str, ...]:
    """The same words, the last one first.

    Args:
        words: any.
    """
    return words[::-1]


CALLS: dict[str, Call] = {"evaluate": evaluated, "again": again, "backwards": backwards}
"""The programs by name. Put your own here, before a graft that calls it is made or loaded."""


@checked
def call_named(name: str) -> Call:
    """The program of a name.

    Args:
        name: one of `CALLS`.

    Raises:
        ArgumentError: if there is none.

    Example:
        >>> call_named("backwards")(("dog", "cat"))
        ('cat', 'dog')
    """
    if name not in CALLS:
        raise ArgumentError(
            f"programs: there is no call {name!r}; there are {', '.join(map(str, CALLS))}; others are put into neurallambda.llm.calls.CALLS first"
        )
    return CALLS[name]
