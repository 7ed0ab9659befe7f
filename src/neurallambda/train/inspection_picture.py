"""Pictures of what a network does over time: what its structures hold and what is done to them, or its row of cells."""

from collections.abc import Iterable, Iterator, Sequence
from colorsys import hsv_to_rgb
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.train.extras import extra
from neurallambda.train.inspection_parts import CellRow, Head

_INKS = ("#1f77b4", "#e31a1c", "#33a02c", "#ff7f00", "#6a3d9a", "#b15928")
_GOLDEN = 0.618034
_PALE = 0.35
"""How much of its ink a cell gets whose symbol is written into it."""
_LETTERS_UPRIGHT = 3
"""How many letters of an upright name are as high as one place."""


def draw_heads(path: Path, heads: Sequence[Head], labels: Sequence[str]) -> None:
    """Draw, for each structure, what it holds over time, and what is done to it below.

    Where there are more symbols than colours, each cell has its symbol in it.

    Args:
        path: of the SVG file.
        heads: what the structures do.
        labels: what stands below each step.

    Raises:
        MissingExtraError: if matplotlib is not installed.
    """
    heights = [height for one in heads for height in (_depth(one), len(one.labels))]
    widest = max(len(name) for one in heads for step in range(len(labels)) for name in ("", *_written(one, step)))
    with _figure(path, labels, heights, across=max(0.28, 0.09 * widest)) as panels:
        for number, one in enumerate(heads):
            above, below = panels[2 * number], panels[2 * number + 1]
            texts = [
                (step, place, name) for step in range(len(labels)) for place, name in enumerate(_written(one, step))
            ]
            cells = one.contents[:, : _depth(one), :-1].clamp(min=0)
            _paint(above, cells * _PALE if texts else cells, texts)
            above.set(yticks=[])
            if _depth(one) > len(one.name) / _LETTERS_UPRIGHT:
                above.set_ylabel(one.name)
            else:  # the panel is too low for an upright name
                above.set_ylabel(one.name, rotation=0, ha="right", va="center")
            below.imshow(one.actions.T.numpy(), aspect="auto", cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
            below.set(yticks=range(len(one.labels)), yticklabels=one.labels)
            below.tick_params(labelsize=7)


def draw_cells(path: Path, cells: CellRow, labels: Sequence[str]) -> None:
    """Draw a row of cells over time, the first cell at the top, with the number of the likeliest state in each cell.

    Args:
        path: of the SVG file.
        cells: what the row goes through.
        labels: what stands below each step.

    Raises:
        MissingExtraError: if matplotlib is not installed.
    """
    count = len(cells.symbols)
    likeliest = cells.states.argmax(-1).tolist()
    # All cells begin in the first state, which is left white.
    texts = [(step, place, str(one)) for step, row in enumerate(likeliest) for place, one in enumerate(row) if one]
    with _figure(path, labels, [count], below="what all cells are shown, and the answer below it") as (panel,):
        _paint(panel, cells.states[..., 1:] * _PALE, texts)
        shown = ["·" if symbol == "_" else symbol for symbol in cells.symbols]
        panel.set(yticks=range(count), yticklabels=shown, ylabel="symbols in the cells")
        panel.set_title("the state of each cell by its number; 0, in which all begin, is left white", fontsize=8)


@contextmanager
def _figure(
    path: Path,
    labels: Sequence[str],
    heights: Sequence[int],
    *,
    across: float = 0.28,
    below: str = "token, and the answer below it",
) -> Iterator[Sequence[Any]]:
    """Panels one below the other that share their steps; they are written when the block is done."""
    figure_module: Any = extra("matplotlib.figure", "a picture")
    matplotlib: Any = extra("matplotlib", "a picture")
    with matplotlib.rc_context({"svg.hashsalt": "neurallambda", "svg.fonttype": "none"}):
        size = (max(5.0, across * len(labels)), 0.22 * sum(heights) + 1.2)
        figure = figure_module.Figure(figsize=size, layout="constrained")
        panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
        yield panels
        panels[-1].set(xticks=range(len(labels)), xticklabels=labels, xlabel=below)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _paint(panel: Any, cells: Float[Tensor, "time places kinds"], texts: Iterable[tuple[int, int, str]]) -> None:
    """Mix the inks of what lies in each place, and write texts over it, each with its step and its place."""
    inks = 1 - torch.tensor(_inks(cells.shape[-1])).reshape(-1, 3)
    picture = (1 - cells @ inks).clamp(0, 1).transpose(0, 1)
    panel.imshow(picture.numpy(), aspect="auto", interpolation="nearest")
    for step, place, text in texts:
        panel.text(step, place, text, ha="center", va="center", fontsize=7)


def _written(head: Head, step: int) -> list[str]:
    """What is written into the places at a step: nothing, where each symbol has a colour of its own."""
    return head.places(step) if len(head.symbols) > len(_INKS) else []


def _depth(head: Head) -> int:
    """How many places were ever used, at least one."""
    used = (head.contents[..., -1] > 0.05).any(0).nonzero()
    return int(used.max()) + 1 if len(used) else 1


def _inks(count: int) -> list[tuple[float, float, float]]:
    """As many inks as are asked for: those with names, or where they do not suffice, hues that are far from those before."""
    if count > len(_INKS):
        return [hsv_to_rgb(number * _GOLDEN % 1, 0.75, 0.85) for number in range(count)]
    return [_rgb(ink) for ink in _INKS[:count]]


def _rgb(ink: str) -> tuple[float, float, float]:
    red, green, blue = (int(ink[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue
