"""Functions that are run once for each different argument: their callers go on with a summary of what that came to.

Many calls that are the same, of the same or of different worlds, cost as much as one. So a recursive program over the parts of
a string is the inside algorithm. A call that can look at a part of a hole is not independent of its caller, and runs as any
other; so does one with arguments for which such a call is running already.
"""

from dataclasses import replace

import torch
from torch import Tensor

from neurallambda.worlds import call
from neurallambda.worlds.circuit import Weight
from neurallambda.worlds.code import Instruction
from neurallambda.worlds.draw import within_limit
from neurallambda.worlds.ending import ended
from neurallambda.worlds.heap import Column
from neurallambda.worlds.inputs import Holes
from neurallambda.worlds.merge import Equality
from neurallambda.worlds.packet import Packet
from neurallambda.worlds.schedule import RUNNING, Schedule
from neurallambda.worlds.state import Run, Summary, WaitingCall
from neurallambda.worlds.words import Kind, column, combined, word

_MISSING = object()


def summon(run: Run, packet: Packet, instruction: Instruction) -> Packet | None:
    """Make a call whose summary counts; gives the worlds that go on at once, None where they wait."""
    sources = [packet.registers[source] for source in instruction.sources]
    calls = (
        _calls(run, packet, instruction, _key_columns(run, packet, instruction))
        if _is_independent(run, instruction, sources)
        else None
    )
    if calls is None:
        call.enter(run, packet, instruction.detail, sources, is_tail=False, instruction=instruction)
        return None
    keys, group, first = calls
    new = [number for number, key in enumerate(keys) if key not in run.memo.summaries]
    waiting = WaitingCall(run, packet, instruction, keys, group, new)
    if not new:
        return _go_on(waiting)
    for number in new:
        run.memo.summaries[keys[number]] = None
    chosen = first[new]
    rows = packet.rows[chosen]
    registers = {number: one if isinstance(one, int) else one[chosen] for number, one in enumerate(sources)}
    callee = Run(
        code=run.code,
        holes=_of_rows(run.holes, rows),
        settings=run.settings,
        heap=run.heap,
        circuit=run.circuit,
        schedule=Schedule(run.code),
        observed=torch.full((len(new),), -1),
        possible=run.possible,
        memo=run.memo,
        call=waiting,
        origin=run.original(rows),
    )
    weight = Weight(run.circuit, 0, torch.zeros(len(new), dtype=torch.int64), None, len(new))
    start = run.code.functions[instruction.detail].start
    callee.schedule.push(Packet(start, 0, registers, 0, torch.arange(len(new)), weight, {}, packet.steps), RUNNING)
    run.callee = callee
    return None


def finish(callee: Run) -> None:
    """Keep what the calls of a run came to, and let those go on that have waited."""
    waiting = callee.call
    assert waiting is not None
    run, calls = waiting.run, len(waiting.new)
    packet = ended(callee)
    order = torch.argsort(packet.rows, stable=True)
    values = column(packet.registers[0], len(packet))[order]
    layer = packet.weight.take(order).settle().layer
    counts = torch.bincount(packet.rows, minlength=calls).tolist()
    observed = callee.observed.tolist()
    columns = _key_columns(run, waiting.packet, waiting.instruction)
    arguments = [column(one, len(waiting.packet)) for one in columns]
    start = 0
    for place, number in enumerate(waiting.new):
        world = int((waiting.group == number).nonzero()[0])
        given = tuple(int(one[world]) for one in arguments)
        run.memo.summaries[waiting.keys[number]] = Summary(given, values, layer, start, counts[place], observed[place])
        start += counts[place]
        for (row, kind), limit in callee.limits.items():
            if row == place:
                for caller in torch.unique(waiting.packet.rows[waiting.group == number]).tolist():
                    run.limits.setdefault((caller, kind), limit)
    run.instructions += callee.instructions
    run.worlds += callee.worlds
    run.most = max(run.most, callee.most)
    packet = _go_on(waiting)
    if packet is not None:
        run.schedule.push(packet, RUNNING)


def _is_independent(run: Run, instruction: Instruction, sources: list[Column]) -> bool:
    """Whether a call can look at no part of a hole, and its summary is the same whoever calls."""
    function = run.code.functions[instruction.detail]
    if run.bound is not None or not run.heap.hashing or function.sight & set(run.holes.names):
        return False
    for number in range(0, run.heap.sights, 2):
        for one in sources:
            seen = run.heap.sight(one, number)
            if seen if isinstance(seen, int) else bool((seen > 0).any()):
                return False
    return True


