"""The viewer in a browser: what it shows at a step is what the record says."""

from pathlib import Path
from typing import Any

import pytest

from neurallambda.lang import Chances
from neurallambda.traces import document, states, trace
from neurallambda.viewer import page
from tests.viewer.conftest import AXE
from tests.viewer.records import Record, automaton, factorial, splitting, structure


@pytest.fixture
def shown(tab: Any, tmp_path: Path) -> Any:
    """Opens a record's page from disk."""

    def show(record: Record, fragment: str = "") -> Any:
        path = tmp_path / "run.html"
        path.write_text(page(record), encoding="utf-8")
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(path.as_uri() + fragment)
        tab.get_by_test_id("step").wait_for()
        assert all(url.startswith(("file:", "data:")) for url in asked), asked
        return tab

    return show


def term(tab: Any) -> str:
    """The term on the page, without the blanks that lay it out."""
    return "".join(tab.get_by_test_id("term").inner_text().split())


def step(tab: Any) -> int:
    return int(tab.get_by_test_id("step").inner_text().split("/")[0])


def test_terms_at_steps_are_those_of_the_record(shown: Any) -> None:
    record, texts = factorial(5)
    tab = shown(record)
    assert term(tab) == "".join(texts[0].split())
    for number in (1, 2, 3, 4, 5):
        tab.keyboard.press("ArrowRight")
        assert step(tab) == number
        assert term(tab) == "".join(texts[number].split())
    tab.keyboard.press("ArrowLeft")
    assert term(tab) == "".join(texts[4].split())
    tab.keyboard.press("End")
    assert (step(tab), term(tab)) == (len(texts) - 1, "120")
    tab.keyboard.press("Home")
    assert (step(tab), term(tab)) == (0, "(fact5)")


@pytest.mark.parametrize("engine", ["machine", "reference", "beta", "normalize"])
def test_a_real_run_shows_the_terms_that_its_states_stand_for(shown: Any, engine: str) -> None:
    events = list(trace("((fn [x] '(x x x)) 42)", engine=engine))
    tab = shown(document(events))
    for state in states(events):
        assert step(tab) == state.number
        text = next((lane["term"]["text"] for lane in state.lanes.values()), None)
        if text is not None:
            assert term(tab) == "".join(text.split())
        tab.keyboard.press("ArrowRight")


def test_factorial_shows_the_references_own_reduction(shown: Any) -> None:
    source = "(defn fact [n] (if (= n 0) 1 (* n (fact (- n 1))))) (fact 5)"
    events = list(trace(source, engine="machine"))
    judged = list(states(trace(source, engine="reference")))
    tab = shown(document(events))
    for number in (0, 3, 12, 40, 66, 72):
        tab.get_by_role("slider", name="Step").fill(str(number))
        assert term(tab) == "".join(judged[number].lanes[0]["term"]["text"].split())
    tab.keyboard.press("End")
    assert tab.get_by_test_id("outcome").inner_text() == "120"


def test_jumps_in_a_long_run_show_what_steps_one_by_one_would(shown: Any) -> None:
    record, texts = factorial(60)
    tab = shown(record, "#step=137")
    for number in (137, 50, 49, 300, 151, 12):
        tab.get_by_role("slider", name="Step").fill(str(number))
        assert tab.get_by_test_id("term").get_attribute("data-text") == texts[number]
        assert tab.locator(".store h2", has_text="continuation").count() == 1


def test_the_redex_is_marked_and_what_is_new_is_seen(shown: Any) -> None:
    tab = shown(factorial(5)[0], "#step=1")
    assert tab.locator(".term mark.redex").inner_text() == "(= 5 0)"
    tab.keyboard.press("ArrowRight")
    assert tab.locator(".term .w.fresh").all_inner_texts() == ["false"]


def test_it_plays_to_the_end_and_stops(shown: Any) -> None:
    record, texts = factorial(5)
    tab = shown(record)
    tab.get_by_role("combobox", name="Steps a second").select_option("60")
    tab.get_by_role("button", name="Play").click()
    tab.get_by_test_id("step").filter(has_text=f"{len(texts) - 1} /").wait_for()
    tab.get_by_role("button", name="Play").wait_for()
    assert term(tab) == "120"


def test_space_plays_and_pauses(shown: Any) -> None:
    tab = shown(factorial(50)[0])
    tab.keyboard.press(" ")
    tab.get_by_role("button", name="Pause").wait_for()
    tab.keyboard.press(" ")
    tab.get_by_role("button", name="Play").wait_for()
    assert step(tab) < 250


def test_the_address_holds_the_step(shown: Any) -> None:
    tab = shown(factorial(5)[0], "#step=7")
    assert step(tab) == 7
    tab.keyboard.press("ArrowRight")
    tab.wait_for_url("**#step=8")
    tab.evaluate("location.hash = '#step=3'")
    tab.get_by_test_id("step").filter(has_text="3 /").wait_for()


def test_a_cell_shows_its_numbers_to_the_mouse_and_to_the_keyboard(shown: Any) -> None:
    tab = shown(factorial(5)[0], "#step=6")
    tab.locator("#cell-A3").hover()
    assert "3 0.7500" in tab.get_by_test_id("details").inner_text().replace("\n", " ")
    assert "gradient of 120" in tab.get_by_test_id("details").inner_text()
    tab.locator("#cell-A3").focus()
    tab.keyboard.press("ArrowDown")
    assert tab.get_by_test_id("details").inner_text().startswith("A4")
    assert step(tab) == 6


