"""How each kind of term is written, one level deep. The canonical line and the layout for people both read this."""

from dataclasses import dataclass
from typing import Union

from neurallambda.lang.terms import (
    And,
    Apply,
    Boolean,
    Cond,
    Define,
    Function,
    Hole,
    If,
    Integer,
    Let,
    LetRec,
    List,
    Observe,
    Or,
    Primitive,
    Program,
    Sample,
    Term,
    Variable,
)

_CHUNK = 600  # Python writes integers of up to 640 digits whatever its digit limit is set to
_LONG_OPERATOR = 12  # arguments stand under the first one after a shorter operator, else two columns in

Part = Union[str, Term, "Form"]


@dataclass(frozen=True, slots=True)
class Form:
    """Parts between brackets, one blank between each two of them on a line.

    The rest is for a form that does not fit on a line: its first `kept` parts stay on the line of its bracket, each other
    part gets a line of its own, `indent` columns in from the bracket. A form that `fills` breaks only before parts that
    no longer fit; one that `breaks` never stands on one line.
    """

    opening: str
    parts: tuple[Part, ...]
    closing: str
    kept: int = 1
    indent: int = 2
    fills: bool = False
    breaks: bool = False


def write(term: Term) -> str | Form:
    """A term's own text, with its subterms still to be written."""
    match term:
        case Integer(value):
            return _digits(value)
        case Boolean(value):
            return "true" if value else "false"
        case Variable(name) | Primitive(name):
            return name
        case Hole(name):
            return f"?{name}"
        case Sample(name):
            return _keyword("sample", (f"?{name}",))
        case Observe(condition):
            return _keyword("observe", (condition,))
        case List(items):
            return Form("'(", items, ")", fills=True)
        case Function(parameters, body):
            return Form("(", ("fn", _names(parameters), body), ")", kept=2)
        case Apply(function, arguments):
            return _call(function, arguments)
        case If(condition, consequent, alternative):
            return _keyword("if", (condition, consequent, alternative))
        case Let(bindings, body):
            return Form("(", ("let", _bindings(bindings), body), ")", kept=2)
        case LetRec(bindings, body):
            return Form("(", ("letrec", _bindings(bindings), body), ")", kept=2)
        case And(operands):
            return _keyword("and", operands)
        case Or(operands):
            return _keyword("or", operands)
        case Cond(clauses, alternative):
            return _keyword("cond", (*map(_clause, clauses), _binding(("else", alternative))))
        case Define(name, Function(parameters, body)):
            return Form("(", ("defn-memo" if term.is_memo else "defn", name, _names(parameters), body), ")", kept=3)
        case Define(name, value):
            return Form("(", ("def", name, value), ")", kept=2)
        case Program(forms):
            return Form("", forms, "", indent=0, breaks=True)
    raise AssertionError(f"no text for a {type(term).__name__}")


def _names(names: tuple[str, ...]) -> Form:
    return Form("[", names, "]", indent=1, fills=True)


def _binding(parts: tuple[str, Term]) -> Form:
    return Form("", parts, "", kept=2)


def _bindings(bindings: tuple[tuple[str, Term], ...]) -> Form:
    return Form("[", tuple(map(_binding, bindings)), "]", indent=1)


def _clause(clause: tuple[Term, Term]) -> Form:
    return Form("", clause, "")


def _keyword(word: str, parts: tuple[Part, ...]) -> Form:
    return Form("(", (word, *parts), ")", kept=2, indent=len(word) + 2)


def _call(function: Term, arguments: tuple[Term, ...]) -> Form:
    name = write(function) if isinstance(function, Variable | Primitive | Hole) else ""
    if isinstance(name, str) and 0 < len(name) < _LONG_OPERATOR:
        return _keyword(name, arguments)
    return Form("(", (function, *arguments), ")", indent=2 if name else 1)


def _digits(value: int) -> str:
    sign, value = ("-", -value) if value < 0 else ("", value)
    chunks: list[str] = []
    base = 10**_CHUNK
    while value >= base:
        value, chunk = divmod(value, base)
        chunks.append(f"{chunk:0{_CHUNK}d}")
    return sign + str(value) + "".join(reversed(chunks))
