"""How each kind of network is followed step by step, for an inspection."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from neurallambda.errors import ArgumentError
from neurallambda.nn import (
    CellArrayModel,
    Controller,
    NameBlindController,
    TableAutomaton,
    TransformerModel,
    WindowAutomaton,
)
from neurallambda.nn.recurrent import over_time
from neurallambda.structures.cell_array.array import certain
from neurallambda.structures.instruction.operand import Kind
from neurallambda.structures.memory import Memory
from neurallambda.structures.priority_queue import PriorityQueue
from neurallambda.structures.protocol import Structure
from neurallambda.tasks import Task
from neurallambda.tasks.batch import Batch
from neurallambda.train.inspection_layers import follow_transformer, follow_window
from neurallambda.train.inspection_parts import EMPTY, CellRow, Followed, Head, held_name, kind_of, step_by_step, surely


def follow(model: nn.Module, task: Task, batch: Batch) -> Followed:
    """Run a network on a batch of one row and keep what it does, on the CPU.

    Args:
        model: of one of the kinds that can be followed.
        task: what it was trained on.
        batch: the row.

    Raises:
        ArgumentError: if the model is of another kind.
    """
    for kind, followed in _KINDS.items():
        if isinstance(model, kind):
            tokens = batch.tokens.to(next(model.parameters()).device)  # training leaves a model on the GPU
            return followed(model, task, batch, tokens)
    *others, last = (kind.__name__ for kind in _KINDS)
    raise ArgumentError(
        f"model: got a {type(model).__name__}, expected a {', a '.join(others)} or a {last}: only for these is it written down "
        f"how their states and memories are shown"
    )


def _table(model: TableAutomaton, task: Task, batch: Batch, tokens: Tensor) -> Followed:
    return step_by_step(task, batch, model(tokens), model.states(tokens)[0])


def _controller(model: Controller, task: Task, batch: Batch, tokens: Tensor) -> Followed:
    roomy = model.with_room_for(tokens.shape[1])
    augmented = roomy.augmented
    # A group of equal structures gets its operands at once, a row for each of them.
    given: list[list[tuple[Tensor, ...]]] = [[] for _ in augmented.groups]
    hooks = [
        operands.register_forward_hook(lambda _module, _inputs, made, kept=kept: kept.append(made))
        for operands, kept in zip(augmented.operands, given, strict=True)
    ]
    states, contents = [], [[] for _ in augmented.structures]

    def step(state: Any, moment: Any) -> tuple[Any, Tensor]:
        state, output = roomy.advance(state, moment)
        states.append(state.hidden[0][0].clone())
        for head, structure in enumerate(augmented.structures):
            # a copy: a network that only runs may write its structures in place
            contents[head].append(_contents(structure, augmented.memory_of(state, head))[0].clone())
        return state, output

    try:
        _, outputs = over_time(step, *roomy.prepare(tokens, None))
    finally:
        for hook in hooks:
            hook.remove()
    instructions = [
        (torch.stack([made[0][row] for made in steps]), torch.stack([made[1][row] for made in steps]))
        for (_, heads), steps in zip(augmented.groups, given, strict=True)
        for row in range(heads)
    ]
    heads = tuple(
        Head(
            name=name,
            labels=structure.operands[0].labels,
            actions=instructions[head][0].cpu(),
            values=instructions[head][1].cpu(),
            contents=torch.stack(contents[head]).cpu(),
            symbols=tuple(held_name(number) for number in range(instructions[head][1].shape[-1] - 1)),
        )
        for head, (name, structure) in enumerate(_named(augmented.structures))
    )
    return step_by_step(task, batch, roomy.finish(outputs), torch.stack(states), heads)


def _name_blind(model: NameBlindController, task: Task, batch: Batch, tokens: Tensor) -> Followed:
    roomy = model.with_room_for(tokens.shape[1])
    chosen: list[Any] = []
    hook = model.choice.register_forward_hook(lambda _module, _inputs, made: chosen.append(made))
    states: list[Tensor] = []
    operands: list[list[Tensor]] = [[] for _ in roomy.parts]
    memories: list[tuple[Any, ...]] = []

    def step(state: Any, moment: Any) -> tuple[Any, Tensor]:
        _, _, shown = state
        at_hand = torch.cat([moment[1][:, None], shown], 1)
        chosen.clear()
        state, output = roomy.advance(state, moment)
        for part, kept, made in zip(roomy.parts, operands, chosen, strict=False):  # the last choice is the answer's
            kept.append(made[0] if part.kind is Kind.DISTRIBUTION else (made[:, None] @ at_hand)[0, 0])
        states.append(state[0][0])
        memories.append(state[1])
        return state, output

    try:
        _, outputs = over_time(step, *roomy.prepare(tokens, None))
    finally:
        hook.remove()
    names = task.symbols[: roomy.names]
    heads, of_parts = [], [torch.stack(made).cpu() for made in operands]
    for place, (name, structure) in enumerate(_named(roomy.structures)):
        count = roomy.counts[place]
        (action, value, *keys), of_parts = of_parts[:count], of_parts[count:]
        held = [memory[place] for memory in memories]
        head = Head(
            name=name,
            labels=roomy.parts[sum(roomy.counts[:place])].labels,
            actions=action,
            values=surely(value),
            contents=torch.stack([_names_in(structure, memory) for memory in held]).cpu(),
            symbols=names,
            keys=surely(keys[0]) if keys else None,
            entries=torch.stack([surely(memory.keys[0]) for memory in held]).cpu() if keys else None,
        )
        heads.append(head)
    found = step_by_step(task, batch, roomy.finish(outputs), torch.stack(states)[: tokens.shape[1]], tuple(heads))
    return _with_pause(found, torch.stack(states).cpu(), int(batch.lengths[0])) if roomy.pause else found


def _with_pause(found: Followed, states: Tensor, length: int) -> Followed:
    """Of a network that answers once, after as many empty steps as it read tokens: all steps up to that one."""
    steps = 2 * length + 1

    def at_the_end(answers: tuple[str, ...]) -> tuple[str, ...]:
        return ("",) * (steps - 1) + (" ".join(answer for answer in answers if answer),)

    def cut(head: Head) -> Head:
        timed = ("actions", "values", "contents", "keys", "entries")
        return replace(head, **{name: None if (one := getattr(head, name)) is None else one[:steps] for name in timed})

    return found._replace(
        tokens=(*found.tokens[:length], *(EMPTY,) * (steps - length)),
        answers=at_the_end(found.answers),
        expected=at_the_end(found.expected),
        states=states[:steps],
        heads=tuple(map(cut, found.heads)),
    )


def _cells(model: CellArrayModel, task: Task, batch: Batch, tokens: Tensor) -> Followed:
    operands, asked = model.operands(tokens), batch.mask[0]
    said, right = model(tokens)[0].argmax(-1)[asked].tolist(), batch.targets[0][asked].tolist()
    when = operands.steps[0][asked].tolist()
    steps, none = max(when) + 1, model.array.symbols - 1
    count = max(steps, int((operands.first[0] != none).sum()))
    # What stands further than a cell a step from the last one that is shown never reaches it.
    written = pad(operands.first, (0, count + steps), value=none)[:, : count + steps]
    table = model.choice(model.noise(model.table))
    shown = certain(operands.second[:, :steps], model.array.symbols, table.dtype)
    state, rows = model.array.init(certain(written, model.array.symbols, table.dtype)), []
    for seen in shown.unbind(1):
        state = model.array.step(state, table, seen)
        rows.append(state.cells[0, :count])
    # Without a pause the operator is no symbol of the cells.
    symbols = [name for token, name in enumerate([*task.symbols, EMPTY]) if model.pause or token != model.operator]

    def at_steps(numbers: list[int]) -> tuple[str, ...]:
        told = [
            [task.answers[one] for one, at in zip(numbers, when, strict=True) if at == step] for step in range(steps)
        ]
        return tuple(map(" ".join, told))

    states = torch.stack(rows).cpu()
    return Followed(
        tokens=tuple(symbols[number] for number in operands.second[0, :steps].tolist()),
        answers=at_steps(said),
        expected=at_steps(right),
        states=states[:, 0],
        cells=CellRow(tuple(symbols[number] for number in written[0, :count].tolist()), states),
    )


_KINDS: dict[type[nn.Module], Callable[[Any, Task, Batch, Tensor], Followed]] = {
    Controller: _controller,
    NameBlindController: _name_blind,
    TableAutomaton: _table,
    WindowAutomaton: follow_window,
    CellArrayModel: _cells,
    TransformerModel: follow_transformer,
}


def _contents(structure: Structure[Any], memory: Any) -> Tensor:
    """What a structure holds, what leaves first at the front: [batch, slots, width]."""
    contents = structure.contents(memory)
    if not isinstance(structure, PriorityQueue):
        return contents
    order = torch.argsort(torch.where(memory.presence > 0, memory.priorities, torch.inf), dim=1, stable=True)
    return contents.gather(1, order[..., None].expand_as(contents))


def _names_in(structure: Structure[Any], memory: Any) -> Tensor:
    """The names that lie in each place, and how surely something does; a dictionary may hold an entry without a name."""
    names = structure.contents(memory)[0]
    return torch.cat([names, memory.used[0][:, None]], -1) if isinstance(structure, Memory) else surely(names)


def _named(structures: tuple[Structure[Any], ...]) -> list[tuple[str, Structure[Any]]]:
    """The structures, each with its kind and number."""
    kinds = [kind_of(structure) for structure in structures]
    return [
        (f"{kind} {kinds[: place + 1].count(kind)}", structure)
        for place, (kind, structure) in enumerate(zip(kinds, structures, strict=True))
    ]
