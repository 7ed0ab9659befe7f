"""What the documentation shows of the machine is what the machine does today: figure and table are made again."""

import json
from types import ModuleType
from xml.etree import ElementTree

import pytest

from docs.figures import codebook, graft, journey, over_time, rules, sharpening
from docs.figures.journey import Journey, draw, travel
from neurallambda.lang import evaluate
from neurallambda.llm.teaching.lisp_words import DIGITS, END, from_words, in_words
from neurallambda.llm.teaching.tasks import PROGRAMS
from neurallambda.machine.alphabet import Field
from neurallambda.machine.rules import RULES

REMAKE = "make it again: python -m docs.figures."


@pytest.fixture(scope="module")
def run() -> Journey:
    return travel(journey.SOURCE)


def test_the_figure_is_current(run: Journey) -> None:
    assert journey.FILE.read_text() == draw(run), REMAKE + "journey"


def test_the_figure_shows_the_whole_run(run: Journey) -> None:
    texts = [element.text for element in ElementTree.fromstring(draw(run)).iter() if element.text]
    assert {journey.SOURCE, run.value, "'(42 42 42)"} <= set(texts)
    assert {cell.address for cell in run.cells} | {step.record.address for step in run.steps[:-1]} <= set(texts)
    assert {step.rules[0].name for step in run.steps} <= set(texts)


def test_every_number_of_the_tensors_has_its_mark(run: Journey) -> None:
    """Sharp programs have ones and zeros: the marks of each class are as many as the ones it stands for."""
    svg = ElementTree.fromstring(draw(run))
    marks = [element.get("class") for element in svg.iter() if element.tag.endswith("rect")]
    pointers = sum(int(getattr(run.program, field).sum()) for field in ("first", "second", "third"))
    for step in run.steps:
        parts = step.record.parts
        pointers += len(step.record.environment) + len(parts.get(Field.LINK, ())) + len(parts.get(Field.VALUE, ()))
    assert marks.count("pointer") == pointers
    registers = [(*step.control, *step.environment, *step.continuation) for step in run.steps]
    assert marks.count("register") == sum(map(len, registers))


def test_light_and_dark_colour_the_same_classes() -> None:
    light, _, dark = journey.STYLE.partition("@media")
    coloured = [line.split()[0] for line in dark.splitlines() if line.startswith("  .")]
    assert len(coloured) > 5
    assert all(f"\n{name} " in light or f"\n{name}\t" in light for name in (c.rstrip(",") for c in coloured))


def test_the_table_of_rules_is_current() -> None:
    page = rules.PAGE.read_text()
    assert rules.BEGIN in page
    assert page == rules.with_table(page), REMAKE + "rules"


def test_the_table_has_a_row_for_each_rule() -> None:
    rows = rules.table().splitlines()[2:]
    assert [row.split("**")[1] for row in rows] == [rule.name for rule in RULES]
    assert len(set(rows)) == len(rows)
    assert {row.count("|") for row in rows} == {6}


def texts_of(svg: str) -> list[str]:
    return [element.text for element in ElementTree.fromstring(svg).iter() if element.text]


def test_the_figure_of_learning_shows_a_run() -> None:
    """Numbers of training differ between machines, so what is compared is what the figure says, not each shade."""
    short = sharpening.sharpen(steps=20, size=60, starts=1)
    assert all(abs(sum(row) - 1) < 1e-5 for table in short.tables.values() for row in table)
    shown, kept = texts_of(sharpening.draw(short)), texts_of(sharpening.FILE.read_text())
    assert {*short.cells, "step 0"} <= set(shown) & set(kept)
    assert "step 200" in kept
    assert sum("--[" in text for text in kept) == 3


def test_what_is_learned_in_the_figure_is_decided() -> None:
    svg = ElementTree.fromstring(sharpening.FILE.read_text())
    marks = [element for element in svg.iter() if element.get("class") in ("code", "pointer", "frame")]
    cells = [mark for mark in marks if mark.tag.endswith("rect")]
    last = max(float(mark.get("x", 0)) for mark in cells)
    table = [float(mark.get("opacity", 1)) for mark in cells if float(mark.get("x", 0)) > last - 7 * sharpening.CELL]
    assert len(table) == 8 * 7
    assert all(opacity < 0.1 or opacity > 0.9 for opacity in table)
    assert sum(opacity > 0.9 for opacity in table) == 8


@pytest.mark.parametrize("figure", [codebook, over_time], ids=lambda figure: figure.FILE.stem)
def test_a_figure_of_a_result_is_current(figure: ModuleType) -> None:
    numbers = json.loads(figure.RESULT.read_text())["numbers"]
    assert figure.FILE.read_text() == figure.draw(numbers), REMAKE + figure.FILE.stem


@pytest.mark.parametrize(("figure", "quantity"), [(codebook, "success"), (over_time, "over_lstm")])
def test_a_figure_of_a_result_has_a_mark_for_each_number(figure: ModuleType, quantity: str) -> None:
    numbers = json.loads(figure.RESULT.read_text())["numbers"]
    classes = [
        element.get("class")
        for element in ElementTree.fromstring(figure.draw(numbers)).iter()
        if element.tag.endswith("rect")
    ]
    for name, (_, style) in figure.CURVES.items():
        measured = [number for number in numbers[f"{name}_{quantity}"] if number is not None]
        assert classes.count(style) == 2 * len(measured) + 1  # in both plots, and beside its name


@pytest.mark.parametrize("figure", graft.FIGURES, ids=lambda figure: figure.name)
def test_a_figure_of_a_structure_in_a_language_model_is_current(figure: graft.Figure) -> None:
    assert figure.file.read_text() == graft.draw(figure), REMAKE + "graft"


def test_the_bank_in_the_figure_computes_the_expression() -> None:
    _, bank, _ = graft.FIGURES
    begin, *words, _ = bank.record["header"]["input"]
    assert begin == "<s>"
    held: list[int | str] = []
    for word in words:
        if word == "out":
            *held, name, x, y = held
            function = f"(fn [x y] {PROGRAMS[str(name)]})".replace("?", "")
            held.append(int(str(evaluate(f"({function} {x} {y})").text)))
        elif word != "in":
            held.append(DIGITS.index(word) if word in DIGITS else word)
    assert bank.record["end"]["outcome"]["value"] == DIGITS[int(held[0])]
    texts = texts_of(graft.draw(bank))
    assert texts.count("apply") == words.count("out")


def test_the_call_in_the_figure_has_the_value_of_the_program() -> None:
    *_, calls = graft.FIGURES
    begin, *words, end = calls.record["header"]["input"]
    assert (begin, end) == ("<s>", "is")
    value = evaluate(" ".join(from_words(words))).text
    assert calls.record["end"]["outcome"]["value"].split() == [*in_words([str(value)]), END]


def test_the_stack_in_the_figure_turns_the_words_round() -> None:
    stack, *_ = graft.FIGURES
    record = stack.record
    begin, *words, _ = record["header"]["input"]
    assert begin == "<s>"
    assert record["end"]["outcome"]["value"].split() == words[::-1]
    texts = texts_of(graft.draw(stack))
    assert texts.count("pop") == len(words)
    assert texts.count(words[0]) == 2 * len(words) + 3  # read, held, said to be next, written
