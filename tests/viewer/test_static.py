"""The playground that needs no server: Python runs in the browser, and says what it says here."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest

from docs.hooks.playground import PYODIDE, build
from neurallambda.lang.evaluate import evaluate
from neurallambda.viewer.playground.in_browser import answers, archive, settings
from tests.viewer.conftest import served

FACTORIAL = "(defn fact [n] (if (= n 0) 1 (* n (fact (- n 1))))) (fact 5)"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not PYODIDE.is_dir():
        pytest.skip("no Pyodide: `cd frontend && npm ci` fetches it")
    folder = tmp_path_factory.mktemp("static")
    build(folder)
    with served(folder) as address:
        yield address


def watched(tab: Any, key: str, text: str) -> None:
    """The record comes after the value, and the term at one of its ends is this."""
    tab.locator(".bar .state", has_not_text="running").wait_for(state="attached")
    tab.get_by_test_id("term").wait_for()
    tab.locator("h1").click()
    tab.keyboard.press(key)
    tab.locator(f'[data-testid="term"][data-text="{text}"]').wait_for()


def test_programs_run_in_the_browser(tab: Any, site: str) -> None:
    tab.set_default_timeout(60_000)
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(site)
    tab.locator(".gallery button").first.wait_for()
    assert not [url for url in asked if "pyodide" in url], "nothing large is fetched before it is needed"
    tab.get_by_role("button", name="Run and watch").click()
    tab.get_by_test_id("value").filter(has_text="'(42 42 42)").wait_for()
    tab.get_by_test_id("step").filter(has_text="/ 12").wait_for()
    editor = tab.get_by_role("textbox", name="Program")
    editor.fill(FACTORIAL)
    tab.keyboard.press("Control+Enter")
    tab.get_by_test_id("value").filter(has_text="120").wait_for()
    watched(tab, "End", evaluate(FACTORIAL).text or "")
    tab.get_by_role("combobox", name="engine").select_option("beta-stepper")
    tab.get_by_role("button", name="Run and watch").click()
    tab.get_by_test_id("value").filter(has_text="120").wait_for()
    watched(tab, "Home", "(fact 5)")
    tab.get_by_role("combobox", name="engine").select_option("stepper")
    editor.fill("(+ 1\n   (car 5))")
    tab.keyboard.press("Control+Enter")
    tab.get_by_test_id("error").filter(has_text="line 2, column 4").wait_for()
    editor.fill("(+ 1 <img src=x onerror=alert(1)>")
    tab.get_by_test_id("problem").filter(has_text="line 1").wait_for()
    assert tab.locator("main img[src=x]").count() == 0
    editor.fill("(defn f [n] (f n)) (f 1)")
    tab.get_by_role("button", name="Run", exact=True).click()
    tab.get_by_role("button", name="Stop").click()
    editor.fill("(+ 40 2)")
    tab.get_by_role("button", name="Run", exact=True).click()
    tab.get_by_test_id("value").filter(has_text="42").wait_for()
    assert {url.split("/")[2] for url in asked} == {site.split("/")[2]}, "nothing is asked of any other site"


def test_what_is_packed_is_enough_and_has_no_tensors() -> None:
    names = zipfile.ZipFile(BytesIO(archive())).namelist()
    assert "neurallambda/lang/prelude.lisp" in names
    assert "lark/lark.py" in names
    known = json.loads(settings())
    assert known["engines"] == known["traced"] == ["reference", "stepper", "beta-stepper"]
    for example in known["gallery"]:
        found = [
            json.loads(line)
            for engine in known["engines"]
            for line in answers("run", json.dumps({"source": example["source"], "engine": engine}))
        ]
        assert [one["kind"] for one in found] == ["result"] * 3
        assert len({one.get("value") for one in found}) == 1


def test_programs_are_traced_without_tensors() -> None:
    program = """
import json, sys
sys.modules |= dict.fromkeys(("torch", "numpy", "jaxtyping"))
from neurallambda.viewer.playground.in_browser import answers
*_, last = answers("trace", json.dumps({"source": "((fn [x] '(x x x)) 42)", "engine": "reference"}))
print(json.loads(last)["trace"]["end"]["steps"])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("12\n", "")


@pytest.mark.parametrize(
    ("kind", "request_", "said"),
    [
        ("run", {"source": "1", "engine": "machine"}, "needs tensors"),
        ("run", {"source": 1}, "expected the text of a program"),
        ("trace", {"source": "(+ 1"}, "never closed"),
        ("run", {"source": "?a", "holes": {"a": [[1, 0.5], [2, 0.5]]}}, "takes one value for each hole"),
        ("run", {"source": "?a", "holes": {"a": {"items": []}}}, "takes one value for each hole"),
    ],
)
def test_what_cannot_be_run_is_told(kind: str, request_: dict[str, object], said: str) -> None:
    *_, last = answers(kind, json.dumps({"engine": "reference", **request_}))
    assert said in json.loads(last)["problem"]["message"]


def test_no_request_is_too_strange() -> None:
    for body in ("", "[]", "null", "{", '{"source": "\\ud800", "engine": "reference"}'):
        for line in answers("run", body):
            assert json.loads(line)["kind"] == "problem"
