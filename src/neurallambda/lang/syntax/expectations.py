"""What was expected at a place, in the words of the language rather than those of the parser."""

import re
from collections.abc import Iterable

from lark import Token

from neurallambda.lang.syntax.diagnostics import printable
from neurallambda.lang.terms import KEYWORDS, PRIMITIVES

_ATOM = re.compile(r"[^\s()\[\]';]+")
_CLOSING_OR_OPENING = {"_RPAR": "a closing )", "_RSQB": "a closing ]", "_LSQB": "an opening ["}


def explain_characters(source: str, offset: int) -> str:
    """The problem with text that is no token at all."""
    match = _ATOM.match(source, offset)
    assert match is not None, "every delimiter is a token or a blank"
    atom = match.group()
    shown = f"`{printable(atom)}`"
    if atom.startswith("?"):
        return f"{shown} is no hole: expected a name after the ?, such as ?a"
    if any(not character.isprintable() for character in atom):
        return f"{shown} has a character that no name may contain, U+{_first_unprintable(atom):04X}"
    return (
        f"{shown} is neither an integer nor a name: expected digits, or a letter or _ and then letters, digits and any "
        "of - _ ? ! * < > = + /"
    )


def explain_token(token: Token, accepted: Iterable[str], *, quoted: bool = False) -> str:
    """The problem with a token that does not belong where it stands.

    Args:
        token: what came.
        accepted: the types of token that would have been right.
        quoted: whether it stands right after a quote.
    """
    accepts = frozenset(accepted)
    hint = _quote_hint(token) if quoted and accepts == frozenset({"LPAR"}) else _hint(token, accepts)
    return f"expected {_expected(accepts)}, got {_got(token)}" + (f"; {hint}" if hint else "")


def _expected(accepts: frozenset[str]) -> str:
    words = []
    if "INTEGER" in accepts:
        words.append("an expression")
    elif "HOLE" in accepts:
        words.append("a hole")
    elif "NAME" in accepts:
        words.append("a name")
    elif "LPAR" in accepts:
        words.append("an opening (")
    words += [word for kind, word in _CLOSING_OR_OPENING.items() if kind in accepts]
    if "INTEGER" not in accepts and "FN" in accepts:
        words.append("`fn`")
    if "ELSE" in accepts:
        words.append("`else`")
    if "$END" in accepts and "INTEGER" not in accepts:
        words.append("the end of the text")
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _got(token: Token) -> str:
    if token.type == "$END":
        return "the end of the text"
    return token.value if token.value in "()[]'" else f"`{printable(token.value)}`"


def _hint(token: Token, accepts: frozenset[str]) -> str:
    """What the writer probably meant."""
    if accepts == frozenset({"HOLE"}):
        return "what is sampled is a hole, as in (sample ?a)"
    wants_expression, wants_name = "INTEGER" in accepts, "NAME" in accepts
    if wants_name and not wants_expression and token.value in KEYWORDS + PRIMITIVES:
        kind = "a keyword" if token.value in KEYWORDS else "a primitive"
        return f"{token.value} is {kind} and cannot be bound: choose another name"
    if accepts == frozenset({"FN"}):
        return "letrec binds functions only: use `let` for other values"
    if accepts == frozenset({"LPAR"}) and token.type != "$END":
        return "letrec binds functions only: use `let` for other values"
    if token.value in ("def", "defn", "defn-memo"):
        return "definitions stand at the top level of a program only: use `let` or `letrec` here"
    if token.value == "else":
        return "`else` stands before the last expression of a `cond`"
    if token.value in KEYWORDS and token.value not in ("true", "false"):
        return f"{token.value} stands only right after an opening ("
    if token.type == "_LSQB" and wants_expression:
        return "a list is written '( )"
    if token.type == "_RPAR" and wants_expression and "FN" in accepts:
        return "the empty list is '()"
    return ""


def _quote_hint(token: Token) -> str:
    """What was meant by a quote before something that is no list."""
    shown = printable(token.value)
    if token.type in ("INTEGER", "TRUE", "FALSE", "HOLE"):
        return f"`'` quotes lists only: {shown} needs no quote, and the list of it is '({shown})"
    if token.type in ("NAME", "PRIMITIVE"):
        return f"`'` quotes lists only, and there are no symbols: {shown} is its value, and '({shown}) the list of that"
    return "`'` quotes lists only: it stands right before an opening ("


def _first_unprintable(atom: str) -> int:
    return next(ord(character) for character in atom if not character.isprintable())
