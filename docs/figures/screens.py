"""Pictures of the viewer and of the playground, as a browser draws them: light and dark, wide and narrow.

`python -m docs.figures.screens` writes them beside this file. It needs Chromium and the extra `dev`.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from neurallambda.traces import document, trace
from neurallambda.viewer import page

FOLDER = Path(__file__).parent
FACTORIAL = "(defn fact [n] (if (= n 0) 1 (* n (fact (- n 1)))))\n(fact 5)"
WIDE, NARROW = (1200, 860), (360, 780)
SETTLED = 1_500
"""After so many milliseconds nothing moves any more."""


def main() -> None:
    """Draw all pictures."""
    with browser() as opened, TemporaryDirectory() as folder, _playground() as address:
        path = Path(folder) / "run.html"
        path.write_text(page(document(trace(FACTORIAL, engine="machine"))), encoding="utf-8")
        for name, scheme, size in (
            ("viewer-light", "light", WIDE),
            ("viewer-dark", "dark", WIDE),
            ("viewer-narrow", "light", NARROW),
        ):
            with tab(opened, scheme, size) as shown:
                shown.goto(f"{path.as_uri()}#step=40")
                shown.wait_for_timeout(SETTLED)
                shown.screenshot(path=FOLDER / f"{name}.png")
        for name, scheme, size in (
            ("playground-light", "light", WIDE),
            ("playground-dark", "dark", WIDE),
            ("playground-narrow", "dark", NARROW),
        ):
            with tab(opened, scheme, size) as shown:
                shown.goto(address)
                shown.get_by_test_id("step").wait_for()
                shown.get_by_role("button", name="A soft choice").click()
                shown.get_by_test_id("ends").wait_for()
                shown.get_by_test_id("step").filter(has_text="/ 6").wait_for()
                shown.get_by_role("slider", name="Step", exact=True).fill("1")
                shown.wait_for_timeout(SETTLED)
                shown.evaluate("scrollTo(0, 0)")
                shown.screenshot(path=FOLDER / f"{name}.png")


@contextmanager
def browser() -> Iterator[Any]:
    """A browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


@contextmanager
def tab(opened: Any, scheme: str, size: tuple[int, int]) -> Iterator[Any]:
    """A tab of a browser, in light or dark colours, so wide and so high."""
    context = opened.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    shown = context.new_page()
    shown.set_default_timeout(60_000)
    yield shown
    context.close()


@contextmanager
def _playground() -> Iterator[str]:
    command = [sys.executable, "-m", "neurallambda", "serve", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    found = re.search(r"http://\S+", process.stderr.readline())
    assert found is not None
    yield found[0]
    process.terminate()
    process.wait()


if __name__ == "__main__":
    main()
