"""The code of expressions: what gives the value of each node of the core graph.

A call of a function that the program names becomes one call with all arguments, where it has all; a function that is
named at one place only is written there. Whatever else is called is called with one argument at a time, as the language
says.
"""

from collections.abc import Generator
from typing import Any

from neurallambda.lang import core
from neurallambda.lang.core import Atom, Delay, Lambda, Node
from neurallambda.worlds.code import Op
from neurallambda.worlds.words import atom_word
from neurallambda.worlds.writer import Writer

Writing = Generator[Any, Any, Any]

COMPARISONS = ("=", "<", ">", "<=", ">=")


def expression(writer: Writer, node: Node, *, is_tail: bool) -> Writing:
    """Write what gives the value of a node; gives its register."""
    match node:
        case core.Constant(value):
            return writer.result(writer.constant(atom_word(value), node), is_tail)
        case core.Unknown(name):
            return writer.result(writer.emit(Op.HOLE, detail=name, node=node), is_tail)
        case core.Variable(binder):
            return writer.result(writer.place[binder], is_tail)
        case Lambda() | Delay():
            return writer.result(writer.closure(node), is_tail)
        case core.Sample(name):
            register = writer.emit(Op.SAMPLE, detail=name, node=node)
            writer.drawn(register)
            return writer.result(register, is_tail)
        case core.Flip(heads, sides):
            register = writer.emit(Op.FLIP, detail=(heads, sides), node=node)
            writer.drawn(register)
            return writer.result(register, is_tail)
        case core.Observe(condition):
            source = yield expression(writer, condition, is_tail=False)
            strict = writer.strict(source)
            writer.drawn(source)
            register = writer.emit(Op.OBSERVE, (source,), node=node, strict=strict)
            writer.drawn(register)
            return writer.result(register, is_tail)
        case core.Unary(operator, operand):
            source = yield expression(writer, operand, is_tail=False)
            strict = writer.strict(source)
            writer.drawn(source)
            register = writer.emit(Op.UNARY, (source,), operator, node, strict=strict)
            if operator not in ("car", "cdr"):
                writer.drawn(register)
            return writer.result(register, is_tail)
        case core.Binary(operator, left, right):
            waits = isinstance(left, core.Constant) and _is_declared(writer, left.value)
            one = -1 if waits else (yield expression(writer, left, is_tail=False))
            other = yield expression(writer, right, is_tail=False)
            if waits:  # nothing happens by a constant, so it need not be kept while the other operand is found
                one = yield expression(writer, left, is_tail=False)
            return writer.result(_binary(writer, operator, one, other, node), is_tail)
        case core.If():
            return (yield _choice(writer, node, is_tail))
        case core.Force(thunk):
            source = yield expression(writer, thunk, is_tail=False)
            return writer.call(Op.FORCE, (source,), None, node, is_tail, strict=writer.strict(source))
        case core.Bind() | core.Apply():
            return (yield _application(writer, node, is_tail))
    raise AssertionError(f"not a core node: {type(node).__name__}")


def _is_declared(writer: Writer, value: Atom) -> bool:
    """Whether a constant is no integer, or one that is declared."""
    return type(value) is not int or value in writer.integers


def _binary(writer: Writer, operator: str, one: int, other: int, node: Node) -> int:
    """A primitive of two operands."""
    if operator == "cons":
        register = writer.emit(Op.BINARY, (one, other), operator, node)
        writer.drawn(register)
        return register
    strict = writer.strict(one, other)
    numbers = (writer.is_number[one], writer.is_number[other])
    writer.drawn(one, other, is_number=operator != "=")
    register = writer.emit(Op.BINARY, (one, other), operator, node, strict=strict, numbers=numbers)
    writer.drawn(register, is_number=operator not in COMPARISONS)
    return register


def _choice(writer: Writer, node: core.If, is_tail: bool) -> Writing:
    """A choice: two branches, which meet again unless they end the function."""
    source = yield expression(writer, node.condition, is_tail=False)
    strict = writer.strict(source)
    writer.drawn(source)
    branch = writer.then(Op.BRANCH, (source,), node=node, strict=strict)
    before, writer.is_number = writer.is_number, writer.is_number.new_child()
    one = yield expression(writer, node.consequent, is_tail=is_tail)
    if is_tail:
        branch.detail = len(writer.instructions)
        writer.is_number = before
        return (yield expression(writer, node.alternative, is_tail=True))
    target = writer.registers
    writer.registers += 1
    writer.move(target, one)
    jump = writer.then(Op.JUMP)
    branch.detail = len(writer.instructions)
    after, writer.is_number = writer.is_number, before.new_child()
    other = yield expression(writer, node.alternative, is_tail=False)
    writer.move(target, other)
    other_jump = writer.then(Op.JUMP)
    jump.detail = other_jump.detail = len(writer.instructions)
    writer.then(Op.JOIN)
    both = {
        register: known and writer.is_number[register]
        for register, known in after.here.items()
        if register in writer.is_number
    }
    writer.is_number = before
    for register, known in both.items():
        before[register] = known
    return target


def _application(writer: Writer, node: Node, is_tail: bool) -> Writing:
    """A call with all its arguments, those of calls of its result included."""
    spine: list[core.Apply] = []
    while isinstance(node, core.Apply):
        spine.append(node)
        node = node.function
    spine.reverse()
    if isinstance(node, core.Bind):
        register = yield _known_call(writer, node, spine, is_tail)
        if not spine:
            return register
    else:
        register = yield expression(writer, node, is_tail=False)
    for position, apply in enumerate(spine):
        argument = yield expression(writer, apply.argument, is_tail=False)
        is_last = position == len(spine) - 1
        strict = writer.strict(register)
        writer.drawn(register)
        register = writer.call(Op.APPLY, (register, argument), None, apply, is_tail and is_last, strict=strict)
    return register


def _known_call(writer: Writer, node: core.Bind, spine: list[core.Apply], is_tail: bool) -> Writing:
    """A call of a function that is known here; the calls that are done with are taken off `spine`."""
    function: Node = node.function
    argument = yield expression(writer, node.argument, is_tail=False)
    if node.function not in writer.facts.once:
        arguments = [argument]
        chain = writer.functions[writer.known(node.function)].parameters
        last: Node = node
        while spine and len(arguments) < len(chain):
            last = spine.pop(0)
            assert isinstance(last, core.Apply)
            arguments.append((yield expression(writer, last.argument, is_tail=False)))
        if len(arguments) < len(chain):
            given = dict(zip(chain, arguments, strict=False))
            return writer.result(writer.closure(chain[len(arguments)], given), is_tail)
        captured = tuple(writer.place[one] for one in writer.facts.free[node.function])
        sources = (*arguments, *captured)
        if node.function.is_memo:
            register = writer.emit(Op.SUMMARY, sources, writer.entered(node.function), last)
            return writer.result(register, is_tail and not spine)
        return writer.call(Op.CALL, sources, writer.entered(node.function), last, is_tail and not spine)
    while True:
        assert isinstance(function, Lambda)
        writer.place[function] = argument
        writer.functions[writer.current].names.setdefault(argument, function.parameter)
        function = function.body
        if not spine or not isinstance(function, Lambda):
            return (yield expression(writer, function, is_tail=is_tail and not spine))
        argument = yield expression(writer, spine.pop(0).argument, is_tail=False)
