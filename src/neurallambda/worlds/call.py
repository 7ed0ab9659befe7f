"""Calls and returns: what waits is a frame on the heap, and what is called says where to go on."""

import torch
from torch import Tensor

from neurallambda.errors import ErrorKind
from neurallambda.lang.core import Delay
from neurallambda.lang.primitives import arity
from neurallambda.lang.terms import PRIMITIVES
from neurallambda.worlds.code import Instruction, Op
from neurallambda.worlds.draw import settle
from neurallambda.worlds.heap import Column, bounds, distinct, larger
from neurallambda.worlds.operate import binary, pair, unary
from neurallambda.worlds.packet import Packet
from neurallambda.worlds.schedule import ENTERING, MEETING, RUNNING
from neurallambda.worlds.state import Run
from neurallambda.worlds.words import CLOSURES, INDEX, OPERATORS, PARTIALS, SHIFT, Kind, column

_LEFT, _RIGHT = -1, -2
"""Registers for the operands of a primitive that is called as a value."""
_NAMES = {value: name for name, value in OPERATORS.items()}


def enter(
    run: Run, packet: Packet, function: int, sources: list[Column], *, is_tail: bool, instruction: Instruction
) -> None:
    """Go on at the start of a function; the registers that are read afterwards wait in a frame."""
    if not is_tail:
        saved = [packet.registers[register] for register in instruction.after]
        sights = run.sights(run.code.instructions[packet.at + 1].sight)
        if sights is not None:
            under = run.heap.frame_sights(packet.frame)
            sights = [larger(one, other) for one, other in zip(sights, under, strict=True)]
        packet.frame = run.heap.write((packet.at, packet.frame, *saved), len(packet), sights)
        packet.depth += 1
    packet.registers = dict(enumerate(sources))
    packet.at = run.code.functions[function].start
    packet.keep(run.code.instructions[packet.at].before)
    run.schedule.push(run.merged(packet), ENTERING)


def give_back(run: Run, packet: Packet, value: Column) -> None:
    """Return a value to the frames that wait, or end the program with it."""
    if packet.depth == 0:
        _finish(run, packet, value)
        return
    places = run.heap.read(packet.frame, 0)
    found = [places] if isinstance(places, int) else distinct(places)
    for place in found:
        part, returned = packet, value
        if isinstance(places, Tensor) and len(found) > 1:
            chosen = (places == place).nonzero().squeeze(1)
            part = packet.take(chosen)
            returned = value if isinstance(value, int) else value[chosen]
        instruction = run.code.instructions[place]
        under, *saved = run.heap.read_all(part.frame, range(1, 2 + len(instruction.after)))
        part.registers, part.frame = dict(zip(instruction.after, saved, strict=True)), under
        if instruction.target is not None:
            part.registers[instruction.target] = returned
        part.depth -= 1
        part.at = place + 1
        if part.depth == 0:
            part.frame = 0
        part.keep(run.code.instructions[part.at].before)
        run.schedule.push(run.merged(part), MEETING)


def _finish(run: Run, packet: Packet, value: Column) -> None:
    """End with a value; what is not drawn in it is drawn first."""
    start = run.code.functions[run.code.resolve].start
    waits = None
    for number in range(0, run.heap.sights, 2):
        sight = column(run.heap.sight(value, number), len(packet)) > 0
        waits = sight if waits is None else waits | sight
    if waits is None or not bool(waits.any()):
        run.end(packet, value)
        return
    values = column(value, len(packet))
    packet.registers = {0: values}
    unfinished, finished = packet.split(waits)
    if finished is not None:
        run.end(finished, finished.registers[0])
    assert unfinished is not None
    if run.code.owner[packet.at] == run.code.resolve:
        run.unresolved.append(unfinished)  # functions that have captured what is not drawn
        return
    unfinished.at = start
    run.schedule.push(unfinished, ENTERING)


def apply(run: Run, packet: Packet, instruction: Instruction) -> Packet | None:
    """Call what the first source is with the second; gives the worlds that go on at once."""
    called, argument = instruction.sources
    groups = _groups(run, packet, called)
    left: list[Packet] = []
    for code, part in groups:
        values = part.registers[called]
        if code < 0:
            value = None
            run.fail(part, [(torch.ones(len(part), dtype=torch.bool), ErrorKind.NOT_A_FUNCTION)])
        elif code >> SHIFT == Kind.ATOM:
            value = _operator(run, part, _NAMES[code], argument)
        elif code >> SHIFT == Kind.PARTIAL:
            operand = run.heap.read(values, 1, PARTIALS)
            value = _binary(run, part, PRIMITIVES[code & INDEX], operand, part.registers[argument])
        else:
            value = _closure(run, part, instruction, code & INDEX, values, part.registers[argument])
        if value is not None:
            rest, result = value
            done = _go_on(run, rest, instruction, result)
            if done is not None:
                left.append(done)
    if len(groups) == 1:
        return left[0] if left else None
    for part in left:
        run.schedule.push(part, RUNNING)
    return None


def force(run: Run, packet: Packet, instruction: Instruction) -> Packet | None:
    """Force a thunk; any other function is itself."""
    (called,) = instruction.sources
    groups = _groups(run, packet, called)
    left: list[Packet] = []
    for code, part in groups:
        values = part.registers[called]
        if code >= 0:
            done = _go_on(run, part, instruction, values)
            if done is not None:
                left.append(done)
        elif code <= _FIRST_THUNK:
            number = _FIRST_THUNK - code
            captured = _captured(run, number, values)
            enter(run, part, number, captured, is_tail=instruction.op is Op.TAIL_FORCE, instruction=instruction)
        else:
            run.fail(part, [(torch.ones(len(part), dtype=torch.bool), ErrorKind.NOT_A_FUNCTION)])
    if len(groups) == 1:
        return left[0] if left else None
    for part in left:
        run.schedule.push(part, RUNNING)
    return None


