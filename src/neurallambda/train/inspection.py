"""What a trained network does on one input, step by step: its states, its instructions, what its structures hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurallambda.arguments import checked
from neurallambda.automata.runs.table import aligned
from neurallambda.errors import ArgumentError
from neurallambda.nn import Controller, TableAutomaton, hardened
from neurallambda.nn.recurrent import over_time
from neurallambda.structures.priority_queue import PriorityQueue
from neurallambda.structures.protocol import Structure
from neurallambda.tasks import Task
from neurallambda.tasks.batch import Batch
from neurallambda.train.extras import extra

_EMPTY = "_"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_INKS = ("#1f77b4", "#e31a1c", "#33a02c", "#ff7f00", "#6a3d9a", "#b15928")


@dataclass(frozen=True)
class Head:
    """What one structure does over time.

    Attributes:
        name: which it is, as in `stack 1`.
        labels: the names of its actions.
        actions: how much of each is done.
        values: the symbol that is given along, as weights, after the last of which a constant 1 stands.
        contents: what lies in each place after the step, the place that is read first; the constant says how surely.
    """

    name: str
    labels: tuple[str, ...]
    actions: Float[Tensor, "time actions"]
    values: Float[Tensor, "time width"]
    contents: Float[Tensor, "time places width"]


@dataclass(frozen=True)
class Inspection:
    """What a network does on one input.

    Attributes:
        tokens: what it reads at each step; `_` where nothing comes any more.
        answers: what it says there; empty where no answer is read.
        expected: what is right there; empty where no answer is read.
        states: its state after the step, a distribution, or the numbers of its units.
        heads: what its structures do.
    """

    tokens: tuple[str, ...]
    answers: tuple[str, ...]
    expected: tuple[str, ...]
    states: Float[Tensor, "time states"]
    heads: tuple[Head, ...]

    @property
    def is_right(self) -> bool:
        """Whether every answer is right."""
        return self.answers == self.expected

    def text(self) -> str:
        """A line for each step."""
        head = ("step", "token", "state", *(part for one in self.heads for part in (one.name, "holds")), "answer")
        rows: list[tuple[str, ...]] = [head]
        for step, token in enumerate(self.tokens):
            cells = [str(step + 1), token, _state(self.states[step])]
            for one in self.heads:
                cells += [_instruction(one, step), _held(one.contents[step])]
            wrong = "" if self.answers[step] == self.expected[step] else f"  (right: {self.expected[step]})"
            rows.append((*cells, self.answers[step] + wrong))
        return aligned(rows)

    def draw(self, path: Path) -> None:
        """Draw it as SVG: for each structure what it holds over time, and what is done to it below.

        Args:
            path: where.

        Raises:
            ArgumentError: if there is no structure to draw.
            MissingExtraError: if matplotlib is not installed.
        """
        if not self.heads:
            raise ArgumentError("a picture: this network has no structure whose contents could be drawn")
        figure_module: Any = extra("matplotlib.figure", "a picture")
        matplotlib: Any = extra("matplotlib", "a picture")
        with matplotlib.rc_context({"svg.hashsalt": "neurallambda", "svg.fonttype": "none"}):
            heights = [height for one in self.heads for height in (_depth(one), len(one.labels))]
            width = max(5.0, 0.28 * len(self.tokens))
            figure = figure_module.Figure(figsize=(width, 0.22 * sum(heights) + 1.2), layout="constrained")
            panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
            for number, one in enumerate(self.heads):
                _draw_head(panels[2 * number], panels[2 * number + 1], one)
            tokens = [
                "·" if token == _EMPTY else token for token in self.tokens
            ]  # a `_` looks like a line over the answer
            shown = [f"{token}\n{answer}" for token, answer in zip(tokens, self.answers, strict=True)]
            panels[-1].set(xticks=range(len(shown)), xticklabels=shown, xlabel="token, and the answer below it")
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, format="svg", metadata={"Date": None})


@checked
def inspect(model: nn.Module, task: Task, string: str, *, hard: bool = True) -> Inspection:
    """Run a trained network on one input and keep all that happens.

    Args:
        model: a `Controller` or a `TableAutomaton`.
        task: what it was trained on.
        string: the input: the names of its symbols, with spaces between them where one of the task's has several letters.
        hard: whether every soft choice is made.

    Raises:
        ArgumentError: if the input is none of the task, or the model is of another kind.

    Example:
        >>> from neurallambda.tasks import task
        >>> from neurallambda.train import MODELS
        >>> reverse = task("reverse-string")
        >>> found = inspect(MODELS["controller"](reverse), reverse, "011")
        >>> found.tokens, found.expected, [head.name for head in found.heads]
        (('0', '1', '1', '_', '_', '_'), ('', '', '', '1', '1', '0'), ['stack 1', 'queue 1'])
    """
    batch = row(task, read_symbols(task, string))
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            if not hard:
                states, heads, logits = _followed(model, batch)
            else:
                with hardened(model):
                    states, heads, logits = _followed(model, batch)
    finally:
        model.train(was_training)
    names = [*task.symbols, _EMPTY]
    asked = batch.mask[0].tolist()

    def said(numbers: Tensor) -> tuple[str, ...]:
        return tuple(
            task.answers[one] if is_asked else "" for one, is_asked in zip(numbers.tolist(), asked, strict=True)
        )

    return Inspection(
        tokens=tuple(names[token] for token in batch.tokens[0].tolist()),
        answers=said(logits[0].argmax(-1)),
        expected=said(batch.targets[0]),
        states=states,
        heads=heads,
    )


def read_symbols(task: Task, string: str) -> list[int]:
    """The numbers of the symbols that a text names.

    Raises:
        ArgumentError: if it names one that the task does not have.
    """
    is_spaced = any(len(symbol) > 1 for symbol in task.symbols) or " " in string.strip()
    found = string.split() if is_spaced else list(string)
    for symbol in found:
        if symbol not in task.symbols:
            raise ArgumentError(f"string: got {symbol!r}, expected symbols of {task.name}: {' '.join(task.symbols)}")
    return [task.symbols.index(symbol) for symbol in found]


def row(task: Task, symbols: Sequence[int]) -> Batch:
    """A batch of one row, whose input is given.

    Args:
        task: what is asked.
        symbols: the input.
    """
    answer = task.answer(symbols)
    length, time = len(symbols), task.time(len(symbols))
    begin = length if task.reads == "after" else 0
    tokens = torch.full((1, time), task.empty)
    targets, mask = torch.zeros(1, time, dtype=torch.long), torch.zeros(1, time, dtype=torch.bool)
    tokens[0, :length] = torch.tensor(list(symbols), dtype=torch.long)
    targets[0, begin : begin + len(answer)] = torch.tensor(answer)
    mask[0, begin : begin + len(answer)] = True
    return Batch(tokens=tokens, targets=targets, mask=mask, lengths=torch.tensor([length]))


def _followed(model: nn.Module, batch: Batch) -> tuple[Tensor, tuple[Head, ...], Tensor]:
    """The states over time, what the heads do, and the logits of the answers, all on the CPU."""
    tokens = batch.tokens.to(next(model.parameters()).device)  # training leaves a model on the GPU
    if isinstance(model, TableAutomaton):
        return model.states(tokens)[0].cpu(), (), model(tokens).cpu()
    if not isinstance(model, Controller):
        raise ArgumentError(
            f"model: got a {type(model).__name__}, expected a Controller or a TableAutomaton: others have no states or "
            f"structures that could be told apart"
        )
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
    kinds = [_kind(structure) for structure in augmented.structures]
    heads = tuple(
        Head(
            name=f"{kind} {kinds[: head + 1].count(kind)}",
            labels=augmented.structures[head].operands[0].labels,
            actions=instructions[head][0].cpu(),
            values=instructions[head][1].cpu(),
            contents=torch.stack(contents[head]).cpu(),
        )
        for head, kind in enumerate(kinds)
    )
    return torch.stack(states).cpu(), heads, roomy.finish(outputs).cpu()


def _contents(structure: Structure[Any], memory: Any) -> Tensor:
    """What a structure holds, what leaves first at the front: [batch, slots, width]."""
    contents = structure.contents(memory)
    if not isinstance(structure, PriorityQueue):
        return contents
    order = torch.argsort(torch.where(memory.presence > 0, memory.priorities, torch.inf), dim=1, stable=True)
    return contents.gather(1, order[..., None].expand_as(contents))


def _kind(structure: object) -> str:
    if isinstance(structure, PriorityQueue):
        return "priority queue"
    return "stack" if "Stack" in type(structure).__name__ else "queue"


def held_name(number: int) -> str:
    """The name of a symbol that structures hold, which has none of its own: a letter, with a number where letters run out.

    Example:
        >>> [held_name(number) for number in (0, 25, 26, 53)]
        ['a', 'z', 'a1', 'b2']
    """
    round_of_letters, letter = divmod(number, len(_LETTERS))
    return f"{_LETTERS[letter]}{round_of_letters or ''}"


def _state(weights: Tensor) -> str:
    """A state: its number where it is certain, and otherwise its likeliest with its weight."""
    best = int(weights.argmax())
    is_distribution = bool((weights >= 0).all()) and abs(float(weights.sum()) - 1) < 1e-3
    if not is_distribution:
        return " ".join(f"{value:+.1f}" for value in weights.tolist())
    return f"s{best}" if weights[best] > 0.995 else f"s{best}:{weights[best]:.2f}"


def _instruction(head: Head, step: int) -> str:
    """What is done at a step, in words: the likeliest action, and the symbol where one is given along."""
    weights = head.actions[step]
    best = int(weights.argmax())
    label = head.labels[best]
    symbol = f" {held_name(int(head.values[step, :-1].argmax()))}" if best == 0 else ""
    return label + symbol + ("" if weights[best] > 0.995 else f":{weights[best]:.2f}")


def _held(contents: Tensor) -> str:
    """What a structure holds, the place that is read first; `?` where something lies there with some probability."""
    found = ""
    for cell in contents:
        there = float(cell[-1])
        if there < 0.05:
            break
        found += held_name(int(cell[:-1].argmax())) if there > 0.95 else "?"
    return found or "-"


def _depth(head: Head) -> int:
    """How many places were ever used, at least one."""
    used = (head.contents[..., -1] > 0.05).any(0).nonzero()
    return int(used.max()) + 1 if len(used) else 1


def _draw_head(above: Any, below: Any, head: Head) -> None:
    inks = 1 - torch.tensor([_rgb(_INKS[n % len(_INKS)]) for n in range(head.contents.shape[-1] - 1)])
    cells = head.contents[:, : _depth(head), :-1].clamp(min=0)
    picture = (1 - cells @ inks).clamp(0, 1).transpose(0, 1)
    above.imshow(picture.numpy(), aspect="auto", interpolation="nearest")
    above.set(ylabel=head.name, yticks=[])
    below.imshow(head.actions.T.numpy(), aspect="auto", cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
    below.set(yticks=range(len(head.labels)), yticklabels=head.labels)
    below.tick_params(labelsize=7)


def _rgb(ink: str) -> list[float]:
    return [int(ink[place : place + 2], 16) / 255 for place in (1, 3, 5)]
