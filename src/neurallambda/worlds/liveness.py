"""Which registers are still read, and which holes code may still look at, at each instruction.

Registers that nobody reads are what keeps worlds apart that are otherwise equal, so they are dropped. Of a list that is only
read from its second item on, the first one cannot be looked at any more, though the register is still there. Within a function
all jumps go forward: one pass from its end to its start is enough. It is written down where somebody asks: where worlds may
wait, draw, or part.
"""

from collections.abc import Sequence

from neurallambda.worlds.code import Function, Instruction, Op

_ENDS = (Op.RETURN, Op.TAIL_CALL, Op.TAIL_APPLY, Op.TAIL_FORCE)
_QUIET = (Op.CONSTANT, Op.MOVE, Op.CLOSE, Op.UNARY, Op.BINARY)
"""Instructions at which nothing waits or parts, unless they draw."""
_CALLS = (Op.CALL, Op.SUMMARY, Op.APPLY, Op.FORCE)


def mark(instructions: Sequence[Instruction], function: Function, functions: Sequence[Function]) -> None:
    """Write down `before`, `after`, `tails` and `sight` of the instructions of the function written last."""
    live: set[int] = set()
    whole: set[int] = set()  # of the live registers those that are read otherwise than by `cdr`
    sight: frozenset[str] = frozenset()
    targets = {
        instruction.detail for instruction in instructions[function.start :] if instruction.op in (Op.JUMP, Op.BRANCH)
    }
    at_target: dict[int, tuple[frozenset[int], frozenset[int], frozenset[str]]] = {}
    for index in range(len(instructions) - 1, function.start - 1, -1):
        instruction = instructions[index]
        if instruction.op is Op.JUMP:
            there, all_of, sight = at_target[instruction.detail]
            live, whole = set(there), set(all_of)
        elif instruction.op in _ENDS:
            live, whole, sight = set(), set(), frozenset()
        elif instruction.op is Op.BRANCH:
            there, all_of, seen = at_target[instruction.detail]
            live |= there
            whole |= all_of
            sight |= seen
        if instruction.target is not None:
            live.discard(instruction.target)
            whole.discard(instruction.target)
        if instruction.op is Op.HOLE:
            sight |= {instruction.detail}
        elif instruction.op in (Op.CLOSE, Op.CALL, Op.SUMMARY, Op.TAIL_CALL):
            sight |= functions[instruction.detail].sight
        instruction.sight = sight
        after_call = index > function.start and instructions[index - 1].op in _CALLS
        is_asked = instruction.op not in _QUIET or bool(instruction.strict)
        if is_asked:
            instruction.after = tuple(sorted(live))
        live.update(instruction.sources)
        if instruction.op is not Op.UNARY or instruction.detail != "cdr":
            whole.update(instruction.sources)
        if is_asked or after_call or index in targets or index == function.start:
            instruction.before = tuple(sorted(live))
            instruction.tails = frozenset(live - whole)
        if index in targets:
            at_target[index] = frozenset(live), frozenset(whole), sight
