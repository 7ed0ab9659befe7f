"""Writing register code: instructions one after another, registers, and the numbers of functions."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from neurallambda.errors import ErrorKind
from neurallambda.lang.core import Delay, Lambda, Node
from neurallambda.worlds.analysis import analyse
from neurallambda.worlds.code import Code, Function, Instruction, Op
from neurallambda.worlds.known import Known
from neurallambda.worlds.liveness import mark
from neurallambda.worlds.words import LEAST_OF_A_KIND

_TAIL = {Op.CALL: Op.TAIL_CALL, Op.APPLY: Op.TAIL_APPLY, Op.FORCE: Op.TAIL_FORCE}


class Writer:
    """Writes functions, one after another.

    Attributes:
        facts: what is known of the programs.
        functions: the functions, by number; the first are the programs.
        waiting: the numbers of those whose bodies are needed and not written yet.
        current: the number of the one that is being written.
        place: the register of each variable.
        is_number: the registers whose value is drawn here, and whether it is known to be an integer.

    Args:
        roots: the programs as core graphs, and what else is to be written.
        integers: the declared range.
        programs: how many of the roots are programs.
    """

    def __init__(self, roots: list[Node], integers: range, programs: int) -> None:
        self.facts = analyse(roots)
        self.integers = integers
        self.instructions: list[Instruction] = []
        self.owner: list[int] = []
        self.functions = [Function(None, (), ()) for _ in range(programs)]
        self.number: dict[Lambda | Delay, int] = {}
        self.waiting: list[int] = []
        self.wanted: set[int] = set()
        self.current = 0
        self.registers = 0
        self.place: dict[Lambda, int] = {}
        self.is_number = Known()

    def code(self, holes: tuple[str, ...], resolve: int) -> Code:
        """What was written."""
        facts = self.facts
        return Code(self.instructions, self.functions, holes, facts.sampled, facts.flips, resolve, self.owner)

    def begin(self, index: int) -> None:
        """Begin to write a function."""
        function = self.functions[index]
        function.start = len(self.instructions)
        self.current = index
        binders = (*function.parameters, *function.captured)
        self.place = {binder: register for register, binder in enumerate(binders)}
        function.names = {register: binder.parameter for binder, register in self.place.items()}
        self.registers = len(binders)
        self.is_number = Known()

    def end(self) -> None:
        """Write down which registers are read where, in the function that was begun last."""
        mark(self.instructions, self.functions[self.current], self.functions)

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

    def constant(self, value: int, node: Node) -> int:
        """A constant; an integer that is not declared ends the program where it stands."""
        if value < LEAST_OF_A_KIND and value not in self.integers:
            self.then(Op.FAIL, detail=ErrorKind.OVERFLOW, node=node)
            value = 0
        register = self.emit(Op.CONSTANT, detail=value, node=node)
        self.drawn(register, is_number=value < LEAST_OF_A_KIND)
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

    def move(self, target: int, source: int) -> None:
        """Copy a register."""
        instruction = self.then(Op.MOVE, (source,))
        instruction.target = target
        if source in self.is_number:
            self.is_number[target] = self.is_number[source]
