"""The playground in a browser: programs run, mistakes show their place, sliders move the numbers, and text stays text."""

import re
from importlib.util import find_spec
from typing import Any

import pytest

from tests.viewer.test_server import Client
from tests.viewer.test_viewer import serious

pytestmark = pytest.mark.skipif(find_spec("uvicorn") is None, reason="no uvicorn: pip install '.[serve]'")


@pytest.fixture
def opened(tab: Any, playground: str) -> Any:
    """The playground, once the first program of the gallery has run."""
    tab.goto(playground)
    # A run that a test left behind was ended with its process, and another one may be loading still.
    tab.get_by_test_id("value").wait_for(timeout=120_000)
    return tab


def write(tab: Any, text: str) -> None:
    """Put a program into the editor."""
    tab.get_by_role("textbox", name="Program").fill(text)


def run(tab: Any) -> None:
    tab.keyboard.press("Control+Enter")


def test_the_first_program_runs_when_the_page_opens(opened: Any) -> None:
    assert opened.get_by_test_id("value").inner_text() == "'(42 42 42)"
    assert opened.locator(".gallery button").count() >= 12


def test_a_program_that_is_typed_runs(opened: Any) -> None:
    write(opened, "(map (+ 1)\n  '(1 2 3))")
    run(opened)
    opened.get_by_test_id("value").filter(has_text="'(2 3 4)").wait_for()


def test_a_run_can_be_watched(opened: Any) -> None:
    opened.get_by_test_id("step").filter(has_text="/ 12").wait_for()
    assert opened.get_by_test_id("term").get_attribute("data-text") == "((fn [x] '(x x x)) 42)"
    opened.locator("h1").click()
    opened.keyboard.press("End")
    opened.keyboard.press("ArrowLeft")
    assert opened.get_by_test_id("term").get_attribute("data-text") == "'(42 42 42)"
    opened.wait_for_url(re.compile("step=11"))


def test_what_is_uncertain_is_watched_as_lanes(opened: Any) -> None:
    opened.get_by_role("button", name="Two dice and a hint").click()
    opened.get_by_test_id("value").filter(has_text="'(3 1)").wait_for()
    opened.get_by_role("heading", name="Alternatives").wait_for()


def test_brackets_match(opened: Any) -> None:
    write(opened, "(car '(1))")
    opened.keyboard.press("End")
    assert opened.locator(".cm-matchingBracket").all_inner_texts() == ["(", ")"]


def test_a_mistake_is_underlined_while_one_types(opened: Any) -> None:
    write(opened, "(+ 1\n  (car ]))")
    opened.get_by_test_id("problem").filter(has_text="line 2, column 8").wait_for()
    assert opened.locator(".cm-problem").inner_text() == "]"
    write(opened, "(+ 1\n  (car '(2)))")
    opened.get_by_test_id("problem").wait_for(state="detached")
    assert opened.locator(".cm-problem").count() == 0


def test_an_error_of_the_program_shows_its_place(opened: Any) -> None:
    write(opened, "(+ 1\n   (car 2))")
    run(opened)
    opened.get_by_test_id("error").filter(has_text="not-a-pair").wait_for()
    opened.locator(".cm-problem").first.wait_for()
    assert "".join(opened.locator(".cm-problem").all_inner_texts()) == "(car 2)"


def test_sliders_change_the_numbers_to_what_the_server_gives(opened: Any, playground: str) -> None:
    opened.get_by_role("button", name="A soft choice").click()
    opened.get_by_test_id("ends").wait_for()
    for weight in (0.2, 1.0):
        opened.get_by_label("true", exact=True).fill(str(weight))
        expected = Client(playground).last(
            "run", source="(if ?c (+ 1 1) 5)", holes={"c": [[True, weight], [False, 0.3]]}
        )
        shown = sorted((text, f"{chance:.4f}") for chance, text in expected["ends"])
        opened.get_by_test_id("ends").get_by_text(shown[0][1]).wait_for()
        ends = opened.get_by_test_id("ends")
        assert [
            *zip(ends.locator("dt").all_inner_texts(), ends.locator(".number").all_inner_texts(), strict=True)
        ] == shown


