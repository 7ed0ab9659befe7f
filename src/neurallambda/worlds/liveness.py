"""Which registers are still read, and which holes code may still look at, at each instruction.

Registers that nobody reads are what keeps worlds apart that are otherwise equal, so they are dropped. Within a function
all jumps go forward: one pass from its end to its start is enough.
"""

from collections.abc import Sequence

from neurallambda.worlds.code import Function, Instruction, Op

_ENDS = (Op.RETURN, Op.TAIL_CALL, Op.TAIL_APPLY, Op.TAIL_FORCE)


def mark(instructions: Sequence[Instruction], function: Function, functions: Sequence[Function]) -> None:
    """Write down `before`, `after` and `sight` of the instructions of the function written last."""
    live: dict[int, frozenset[int]] = {}
    sight: dict[int, frozenset[str]] = {}
    nothing: frozenset[int] = frozenset()
    for index in range(len(instructions) - 1, function.start - 1, -1):
        instruction = instructions[index]
        later, seen = nothing, frozenset[str]()
        if instruction.op is Op.JUMP:
            later, seen = live[instruction.detail], sight[instruction.detail]
        elif instruction.op not in _ENDS:
            later, seen = live.get(index + 1, nothing), sight.get(index + 1, frozenset())
        if instruction.op is Op.BRANCH:
            later |= live[instruction.detail]
            seen |= sight[instruction.detail]
        if instruction.target is not None:
            later -= {instruction.target}
        if instruction.op is Op.HOLE:
            seen |= {instruction.detail}
        elif instruction.op in (Op.CLOSE, Op.CALL, Op.SUMMARY, Op.TAIL_CALL):
            seen |= functions[instruction.detail].sight
        instruction.after = tuple(sorted(later))
        live[index] = later | frozenset(instruction.sources)
        instruction.before = tuple(sorted(live[index]))
        sight[index] = instruction.sight = seen
