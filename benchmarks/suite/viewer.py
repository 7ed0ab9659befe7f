"""The viewer and the playground, in a browser: how soon they are there, and what a step costs while a run plays."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.harness import Case, Numbers, benchmark
from benchmarks.timing import spread
from docs.hooks.playground import PYODIDE, build
from neurallambda.engines.protocol import Limits
from neurallambda.traces import trace
from neurallambda.viewer import page

SHORT = "(defn fact [n] (if (= n 0) 1 (* n (fact (- n 1))))) (fact 5)"
LONG = """(defn insert [x xs] (if (empty? xs) (cons x '()) (if (< x (car xs)) (cons x xs) (cons (car xs) (insert x (cdr xs))))))
(defn sort [xs] (if (empty? xs) '() (insert (car xs) (sort (cdr xs)))))
(sort '(9 3 12 7 19 1 17 15 4 11 2 20 14 6 10 5 18 13 8 16))"""
"""Takes more than two thousand steps."""
PLAY = """async () => {
  const times = [];
  document.querySelector("button[aria-label=Play]").click();
  await new Promise((done) => {
    const frame = (now) => (times.push(now), times.length < 240 ? requestAnimationFrame(frame) : done());
    requestAnimationFrame(frame);
  });
  return times.slice(1).map((time, index) => (time - times[index]) / 1000);
}"""
ANSWER = """async (expected) => {
  const button = [...document.querySelectorAll("button")].find((one) => one.textContent === "Run");
  const started = performance.now();
  button.click();
  const shown = () => document.querySelector("[data-testid=value]")?.textContent;
  while (shown() !== expected) await new Promise((next) => setTimeout(next, 0));
  return performance.now() - started;
}"""
"""Milliseconds from a click until the value is on the page."""
FIRST = {"source": "((fn [x] '(x x x)) 42)"}


@contextmanager
def _tab() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser.new_page(viewport={"width": 1280, "height": 900})
        browser.close()


@benchmark(
    claim="the page of a short run is small and there at once, and a run of two thousand steps plays smoothly",
    limits={
        "short_page_bytes": 1e6,
        "short_interactive_seconds": 1.0,
        "long_record_bytes": 5e6,
        "frame_work_seconds": 1 / 60,
    },
)
def viewer_page(seed: int) -> Case:
    """Pages from disk, of runs on the machine: `frame_work_seconds` is what the page computes for a frame, `frame_seconds` what
    passes between two.
    """
    short = trace(SHORT).document()
    long = trace(LONG, limits=Limits(max_steps=4_000)).document()

    def measure() -> Numbers:
        with TemporaryDirectory() as folder, _tab() as tab:
            opened = []
            for index in range(9):
                path = Path(folder) / f"{index}.html"
                path.write_text(page(short))
                started = perf_counter()
                tab.goto(path.as_uri())
                tab.keyboard.press("ArrowRight")
                tab.get_by_test_id("step").filter(has_text="1 /").wait_for()
                opened.append(perf_counter() - started)
            path = Path(folder) / "long.html"
            path.write_text(page(long))
            tab.goto(path.as_uri() + "#step=300")
            tab.get_by_role("combobox").select_option("60")
            session = tab.context.new_cdp_session(tab)
            session.send("Performance.enable", {"timeDomain": "threadTicks"})
            before = _work(session)
            frames = tab.evaluate(PLAY)
            work = (_work(session) - before) / len(frames)
        return {
            "short_page_bytes": len(page(short).encode()),
            "short_interactive_seconds": spread(opened),
            "long_record_bytes": len(json.dumps(long, separators=(",", ":"))),
            "long_steps": len(long["steps"]),
            "frame_work_seconds": work,
            "frame_seconds": spread(frames),
        }

    return Case(
        verify=lambda: {
            "the short run ends rightly": short["end"]["outcome"] == {"value": "120"},
            "the long run has two thousand steps": len(long["steps"]) >= 2_000,
            "the long run ends rightly": long["end"]["outcome"] == {"value": f"'({' '.join(map(str, range(1, 21)))})"},
        },
        measure=measure,
    )


def _work(session: Any) -> float:
    """Seconds of processor time that the page has used so far."""
    return next(m["value"] for m in session.send("Performance.getMetrics")["metrics"] if m["name"] == "TaskDuration")


@benchmark(claim="after the first, the playground answers within a third of a second", limits={"answer_seconds": 0.3})
def playground_answer(seed: int) -> Case:
    """What passes between a request for the first program of all and its whole answer."""

    def ask(address: str) -> dict[str, Any]:
        headers = {"content-type": "application/json"}
        with urlopen(Request(f"{address}/api/run", json.dumps(FIRST).encode(), headers)) as answer:
            return json.loads(answer.read().splitlines()[-1])

    def measured(times: int) -> tuple[list[float], dict[str, Any]]:
        command = [sys.executable, "-m", "neurallambda", "serve", "--port", "0"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stderr is not None
            found = re.search(r"http://\S+", process.stderr.readline())
            assert found is not None
            answer = ask(found[0])
            seconds = []
            for _ in range(times):
                started = perf_counter()
                answer = ask(found[0])
                seconds.append(perf_counter() - started)
            return seconds, answer
        finally:
            process.terminate()
            process.wait()

    return Case(
        verify=lambda: {"it answers rightly": measured(1)[1]["value"] == "'(42 42 42)"},
        measure=lambda: {"answer_seconds": spread(measured(20)[0])},
    )


@contextmanager
def _static() -> Iterator[str]:
    """The address of a playground that needs no server but one that hands out files."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    with TemporaryDirectory() as folder:
        build(Path(folder))
        with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}/index.html"
            server.shutdown()


@benchmark(
    claim="once it is loaded, the playground without a server answers within a tenth of a second",
    limits={"answer_seconds": 0.1},
)
def static_playground_answer(seed: int) -> Case:
    """What passes in the browser between a click on Run and the value on the page, for programs like the first of all."""

    def measured(times: int) -> tuple[float, list[float], str]:
        assert PYODIDE.is_dir(), "no Pyodide: `cd frontend && npm ci` fetches it"
        with _static() as address, _tab() as tab:
            tab.set_default_timeout(120_000)
            tab.goto(address)
            started = perf_counter()
            tab.get_by_role("button", name="Run", exact=True).click()
            tab.get_by_test_id("value").wait_for()
            loaded = perf_counter() - started
            seconds = []
            for number in range(times):
                tab.get_by_role("textbox", name="Program").fill(f"((fn [x] '(x x x)) {number})")
                tab.wait_for_timeout(600)  # what checks the text while one types is over
                seconds.append(tab.evaluate(ANSWER, f"'({number} {number} {number})") / 1000)
            return loaded, seconds, tab.get_by_test_id("value").inner_text()

    def measure() -> Numbers:
        loaded, seconds, _ = measured(20)
        return {"first_answer_seconds": loaded, "answer_seconds": spread(seconds)}

    return Case(verify=lambda: {"it answers rightly": measured(1)[2] == "'(0 0 0)"}, measure=measure)
