"""Programs of the Lisp in plain words: a model of stories has never seen most of its signs, and tells none of these from another."""

from collections.abc import Sequence

from neurallambda.errors import ArgumentError

# fmt: off
SIGNS = {
    "(": "in", ")": "out", "'(": "list", "[": "open", "]": "close",
    "fn": "with", "if": "if", "let": "let", "letrec": "again", "f": "f", "n": "n", "x": "x", "y": "y", "z": "z",
    "+": "plus", "-": "without", "*": "times", "=": "same", "<": "under", ">": "over", "<=": "most", ">=": "least",
    "not": "not", "car": "first", "cdr": "rest", "cons": "join", "empty?": "empty", "true": "yes", "false": "no",
}
"""What stands for each token of a program that is no number."""
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
BELOW = "below"
"""What stands before a number below zero."""
AND = "and"
"""What stands between the digits of a number; without it two numbers follow each other."""
# fmt: on
END = "end"
"""What stands after a value."""
LISP_WORDS = (*dict.fromkeys([*SIGNS.values(), *DIGITS, BELOW, AND, END]),)
"""All words of programs and of their values."""
_TOKENS = {word: token for token, word in SIGNS.items()}


def in_words(tokens: Sequence[str]) -> list[str]:
    """A program or a value in words.

    Args:
        tokens: as `neurallambda.tasks.lisp.programs.tokens` has them.

    Raises:
        ArgumentError: if one is neither a number nor known.

    Example:
        >>> in_words(["(", "cons", "-12", "'(", ")", ")"])
        ['in', 'join', 'below', 'one', 'and', 'two', 'list', 'out', 'out']
    """
    words = list[str]()
    for token in tokens:
        digits = token.removeprefix("-")
        if token in SIGNS:
            words.append(SIGNS[token])
        elif digits.isdecimal() and digits.isascii():
            words += [BELOW] * (digits != token)
            words += f" {AND} ".join(DIGITS[int(digit)] for digit in digits).split()
        else:
            raise ArgumentError(f"tokens: got {token!r}, expected numbers and {' '.join(SIGNS)}")
    return words


def from_words(words: Sequence[str]) -> list[str]:
    """The tokens of a program or a value that `in_words` wrote.

    Args:
        words: one for each item.

    Raises:
        ArgumentError: if they are no such program.

    Example:
        >>> from_words(["in", "join", "below", "one", "and", "two", "list", "out", "out"])
        ['(', 'cons', '-12', "'(", ')', ')']
    """
    tokens, before = list[str](), ""
    for place, word in enumerate(words):
        following = words[place + 1] if place + 1 < len(words) else ""
        if word in _TOKENS:
            tokens.append(_TOKENS[word])
        elif word in DIGITS:
            digit = str(DIGITS.index(word))
            if before == AND:
                tokens[-1] += digit
            else:
                tokens.append("-" * (before == BELOW) + digit)
        elif not (word in (BELOW, AND) and following in DIGITS and (word == BELOW or before in DIGITS)):
            raise ArgumentError(f"words: got {word!r} after {before!r}, expected a program in the words of `in_words`")
        before = word
    return tokens
