"""How the structures between the blocks of a transformer, and the queue of a learned table, are followed step by step."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from neurallambda.errors import ArgumentError
from neurallambda.nn import StructureLayer, TransformerModel, WindowAutomaton
from neurallambda.tasks import Task
from neurallambda.tasks.batch import Batch
from neurallambda.train.inspection_parts import EMPTY, Followed, Head, kind_of, step_by_step, surely


def follow_transformer(model: TransformerModel, task: Task, batch: Batch, tokens: Tensor) -> Followed:
    """What is done to the structures of a transformer at each token.

    What they hold are numbers without names. So the same is done to structures that hold the names of tokens: each value is called after the token
    at which it was put in. Actions do not depend on what is held, so they are the same ones.

    Args:
        model: with structures.
        task: what it was trained on.
        batch: the row.
        tokens: of the row, where the model is.

    Raises:
        ArgumentError: if there are no structures between its blocks.
    """
    layers = {number: layer for number, layer in model.transformer.between.items() if isinstance(layer, StructureLayer)}
    if not layers:
        raise ArgumentError("model: this transformer has no structures, and of a transformer these are what is shown")
    seen: list[Tensor] = []  # what each layer is given, one layer after the other
    hooks = [layer.register_forward_pre_hook(lambda _layer, given: seen.append(given[0])) for layer in layers.values()]
    try:
        logits = model(tokens)
    finally:
        for hook in hooks:
            hook.remove()
    heads: list[Head] = []
    for (number, layer), hidden in zip(layers.items(), seen, strict=True):
        after = f" after block {number}" if len(layers) > 1 else ""
        heads += _heads(model, layer, hidden, task, tokens, after=after)
    return step_by_step(task, batch, logits, torch.zeros(tokens.shape[1], 0), tuple(heads))


def _heads(
    model: TransformerModel, layer: StructureLayer, hidden: Tensor, task: Task, tokens: Tensor, *, after: str
) -> list[Head]:
    """What each of a layer's structures does; `after` says where the layer is."""
    actions, values = layer.instructions(hidden)
    kind = type(layer.structure)
    structure = kind(capacity=model.capacity or (tokens.shape[1] + 1) // 2, width=model.inputs + 1)  # pyright: ignore[reportCallIssue]
    put = surely(one_hot(tokens, model.inputs).to(values.dtype)).expand(layer.heads, -1, -1)
    memory, contents = structure.init(layer.heads, device=values.device, dtype=values.dtype), []
    for action, value in zip(actions.unbind(1), put.unbind(1), strict=True):
        memory, _ = structure.step(memory, action, value)
        contents.append(structure.contents(memory))
    held = torch.stack(contents, 1).cpu()
    name = kind_of(layer.structure)
    return [
        Head(
            name=f"{name} {head + 1}{after}",
            labels=structure.operands[0].labels,
            actions=actions[head].cpu(),
            values=put[head].cpu(),
            contents=held[head],
            symbols=(*task.symbols, EMPTY),
        )
        for head in range(layer.heads)
    ]


def follow_window(model: WindowAutomaton, task: Task, batch: Batch, tokens: Tensor) -> Followed:
    """The states of a learned table, the queue of the last tokens, and which of them it looks at.

    Args:
        model: the table with its queue.
        task: what it was trained on.
        batch: the row.
        tokens: of the row, where the model is.
    """
    weights, time, places = model.looks().cpu(), tokens.shape[1], len(model.places)
    names = one_hot(tokens[0].cpu(), model.inputs).to(weights.dtype)
    come = surely(names)
    contents, looked = torch.zeros(time, places, model.inputs + 1), torch.zeros(time, model.inputs + 1)
    for step in range(time):
        last = come[max(0, step + 1 - places) : step + 1]
        contents[step, : len(last)] = last
        before = come[max(0, step - places) : step].flip(0)
        looked[step] = weights[: len(before)] @ before
    order = weights.argsort(descending=True, stable=True)  # the first action is the one that is told with its token
    queue = Head(
        name="queue 1",
        labels=tuple(f"look {place + 1} back" for place in order.tolist()),
        actions=weights[order].expand(time, -1),
        values=looked,
        contents=contents,
        symbols=(*task.symbols, EMPTY),
    )
    return step_by_step(task, batch, model(tokens), model.states(tokens)[0], (queue,))
