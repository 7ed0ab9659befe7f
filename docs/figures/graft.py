"""The figure of a stack in a language model while it writes, drawn from the record of a trained graft.

    neurallambda llm train reverse learning_rate=0.01 --seed 1000 --out reverse
    neurallambda llm inspect reverse "dog cat sun moon ball tree |" --tokens 6 -o docs/figures/graft.json

make the record; `python -m docs.figures.graft` writes `graft.svg` beside this file; a test checks that it is current.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docs.figures.svg import Page
from neurallambda.traces import states

RECORD = Path(__file__).with_name("graft.json")
FILE = Path(__file__).with_name("graft.svg")
STYLE = Path(__file__).with_name("journey.css").read_text()

LEFT, TOP, COLUMN, CELL = 96, 48, 66, 24
ROWS = ("token", "latch", "stack", "next", "without")


def draw(record: Mapping[str, Any]) -> str:
    """The figure as SVG.

    Args:
        record: the trace of a graft with one stack, as one document.
    """
    lanes = [state.lanes[0] for state in states([record["header"], *record["steps"]])][1:]
    name = next(iter(lanes[0]["stores"]))
    deepest = max(len(lane["stores"][name]["items"]) for lane in lanes)
    ground = TOP + 56 + deepest * CELL
    page = Page(LEFT + COLUMN * len(lanes) + 16, ground + 104)
    page.box(0.5, 0.5, page.width - 1, page.height - 1, "card")
    for label, y in (("token", TOP - 16), ("latch", TOP + 14), ("holds", ground - 8), (name, ground + 24)):
        page.text(16, y, (label, "note"))
    page.text(16, ground + 54, ("next", "note"))
    page.text(16, ground + 80, ("without", "note"))
    prompt = len(record["header"]["input"])
    for number, lane in enumerate(lanes):
        _draw_column(page, LEFT + number * COLUMN, lane, name, ground, is_written=number >= prompt)
    page.line(LEFT + prompt * COLUMN - 3, 12, LEFT + prompt * COLUMN - 3, page.height - 12)
    page.line(LEFT, ground, LEFT + COLUMN * len(lanes) - 6, ground)
    return page.render(
        title="A stack in a language model while it writes",
        description="Each column is a token: whether the latch is on, what is done to the stack, what it holds after it, and "
        "the next token with the stack and without it.",
        style=STYLE,
    )


def _draw_column(page: Page, x: float, lane: Mapping[str, Any], name: str, ground: float, *, is_written: bool) -> None:
    """One token."""
    told = {register: value[0][0] for register, value in lane["registers"].items()}
    token = lane["rules"][0][0].partition(" ")[2]
    page.text(x, TOP - 16, (token, "mono value" if is_written else "mono"))
    on = dict(lane["registers"]["latch"]).get("on", 0.0)
    page.box(x, TOP, COLUMN - 6, 20, "ground")
    if on:
        page.box(x, TOP, COLUMN - 6, 20, "pointer", opacity=on)
    for place, item in enumerate(lane["stores"][name]["items"]):
        page.box(x, ground - (place + 1) * CELL, COLUMN - 6, CELL - 2, "ground")
        page.text(x + 6, ground - place * CELL - 8, (item["text"], "mono register"))
    page.text(x, ground + 24, (told[name], "mono code"))
    page.text(x, ground + 54, (told["next"], "mono value"))
    page.text(x, ground + 80, (told["without"], "mono frame"))


def main() -> None:
    """Draw it again."""
    FILE.write_text(draw(json.loads(RECORD.read_text())))


if __name__ == "__main__":
    main()