def test_values_of_a_hole_can_be_others(opened: Any) -> None:
    write(opened, "(* 2 ?n)")
    opened.get_by_label("Values of ?n").fill("3, 4, 5")
    opened.get_by_label("Values of ?n").press("Enter")
    opened.get_by_test_id("ends").get_by_text("10", exact=True).wait_for()


def test_an_address_holds_the_program(opened: Any, playground: str) -> None:
    write(opened, "(+ 40 2) ; naïve ☕")
    run(opened)
    opened.get_by_test_id("value").filter(has_text="42").wait_for()
    address = opened.evaluate("location.href")
    opened.goto("about:blank")
    opened.goto(address)
    opened.get_by_test_id("value").filter(has_text="42").wait_for()
    assert "naïve ☕" in opened.locator(".cm-content").inner_text()


@pytest.mark.parametrize("fragment", ["program=x", "program=%00", "program=W10", "program=bnVsbA", "step=-1"])
def test_an_address_that_holds_nothing_does_no_harm(tab: Any, playground: str, fragment: str) -> None:
    tab.goto(f"{playground}/#{fragment}")
    tab.get_by_test_id("value").filter(has_text="42 42").wait_for()


def test_hostile_programs_stay_text(opened: Any) -> None:
    hostile = "<img src=x onerror=document.title='owned'>"
    write(opened, f"({hostile})")
    run(opened)
    opened.get_by_test_id("problem").wait_for()
    write(opened, "(car x<img)")
    run(opened)
    assert opened.locator("img[src=x]").count() == 0
    assert opened.title() == "neurallambda playground"


def test_stop_stops(opened: Any) -> None:
    opened.get_by_role("combobox", name="engine").select_option("beta")
    write(opened, "((fn [x] (x x)) (fn [x] (x x)))")
    run(opened)
    opened.get_by_role("status").filter(has_text="running 0.").wait_for()
    opened.get_by_role("button", name="Stop").click()
    opened.get_by_role("button", name="▶ Run").filter(visible=True).first.wait_for()
    write(opened, "(+ 1 2)")
    opened.get_by_role("combobox", name="engine").select_option("machine")
    run(opened)
    opened.get_by_test_id("value").filter(has_text="3").wait_for()


def test_it_fits_a_narrow_screen_and_nothing_serious_is_in_the_way(opened: Any) -> None:
    opened.get_by_role("button", name="An unknown operator").click()
    opened.get_by_test_id("ends").wait_for()
    assert serious(opened) == []
    opened.set_viewport_size({"width": 360, "height": 700})
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360


def test_what_the_end_depends_on_is_told_where_it_is_asked_for(opened: Any) -> None:
    opened.get_by_role("checkbox", name="gradient").check()
    write(opened, "(+ 2 1)")
    run(opened)
    opened.get_by_role("columnheader", name="gradient").wait_for()
    opened.get_by_role("combobox", name="engine").select_option("stepper")
    opened.get_by_role("checkbox", name="gradient").wait_for(state="detached")


def test_control_and_enter_run_from_anywhere(opened: Any) -> None:
    write(opened, "(+ 20 ?n)")
    values = opened.get_by_label("Values of ?n")
    values.fill("3")
    values.press("Control+Enter")
    opened.get_by_test_id("value").filter(has_text="23").wait_for()
    opened.get_by_test_id("step").filter(has_text="/ 4").wait_for()
    write(opened, "(+ 30 ?n)")
    opened.locator("h1").click()
    run(opened)
    opened.get_by_test_id("value").filter(has_text="33").wait_for()


