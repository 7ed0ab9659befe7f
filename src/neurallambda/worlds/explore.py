"""Running a program: one packet after another takes one instruction after another, until every world has ended."""

import torch
from torch import Tensor

from neurallambda.errors import ErrorKind
from neurallambda.worlds import call, memo
from neurallambda.worlds.bounded import Bound
from neurallambda.worlds.circuit import Circuit, Meaning
from neurallambda.worlds.code import Code, Instruction, Op
from neurallambda.worlds.draw import flip, fork, settle
from neurallambda.worlds.inputs import Holes
from neurallambda.worlds.operate import binary, boolean, pair, unary
from neurallambda.worlds.packet import Packet
from neurallambda.worlds.resolve import resolve_captured
from neurallambda.worlds.sample import is_list, sample_list
from neurallambda.worlds.schedule import MEETING, RUNNING, Schedule
from neurallambda.worlds.state import Run, Settings
from neurallambda.worlds.words import FALSE, TRUE


def explore(
    code: Code, holes: Holes, settings: Settings, possible: Tensor | None = None, log: Tensor | None = None
) -> Run:
    """Run a program in every way it can go.

    Args:
        code: the programs.
        holes: the data; their heap is written on.
        settings: how it is run.
        possible: for each leaf that is drawn or sampled, whether its probability is more than zero; None: all may be.
        log: the numbers of the leaves, for a run that leaves out light worlds; None: it leaves out none.
    """
    circuit = Circuit(holes.batch, holes.leaf_count)
    run = Run(
        code=code,
        holes=holes,
        settings=settings,
        heap=holes.heap,
        circuit=circuit,
        schedule=Schedule(code),
        observed=torch.full((holes.batch,), -1),
        possible=possible,
        bound=None if log is None else Bound(circuit, log, settings.keep, settings.least),
    )
    run.heap.room = settings.max_words // 2
    first = Packet(code.functions[0].start, 0, {}, 0, torch.arange(holes.batch), circuit.start(), {})
    if holes.which is None:
        run.schedule.push(first, RUNNING)
    else:
        for number in torch.unique(holes.which).tolist():
            packet = first.take((holes.which == number).nonzero().squeeze(1))
            packet.at = code.functions[number].start
            run.schedule.push(packet, RUNNING)
    _drive(run)
    return run


def _drive(run: Run) -> None:
    """Let a run go on until all its worlds have ended; runs that it waits for come first."""
    stack = [run]
    while stack:
        top = stack[-1]
        packet = top.schedule.pop()
        if packet is not None:
            _run_on(top, top.merged(packet))
            if top.callee is not None:
                stack.append(top.callee)
                top.callee = None
        elif top.unresolved:
            resolve_captured(top)
        else:
            stack.pop()
            if top.call is not None:
                memo.finish(top)


def _run_on(run: Run, packet: Packet) -> None:
    """Let a packet take instructions until it ends, or waits."""
    instructions = run.code.instructions
    heap, most_steps, has_holes = run.heap, run.settings.max_steps, bool(run.heap.sights)
    left: Packet | None = packet
    while left is not None:
        instruction = instructions[left.at]
        run.instructions += 1
        run.worlds += len(left)
        left.steps += 1
        if left.steps > most_steps:
            left = _out_of_steps(run, left)
            if left is None:
                return
        if heap.used > heap.room:
            _out_of_room(run, left)
            return
        if has_holes:
            for register in instruction.strict:
                left = settle(run, left, register)
                if left is None:
                    return
        left = _TAKE[instruction.op](run, left, instruction)


def _out_of_steps(run: Run, packet: Packet) -> Packet | None:
    """End the worlds that have taken too many steps."""
    over: Packet | None = packet
    rest: Packet | None = None
    if packet.behind is not None:
        over, rest = packet.split(packet.steps - packet.behind > run.settings.max_steps)
    if over is not None:
        run.limit(over, ErrorKind.OUT_OF_STEPS, f"no end after {run.settings.max_steps:,} instructions of a world")
    if rest is not None and rest.behind is not None:
        least = int(rest.behind.min())
        rest.steps -= least
        rest.behind = rest.behind - least
    return rest


def _out_of_room(run: Run, packet: Packet) -> None:
    """End worlds that have filled their share of the memory; half of what is left is for those that have waited meanwhile."""
    most = run.settings.max_words
    run.heap.room += (most - run.heap.room) // 2
    text = f"there is no more room: the lists, functions and calls of all worlds may take max_words={most:,}"
    run.limit(packet, ErrorKind.OUT_OF_MEMORY, text)


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


def _observe(run: Run, packet: Packet, instruction: Instruction) -> Packet | None:
    condition = packet.registers[instruction.sources[0]]
    if faults := boolean(condition, len(packet)):
        left = run.fail(packet, faults)
        if left is None:
            return None
        packet = left
        condition = packet.registers[instruction.sources[0]]
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
    condition = packet.registers[instruction.sources[0]]
    if faults := boolean(condition, len(packet)):
        left = run.fail(packet, faults)
        if left is None:
            return None
        packet = left
        condition = packet.registers[instruction.sources[0]]
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


_TAKE = {
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
