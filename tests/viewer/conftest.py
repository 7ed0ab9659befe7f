"""A browser, and a playground to open in it. Where there is no browser, the tests that need one say so and are skipped."""

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Chromium, as the system has it."""
    if find_spec("playwright") is None:
        pytest.skip("no playwright: pip install '.[dev]'")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no browser: none of " + ", ".join(BROWSERS) + " is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield opened
        opened.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """Serves a folder until the test ends, and gives the address of its page."""
    with ExitStack() as stack:
        yield lambda folder: stack.enter_context(served(folder))


@pytest.fixture
def tab(browser: object, serve: object) -> Iterator[object]:
    """A fresh tab that fails the test if a page in it throws, or writes an error to its console.

    It asks for `serve` so that it is closed before a server is: a page that is still loading when a test ends would
    find its server gone, and write that to its console.
    """
    context = browser.new_context(viewport={"width": 1100, "height": 800})  # pyright: ignore[reportAttributeAccessIssue]
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    yield opened
    context.close()
    assert [text for text in wrong if "the server responded with a status of" not in text] == []


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder's page, while it is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()
        serving.join()


@pytest.fixture(scope="session")
def playground() -> Iterator[str]:
    """The address of a playground that lets two programs run at once, for half a minute."""
    command = [sys.executable, "-m", "neurallambda", "serve", "--port", "0", "--seconds", "30", "--runs", "2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    found = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())
    assert found is not None
    asked = Request(f"{found[0]}/api/run", b'{"source": "1"}', {"content-type": "application/json"})
    with urlopen(asked, timeout=300) as answer:  # what it loads first takes as long as the machine is busy
        assert b'"value":"1"' in answer.read()
    yield found[0]
    process.terminate()
    said = process.stderr.read()
    process.wait(timeout=20)
    process.stderr.close()
    assert "Traceback" not in said, said