def test_the_engine_that_was_chosen_stays_where_it_runs_the_program(opened: Any) -> None:
    engine = opened.get_by_role("combobox", name="engine")

    def open_(name: str, by: str) -> None:
        opened.get_by_role("button", name=name, exact=True).click()
        opened.wait_for_function("name => document.querySelector('select').value === name", arg=by)

    open_("Two dice and a hint", "worlds")
    open_("Factorial", "machine")
    engine.select_option("stepper")
    open_("Closures", "stepper")
    open_("Church numerals", "stepper")
    open_("A soft choice", "machine")
    opened.get_by_text(
        "stepper does not run this program: ?c may be several values, and it takes one for each hole. It runs on machine."
    ).wait_for()
    open_("Factorial", "stepper")
    assert opened.get_by_text("does not run this program").count() == 0


def test_a_run_that_ends_late_leaves_what_is_said_of_the_newer_text(opened: Any) -> None:
    held: list[Any] = []
    opened.route("**/api/trace", lambda route: held.append(route))
    write(opened, "(+ 1 2)")
    run(opened)
    write(opened, "(+ 1 ]")
    opened.get_by_test_id("problem").filter(has_text="line 1, column 6").wait_for()
    held[0].continue_()
    opened.get_by_test_id("value").filter(has_text="3").wait_for()
    opened.get_by_test_id("problem").filter(has_text="line 1, column 6").wait_for()


def test_of_two_programs_that_are_opened_at_once_one_runs(opened: Any) -> None:
    opened.locator(".bar .state", has_not_text="running").wait_for(state="attached")
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.post_data) if "/api/trace" in request.url else None)
    opened.evaluate("for (const one of [...document.querySelectorAll('.gallery button')].slice(1, 3)) one.click()")
    opened.get_by_test_id("value").filter(has_text="10").wait_for()
    assert len(asked) == 1


def test_a_mistake_and_its_place_are_shown_at_the_same_time(opened: Any) -> None:
    """Who sees the mistake and types sees nothing change under the cursor."""
    opened.evaluate(
        """new MutationObserver(() => {
          if (document.querySelector("[data-testid=error]")) window.seen ??= document.querySelectorAll(".cm-problem").length;
        }).observe(document.body, { childList: true, subtree: true })"""
    )
    write(opened, "(car 2)")
    run(opened)
    opened.get_by_test_id("error").wait_for()
    assert opened.evaluate("window.seen") > 0


def test_a_list_with_uncertain_items_has_sliders_for_each(opened: Any, playground: str) -> None:
    opened.get_by_role("button", name="An uncertain list").click()
    opened.get_by_test_id("ends").wait_for()
    opened.get_by_role("heading", name="Alternatives").wait_for()
    assert opened.locator(".term .hole").first.evaluate("one => getComputedStyle(one).padding") == "0px"
    opened.get_by_role("group", name="?xs/1").get_by_label("2", exact=True).fill("0.1")
    source = "(observe (= (sum ?xs) 5))\n(car ?xs)"
    parts = [[[1, 0.5], [2, 0.5]], [[1, 0.3], [2, 0.1]], [[0, 0.4], [1, 0.4], [2, 0.2]]]
    expected = Client(playground).last("run", source=source, engine="worlds", holes={"xs": {"items": parts}})
    for chance, _ in expected["ends"]:
        opened.get_by_test_id("ends").get_by_text(f"{chance:.4f}").wait_for()
    values = opened.get_by_label("Values of ?xs")
    assert values.input_value() == "'(1,2 1,2 0,1,2)"
    values.fill("'(1,2 2 '(3)")
    values.press("Enter")
    assert values.input_value() == "'(1,2 1,2 0,1,2)"
    values.fill("'(1:3,2:1 2 2)")
    values.press("Enter")
    opened.get_by_test_id("value").filter(has_text="1").wait_for()
    assert opened.get_by_role("group", name="?xs/0").locator("output").all_inner_texts() == ["0.750", "0.250"]
    address = opened.evaluate("location.href")
    opened.goto("about:blank")
    opened.goto(address)
    assert opened.get_by_label("Values of ?xs").input_value() == "'(1,2 2 2)"