def test_alternatives_split_merge_and_end(shown: Any) -> None:
    tab = shown(splitting())
    assert "1 50.0 %" in tab.locator(".w.soft").get_attribute("title")
    tab.keyboard.press("ArrowRight")
    assert tab.locator(".choose button").all_inner_texts()[0].split() == ["(+", "1", "1)", "50.0", "%"]
    tab.locator(".choose button", has_text="(/ 1 0)").click()
    assert term(tab) == "(/10)"
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowRight")
    assert tab.locator(".choose button").count() == 1
    assert "error division-by-zero 20.0 %" in tab.locator(".registers").inner_text()
    assert tab.locator(".outcome .number").all_inner_texts() == ["0.8000", "0.2000"]


def test_a_list_of_uncertain_items_is_shown_item_by_item(shown: Any) -> None:
    holes = {"xs": [Chances((1, 2), (1, 3)), 5, []], "n": 4}
    tab = shown(document(trace("(+ (car ?xs) ?n)", engine="worlds", holes=holes)))
    tab.get_by_text("Program", exact=True).click()
    given = tab.locator(".given")
    assert given.locator("dt").all_inner_texts() == ["?xs/0", "?xs/1", "?xs/2", "?n"]
    assert given.locator("dd").all_inner_texts() == ["1 25.0 % · 2 75.0 %", "5", "'()", "4"]
    tab.locator("h1").click()
    tab.keyboard.press("End")
    tab.keyboard.press("ArrowLeft")
    assert tab.locator(".choose button").count() == 2
    tab.keyboard.press("ArrowRight")
    tab.get_by_text("All alternatives have ended.").wait_for()
    assert serious(tab) == []


def test_inside_a_notebook_it_steps_too(tab: Any, tmp_path: Path) -> None:
    html = trace("(+ 1 2)", engine="reference")._repr_html_()  # pyright: ignore[reportPrivateUsage]
    (tmp_path / "cell.html").write_text(f"<!doctype html><title>cell</title>{html}", encoding="utf-8")
    tab.goto((tmp_path / "cell.html").as_uri())
    tab.locator("summary").click()
    inside = tab.frame_locator("iframe")
    inside.get_by_role("button", name="Step forward").click()
    inside.get_by_test_id("step").filter(has_text="1 /").wait_for()
    tab.wait_for_timeout(200)  # by then the step would be in the address


def test_an_automaton_shows_state_stack_and_what_it_reads(shown: Any) -> None:
    tab = shown(automaton(), "#step=2")
    assert tab.locator("#input-title ~ .tape .head").inner_text() == ")"
    assert tab.locator(".stack li").count() == 2
    assert tab.locator(".step-row").count() == 5
    assert tab.get_by_test_id("outcome").inner_text() == "accepted"


def test_a_structure_shows_what_it_holds_over_time(shown: Any) -> None:
    tab = shown(structure(), "#step=3")
    assert tab.locator(".step-row.chosen .vector i").count() == 3


def test_hostile_text_stays_text(shown: Any) -> None:
    hostile = "<img src=x onerror=document.title='owned'>"
    record = splitting()
    record["header"]["name"] = hostile
    record["header"]["lanes"][0]["term"] = {"text": hostile}
    record["header"]["memory"] = [
        {"address": hostile, "tag": [[hostile, 1.0]], "label": hostile, "pointers": {hostile: [[hostile, 1.0]]}}
    ]
    record["end"]["outcome"] = {"error": hostile, "message": hostile}
    tab = shown(record)
    assert tab.locator("img").count() == 0
    assert "<img" in tab.locator("h1").inner_text()
    assert tab.title().startswith("<img")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_is_in_the_way_of_anybody(shown: Any, scheme: str) -> None:
    for record in (factorial(3)[0], automaton()) if scheme == "light" else (splitting(), structure()):
        tab = shown(record, "#step=2")
        tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert serious(tab) == []


def test_it_fits_a_narrow_screen(shown: Any) -> None:
    for record in (factorial(5)[0], splitting(), automaton(), structure()):
        tab = shown(record, "#step=3")
        tab.set_viewport_size({"width": 360, "height": 700})
        assert tab.evaluate("document.documentElement.scrollWidth") <= 360


def serious(tab: Any) -> list[str]:
    """What axe finds that keeps somebody out."""
    if not AXE.exists():
        pytest.skip("no axe-core: `make node-modules` installs it, with Node")
    # Colours are judged as they stay, not as they are for a moment while something fades.
    tab.evaluate("for (const one of document.getAnimations()) try { one.finish() } catch { one.cancel() }")
    # The page runs no script but its own: the check is put in by the browser, past the page's policy.
    tab.evaluate(AXE.read_text(encoding="utf-8"))
    found = tab.evaluate("axe.run()")
    return [
        f"{problem['id']}: {node['html'][:120]} {node['failureSummary']}"
        for problem in found["violations"]
        if problem["impact"] in ("serious", "critical")
        for node in problem["nodes"][:3]
    ]
