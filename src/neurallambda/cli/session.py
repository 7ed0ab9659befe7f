"""What a read-evaluate-print loop remembers between entries."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from neurallambda.cli.execution import execute
from neurallambda.cli.setup import Setup
from neurallambda.lang.expressions import expressions_of
from neurallambda.lang.places import without_places
from neurallambda.lang.scope import subterms
from neurallambda.lang.substitute import free_names
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import Define, Function, Program, Term, Variable


class Session:
    """Definitions that later entries may use, and enter again.

    A definition may use a name before that has one of its own: what an expression does not reach is not looked at.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.definitions: dict[str, Define] = {}

    def enter(self, text: str) -> Iterator[Term]:
        """Take an entry, one or more forms: remember its definitions, and give the value of each expression.

        Raises:
            SourceError: where the text is not a program; nothing is remembered then.
            ProgramError: where an expression, or the value of a definition, ends in an error.

        >>> from neurallambda.programs import Engine
        >>> session = Session(Setup(engine=Engine.REFERENCE))
        >>> list(session.enter("(def three 3) (defn double [x] (* 2 x))"))
        []
        >>> list(session.enter("(double three) (+ three 1)"))
        [<Integer 6>, <Integer 4>]
        """
        forms = parse(text).forms
        entered = {form.name: form for form in forms if isinstance(form, Define)}
        scope = self.definitions | entered
        for name, form in entered.items():
            if not isinstance(form.value, Function):
                entered[name] = _kept(form, self.value(Variable(name, at=form.at), scope, text))
        # Places in an earlier entry mean nothing in the next one: errors are placed where that calls.
        self.definitions |= {name: without_places(form) for name, form in entered.items()}
        for form in forms:
            if not isinstance(form, Define):
                yield self.value(form, self.definitions, text)

    def program(self, text: str) -> Program:
        """An entry's last expression, with the definitions that it needs; nothing is remembered.

        Raises:
            SourceError: where the text is not a program, or has no expression.
        """
        forms = parse(text).forms
        scope = self.definitions | {form.name: form for form in forms if isinstance(form, Define)}
        expression = expressions_of(forms)[-1]
        return Program((*_reached(expression, scope), expression), text=text)

    def value(self, expression: Term, definitions: Mapping[str, Define], text: str) -> Term:
        """The value of an expression among definitions; `text` is the entry, in which its errors have their places."""
        program = Program((*_reached(expression, definitions), expression), text=text)
        outcome = execute(program, self.setup)
        if outcome.term is None:
            raise outcome.raised()
        return outcome.term


def _kept(form: Define, value: Term) -> Define:
    """A definition with its value in place of the expression, so that it is not evaluated again.

    A value with a function in it stays an expression: the text of a function may name others that it can see and later
    entries cannot.
    """
    has_functions = any(isinstance(part, Function) for part in subterms(value))
    return form if has_functions else replace(form, value=value)


def _reached(expression: Term, definitions: Mapping[str, Define]) -> Iterator[Define]:
    """The definitions that an expression needs, however indirectly."""
    seen: set[str] = set()
    todo = set(free_names(expression) & definitions.keys())
    while todo:
        name = todo.pop()
        seen.add(name)
        todo |= free_names(definitions[name].value) & definitions.keys() - seen
        yield definitions[name]
