"""From the core graph to register code.

A call of a function that the program names becomes one call with all arguments, where it has all; a function that is
named at one place only is written there. Whatever else is called is called with one argument at a time, as the language
says.
"""

from collections.abc import Generator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

from neurallambda.errors import ErrorKind
from neurallambda.lang import core
from neurallambda.lang.core import Atom, Delay, Lambda, Node
from neurallambda.lang.lower import lower
from neurallambda.lang.random_forms import hole_names
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import Program
from neurallambda.lang.trampoline import trampoline
from neurallambda.worlds.analysis import analyse
from neurallambda.worlds.code import Code, Function, Instruction, Op
from neurallambda.worlds.liveness import mark
from neurallambda.worlds.words import LEAST_OF_A_KIND, atom_word

Writing = Generator[Any, Any, Any]

COMPARISONS = ("=", "<", ">", "<=", ">=")
_TAIL = {Op.CALL: Op.TAIL_CALL, Op.APPLY: Op.TAIL_APPLY, Op.FORCE: Op.TAIL_FORCE}


def compile_programs(programs: Sequence[Program], integers: range) -> Code:
    """Compile programs that are to run side by side: the first functions of the code are they.

    Raises:
        ProgramError: `unbound`.
        SourceError: where there is no expression.
    """
    roots = [lower(program) for program in programs]
    writer = _Writer([*roots, _resolve()], integers, len(roots))
    writer.write(roots)
    return writer.code(tuple(dict.fromkeys(name for program in programs for name in hole_names(program))))


@cache
def _resolve() -> Lambda:
    """A function that takes a value apart and puts it together again, so that all that is not drawn yet is drawn."""
    source = "(defn resolve [v] (if (listp v) (if (empty? v) v (cons (resolve (car v)) (resolve (cdr v)))) v)) resolve"
    node = lower(parse(source))
    assert isinstance(node, Lambda)
    return node


class Known:
    """Registers whose value is drawn at a place in the code, and whether it is known to be an integer.

    What is found out in a branch holds there alone: a branch has a child, which looks things up in its parent as well.
    """

    def __init__(self, parent: "Known | None" = None) -> None:
        self.here: dict[int, bool] = {}
        self.parent = parent

    def new_child(self) -> "Known":
        """What is known in a branch."""
        return Known(self if self.here or self.parent is None else self.parent)

    def get(self, register: int) -> bool | None:
        """Whether a register is known to be an integer; None: its value may not be drawn."""
        known: Known | None = self
        while known is not None:
            if register in known.here:
                return known.here[register]
            known = known.parent
        return None

    def __contains__(self, register: int) -> bool:
        return self.get(register) is not None

    def __getitem__(self, register: int) -> bool:
        return bool(self.get(register))

    def __setitem__(self, register: int, is_number: bool) -> None:
        self.here[register] = is_number


