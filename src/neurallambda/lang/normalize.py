"""Normal forms: a program reduced as far as it goes, with free variables and under binders too."""

from typing import overload

from neurallambda.arguments import checked
from neurallambda.errors import ErrorKind, ProgramError, check_count
from neurallambda.lang.blame import explain_closed
from neurallambda.lang.expressions import expressions_of
from neurallambda.lang.normal.definitions import top_level
from neurallambda.lang.normal.quote import normal_form
from neurallambda.lang.normal.reduce import Reducer, delay
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.random_forms import refuse_random_forms
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import Program, Term


@overload
def normalize(source: str | Term, *, max_steps: int = ...) -> Term: ...
@overload
def normalize(source: list[str | Term] | tuple[str | Term, ...], *, max_steps: int = ...) -> list[Outcome]: ...
@checked
def normalize(
    source: str | Term | list[str | Term] | tuple[str | Term, ...], *, max_steps: int = 100_000
) -> Term | list[Outcome]:
    """The full normal form, by normal order: the leftmost outermost redex first, also inside functions.

    Reduction is beta (with `let`, `letrec` and definitions), the primitives' rules where their operands are values, and
    the choice of a branch where the condition is a boolean. Names that nothing defines are free variables; holes stay.
    An argument that is not used is not reduced. An argument is reduced at most once, however often it is used.
    A binder keeps its name unless that would capture; then `x` becomes `x1`, `x2`, ...

    A recursive function, from `defn` or `letrec`, unfolds for as long as it can decide how to go on. Where its value waits
    for an `if`, `and`, `or` or `cond`, met in the course of the call, that waits for a free variable or a hole, the call
    stays as it stands, its arguments in normal form, instead of unfolding for ever: `(length xs)` stays, and so does the
    `(length xs)` that `(length (cons 1 xs))` comes to, in `(+ 1 (length xs))`. What the function was given is not for it to
    decide: where it returns the value of a parameter, of a call of one, or a part of a pair, it unfolds, whatever that
    waits for. A function of a `letrec` has no name outside of it: such a call is written in a `letrec` of its own.

    An error of the language ends the reduction where call by value would certainly meet it: at the top, in operands,
    arguments, conditions and lists. Inside a function or a branch that is not chosen yet nobody may ever meet it: there
    the wrong application stays as it stands.

    Args:
        source: the text of a program, a program, or an expression; or a list of such. Of a program, its last expression
            counts.
        max_steps: how many steps to allow each.

    Returns:
        As `run` does: of one program its normal form; of several, how each of them ended, in a normal form or a named error.

    Raises:
        SourceError: where a text is not a program, or a program has no expression.
        ProgramError: the error that the one program ends in, such as `not-a-pair`; or `out-of-steps`, where there is no
            normal form within `max_steps`, and the steps say how many were taken.

    >>> normalize("((fn [g f z] (g (f z))) (fn [y] '(y y y)) (fn [x] '(x x)))")
    <Function (fn [z] '('(z z) '(z z) '(z z)))>
    >>> normalize("((fn [x y] x) y)")
    <Function (fn [y1] y)>
    >>> normalize("(length (cons 1 (cons 2 xs)))")
    <Apply (+ 1 (+ 1 (length xs)))>
    >>> [str(outcome) for outcome in normalize(["((fn [x y] x) y)", "(car 1)"])]
    ['(fn [y1] y)', 'not-a-pair: ...']
    """
    check_count("max_steps", max_steps)
    if isinstance(source, (str, Term)):
        return _normalize(source, Reducer(max_steps))
    return [_outcome(one, Reducer(max_steps)) for one in source]


def _outcome(source: str | Term, reducer: Reducer) -> Outcome:
    try:
        term = _normalize(source, reducer)
    except ProgramError as error:
        error.steps = error.steps or reducer.steps
        return Outcome.of(error)
    return Outcome(term=term, steps=reducer.steps)


def _normalize(source: str | Term, reducer: Reducer) -> Term:
    term = parse(source) if isinstance(source, str) else source
    refuse_random_forms(term, "normalize")
    program = term if isinstance(term, Program) else Program((term,))
    forms = program.forms
    expressions = expressions_of(forms)
    scope = top_level(forms)
    try:
        return normal_form(delay(expressions[-1], scope), reducer, scope, program.text)
    except ProgramError as error:
        if error.kind is ErrorKind.OUT_OF_STEPS:
            raise
        explained, steps = explain_closed(program) or error, error.steps
    explained.steps = steps
    raise explained
