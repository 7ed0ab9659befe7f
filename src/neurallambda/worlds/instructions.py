"""What each instruction does to a packet of worlds: it gives those that go on, or None where all wait or have ended."""

import torch
from torch import Tensor

from neurallambda.worlds import call, memo
from neurallambda.worlds.circuit import Meaning
from neurallambda.worlds.code import Instruction, Op
from neurallambda.worlds.draw import flip, fork, settle
from neurallambda.worlds.operate import binary, boolean, pair, unary
from neurallambda.worlds.packet import Packet
from neurallambda.worlds.sample import is_list, sample_list
from neurallambda.worlds.schedule import MEETING, RUNNING
from neurallambda.worlds.state import Run
from neurallambda.worlds.words import FALSE, TRUE


def _next(packet: Packet, instruction: Instruction, value: int | Tensor) -> Packet:
    assert instruction.target is not None
    packet.registers[instruction.target] = value
    packet.at += 1
    return packet


def _constant(run: Run, packet: Packet, instruction: Instruction) -> Packet:
    return _next(packet, instruction, instruction.detail)


def _hole(run: Run, packet: Packet, instruction: Instruction) -> Packet | None:
    value = run.holes.value(instruction.detail, packet.rows)
    packet = _next(packet, instruction, value)
    assert instruction.target is not None
    if instruction.detail in run.holes.beyond:  # in the reference, too, this ends where it is evaluated
        packet.at -= 1
        left = settle(run, packet, instruction.target)
        if left is not None:
            left = run.fail(
                left, run.holes.too_large(instruction.detail, left.registers[instruction.target], left.rows)
            )
        if left is not None:
            left.at += 1
        return left
    return packet


def _sample(run: Run, packet: Packet, instruction: Instruction) -> Packet | None:
    assert instruction.target is not None
    holes, number = run.holes, run.holes.numbers.get(instruction.detail)
    if number is None:
        return _hole(run, _draw_certain(run, packet, (instruction.detail,)), instruction)
    packet.keep(instruction.before)
    packet = run.merged(packet)
    if is_list(holes.given[instruction.detail]):
        made = sample_list(run, _draw_certain(run, packet, (instruction.detail,)), instruction.detail)
        if made is None:
            return None
        packet, value = made
        if instruction.detail in holes.beyond:
            left = run.fail(packet, holes.too_large(instruction.detail, 0, packet.rows))
            if left is not packet:
                raise AssertionError("a list with integers that are not declared was refused")
        return _next(packet, instruction, value)
    first = holes.leaves[number][packet.rows, 1] + holes.leaf_count
    forked = fork(run, packet, first, holes.domains[number][packet.rows, 1])
    if forked is None:
        return None
    packet, drawn, _ = forked
    packet.registers[instruction.target] = drawn
    if instruction.detail in holes.beyond:
        left = run.fail(packet, holes.too_large(instruction.detail, drawn, packet.rows))
        if left is None:
            return None
        packet = left
    packet.at += 1
    return packet


def _draw_certain(run: Run, packet: Packet, meaning: Meaning) -> Packet:
    """Write down a draw that can give one thing only: it changes no weight, and is a draw like others when a case is told."""
    leaf = run.circuit.constant(meaning, 0.0)
    packet.weight = packet.weight.times(torch.full((len(packet),), leaf))
    return packet


def _flip(run: Run, packet: Packet, instruction: Instruction) -> Packet | None:
    heads, sides = instruction.detail
    if heads in (0, sides):
        packet = _draw_certain(run, packet, (heads, sides, bool(heads)))
        return _next(packet, instruction, TRUE if heads else FALSE)
    packet.keep(instruction.before)
    forked = flip(run, run.merged(packet), heads, sides)
    return None if forked is None else _next(forked[0], instruction, forked[1])


def _move(run: Run, packet: Packet, instruction: Instruction) -> Packet:
    return _next(packet, instruction, packet.registers[instruction.sources[0]])


def _unary(run: Run, packet: Packet, instruction: Instruction) -> Packet | None:
    operand = packet.registers[instruction.sources[0]]
    value, faults = unary(instruction.detail, operand, len(packet), run.heap)
    packet = _next(packet, instruction, value)
    return run.fail(packet, faults) if faults else packet


