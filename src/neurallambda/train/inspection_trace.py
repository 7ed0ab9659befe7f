"""What a trained network does on one input as a trace: the record that all runs have, and that the viewer shows."""

from collections.abc import Iterator

from torch import Tensor

from neurallambda.arguments import checked
from neurallambda.traces.pictures import Item, Json, Lane, Mixture, Seen, Store, certain
from neurallambda.traces.recording import Recorder
from neurallambda.train.inspection import Head, Inspection, held_name

LEAST = 0.005
"""What weighs less is left out."""


@checked
def trace_inspection(found: Inspection, *, name: str) -> Iterator[Json]:
    """The trace of an inspection: at each step the state, what is done to each structure, and what it holds.

    Symbols that structures hold have no names of their own: they are letters, as in `Inspection.text`.

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
    yield recorder.header(Seen((Lane(numbers={"position": 0}, stores=empty),)))
    for step, answer in enumerate(found.answers):
        registers = {"state": _state(found.states[step])}
        registers |= {head.name: _actions(head, step) for head in found.heads}
        if answer:
            registers["answer"] = certain(answer)
        stores = {head.name: Store(_kind(head), _items(head, step)) for head in found.heads}
        rule = certain(f"reads {found.tokens[step]}")
        yield recorder.step(
            Seen((Lane(rules=rule, registers=registers, numbers={"position": step + 1}, stores=stores),))
        )
    yield recorder.end(outcome={"value": " ".join(answer for answer in found.answers if answer)})


def _kind(head: Head) -> str:
    return "stack" if head.name.startswith("stack") else "queue"


def _state(weights: Tensor) -> Mixture:
    """A state as a mixture, where it is a distribution; otherwise its numbers as one text."""
    if bool((weights >= 0).all()) and abs(float(weights.sum()) - 1) < 1e-3:
        return _heaviest([f"s{number}" for number in range(len(weights))], weights)
    return certain(" ".join(f"{value:+.2f}" for value in weights.tolist()))


def _actions(head: Head, step: int) -> Mixture:
    """What is done to a structure, with the likeliest symbol where one is put in."""
    symbol = held_name(int(head.values[step, :-1].argmax()))
    labels = [f"{label} {symbol}" if place == 0 else label for place, label in enumerate(head.labels)]
    return _heaviest(labels, head.actions[step])


def _items(head: Head, step: int) -> tuple[Item, ...]:
    """What lies in a structure; the last item is a stack's top, the first is a queue's front."""
    items = []
    for cell in head.contents[step]:
        there = min(1.0, float(cell[-1]))
        if there >= LEAST:
            weight = None if there > 1 - LEAST else round(there, 6)
            items.append(Item(held_name(int(cell[:-1].argmax())), weight=weight))
    return tuple(items[::-1] if _kind(head) == "stack" else items)


def _heaviest(names: list[str], weights: Tensor) -> Mixture:
    pairs = [(name, min(1.0, weight)) for name, weight in zip(names, weights.tolist(), strict=True) if weight >= LEAST]
    return tuple(sorted(pairs, key=lambda pair: -pair[1]))
