"""The figure of the page on neural twins: a rule table on its way from random rules to those of a^n b^n.

`python -m docs.figures.sharpening` learns the machine and writes `sharpening.svg` beside this file.
"""

from dataclasses import dataclass
from pathlib import Path

import torch

from docs.figures.svg import Page
from neurallambda.automata import library
from neurallambda.automata.data.generate import Recipe
from neurallambda.automata.data.lengths import Lengths
from neurallambda.automata.diagram import describe_rule, to_text
from neurallambda.automata.rules.rule import Rule
from neurallambda.twins import SuperposedAutomaton
from neurallambda.twins.axes import Layout
from neurallambda.twins.blank import blank_pda
from neurallambda.twins.examples import draw_examples
from neurallambda.twins.learning import Course, learn

FILE = Path(__file__).with_name("sharpening.svg")
STYLE = Path(__file__).with_name("journey.css").read_text()
TABLES = 6
WIDTH, MARGIN, ROW, LABELS, CELL, GAP = 1040, 28, 20, 150, 17, 22


@dataclass(frozen=True)
class Sharpening:
    """What there is to show: the table at some steps, and the rules that it was rounded to.

    Attributes:
        cells: the label of each row, a cell of the table: its state, the next symbol, the top of the stack.
        moves: the label of each column, a move.
        tables: at each step shown, for each cell the weights of the moves.
        rules: the rules of the machine, as text.
    """

    cells: tuple[str, ...]
    moves: tuple[str, ...]
    tables: dict[int, list[list[float]]]
    rules: tuple[str, ...]


def sharpen(*, steps: int = 200, size: int = 400, starts: int = 4, seed: int = 0) -> Sharpening:
    """Learn a^n b^n, and keep what the table of the best start looked like on the way."""
    target = library.load("anbn")
    recipe = Recipe(size=size, lengths=Lengths.parse("0-20"), negatives=0.5, seed=seed)
    twin = SuperposedAutomaton(blank_pda(target.alphabet, states=2, stack="A"), capacity=20)
    course = Course(starts=starts, steps=steps, batch=64, may_stop=True, snapshots=20)
    learned = learn(twin, draw_examples(target, recipe, with_prospects=True), course, seed=seed)
    layout = twin.table.layout
    symbols = range(len(layout.machine.alphabet))
    rows = [(s, i, m) for s in range(len(layout.states)) for i in symbols for m in range(len(layout.shown[0]))]
    shown = [0, 1, 3, 6, 10, course.snapshots]
    weights = torch.softmax(learned.scores[shown], -1)
    return Sharpening(
        cells=tuple(f"{layout.states[s]}  {layout.inputs[i]}  {layout.shown[0][m] or '∅'}" for s, i, m in rows),
        moves=(*(_move(layout, number) for number in range(len(layout.moves))), "stop"),
        tables={
            round(at * steps / course.snapshots): [table[row].tolist() for row in rows]
            for at, table in zip(shown, weights, strict=True)
        },
        rules=tuple(to_text(learned.machine).splitlines()) if learned.machine else (),
    )


def _move(layout: Layout, number: int) -> str:
    move = layout.moves[number]
    rule = Rule("", move.target, (None,), move.target, move.operations)
    done = describe_rule(rule, layout.machine).partition(" / ")[2] or "keep"
    return f"{move.target}, {done}"


def draw(sharpening: Sharpening) -> str:
    """The figure as SVG: one heat map for each step shown."""
    rows, columns = len(sharpening.cells), len(sharpening.moves)
    top, left = 96, MARGIN + LABELS
    across = columns * CELL + GAP
    bottom = top + rows * ROW
    page = Page(WIDTH, bottom + 60 + 20 * len(sharpening.rules))
    page.box(0.5, 0.5, WIDTH - 1, page.height - 1, "card")
    page.text(
        MARGIN,
        36,
        ("a rule table learns a^n b^n", "title"),
        ("each row a cell, each column a move, as dark as its weight", "note"),
    )
    page.text(MARGIN, top - 10, ("state, next, top", "note"))
    for row, label in enumerate(sharpening.cells):
        page.text(MARGIN, top + row * ROW + ROW - 6, (label, "mono"))
    for number, (step, table) in enumerate(sharpening.tables.items()):
        x = left + number * across
        styles = [
            "code" if move.startswith("INITIAL") else "frame" if move == "stop" else "pointer"
            for move in sharpening.moves
        ]
        page.text(x, top - 10, (f"step {step}", "note"))
        page.heat_map(x, top, [dict(enumerate(weights)) for weights in table], styles, (CELL, ROW))
    names = ", ".join(move.partition(", ")[2] for move in sharpening.moves[: (columns - 1) // 2])
    page.text(
        MARGIN,
        bottom + 26,
        ("columns:", "note"),
        ("go to INITIAL", "code"),
        ("go to Q1", "pointer"),
        (f"each: {names};", "note"),
        ("stop", "frame"),
    )
    for row, rule in enumerate(sharpening.rules):
        page.text(MARGIN, bottom + 52 + 20 * row, (rule, "mono value"))
    return page.render(
        title="A rule table learns a^n b^n",
        description=f"The weights of {columns} moves in {rows} cells at {len(sharpening.tables)} steps of descent: even at "
        f"first, one move a cell at the end. Below, the {len(sharpening.rules)} rules that it was rounded to.",
        style=STYLE,
    )


if __name__ == "__main__":
    FILE.write_text(draw(sharpen()))
