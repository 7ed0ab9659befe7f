"""Pictures of what a structure holds over time: `python -m neurallambda.structures NAME` draws one."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from neurallambda import structures
from neurallambda.errors import ArgumentError, how_to_install
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.protocol import Structure

COLORS = (
    (0.12, 0.47, 0.71),
    (0.89, 0.10, 0.11),
    (0.20, 0.63, 0.17),
    (1.0, 0.50, 0.0),
    (0.42, 0.24, 0.60),
    (0.69, 0.35, 0.16),
)
"""One for each symbol that the demonstrations put in."""

SYMBOLS = len(COLORS)


@dataclass(frozen=True)
class Demonstration:
    """A short run: what to do at each step, and how certain to be of it.

    Attributes:
        structure: what to run; its values are one-hot codes of the colors.
        script: the label of the action at each step. Other operands count through their entries.
        certainty: the weight of that action at each step, in turn; the rest is shared out over the others.
    """

    structure: Structure[Any]
    script: Sequence[str]
    certainty: Sequence[float] = (1.0, 1.0, 0.8, 1.0, 0.6)


def demonstration(name: str) -> Demonstration:
    """The run that the picture of the structure called `name` shows.

    Raises:
        ArgumentError: if there is no structure of that name.
    """
    stacks = ["push"] * 6 + ["pop"] * 3 + ["push"] * 2 + ["stay"] + ["pop"] * 6
    queues = ["put"] * 6 + ["get"] * 3 + ["put"] * 2 + ["stay"] + ["get"] * 6
    ends = ["put front"] * 4 + ["put back"] * 4 + ["get front"] * 3 + ["put back"] * 2 + ["get back"] * 5
    demonstrations = {
        "superposition_stack": (structures.SuperpositionStack(capacity=8, width=SYMBOLS), stacks),
        "pointer_stack": (structures.PointerStack(capacity=8, width=SYMBOLS), stacks),
        "hard_stack": (structures.HardStack(capacity=8, width=SYMBOLS), stacks),
        "strength_stack": (structures.StrengthStack(capacity=8, width=SYMBOLS), [s for s in stacks if s != "stay"]),
        "superposition_queue": (structures.SuperpositionQueue(capacity=8, width=SYMBOLS), queues),
        "hard_queue": (structures.HardQueue(capacity=8, width=SYMBOLS), queues),
        "strength_queue": (structures.StrengthQueue(capacity=8, width=SYMBOLS), [s for s in queues if s != "stay"]),
        "superposition_deque": (structures.SuperpositionDeque(capacity=8, width=SYMBOLS), ends),
        "strength_deque": (structures.StrengthDeque(capacity=8, width=SYMBOLS), ends),
        "latch": (structures.Latch(), ["hold"] * 3 + ["set"] + ["hold"] * 6 + ["reset"] + ["hold"] * 3 + ["set"] * 2),
        "data_latch": (structures.DataLatch(width=SYMBOLS), ["hold", "set", "hold", "hold", "hold", "set", "hold", "reset"] * 2),
        "tape": (structures.Tape(capacity=8, width=SYMBOLS), ["right"] * 6 + ["left"] * 4 + ["jump"] + ["right"] * 3 + ["stay"] * 2),
        "memory": (
            structures.Memory(capacity=8, width=SYMBOLS, key_width=SYMBOLS),
            ["insert"] * 5 + ["find"] * 2 + ["write"] * 3 + ["replace"] * 2 + ["remove"] * 3 + ["seek"] * 2,
        ),
        "linked_list": (structures.LinkedList(capacity=8, width=SYMBOLS), ["cons"] * 4 + ["tail"] * 2 + ["cons"] * 2 + ["go", "tail", "nil"]),
        "tree": (structures.Tree(capacity=8, width=SYMBOLS), ["leaf"] * 3 + ["node"] * 2 + ["left", "go", "right"] + ["node"] * 2 + ["hold"]),
        "priority_queue": (structures.PriorityQueue(capacity=8, width=SYMBOLS), ["insert"] * 6 + ["pop"] * 3 + ["insert"] * 2 + ["pop"] * 5),
        "program_stack": (
            structures.ProgramStack(capacity=8, results=_clock(SYMBOLS)),
            ["put program"] * 4 + ["put value"] * 5 + ["apply"] * 3 + ["put value"] * 2 + ["hold", "apply", "put program", "apply"],
        ),
        "multiset": (structures.Multiset(symbols=SYMBOLS, capacity=3), ["add"] * 10 + ["remove"] * 6 + ["hold"]),
        "symbol_set": (structures.SymbolSet(symbols=SYMBOLS), ["add"] * 6 + ["remove"] * 4 + ["add"] * 3 + ["hold"]),
    }  # fmt: skip
    if name not in demonstrations:
        raise ArgumentError(f"name: got {name!r}, expected one of {sorted(demonstrations)}")
    return Demonstration(*demonstrations[name])


def _clock(values: int) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """The programs of a demonstration: to add as hands of a clock do, and the greater of two."""
    numbers = range(values)
    added = tuple(tuple((one + other) % values for other in numbers) for one in numbers)
    return added, tuple(tuple(max(one, other) for other in numbers) for one in numbers)


def played(demo: Demonstration) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Run a demonstration.

    Returns:
        Over time: the contents [time, slots, width], the reads [time, read_width], the actions [time, actions], and the
        sizes [time].
    """
    structure = demo.structure
    state = structure.init(1)
    contents, reads, actions, sizes = [], [], [], []
    for step, label in enumerate(demo.script):
        certainty = demo.certainty[step % len(demo.certainty)]
        operands = [_operand(operand, step, label, certainty) for operand in structure.operands]
        state, read = structure.step(state, *operands)
        contents.append(structure.contents(state)[0])
        reads.append(read[0])
        actions.append(operands[0][0])
        sizes.append(structure.size(state)[0])
    return torch.stack(contents), torch.stack(reads), torch.stack(actions), torch.stack(sizes)


def _operand(operand: Operand, step: int, label: str, certainty: float) -> Tensor:
    """[1, size]: an action as the script says it; other operands take their entries in turn."""
    if operand.labels:
        index, weight = operand.labels.index(label), certainty
    else:
        index, weight = step % operand.size, 1.0
    chosen = torch.nn.functional.one_hot(torch.tensor([index]), operand.size).float()
    if operand.kind is Kind.DISTRIBUTION:
        return weight * chosen + (1 - weight) / max(operand.size - 1, 1) * (1 - chosen) if operand.size > 1 else chosen
    if operand.kind is Kind.STRENGTH:
        return weight * chosen + (1 - weight) / 2 * (1 - chosen) if operand.labels else chosen * (step % 3 > 0)
    if operand.kind is Kind.REAL:
        return torch.full((1, operand.size), float(step * 5 % 7))
    return chosen


def draw(name: str, path: Path) -> None:
    """Draw what the structure called `name` holds over the time of its demonstration.

    Args:
        name: the module's name, such as "superposition_stack".
        path: the image to write.

    Raises:
        ArgumentError: if there is no structure of that name, or matplotlib (the `plot` extra) is not installed.
    """
    plot = _matplotlib()
    demo = demonstration(name)
    contents, reads, actions, sizes = played(demo)
    width = min(contents.shape[2], SYMBOLS)
    rows = max(reads.shape[1] // width, 1)
    read_rows = reads[:, : rows * width].unflatten(1, (rows, width))
    figure, (top, middle, bottom) = plot.subplots(
        3, 1, figsize=(8, 5.5), sharex=True, height_ratios=[contents.shape[1], rows, actions.shape[1]]
    )
    for axes, cells in ((top, contents), (middle, read_rows)):
        axes.imshow(_mixed(cells[..., :width]).transpose(0, 1).numpy(), aspect="auto", interpolation="nearest")
    bottom.imshow(actions.T.numpy(), aspect="auto", cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
    top.set(title=f"{name.replace('_', ' ')}: contents over time", ylabel="slot")
    top.twinx().plot(sizes.numpy(), color="black", linewidth=1)
    middle.set(ylabel="read", yticks=[])
    labels = demo.structure.operands[0].labels
    bottom.set(xlabel="step", ylabel="action", yticks=range(len(labels)), yticklabels=labels)
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    plot.close(figure)


def _mixed(cells: Tensor) -> Tensor:
    """[..., 3]: white where nothing is, the symbols' colors where they are, mixtures between."""
    inks = 1 - torch.tensor(COLORS[: cells.shape[-1]])
    fullest = torch.clamp(cells.sum(-1).max(), min=1)
    return torch.clamp(1 - (cells / fullest).clamp(min=0) @ inks, 0, 1)


def _matplotlib() -> ModuleType:
    try:
        import matplotlib
    except ImportError as error:
        raise ArgumentError(f"drawing needs matplotlib: {how_to_install('plot')}") from error
    matplotlib.use("Agg")
    import matplotlib.pyplot as plot

    return plot


def main(arguments: list[str] | None = None) -> None:
    """The command behind `python -m neurallambda.structures NAME`: draw the picture and say where it is."""
    parser = argparse.ArgumentParser(
        prog="python -m neurallambda.structures", description="Draw what a structure holds in a short run."
    )
    parser.add_argument(
        "name", metavar="NAME", help="the structure, by the name of its page: `tape`, `strength_queue`, ..."
    )
    parser.add_argument("--output", type=Path, help="the image to write; NAME.png without it")
    given = parser.parse_args(arguments)
    path = given.output or Path(f"{given.name}.png")
    try:
        draw(given.name, path)
    except ArgumentError as error:
        parser.error(str(error))
    parser.exit(message=f"{path}\n")
