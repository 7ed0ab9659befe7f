"""What a trained network does on one input as a trace: the record that all runs have, and that the viewer shows."""

from collections.abc import Iterator

from torch import Tensor

from neurallambda.arguments import checked
from neurallambda.traces.pictures import Item, Json, Lane, Mixture, Seen, Store, certain
from neurallambda.traces.recording import Recorder
from neurallambda.train.inspection import Inspection
from neurallambda.train.inspection_parts import EMPTY, LEAST, CellRow, Head, is_distribution


@checked
def trace_inspection(found: Inspection, *, name: str) -> Iterator[Json]:
    """The trace of an inspection: at each step the state, what is done to each structure, and what it holds.

    Symbols are called as in `Inspection.text`: those that have no names of their own are letters. A row of cells is a tape
    whose head is on the first cell, from which answers are read; the tape has in each cell its symbol, if
    there is one, and its state, as in `0:s3`.

    Args:
        found: what a network did on one input.
        name: what the network is called.

    Yields:
        Events, as JSON has them; the value at the end is what the network answered.

    Example:
        >>> from neurallambda.tasks import task
        >>> from neurallambda.train import MODELS
        >>> from neurallambda.train.inspection import inspect
        >>> reverse = task("reverse-string")
        >>> found = inspect(MODELS["controller"](reverse), reverse, "01")
        >>> events = list(trace_inspection(found, name="untrained"))
        >>> [event["event"] for event in events], list(events[0]["lanes"][0]["stores"])
        (['header', 'step', 'step', 'step', 'step', 'end'], ['stack 1', 'queue 1'])
    """
    recorder = Recorder("structure", name=name, input=list(found.tokens))
    empty = {head.name: Store(_kind(head), ()) for head in found.heads}
    if found.cells is not None:
        empty["cells"] = Store("tape", tuple(Item(_cell(symbol, 0)) for symbol in found.cells.symbols), head=0)
    yield recorder.header(Seen((Lane(numbers={"position": 0}, stores=empty),)))
    for step, answer in enumerate(found.answers):
        registers = {"state": _state(found.states[step])} if found.states.shape[1] else {}
        registers |= {head.name: _actions(head, step) for head in found.heads}
        if answer:
            registers["answer"] = certain(answer)
        stores = {head.name: Store(_kind(head), _items(head, step)) for head in found.heads}
        if found.cells is not None:
            stores["cells"] = Store("tape", _states(found.cells, step), head=0)
        rule = certain(f"{'reads' if found.cells is None else 'shows'} {found.tokens[step]}")
        yield recorder.step(
            Seen((Lane(rules=rule, registers=registers, numbers={"position": step + 1}, stores=stores),))
        )
    yield recorder.end(outcome={"value": " ".join(answer for answer in found.answers if answer)})


def _kind(head: Head) -> str:
    return "stack" if head.name.startswith("stack") else "queue"


def _state(weights: Tensor) -> Mixture:
    """A state as a mixture, where it is a distribution; otherwise its numbers as one text."""
    if is_distribution(weights):
        return _heaviest([f"s{number}" for number in range(len(weights))], weights)
    return certain(" ".join(f"{value:+.2f}" for value in weights.tolist()))


def _actions(head: Head, step: int) -> Mixture:
    """What is done to a structure, with the likeliest symbols where it takes some."""
    return _heaviest([head.instruction(step, place) for place in range(len(head.labels))], head.actions[step])


def _items(head: Head, step: int) -> tuple[Item, ...]:
    """What lies in a structure; the last item is a stack's top, the first is a queue's front."""
    items = []
    for place, cell in enumerate(head.contents[step]):
        there = min(1.0, float(cell[-1]))
        if there >= LEAST:
            name = head.likeliest(cell)
            text = name if head.entries is None else f"{head.likeliest(head.entries[step, place])}:{name}"
            items.append(Item(text, weight=_unless_certain(there)))
    return tuple(items[::-1] if _kind(head) == "stack" else items)


def _states(cells: CellRow, step: int) -> tuple[Item, ...]:
    """The likeliest state of each cell, behind the symbol that is written in it."""
    weights, numbers = cells.states[step].max(-1)
    parts = zip(cells.symbols, numbers.tolist(), weights.tolist(), strict=True)
    return tuple(
        Item(_cell(symbol, number), weight=_unless_certain(min(1.0, weight))) for symbol, number, weight in parts
    )


def _cell(symbol: str, state: int) -> str:
    return f"s{state}" if symbol == EMPTY else f"{symbol}:s{state}"


def _unless_certain(weight: float) -> float | None:
    return None if weight > 1 - LEAST else round(weight, 6)


def _heaviest(names: list[str], weights: Tensor) -> Mixture:
    pairs = [(name, min(1.0, weight)) for name, weight in zip(names, weights.tolist(), strict=True) if weight >= LEAST]
    return tuple(sorted(pairs, key=lambda pair: -pair[1]))
