"""Programs with holes."""

from neurallambda.errors import ErrorKind
from tests.programs.example import Example

HOLE_PROGRAMS: tuple[Example, ...] = (
    Example("integer hole", "(+ ?a 1)", "5", holes={"a": 4}),
    Example("boolean hole", "(if ?c 1 2)", "2", holes={"c": False}),
    Example("primitive hole", "(?op 6 3)", "2", holes={"op": "/"}),
    Example("unary primitive hole", "(?op '(6 3))", "'(3)", holes={"op": "cdr"}),
    Example("hole twice", "(* ?a ?a)", "9", holes={"a": -3}),
    Example("two holes", "((fn [x] (+ (* ?a x) ?b)) 4)", "11", holes={"a": 2, "b": 3}),
    Example("hole in a list", "'(?a ?b ?c)", "'(1 true -)", holes={"a": 1, "b": True, "c": "-"}),
    Example("hole captured", "((fn [x y] x) ?a)", "(fn [y] 7)", holes={"a": 7}),
    Example("hole is no boolean", "(if ?c 1 2)", error=ErrorKind.NOT_A_BOOLEAN, holes={"c": 0}),
    Example("hole is no function", "(?op 1)", error=ErrorKind.NOT_A_FUNCTION, holes={"op": 3}),
)
