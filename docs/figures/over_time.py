"""The figure of what scans cost as sequences get longer: time against an LSTM, and numbers held, drawn from the result.

`python -m docs.figures.over_time` writes `over_time.svg` beside this file; a test checks that it is current.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docs.figures.plot import STYLE, Plot, legend, ticks
from docs.figures.svg import Page

RESULT = Path(__file__).parents[2] / "benchmarks" / "results" / "structures_over_time.json"
FILE = Path(__file__).with_name("over_time.svg")

CURVES = {
    "superposition_stack_fused": ("superposition stack, fused", "code"),
    "superposition_stack_chunked": ("superposition stack, plain PyTorch", "register"),
    "superposition_queue_fused": ("superposition queue, fused", "value"),
    "strength_stack_fused": ("strength stack, fused", "pointer"),
    "hard_stack": ("hard stack, plain PyTorch", "frame"),
}
"""The curves of the result, what they are called, and their class in the style sheet."""

TIME, MEMORY = Plot(64, 64), Plot(576, 64)


def draw(numbers: Mapping[str, Any]) -> str:
    """The figure as SVG."""
    page = Page(1040, 454)
    page.box(0.5, 0.5, page.width - 1, page.height - 1, "card")
    for plot, quantity, title in (
        (TIME, "over_lstm", "time, as a multiple of nn.LSTM(64)"),
        (MEMORY, "floats_a_step", "numbers held for each step of a row"),
    ):
        curves = {style: numbers[f"{name}_{quantity}"] for name, (_, style) in CURVES.items()}
        most = max(value for values in curves.values() for value in values)
        plot.draw(page, curves, title=title, marks=numbers["times"], note="steps", ticks=ticks(most))
    legend(page, TIME.left, 384, {style: label for label, style in CURVES.values()})
    first, *_, last = numbers["times"]
    return page.render(
        title="What scans cost as sequences get longer",
        description=f"Time as a multiple of an LSTM's, and numbers held a step, for {first} to {last} steps.",
        style=STYLE,
    )


def main() -> None:
    """Draw it again."""
    FILE.write_text(draw(json.loads(RESULT.read_text())["numbers"]))


if __name__ == "__main__":
    main()
