"""The moving picture of the README: a run in the viewer, step by step, as a browser draws it.

`python -m docs.figures.moving` writes `run.gif` beside this file. It needs Chromium and the extra `dev`.
"""

from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from docs.figures.screens import browser, tab
from neurallambda.traces import document, trace
from neurallambda.viewer import page

FILE = Path(__file__).with_name("run.gif")
SOURCE = "(defn fact [n] (if (= n 0) 1 (* n (fact (- n 1)))))\n(fact 3)"
SIZE = (920, 500)
MILLISECONDS = 450
AT_THE_END = 2_500
COLOURS = 64


def main() -> None:
    """Take a picture of each step."""
    record = document(trace(SOURCE, engine="machine"))
    with browser() as opened, TemporaryDirectory() as folder, tab(opened, "light", SIZE) as shown:
        path = Path(folder) / "run.html"
        path.write_text(page(record), encoding="utf-8")
        shown.goto(path.as_uri())
        shown.add_style_tag(
            content=".source, .masthead { display: none } .controls { box-shadow: none } *, ::before { animation: none !important }"
        )
        frames = []
        for _ in range(len(record["steps"])):
            shown.wait_for_timeout(400)
            picture = Image.open(BytesIO(shown.screenshot())).convert("RGB")
            frames.append(picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE))
            shown.keyboard.press("ArrowRight")
    lengths = [MILLISECONDS] * (len(frames) - 1) + [AT_THE_END]
    frames[0].save(FILE, save_all=True, append_images=frames[1:], duration=lengths, loop=0, optimize=True)


if __name__ == "__main__":
    main()
