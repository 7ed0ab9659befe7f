"""Running a program: one packet after another takes one instruction after another, until every world has ended."""

import torch
from torch import Tensor

from neurallambda.errors import ErrorKind
from neurallambda.worlds import memo
from neurallambda.worlds.bounded import Bound
from neurallambda.worlds.circuit import Circuit
from neurallambda.worlds.code import Code
from neurallambda.worlds.draw import settle
from neurallambda.worlds.inputs import Holes
from neurallambda.worlds.instructions import TAKE
from neurallambda.worlds.packet import Packet
from neurallambda.worlds.resolve import resolve_captured
from neurallambda.worlds.schedule import RUNNING, Schedule
from neurallambda.worlds.state import Run, Settings


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
        left = TAKE[instruction.op](run, left, instruction)


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
