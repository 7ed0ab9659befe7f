"""What primitives and conditionals give, on terms."""

from neurallambda.errors import ProgramError
from neurallambda.lang import values as evaluated
from neurallambda.lang.core import NIL
from neurallambda.lang.primitives import apply_binary, apply_unary, arity
from neurallambda.lang.terms import And, Apply, Boolean, Cond, Function, If, Integer, List, Or, Primitive, Term


def is_value(term: Term) -> bool:
    """Whether it is known what a term is, whatever its parts are."""
    match term:
        case Integer() | Boolean() | List() | Function() | Primitive():
            return True
        case Apply(Primitive(name), arguments) if arguments:
            return len(arguments) < arity(name) or (name == "cons" and len(arguments) == 2)
    return False


def contract_choice(term: If | And | Or | Cond) -> Term | None:
    """What comes of a conditional, where its condition is known."""
    match term:
        case If(Boolean(value), consequent, alternative):
            return consequent if value else alternative
        case And(()) | Or(()):
            return Boolean(isinstance(term, And))
        case And((Boolean(value), *rest)):
            return And(tuple(rest)) if value and rest else Boolean(value)
        case Or((Boolean(value), *rest)):
            return Or(tuple(rest)) if not value and rest else Boolean(value)
        case Cond((), alternative):
            return alternative
        case Cond(clauses, alternative):
            condition, consequent = clauses[0]
            if isinstance(condition, Boolean):
                rest = clauses[1:]
                return consequent if condition.value else Cond(rest, alternative) if rest else alternative
    return None


def contract_primitive(name: str, operands: tuple[Term, ...]) -> Term | None:
    """What a primitive gives; None where it waits, or where its operands are wrong for it."""
    match name, operands:
        case "cons", (head, List(items)):
            return List((head, *items))
        case "cons", _:
            return None
        case ("car", (List((head, *_)),)) | ("car", (Apply(Primitive("cons"), (head, _)),)):
            return head
        case "cdr", (List((_, *rest)),):
            return List(tuple(rest))
        case "cdr", (Apply(Primitive("cons"), (_, tail)),):
            return tail
    try:
        first, *others = [_evaluated(operand) for operand in operands]
        result = apply_binary(name, first, others[0]) if others else apply_unary(name, first)
    except ProgramError:
        return None
    return Boolean(result) if isinstance(result, bool) else Integer(result) if isinstance(result, int) else None


def _evaluated(term: Term) -> evaluated.Value:
    """A value that primitives treat alike; what is in a pair, or what a function does, is no matter."""
    match term:
        case Integer(value) | Boolean(value):
            return value
        case List(()):
            return NIL
        case List() | Apply(Primitive("cons"), (_, _)):
            return evaluated.Pair(NIL, NIL)
    return evaluated.Partial("+", 0)