class _Writer:
    """Writes functions, one after another."""

    def __init__(self, roots: list[Node], integers: range, programs: int) -> None:
        self.facts = analyse(roots)
        self.integers = integers
        self.instructions: list[Instruction] = []
        self.owner: list[int] = []
        self.functions = [Function(None, (), ()) for _ in range(programs)]
        self.number: dict[Lambda | Delay, int] = {}
        self.waiting: list[int] = []
        self.wanted: set[int] = set()
        self.current = self.resolve = 0
        self.registers = 0
        self.place: dict[Lambda, int] = {}
        self.is_number = Known()

    def write(self, roots: Sequence[Node]) -> None:
        """Write the programs and all functions that they need."""
        for index, root in enumerate(roots):
            self.function(index, root)
        self.resolve = self.entered(_resolve())
        while self.waiting:
            index = self.waiting.pop()
            function = self.functions[index]
            last = function.parameters[-1] if function.parameters else function.node
            assert last is not None
            self.function(index, last.body)

    def code(self, holes: tuple[str, ...]) -> Code:
        """What was written."""
        facts = self.facts
        return Code(self.instructions, self.functions, holes, facts.sampled, facts.flips, self.resolve, self.owner)

    def function(self, index: int, body: Node) -> None:
        """Write one function."""
        function = self.functions[index]
        function.start = len(self.instructions)
        self.current = index
        binders = (*function.parameters, *function.captured)
        self.place = {binder: register for register, binder in enumerate(binders)}
        function.names = {register: binder.parameter for binder, register in self.place.items()}
        self.registers = len(binders)
        self.is_number = Known()
        trampoline(self.expression(body, is_tail=True))
        mark(self.instructions, function, self.functions)

    def known(self, node: Lambda | Delay) -> int:
        """The number of a function, and of those that are left of it when arguments are given."""
        chain: list[Lambda | Delay] = [node]
        while node not in self.number and isinstance(chain[-1], Lambda) and isinstance(chain[-1].body, Lambda):
            chain.append(chain[-1].body)
        for place in range(len(chain) - 1, -1, -1):
            part = chain[place]
            if part in self.number:
                continue
            free = self.facts.free[part]
            parameters = tuple(one for one in chain[place:] if isinstance(one, Lambda))
            function = Function(part, parameters, free, sight=self.facts.sight[part])
            self.number[part] = len(self.functions)
            self.functions.append(function)
            if len(parameters) > 1:
                rest = parameters[1]
                function.rest = self.number[rest]
                function.kept = tuple(-1 if one is part else free.index(one) for one in self.facts.free[rest])
        return self.number[node]

    def entered(self, node: Lambda | Delay) -> int:
        """The number of a function whose body is needed."""
        index = self.known(node)
        if index not in self.wanted:
            self.wanted.add(index)
            self.waiting.append(index)
        return index

    def emit(
        self, op: Op, sources: tuple[int, ...] = (), detail: Any = None, node: Node | None = None, **more: Any
    ) -> int:
        """Write an instruction that has a result; gives its register."""
        target = self.registers
        self.registers += 1
        self.instructions.append(Instruction(op, target, sources, detail, node, **more))
        self.owner.append(self.current)
        return target

    def then(
        self, op: Op, sources: tuple[int, ...] = (), detail: Any = None, node: Node | None = None, **more: Any
    ) -> Instruction:
        """Write an instruction that has no result."""
        instruction = Instruction(op, None, sources, detail, node, **more)
        self.instructions.append(instruction)
        self.owner.append(self.current)
        return instruction

    def strict(self, *sources: int) -> tuple[int, ...]:
        """Those of the registers that may hold what is not drawn yet; afterwards all are drawn."""
        return tuple(dict.fromkeys(source for source in sources if source not in self.is_number))

    def drawn(self, *sources: int, is_number: bool = False) -> None:
        """From here on these registers hold something drawn."""
        for source in sources:
            self.is_number[source] = is_number or self.is_number[source]

    def result(self, register: int, is_tail: bool, node: Node | None = None) -> int:
        """Return a register, where this is the end of a function."""
        if is_tail:
            self.then(Op.RETURN, (register,), node=node)
        return register

    def call(self, op: Op, sources: tuple[int, ...], detail: Any, node: Node | None, is_tail: bool, **more: Any) -> int:
        """Write a call."""
        if is_tail:
            self.then(_TAIL[op], sources, detail, node, **more)
            return -1
        return self.emit(op, sources, detail, node, **more)

    def expression(self, node: Node, *, is_tail: bool) -> Writing:
        """Write what gives the value of a node; gives its register."""
        match node:
            case core.Constant(value):
                return self.result(self.constant(atom_word(value), node), is_tail)
            case core.Unknown(name):
                return self.result(self.emit(Op.HOLE, detail=name, node=node), is_tail)
            case core.Variable(binder):
                return self.result(self.place[binder], is_tail)
            case Lambda() | Delay():
                return self.result(self.closure(node), is_tail)
            case core.Sample(name):
                register = self.emit(Op.SAMPLE, detail=name, node=node)
                self.drawn(register)
                return self.result(register, is_tail)
            case core.Flip(heads, sides):
                register = self.emit(Op.FLIP, detail=(heads, sides), node=node)
                self.drawn(register)
                return self.result(register, is_tail)
            case core.Observe(condition):
                source = yield self.expression(condition, is_tail=False)
                strict = self.strict(source)
                self.drawn(source)
                register = self.emit(Op.OBSERVE, (source,), node=node, strict=strict)
                self.drawn(register)
                return self.result(register, is_tail)
            case core.Unary(operator, operand):
                source = yield self.expression(operand, is_tail=False)
                strict = self.strict(source)
                self.drawn(source)
                register = self.emit(Op.UNARY, (source,), operator, node, strict=strict)
                if operator not in ("car", "cdr"):
                    self.drawn(register)
                return self.result(register, is_tail)
            case core.Binary(operator, left, right):
                waits = isinstance(left, core.Constant) and self.is_declared(left.value)
                one = -1 if waits else (yield self.expression(left, is_tail=False))
                other = yield self.expression(right, is_tail=False)
                if waits:  # nothing happens by a constant, so it need not be kept while the other operand is found
                    one = yield self.expression(left, is_tail=False)
                return self.result(self.binary(operator, one, other, node), is_tail)
            case core.If():
                return (yield self.choice(node, is_tail))
            case core.Force(thunk):
                source = yield self.expression(thunk, is_tail=False)
                return self.call(Op.FORCE, (source,), None, node, is_tail, strict=self.strict(source))
            case core.Bind() | core.Apply():
                return (yield self.application(node, is_tail))
        raise AssertionError(f"not a core node: {type(node).__name__}")

    def is_declared(self, value: Atom) -> bool:
        """Whether a constant is no integer, or one that is declared."""
        return type(value) is not int or value in self.integers

    def constant(self, value: int, node: Node) -> int:
        """A constant; an integer that is not declared ends the program where it stands."""
        if value < LEAST_OF_A_KIND and value not in self.integers:
            self.then(Op.FAIL, detail=ErrorKind.OVERFLOW, node=node)
            value = 0
        register = self.emit(Op.CONSTANT, detail=value, node=node)
        self.drawn(register, is_number=value < LEAST_OF_A_KIND)
        return register

    def binary(self, operator: str, one: int, other: int, node: Node) -> int:
        """A primitive of two operands."""
        if operator == "cons":
            register = self.emit(Op.BINARY, (one, other), operator, node)
            self.drawn(register)
            return register
        strict = self.strict(one, other)
        numbers = (self.is_number[one], self.is_number[other])
        self.drawn(one, other, is_number=operator != "=")
        register = self.emit(Op.BINARY, (one, other), operator, node, strict=strict, numbers=numbers)
        self.drawn(register, is_number=operator not in COMPARISONS)
        return register

    def closure(self, node: Lambda | Delay, given: Mapping[Lambda, int] = MappingProxyType({})) -> int:
        """A function as a value; `given` are the arguments that it has already."""
        last: Node = node
        while isinstance(last, Lambda) and isinstance(last.body, Lambda):
            last = last.body
        assert isinstance(last, (Lambda, Delay))
        self.entered(last)
        sources = tuple(given[one] if one in given else self.place[one] for one in self.facts.free[node])
        register = self.emit(Op.CLOSE, sources, self.known(node), node)
        self.drawn(register)
        return register

    def choice(self, node: core.If, is_tail: bool) -> Writing:
        """A choice: two branches, which meet again unless they end the function."""
        source = yield self.expression(node.condition, is_tail=False)
        strict = self.strict(source)
        self.drawn(source)
        branch = self.then(Op.BRANCH, (source,), node=node, strict=strict)
        before, self.is_number = self.is_number, self.is_number.new_child()
        one = yield self.expression(node.consequent, is_tail=is_tail)
        if is_tail:
            branch.detail = len(self.instructions)
            self.is_number = before
            return (yield self.expression(node.alternative, is_tail=True))
        target = self.registers
        self.registers += 1
        self.move(target, one)
        jump = self.then(Op.JUMP)
        branch.detail = len(self.instructions)
        after, self.is_number = self.is_number, before.new_child()
        other = yield self.expression(node.alternative, is_tail=False)
        self.move(target, other)
        other_jump = self.then(Op.JUMP)
        jump.detail = other_jump.detail = len(self.instructions)
        self.then(Op.JOIN)
        both = {
            register: known and self.is_number[register]
            for register, known in after.here.items()
            if register in self.is_number
        }
        self.is_number = before
        for register, known in both.items():
            before[register] = known
        return target

    def move(self, target: int, source: int) -> None:
        """Copy a register."""
        instruction = self.then(Op.MOVE, (source,))
        instruction.target = target
        if source in self.is_number:
            self.is_number[target] = self.is_number[source]

    def application(self, node: Node, is_tail: bool) -> Writing:
        """A call with all its arguments, those of calls of its result included."""
        spine: list[core.Apply] = []
        while isinstance(node, core.Apply):
            spine.append(node)
            node = node.function
        spine.reverse()
        if isinstance(node, core.Bind):
            register = yield self.known_call(node, spine, is_tail)
            if not spine:
                return register
        else:
            register = yield self.expression(node, is_tail=False)
        for position, apply in enumerate(spine):
            argument = yield self.expression(apply.argument, is_tail=False)
            is_last = position == len(spine) - 1
            strict = self.strict(register)
            self.drawn(register)
            register = self.call(Op.APPLY, (register, argument), None, apply, is_tail and is_last, strict=strict)
        return register

    def known_call(self, node: core.Bind, spine: list[core.Apply], is_tail: bool) -> Writing:
        """A call of a function that is known here; the calls that are done with are taken off `spine`."""
        function: Node = node.function
        argument = yield self.expression(node.argument, is_tail=False)
        if node.function not in self.facts.once:
            arguments = [argument]
            chain = self.functions[self.known(node.function)].parameters
            last: Node = node
            while spine and len(arguments) < len(chain):
                last = spine.pop(0)
                assert isinstance(last, core.Apply)
                arguments.append((yield self.expression(last.argument, is_tail=False)))
            if len(arguments) < len(chain):
                given = dict(zip(chain, arguments, strict=False))
                return self.result(self.closure(chain[len(arguments)], given), is_tail)
            captured = tuple(self.place[one] for one in self.facts.free[node.function])
            sources = (*arguments, *captured)
            if node.function.is_memo:
                register = self.emit(Op.SUMMARY, sources, self.entered(node.function), last)
                return self.result(register, is_tail and not spine)
            return self.call(Op.CALL, sources, self.entered(node.function), last, is_tail and not spine)
        while True:
            assert isinstance(function, Lambda)
            self.place[function] = argument
            self.functions[self.current].names.setdefault(argument, function.parameter)
            function = function.body
            if not spine or not isinstance(function, Lambda):
                return (yield self.expression(function, is_tail=is_tail and not spine))
            argument = yield self.expression(spine.pop(0).argument, is_tail=False)
