"""Traces of exact machines: states, what is read, and what stands in stacks, queues and on tapes."""

from collections.abc import Iterator

from neurallambda.arguments import checked
from neurallambda.automata.cells.automaton import CellularAutomaton
from neurallambda.automata.cells.run import CellRun
from neurallambda.automata.diagram import describe_rule
from neurallambda.automata.rules.memory import Cells, Memory, Tape
from neurallambda.automata.runs.run import Run, Step
from neurallambda.traces.pictures import Item, Json, Lane, Seen, Store, certain
from neurallambda.traces.recording import Recorder

KINDS = {"stack": "stack", "deque": "queue", "tape": "tape"}


@checked
def trace_run(run: Run, *, name: str | None = None) -> Iterator[Json]:
    """The trace of a run of a machine on a string.

    Args:
        run: what `run` of the machine gives.
        name: what the machine is called.

    Yields:
        Events, as JSON has them; the end has the verdict.

    Example:
        >>> from neurallambda.automata.library import load
        >>> events = list(trace_run(load("anbn").run("ab"), name="anbn"))
        >>> [event["event"] for event in events], events[-1]["outcome"]
        (['header', 'step', 'step', 'step', 'step', 'end'], {'verdict': 'accepted'})
    """
    machine = run.machine
    recorder = Recorder("automaton", name=name or machine.kind, input=list(run.tokens))
    first, *rest = run.steps
    yield recorder.header(Seen((_lane(run, first),)))
    for step in rest:
        yield recorder.step(Seen((_lane(run, step),)))
    yield recorder.end(outcome={"verdict": run.outcome.value})


@checked
def trace_cells(machine: CellularAutomaton, run: CellRun, *, name: str | None = None) -> Iterator[Json]:
    """The trace of a run of a cellular automaton: the row of cells after each step, and what was written.

    Args:
        machine: the automaton.
        run: what its `run` gives.
        name: what it is called.

    Yields:
        Events, as JSON has them; the value at the end is what was written.
    """
    shown = ["_" if step.seen is None else step.seen for step in run.steps[1:]]
    recorder = Recorder("cellular", name=name or machine.kind, input=shown)
    written: tuple[Item, ...] = ()
    for number, step in enumerate(run.steps):
        written += (Item(step.output),) if step.output else ()
        cells = tuple(Item(state) for state in step.states)
        symbols = tuple(Item("_" if symbol is None else symbol) for symbol in run.cells)
        stores = {"symbols": Store("tape", symbols), "cells": Store("tape", cells), "written": Store("queue", written)}
        seen = {} if number == 0 else {"seen": certain("_" if step.seen is None else step.seen)}
        rule = () if number == 0 else certain("step")
        lane = Lane(rules=rule, registers=seen, numbers={"position": number}, stores=stores)
        yield recorder.header(Seen((lane,))) if number == 0 else recorder.step(Seen((lane,)))
    yield recorder.end(outcome={"value": " ".join(item.text for item in written)})


def _lane(run: Run, step: Step) -> Lane:
    machine, now = run.machine, step.configuration
    several = len(machine.memories) > 1
    stores: dict[str, Store] = {}
    for number, (kind, memory) in enumerate(zip(machine.memories, now.memories, strict=True), 1):
        unread = run.tokens[now.position :] if machine.reads_from_tape and number == 1 else ()
        stores[f"{kind.name} {number}" if several else kind.name] = _store(KINDS[kind.name], memory, unread)
    return Lane(
        rules=certain(describe_rule(step.rule, machine)) if step.rule else (),
        registers={"state": certain(now.state)},
        numbers={"position": now.position},
        stores=stores,
    )


def _store(kind: str, memory: Memory, unread: tuple[str, ...]) -> Store:
    """A memory; on the first tape, with the part of the string that the head has not met yet."""
    if not isinstance(memory, Tape):
        return Store(kind, _items(memory))
    right = [*memory.right]
    while unread and right and right[-1] is None and len(right) > 1:
        right.pop()
    if unread and right == [None]:
        right = []
    cells = (*memory.left, *right, *unread) or (None,)
    head = len(memory.left)
    return Store(kind, _items(cells if head < len(cells) else (*cells, None)), head)


def _items(cells: Cells) -> tuple[Item, ...]:
    return tuple(Item("_" if cell is None else cell) for cell in cells)
