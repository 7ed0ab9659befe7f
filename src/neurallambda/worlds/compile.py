"""From the core graph to register code."""

from collections.abc import Sequence
from functools import cache

from neurallambda.lang.core import Lambda, Node
from neurallambda.lang.lower import lower
from neurallambda.lang.random_forms import hole_names
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import Program
from neurallambda.lang.trampoline import trampoline
from neurallambda.worlds.code import Code
from neurallambda.worlds.expressions import expression
from neurallambda.worlds.writer import Writer


def compile_programs(programs: Sequence[Program], integers: range) -> Code:
    """Compile programs that are to run side by side: the first functions of the code are they.

    Raises:
        ProgramError: `unbound`.
        SourceError: where there is no expression.
    """
    roots = [lower(program) for program in programs]
    writer = Writer([*roots, _resolve()], integers, len(roots))
    for index, root in enumerate(roots):
        _write(writer, index, root)
    resolve = writer.entered(_resolve())
    while writer.waiting:
        index = writer.waiting.pop()
        function = writer.functions[index]
        last = function.parameters[-1] if function.parameters else function.node
        assert last is not None
        _write(writer, index, last.body)
    return writer.code(tuple(dict.fromkeys(name for program in programs for name in hole_names(program))), resolve)


def _write(writer: Writer, index: int, body: Node) -> None:
    """Write one function."""
    writer.begin(index)
    trampoline(expression(writer, body, is_tail=True))
    writer.end()


@cache
def _resolve() -> Lambda:
    """A function that takes a value apart and puts it together again, so that all that is not drawn yet is drawn."""
    source = "(defn resolve [v] (if (listp v) (if (empty? v) v (cons (resolve (car v)) (resolve (cdr v)))) v)) resolve"
    node = lower(parse(source))
    assert isinstance(node, Lambda)
    return node