def _key_columns(run: Run, packet: Packet, instruction: Instruction) -> list[Column]:
    """What a summary depends on: the arguments, and the row, where what is sampled or a hole may differ from row to row."""
    depends = bool(run.code.sampled) or any(isinstance(one, Tensor) for one in run.holes.columns.values())
    return [*(packet.registers[source] for source in instruction.sources), run.original(packet.rows) if depends else 0]


def _calls(
    run: Run, packet: Packet, instruction: Instruction, columns: list[Column]
) -> tuple[list[tuple[int, int]], Tensor, Tensor] | None:
    """The different calls of a packet: their keys, which of them each world makes, and a world for each. None: they collide."""
    size = len(packet)
    hashes = column(combined([run.heap.hash(one) for one in columns]) & run.heap.mask, size)
    found, group = torch.unique(hashes, return_inverse=True)
    first = torch.full((len(found),), size, dtype=torch.int64).scatter_reduce_(0, group, torch.arange(size), "amin")
    keys = [(instruction.detail, one) for one in found.tolist()]
    summaries = [run.memo.summaries.get(key, _MISSING) for key in keys]
    if any(one is None for one in summaries):
        return None
    equality = Equality(run.heap, run.code)
    same = torch.ones(size, dtype=torch.bool)
    known = [(number, one) for number, one in enumerate(summaries) if isinstance(one, Summary)]
    numbers = torch.tensor([number for number, _ in known], dtype=torch.int64)
    agree = torch.ones(len(known), dtype=torch.bool)
    for place, one in enumerate(columns):
        values = column(one, size)
        same = equality.among(same, values, values[first[group]])
        if known:
            before = torch.tensor([summary.arguments[place] for _, summary in known], dtype=torch.int64)
            agree = equality.among(agree, values[first[numbers]], before)
    return (keys, group, first) if bool(same.all()) and bool(agree.all()) else None


def _of_rows(holes: Holes, rows: Tensor) -> Holes:
    """The data of some rows."""
    return replace(
        holes,
        batch=len(rows),
        columns={name: one if isinstance(one, int) else one[rows] for name, one in holes.columns.items()},
        leaves=[one[rows] for one in holes.leaves],
        domains=[one[rows] for one in holes.domains],
        is_there=[one[rows] for one in holes.is_there],
        beyond={name: one[rows] for name, one in holes.beyond.items()},
    )


def _go_on(waiting: WaitingCall) -> Packet | None:
    """The worlds after a call: one for each world before it and each value of the call."""
    run, packet, instruction = waiting.run, waiting.packet, waiting.instruction
    assert instruction.target is not None
    summaries: list[Summary] = []
    for key in waiting.keys:
        summary = run.memo.summaries[key]
        assert summary is not None
        summaries.append(summary)
    packet.keep(instruction.after)
    counts = torch.tensor([one.count for one in summaries])[waiting.group]
    dead = counts == 0
    if bool(dead.any()):
        observed = torch.tensor([one.observed for one in summaries])[waiting.group]
        run.observed[packet.rows[dead]] = observed[dead]
    left = within_limit(run, packet, counts)
    if left is not packet:
        return None if left is None else _go_on(replace(waiting, packet=left, group=_group_of(waiting, left)))
    layers = list(dict.fromkeys(one.layer for one in summaries))
    values = {one.layer: one.values for one in summaries}
    offsets, total = {}, 0
    for layer in layers:
        offsets[layer] = total
        total += len(values[layer])
    starts = torch.tensor([offsets[one.layer] + one.start for one in summaries])[waiting.group]
    index = torch.arange(len(packet)).repeat_interleave(counts)
    if not len(index):
        return None
    place = torch.arange(len(index)) - (counts.cumsum(0) - counts)[index] + starts[index]
    returned = torch.cat([values[layer] for layer in layers])[place]
    after = packet.take(index)
    after.weight = after.weight.product(tuple(layers), place)
    after.registers[instruction.target] = returned
    after.is_dirty = True
    after.at += 1
    run.most = max(run.most, len(after))
    wrong, right = after.split(returned >= word(Kind.ERROR, 0))
    if wrong is not None:
        run.end(wrong, wrong.registers[instruction.target])
    return right


def _group_of(waiting: WaitingCall, left: Packet) -> Tensor:
    """Which call each of the worlds makes that are left where some rows had too many."""
    stays = torch.isin(waiting.packet.rows, left.rows)
    return waiting.group[stays]
