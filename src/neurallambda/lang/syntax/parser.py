"""From text to terms."""

from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from lark import Lark, Token, UnexpectedCharacters, UnexpectedToken

from neurallambda.arguments import checked
from neurallambda.lang.syntax.brackets import check_brackets
from neurallambda.lang.syntax.build import Builder, RefusedError, token_position
from neurallambda.lang.syntax.diagnostics import source_error
from neurallambda.lang.syntax.expectations import explain_characters, explain_token
from neurallambda.lang.terms import Program, Term


@checked
def parse(source: str) -> Program:
    """Parse the top-level forms of a program.

    Args:
        source: program text; it may hold definitions only, or nothing at all.

    Returns:
        The program in canonical form: `((f a) b)` is `(f a b)`, and curried functions are one function.

    Raises:
        SourceError: with line, column, the line itself, a caret under the place, and what was expected there.

    >>> parse("(defn double [x] (* 2 x)) (double 4)")
    <Program (defn double [x] (* 2 x)) (double 4)>
    """
    return _parse(source, "program")


@checked
def parse_term(source: str) -> Term:
    """Parse exactly one expression.

    Raises:
        SourceError: as for `parse`.

    >>> parse_term("(fn [x] (fn [y] x))")
    <Function (fn [x y] x)>
    """
    return _parse(source, "term")


@cache
def _grammar() -> Lark:
    text = files("neurallambda.lang.syntax").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer="basic", start=["program", "term"], transformer=Builder())


def _parse(source: str, start: str) -> Any:
    check_brackets(source)
    try:
        parsed = _grammar().parse(source, start=start)
        return replace(parsed, text=source) if isinstance(parsed, Program) else parsed
    except RefusedError as refused:
        place, problem = refused.at, refused.problem
    except UnexpectedCharacters as error:
        place, problem = (error.line, error.column), explain_characters(source, error.pos_in_stream)
    except UnexpectedToken as error:
        place, problem = (
            _place(source, error.token),
            explain_token(error.token, error.accepts, quoted=_is_quoted(source, error.token)),
        )
    # Raised out here so that no parser internals trail behind the message.
    line, column = place
    raise source_error(source, line, column, problem)


def _is_quoted(source: str, token: Token) -> bool:
    """Whether a token stands right after a quote."""
    before = len(source) if token.type == "$END" or token.start_pos is None else token.start_pos
    return source[:before].rstrip().endswith("'")


def _place(source: str, token: Token) -> tuple[int, int]:
    """Where a token is; the end of the text has no token of its own."""
    if token.type != "$END":
        return token_position(token)
    return source.count("\n") + 1, len(source) - source.rfind("\n")
