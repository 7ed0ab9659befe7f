"""The playground that needs no server, with a worker that answers as a test wants: what is asked is answered, whatever the order."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from docs.hooks.playground import write_page

TELLS = """
const say = (id, answer) => self.postMessage({ id, answer });
function check(id, source) {
  const problem = source.includes("]") ? { message: "line 1, column 1: " + source, line: 1, column: 1 } : null;
  say(id, { kind: "checked", problem, holes: [] });
  say(id, null);
}
"""
RUNS = (
    TELLS
    + """
self.onmessage = ({ data: { id, kind, body } }) => {
  const { source, engine } = JSON.parse(body);
  if (kind === "check") return check(id, source);
  say(id, { kind: "result", value: engine, steps: 1, seconds: 0, ends: [] });
  say(id, null);
};
"""
)
NEVER_ENDS = (
    TELLS
    + """
let isBusy = false; // as Python is: one thing after another, and a run does not end
self.onmessage = ({ data: { id, kind, body } }) => {
  if (isBusy) return;
  if (kind === "check") return check(id, JSON.parse(body).source);
  isBusy = true;
};
"""
)
MISSING = ""


@pytest.fixture
def site(tmp_path: Path, serve: Callable[[Path], str]) -> Callable[[str | None], str]:
    """Gives the address of a playground with this worker; None: its own, which finds no Python."""

    def make(worker: str | None) -> str:
        write_page(tmp_path)
        if worker == MISSING:
            (tmp_path / "worker.js").unlink()
        elif worker is not None:
            (tmp_path / "worker.js").write_text(worker, "utf-8")
        return serve(tmp_path)

    return make


def write(tab: Any, text: str) -> None:
    tab.get_by_role("textbox", name="Program").fill(text)


def test_a_check_behind_a_run_that_is_stopped_is_answered(tab: Any, site: Callable[[str | None], str]) -> None:
    tab.goto(site(NEVER_ENDS))
    tab.get_by_role("button", name="Run", exact=True).click()
    with tab.expect_event("worker"):  # the next one, after Stop
        write(tab, "(+ 1 ]")
        tab.wait_for_timeout(600)  # it is asked, and waits
        assert tab.get_by_test_id("problem").count() == 0
        tab.get_by_role("button", name="Stop").click()
    tab.get_by_test_id("problem").filter(has_text="(+ 1 ]").wait_for()
    write(tab, "(+ 1 2) ]")
    tab.get_by_test_id("problem").filter(has_text="(+ 1 2) ]").wait_for()


def test_a_worker_that_fails_is_told(tab: Any, site: Callable[[str | None], str]) -> None:
    tab.goto(site(MISSING))
    tab.get_by_role("button", name="Run", exact=True).click()
    tab.get_by_test_id("problem").filter(has_text="Python does not run in this browser").wait_for()
    assert tab.get_by_role("button", name="Stop").is_disabled()


def test_python_that_is_not_there_is_asked_for_again(tab: Any, site: Callable[[str | None], str]) -> None:
    tab.goto(site(None))
    for _ in range(2):
        with tab.expect_request("**/pyodide.asm.wasm"):
            tab.get_by_role("button", name="Run", exact=True).click()
        tab.get_by_test_id("problem").filter(has_text="could not be loaded: pyodide/pyodide.asm.wasm").wait_for()


def test_the_engine_that_was_chosen_stays(tab: Any, site: Callable[[str | None], str]) -> None:
    address = site(RUNS)
    tab.goto(address)
    engine = tab.get_by_role("combobox", name="engine")
    assert engine.input_value() == "reference"
    engine.select_option("stepper")
    tab.get_by_role("button", name="Factorial").click()
    tab.get_by_test_id("value").filter(has_text="stepper").wait_for()
    assert engine.input_value() == "stepper"
    tab.goto("about:blank")
    tab.goto(f"{address}#program=WyIoKyAxIDIpIiwic3RlcHBlciIse31d")  # (+ 1 2), stepper
    assert engine.input_value() == "stepper"
    tab.get_by_role("button", name="Closures").click()
    tab.get_by_test_id("value").filter(has_text="stepper").wait_for()


def test_an_engine_that_is_not_there_is_told(tab: Any, site: Callable[[str | None], str]) -> None:
    tab.goto(site(RUNS) + "#program=WyIoKyAxIDIpIiwibWFjaGluZSIse31d")  # (+ 1 2), machine
    tab.get_by_text("There is no engine machine here. The program runs on reference.").wait_for()


def test_control_and_enter_run_from_anywhere(tab: Any, site: Callable[[str | None], str]) -> None:
    tab.goto(site(RUNS))
    tab.get_by_role("combobox", name="engine").select_option("beta-stepper")
    tab.get_by_role("combobox", name="engine").press("Control+Enter")
    tab.get_by_test_id("value").filter(has_text="beta-stepper").wait_for()
    for name in ("Share", "Run"):
        tab.get_by_role("combobox", name="engine").select_option("reference" if name == "Share" else "stepper")
        tab.get_by_role("button", name=name, exact=True).press("Control+Enter")
        tab.get_by_test_id("value").filter(has_text="reference" if name == "Share" else "stepper").wait_for()


def test_the_settings_are_plain() -> None:
    from neurallambda.viewer.playground.in_browser import settings

    known = json.loads(settings())
    assert known["soft"] is False
    assert all("refused" in one for one in known["gallery"])