def _groups(run: Run, packet: Packet, register: int) -> list[tuple[int, Packet]]:
    """The worlds by what kind of function a register holds, with the code of each kind."""
    values = packet.registers[register]
    if isinstance(values, int):
        return [(_code(run, values), packet)]
    least, most = bounds(values)
    if least == most:
        return [(_code(run, least), packet)]
    kind = least >> SHIFT
    has_records = kind == most >> SHIFT and kind in (Kind.CLOSURE, Kind.PARTIAL)
    keys = run.heap.read(values, 0, kind << SHIFT) if has_records else _codes(run, values)
    assert isinstance(keys, Tensor)
    found = distinct(keys)
    parts = [packet] if len(found) == 1 else [packet.take((keys == key).nonzero().squeeze(1)) for key in found]
    if has_records:
        found = [_record_code(run, kind, key) for key in found]
    return list(zip(found, parts, strict=True))


_NO_FUNCTION, _FIRST_THUNK = -1, -2


def _record_code(run: Run, kind: int, first: int) -> int:
    """The code of a record, by its first field; below zero, of a thunk, which takes no argument."""
    if kind == Kind.PARTIAL:
        return PARTIALS + first
    return _FIRST_THUNK - first if isinstance(run.code.functions[first].node, Delay) else CLOSURES + first


def _code(run: Run, value: int) -> int:
    """What kind of function a word is."""
    kind = value >> SHIFT
    if kind in (Kind.CLOSURE, Kind.PARTIAL):
        return _record_code(run, kind, int(run.heap.words[(value & INDEX) + run.heap.first]))
    return value if value in _NAMES else _NO_FUNCTION


def _codes(run: Run, values: Tensor) -> Tensor:
    """What kind of function each word is: an operator, a primitive with one operand, or the code of a closure."""
    kinds = values >> SHIFT
    is_closure = kinds == Kind.CLOSURE
    has_record = is_closure | (kinds == Kind.PARTIAL)
    firsts = run.heap.words[torch.where(has_record, (values & INDEX) + run.heap.first, 0)]
    codes = firsts + PARTIALS
    for number in torch.unique(firsts[is_closure]).tolist():
        codes = torch.where(is_closure & (firsts == number), _record_code(run, Kind.CLOSURE, number), codes)
    is_operator = (kinds == Kind.ATOM) & (values >= min(OPERATORS.values()))
    return torch.where(has_record, codes, torch.where(is_operator, values, _NO_FUNCTION))


def _captured(run: Run, function: int, closures: Column) -> list[Column]:
    fields = range(1, 1 + len(run.code.functions[function].captured))
    return run.heap.read_all(closures, fields, CLOSURES)


def _closure(
    run: Run, packet: Packet, instruction: Instruction, number: int, closures: Column, argument: Column
) -> tuple[Packet, Column] | None:
    """Call a closure; one that waits for more arguments is a closure that has one more."""
    function = run.code.functions[number]
    if function.rest is None:
        sources = [argument, *_captured(run, number, closures)]
        enter(run, packet, number, sources, is_tail=instruction.op is Op.TAIL_APPLY, instruction=instruction)
        return None
    captured = _captured(run, number, closures)
    fields = [argument if field < 0 else captured[field] for field in function.kept]
    return packet, close(run, function.rest, fields, len(packet))


def close(run: Run, number: int, captured: list[Column], rows: int) -> Column:
    """Make closures."""
    sights = run.sights(run.code.functions[number].sight)
    return run.heap.write((number, *captured), rows, sights, CLOSURES)


def _operator(run: Run, packet: Packet, name: str, argument: int) -> tuple[Packet, Column] | None:
    """Call a primitive as a value."""
    if arity(name) == 2:
        fields = (PRIMITIVES.index(name), packet.registers[argument])
        return packet, run.heap.write(fields, len(packet), of=PARTIALS)
    packet.registers[_RIGHT] = packet.registers[argument]
    left = settle(run, packet, _RIGHT) if run.heap.sights else packet
    if left is None:
        return None
    value, faults = unary(name, left.registers.pop(_RIGHT), len(left), run.heap)
    return _kept(run, left, value, faults)


def _binary(run: Run, packet: Packet, name: str, operand: Column, argument: Column) -> tuple[Packet, Column] | None:
    """Give a primitive its second operand."""
    if name == "cons":
        return packet, pair(operand, argument, len(packet), run.heap)
    packet.registers[_LEFT], packet.registers[_RIGHT] = operand, argument
    left: Packet | None = packet
    if run.heap.sights:
        for register in (_LEFT, _RIGHT):
            left = None if left is None else settle(run, left, register)
    if left is None:
        return None
    one, other = left.registers.pop(_LEFT), left.registers.pop(_RIGHT)
    value, faults = binary(name, one, other, len(left), run.settings.integers)
    return _kept(run, left, value, faults)


def _kept(
    run: Run, packet: Packet, value: Column, faults: list[tuple[Tensor, ErrorKind]]
) -> tuple[Packet, Column] | None:
    """A result without the worlds that are at fault."""
    if not faults:
        return packet, value
    packet.registers[_LEFT] = column(value, len(packet))
    left = run.fail(packet, faults)
    return None if left is None else (left, left.registers.pop(_LEFT))


def _go_on(run: Run, packet: Packet, instruction: Instruction, value: Column) -> Packet | None:
    """Go on after a call that is over already."""
    if instruction.target is None:
        give_back(run, packet, value)
        return None
    packet.registers[instruction.target] = value
    packet.at += 1
    return packet