def _binary(run: Run, packet: Packet, instruction: Instruction) -> Packet | None:
    one, other = (packet.registers[source] for source in instruction.sources)
    if instruction.detail == "cons":
        return _next(packet, instruction, pair(one, other, len(packet), run.heap))
    value, faults = binary(instruction.detail, one, other, len(packet), run.settings.integers, instruction.numbers)
    packet = _next(packet, instruction, value)
    return run.fail(packet, faults) if faults else packet


def _close(run: Run, packet: Packet, instruction: Instruction) -> Packet:
    captured = [packet.registers[source] for source in instruction.sources]
    return _next(packet, instruction, call.close(run, instruction.detail, captured, len(packet)))


def _with_condition(run: Run, packet: Packet, instruction: Instruction) -> Packet | None:
    """The worlds whose condition is true or false; the others fail."""
    faults = boolean(packet.registers[instruction.sources[0]], len(packet))
    return run.fail(packet, faults) if faults else packet


def _observe(run: Run, packet: Packet, instruction: Instruction) -> Packet | None:
    left = _with_condition(run, packet, instruction)
    if left is None:
        return None
    packet, condition = left, left.registers[instruction.sources[0]]
    if isinstance(condition, int):
        if condition == TRUE:
            return _next(packet, instruction, TRUE)
        run.observed[packet.rows] = packet.at
        return None
    packet.keep(tuple(dict.fromkeys((*instruction.after, *instruction.sources))))
    going, ruled_out = packet.split(condition == TRUE)
    if ruled_out is not None:
        run.observed[ruled_out.rows] = packet.at
    return None if going is None else _next(going, instruction, TRUE)


def _branch(run: Run, packet: Packet, instruction: Instruction) -> Packet | None:
    left = _with_condition(run, packet, instruction)
    if left is None:
        return None
    packet, condition = left, left.registers[instruction.sources[0]]
    packet.keep(tuple(dict.fromkeys((*instruction.after, *instruction.sources))))
    if isinstance(condition, int):
        packet.at = packet.at + 1 if condition == TRUE else instruction.detail
        return packet
    going, other = packet.split(condition == TRUE)
    if other is not None:
        if going is None:
            other.at = instruction.detail
            return other
        other.at = instruction.detail
        run.schedule.push(other, RUNNING)
    assert going is not None
    going.at += 1
    return going


def _jump(run: Run, packet: Packet, instruction: Instruction) -> None:
    packet.at = instruction.detail
    packet.keep(run.code.instructions[packet.at].before)
    run.schedule.push(packet, MEETING)


def _join(run: Run, packet: Packet, instruction: Instruction) -> Packet:
    packet.at += 1
    return packet


def _enter(run: Run, packet: Packet, instruction: Instruction) -> None:
    sources = [packet.registers[source] for source in instruction.sources]
    is_tail = instruction.op is Op.TAIL_CALL
    call.enter(run, packet, instruction.detail, sources, is_tail=is_tail, instruction=instruction)


def _fail(run: Run, packet: Packet, instruction: Instruction) -> Packet | None:
    return run.fail(packet, [(torch.ones(len(packet), dtype=torch.bool), instruction.detail)])


def _return(run: Run, packet: Packet, instruction: Instruction) -> None:
    call.give_back(run, packet, packet.registers[instruction.sources[0]])


TAKE = {
    Op.CONSTANT: _constant,
    Op.HOLE: _hole,
    Op.SAMPLE: _sample,
    Op.FLIP: _flip,
    Op.MOVE: _move,
    Op.UNARY: _unary,
    Op.BINARY: _binary,
    Op.CLOSE: _close,
    Op.OBSERVE: _observe,
    Op.BRANCH: _branch,
    Op.JUMP: _jump,
    Op.JOIN: _join,
    Op.CALL: _enter,
    Op.TAIL_CALL: _enter,
    Op.SUMMARY: memo.summon,
    Op.APPLY: call.apply,
    Op.TAIL_APPLY: call.apply,
    Op.FORCE: call.force,
    Op.TAIL_FORCE: call.force,
    Op.FAIL: _fail,
    Op.RETURN: _return,
}
"""What takes a packet at an instruction of each kind."""
