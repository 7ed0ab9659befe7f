"""The figures of structures in a language model while it writes, drawn from the records of trained grafts.

    neurallambda llm train reverse learning_rate=0.01 --seed 1000 --out reverse
    neurallambda llm inspect reverse "dog cat sun moon ball tree |" --tokens 6 -o docs/figures/graft.json
    neurallambda llm train arithmetic --seed 1000 --out arithmetic
    neurallambda llm inspect arithmetic "in most two in plus three eight out out is" --tokens 1 -o docs/figures/bank.json
    neurallambda llm train lisp structure=calls --seed 1000 --out evaluator
    neurallambda llm inspect evaluator "in let open x five close in times x x out out is" --tokens 4 -o docs/figures/calls.json

make the records; `python -m docs.figures.graft` writes `graft.svg`, `bank.svg` and `calls.svg` beside this file; a test checks that
they are current.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docs.figures.svg import Page
from neurallambda.traces import states

HERE = Path(__file__).parent
STYLE = HERE.joinpath("journey.css").read_text()
LEFT, TOP, CELL = 96, 48, 24
GAP = 12
"""Between what is held by one structure and by another."""


@dataclass(frozen=True)
class Figure:
    """A figure: what it is of, how wide a token's column is, and what structures are called in it, by their names in the record."""

    name: str
    column: int
    title: str
    description: str
    labels: Mapping[str, str]

    @property
    def record(self) -> Mapping[str, Any]:
        """The trace of a graft, as one document."""
        return json.loads(HERE.joinpath(f"{self.name}.json").read_text())

    @property
    def file(self) -> Path:
        """Where it is kept."""
        return HERE / f"{self.name}.svg"


FIGURES = (
    Figure(
        "graft",
        66,
        "A stack in a language model while it writes",
        "Each column is a token: whether the latch is on, what is done to the stack, what it holds after it, and the next token "
        "with the stack and without it.",
        {"stack 1": "holds"},
    ),
    Figure(
        "bank",
        90,
        "A bank of programs in a language model while it reads an expression",
        "Each column is a token: whether the latch is on, the programs that wait, the values that they wait for, what is done, and the "
        "next token with the bank and without it.",
        {"stack of programs 1": "programs", "stack of values 1": "values"},
    ),
    Figure(
        "calls",
        66,
        "A language model that calls an evaluator",
        "Each column is a token: whether the latch is on, the words that were put, what is left of the answer, what is done or which "
        "program is called, and the next token with the call and without it.",
        {"queue of words 1": "words", "queue of answers 1": "answer"},
    ),
)


def draw(figure: Figure) -> str:
    """The figure as SVG."""
    record = figure.record
    lanes = [state.lanes[0] for state in states([record["header"], *record["steps"]])][1:]
    page_top, grounds = TOP + 32, dict[str, float]()
    for name in figure.labels:
        page_top += GAP + CELL * max(len(lane["stores"][name]["items"]) for lane in lanes)
        grounds[name] = page_top
    ground = page_top
    page = Page(LEFT + figure.column * len(lanes) + 16, ground + 104)
    page.box(0.5, 0.5, page.width - 1, page.height - 1, "card")
    held = [(label, grounds[name] - 8) for name, label in figure.labels.items()]
    below = [("action", ground + 24), ("next", ground + 54), ("without", ground + 80)]
    for label, y in (("token", TOP - 16), ("latch", TOP + 14), *held, *below):
        page.text(16, y, (label, "note"))
    prompt = len(record["header"]["input"])
    for number, lane in enumerate(lanes):
        _draw_column(page, LEFT + number * figure.column, figure.column - 6, lane, grounds, is_written=number >= prompt)
    page.line(LEFT + prompt * figure.column - 3, 12, LEFT + prompt * figure.column - 3, page.height - 12)
    for y in grounds.values():
        page.line(LEFT, y, LEFT + figure.column * len(lanes) - 6, y)
    return page.render(title=figure.title, description=figure.description, style=STYLE)


def _draw_column(
    page: Page, x: float, width: float, lane: Mapping[str, Any], grounds: Mapping[str, float], *, is_written: bool
) -> None:
    """One token."""
    told = {register: value[0][0] for register, value in lane["registers"].items()}
    token = lane["rules"][0][0].partition(" ")[2]
    page.text(x, TOP - 16, (token, "mono value" if is_written else "mono"))
    on = dict(lane["registers"]["latch"]).get("on", 0.0)
    page.box(x, TOP, width, 20, "ground")
    if on:
        page.box(x, TOP, width, 20, "pointer", opacity=on)
    for name, ground in grounds.items():
        for place, item in enumerate(lane["stores"][name]["items"]):
            page.box(x, ground - (place + 1) * CELL, width, CELL - 2, "ground")
            page.text(x + 6, ground - place * CELL - 8, (item["text"], "mono register"))
    last = max(grounds.values())
    called = told.get("call of queue of answers 1", "-")
    page.text(x, last + 24, (told[next(iter(grounds))] if called == "-" else called, "mono code"))
    page.text(x, last + 54, (told["next"], "mono value"))
    page.text(x, last + 80, (told["without"], "mono frame"))


def main() -> None:
    """Draw them again."""
    for figure in FIGURES:
        figure.file.write_text(draw(figure))


if __name__ == "__main__":
    main()
