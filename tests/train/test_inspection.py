"""What a network does is shown as it is, and its rules are written down as they are."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from neurallambda.automata import TuringMachine, dumps, loads
from neurallambda.automata.cells.automaton import CellularAutomaton
from neurallambda.errors import ArgumentError
from neurallambda.nn import CellArrayModel, Controller, LSTMModel, NameBlindController, TableAutomaton, hardened
from neurallambda.tasks import Task, task
from neurallambda.traces import states
from neurallambda.train import MODELS
from neurallambda.train.evaluation import predict
from neurallambda.train.exporting import answered, empty_symbol, export, named, verify
from neurallambda.train.inspection import inspect, read_symbols, row
from neurallambda.train.inspection_trace import trace_inspection

REVERSE, PARITY, MULTIPLY = task("reverse-string"), task("parity-check"), task("binary-multiplication")


def seeded(name: str, learned: str, seed: int = 0, **options: int | str) -> torch.nn.Module:
    torch.manual_seed(seed)
    return MODELS[name](task(learned), **options).eval()


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_an_inspection_shows_the_answers_that_the_model_gives(seed: int, hard: bool) -> None:
    model = seeded("controller", "reverse-string", seed, stacks=2, queues=1)
    symbols = [seed % 2, 1, 0, 1]
    found = inspect(model, REVERSE, "".join(map(str, symbols)), hard=hard)
    predicted = predict(model, REVERSE, row(REVERSE, symbols), hard=hard)[0, 0]
    assert found.answers[4:] == tuple(REVERSE.answers[one] for one in predicted[4:].tolist())
    assert found.expected == ("", "", "", "", "1", "0", "1", str(symbols[0]))
    assert found.is_right == (found.answers == found.expected)
    assert [head.name for head in found.heads] == ["stack 1", "stack 2", "queue 1"]
    assert len(found.text().splitlines()) == 9


def test_a_priority_queue_is_shown_in_the_order_in_which_items_leave() -> None:
    model = seeded("controller", "sorting", stacks=0, queues=0, priority_queues=1, symbols=4)
    assert isinstance(model, Controller)
    with torch.no_grad():
        for parameter in model.augmented.to_logits.parameters():
            parameter.zero_()
        weight = model.augmented.to_logits.weight[:, model.augmented.cell.hidden_size :]
        weight[0, :10], weight[1, 10] = 1.0, 1.0  # put digits in, take out afterwards
        weight[3:7, 1:5], weight[7, :10] = torch.eye(4), -torch.arange(10.0)  # greater digits leave first
    (head,) = inspect(model, task("sorting"), "1423", hard=True).heads
    assert head.name == "priority queue 1"
    assert head.labels == ("insert", "pop", "hold")
    held = [[int(cell[:-1].argmax()) + 1 for cell in contents if cell[-1] > 0.5] for contents in head.contents]
    assert held == [[1], [4, 1], [4, 2, 1], [4, 3, 2, 1], [3, 2, 1], [2, 1], [1], []]


def test_contents_follow_from_the_actions() -> None:
    """What a hardened controller is said to do, done to plain lists, gives what its structures are said to hold."""
    found = inspect(seeded("controller", "reverse-string", 3), REVERSE, "0110100")
    for head, end in zip(found.heads, (0, None), strict=True):
        held: list[int] = []
        for step in range(len(found.tokens)):
            action = head.labels[int(head.actions[step].argmax())]
            if action in ("push", "put"):
                held.insert(len(held) if end is None else end, int(head.values[step, :-1].argmax()))
            elif action in ("pop", "get") and held:
                held.pop(0)
            shown = [int(cell[:-1].argmax()) for cell in head.contents[step] if float(cell[-1]) > 0.5]
            assert shown == held


def test_a_table_is_inspected_too_and_other_models_are_not() -> None:
    found = inspect(seeded("table", "parity-check"), PARITY, "0110")
    assert found.heads == ()
    assert found.states.shape == (5, 8)
    with pytest.raises(ArgumentError, match="no structure whose contents could be drawn, and no row of cells"):
        found.draw(Path("nowhere.svg"))
    expected = (
        "got a LSTMModel, expected a Controller, a NameBlindController, a TableAutomaton, a WindowAutomaton, "
        "a CellArrayModel or a TransformerModel: only for"
    )
    with pytest.raises(ArgumentError, match=expected):
        inspect(LSTMModel(3, 2), PARITY, "01")


NAMED: dict[str, tuple[str, dict[str, int | bool]]] = {
    "s1 s12 s3 s12 s1": ("palindromes", {"stacks": 1, "queues": 2, "pause": True}),
    "s3 s3": ("palindromes", {"stacks": 2, "latches": 1}),
    "s1 s5 s2 s9 s1 s7 ? s1": ("conditional-lookup", {"latches": 2, "dictionaries": 1}),
    "abcaabba": ("n-back", {"names": 8, "latches": 3, "dictionaries": 1}),
}


def biased(string: str, seed: int) -> tuple[Task, NameBlindController]:
    learned, options = NAMED[string]
    torch.manual_seed(seed)
    model = MODELS["name-blind"](task(learned), choice_bias=2.0, **options).eval()
    assert isinstance(model, NameBlindController)
    return task(learned), model


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("string", NAMED)
def test_a_name_blind_controller_is_inspected_as_it_answers(string: str, seed: int, hard: bool) -> None:
    asked, model = biased(string, seed)
    batch = row(asked, read_symbols(asked, string))
    said = predict(model, asked, batch, hard=hard)[0][batch.mask].tolist()
    found = inspect(model, asked, string, hard=hard)
    assert [answer for answer in found.answers if answer] == [asked.answers[one] for one in said]
    right = [asked.answers[one] for one in batch.targets[batch.mask].tolist()]
    assert [answer for answer in found.expected if answer] == right
    assert found.states.shape == (len(found.tokens), 6)
    assert len(found.text().splitlines()) == len(found.tokens) + 1
    read = len(batch.tokens[0]) if not model.pause else 2 * int(batch.lengths) + 1
    assert len(found.tokens) == len(found.answers) == len(found.expected) == read
    for head in found.heads:
        assert len(head.actions) == len(head.values) == len(head.contents) == read


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("string", NAMED)
def test_names_held_follow_from_the_instructions(string: str, seed: int) -> None:
    """What a hardened controller is said to do, done to plain lists and dictionaries, gives what it is said to hold."""
    found = inspect(biased(string, seed)[1], biased(string, seed)[0], string)
    for head in found.heads:
        held: list[str] = []
        entries: dict[str, str] = {}
        for step in range(len(found.tokens)):
            action, _, operand = head.instruction(step, int(head.actions[step].argmax())).partition(" ")
            key, _, value = operand.partition(":")
            match action:
                case "push":
                    held.insert(0, operand)
                case "put":
                    held.append(operand)
                case "pop" | "get":
                    del held[:1]
                case "set":
                    held = [operand]
                case "reset":
                    held = []
                case "insert" if key != "-":
                    entries[key] = value
                case _:
                    pass
            shown = [f"{key}:{value}" for key, value in entries.items()] if head.keys is not None else [*held]
            while shown and shown[-1] == "-":  # where no name was put in, behind all others, nothing is to be seen
                shown.pop()
            assert head.held(step) == (" ".join(shown) or "-")


def test_a_dictionary_says_under_which_name_it_holds_which() -> None:
    asked, model = biased("s1 s5 s2 s9 s1 s7 ? s1", 0)
    hold, find, insert = range(3)
    with torch.no_grad():
        for parameter in model.to_logits.parameters():
            parameter.zero_()
        # The first latch keeps the name that comes; the dictionary enters what comes under what the latch showed.
        first = sum(model.sizes[:4])  # behind two latches with an action and a value each
        model.to_logits.bias[0] = model.to_logits.bias[3] = 9.0
        model.to_logits.bias[first + insert] = 9.0
        model.to_logits.bias[first + 3] = model.to_logits.bias[first + 3 + model.at_hand + 1] = 9.0
    head = inspect(model, asked, "s1 s5 s2 s9 s1 s7 ? s1").heads[-1]
    assert head.name == "dictionary 1"
    assert head.labels == ("hold", "find", "insert")
    assert head.instruction(1, insert) == "insert s1:s5"
    assert (head.instruction(1, find), head.instruction(1, hold)) == ("find s1", "hold")
    assert head.held(3) == "s1:s5 s5:s2 s2:s9"
    assert head.held(5) == "s1:s7 s5:s2 s2:s9 s9:s1"


CELLS = [{}, {"pause": 3}, {"longer_first": True}, {"pause": 2, "longer_first": True}]


@pytest.mark.parametrize("options", CELLS)
@pytest.mark.parametrize("string", ["011*11", "1*01101", "01*0"])
def test_a_row_of_cells_is_that_of_the_exact_automaton(string: str, options: dict[str, Any]) -> None:
    """The states have other names there, but each always the same."""
    model = seeded("cells", "binary-multiplication", 1, states=4, **options)
    found, machine = inspect(model, MULTIPLY, string), export(model, MULTIPLY)
    assert isinstance(machine, CellularAutomaton)
    assert found.cells is not None
    first, second = string.split("*")
    if options.get("longer_first") and len(first) < len(second):
        first, second = second, first
    pause = options.get("pause", 0)
    shown = "*" * pause + second
    assert "".join(found.cells.symbols).rstrip("_") == first
    assert "".join(found.tokens).rstrip("_") == shown
    steps, count = len(found.tokens), len(found.cells.symbols)
    exact = machine.run(first, shown, steps=steps, width=count + steps)
    names: dict[int, str] = {0: "INITIAL"}
    for of_step, known in zip(found.cells.states, exact.steps[1:], strict=True):
        for weights, name in zip(of_step, known.states, strict=False):
            assert names.setdefault(int(weights.argmax()), name) == name
    assert len(set(names.values())) == len(names)
    assert list(found.answers) == [""] * pause + [output or "" for output in exact.outputs[pause:]]
    assert torch.equal(found.states, found.cells.states[:, 0])


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("options", CELLS)
def test_a_row_of_cells_is_inspected_as_it_answers(options: dict[str, Any], hard: bool) -> None:
    model = seeded("cells", "binary-multiplication", 2, states=3, **options)
    batch = row(MULTIPLY, read_symbols(MULTIPLY, "0101*11"))
    said = predict(model, MULTIPLY, batch, hard=hard)[0][batch.mask].tolist()
    found = inspect(model, MULTIPLY, "0101*11", hard=hard)
    assert [answer for answer in found.answers if answer] == [MULTIPLY.answers[one] for one in said]
    head, *lines = found.text().splitlines()
    assert head.split() == ["step", "token", *(found.cells.symbols if found.cells else ()), "answer"]
    assert len(lines) == len(found.tokens)
    assert bool(re.search(r"s\d:", lines[-1])) != hard


@pytest.mark.parametrize(("model", "string"), [("cells", "011*11"), ("name-blind", "s1 s12 s3 s12 s1")])
def test_pictures_of_cells_and_of_names(model: str, string: str, tmp_path: Path) -> None:
    asked, network = (MULTIPLY, seeded("cells", MULTIPLY.name)) if model == "cells" else biased(string, 0)
    found = inspect(network, asked, string)
    for name in ("one", "two"):
        found.draw(tmp_path / f"{name}.svg")
    drawn = (tmp_path / "one.svg").read_text()
    assert drawn == (tmp_path / "two.svg").read_text()
    if found.cells is not None:
        assert "symbols in the cells" in drawn
    else:
        held = {name for head in found.heads for step in range(len(found.tokens)) for name in head.places(step)}
        assert held
        assert all(f">{name}</text>" in drawn for name in held)


@pytest.mark.parametrize("name", ["table", "controller", "name-blind", "cells"])
def test_the_input_goes_to_where_the_model_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training leaves its members on the GPU; `meta` stands for it here."""

    class SeenError(Exception):
        pass

    def seen(tokens: torch.Tensor, *_: object) -> None:
        raise SeenError(str(tokens.device))

    asked, string = (MULTIPLY, "1*1") if name == "cells" else (REVERSE, "01")
    options = {"names": 2, "stacks": 1} if name == "name-blind" else {}
    model = seeded(name, asked.name, **options).to("meta")
    monkeypatch.setattr(TableAutomaton, "forward", lambda _, tokens: seen(tokens))
    monkeypatch.setattr(CellArrayModel, "operands", lambda _, tokens: seen(tokens))
    for kind in (Controller, NameBlindController):
        monkeypatch.setattr(kind, "prepare", lambda _, *inputs: seen(*inputs))
    for look in (
        lambda: inspect(model, asked, string, hard=False),
        *([lambda: export(model, asked)] * (name == "controller")),
    ):
        with pytest.raises(SeenError, match="meta"):
            look()


def test_a_picture(tmp_path: Path) -> None:
    found = inspect(seeded("controller", "reverse-string"), REVERSE, "0110")
    found.draw(tmp_path / "one.svg")
    found.draw(tmp_path / "two.svg")
    assert (tmp_path / "one.svg").read_text() == (tmp_path / "two.svg").read_text()


def test_symbols_are_read_with_spaces_where_they_have_several_letters() -> None:
    manipulation = task("stack-manipulation")
    assert read_symbols(manipulation, "0 1 pop push0") == [0, 1, 2, 3]
    assert read_symbols(REVERSE, "0 1 1") == read_symbols(REVERSE, "011") == [0, 1, 1]
    for string in ("2", "01x", "pop"):
        with pytest.raises(ArgumentError, match="expected symbols of reverse-string: 0 1"):
            read_symbols(REVERSE, string)
    with pytest.raises(ArgumentError):
        inspect(seeded("controller", "reverse-string"), REVERSE, "")


@pytest.mark.parametrize("name", ["parity-check", "reverse-string", "latch", "stack-manipulation"])
def test_a_row_is_what_the_task_draws(name: str) -> None:
    asked = task(name)
    drawn = asked.batch(5, 1, generator=torch.Generator().manual_seed(0))
    built = row(asked, drawn.tokens[0, :5].tolist())
    for part in ("tokens", "targets", "mask", "lengths"):
        assert torch.equal(getattr(built, part), getattr(drawn, part)), part


@pytest.mark.parametrize("learned", ["parity-check", "cycle-navigation", "latch", "reverse-string"])
@pytest.mark.parametrize("seed", range(3))
def test_an_exported_table_answers_what_the_hardened_model_answers(learned: str, seed: int) -> None:
    asked, model = task(learned), seeded("table", learned, seed)
    machine = export(model, asked)
    batch = asked.batch((2, 9), 6, generator=torch.Generator().manual_seed(seed))
    predicted = predict(model, asked, batch)[0]
    for number, length in enumerate(batch.lengths.tolist()):
        said = [asked.answers[one] for one in predicted[number][batch.mask[number]].tolist()]
        assert answered(machine, asked, batch.tokens[number, :length].tolist()) == said


@pytest.mark.parametrize(("stacks", "queues"), [(1, 0), (0, 2), (1, 1)])
@pytest.mark.parametrize("learned", ["reverse-string", "latch"])
def test_an_exported_controller_answers_what_the_hardened_model_answers(learned: str, stacks: int, queues: int) -> None:
    asked, model = task(learned), seeded("controller", learned, 7, stacks=stacks, queues=queues, symbols=2)
    machine = export(model, asked)
    assert isinstance(machine, TuringMachine)
    assert loads(dumps(machine)) == machine
    batch = asked.batch((2, 40), 8, generator=torch.Generator().manual_seed(1))
    predicted = predict(model, asked, batch)[0]
    agree = 0
    for number, length in enumerate(batch.lengths.tolist()):
        said = [asked.answers[one] for one in predicted[number][batch.mask[number]].tolist()]
        found = answered(machine, asked, batch.tokens[number, :length].tolist())
        assert found in (said, [])  # it may be stuck, but is never wrong
        agree += found == said
    assert agree >= 6


def test_symbols_beyond_the_letters_have_names_too() -> None:
    asked, model = task("reverse-string"), seeded("controller", "reverse-string", stacks=1, queues=0, symbols=60)
    assert isinstance(model, Controller)
    with torch.no_grad():
        model.augmented.to_logits.bias[3 + 53] = 100.0  # what is put in, whatever comes, is the 54th symbol
    found = inspect(model, asked, "01")
    assert "push b2" in found.text()
    assert " b2 b2\n" in found.text()
    events = list(trace_inspection(found, name="many symbols"))
    names = {item["text"] for state in states(events) for item in state.lanes[0]["stores"]["stack 1"]["items"]}
    assert names == {"b2"}
    machine = export(model, asked)
    assert isinstance(machine, TuringMachine)
    assert machine.memory_symbols == (("b2",),)
    assert loads(dumps(machine)) == machine


def test_a_controller_without_discrete_states_or_structures_is_not_exported() -> None:
    with pytest.raises(ArgumentError, match="without stacks and queues"):
        export(seeded("controller", "reverse-string", stacks=0, queues=0), REVERSE)
    with pytest.raises(ArgumentError, match="a TanhCell, expected a CategoricalCell"):
        export(seeded("controller", "reverse-string", cell="tanh"), REVERSE)
    with pytest.raises(ArgumentError, match="a controller with a priority queue, expected stacks and queues only"):
        export(seeded("controller", "sorting", stacks=0, queues=1, priority_queues=1), task("sorting"))


@pytest.mark.parametrize("options", [{}, {"pause": 3}, {"longer_first": True}, {"pause": 2, "longer_first": True}])
@pytest.mark.parametrize("seed", range(3))
def test_an_exported_row_of_cells_answers_what_the_hardened_model_answers(seed: int, options: dict[str, Any]) -> None:
    model = seeded("cells", "binary-multiplication", seed, states=4, **options)
    machine = export(model, MULTIPLY)
    assert isinstance(machine, CellularAutomaton)
    batch = MULTIPLY.batch((3, 9), 6, generator=torch.Generator().manual_seed(seed))
    predicted = predict(model, MULTIPLY, batch)[0]
    for number, length in enumerate(batch.lengths.tolist()):
        said = [MULTIPLY.answers[one] for one in predicted[number][batch.mask[number]].tolist()]
        assert answered(machine, MULTIPLY, batch.tokens[number, :length].tolist(), model) == said
    pause = options.get("pause", 0)
    assert machine.transduce("01", "*" * pause)[:pause] == (None,) * pause


def test_a_right_machine_is_verified_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    model = TableAutomaton(3, 2, states=2)
    with torch.no_grad():  # parity: 0 and the empty token keep the state, 1 changes it
        model.table.copy_(9 * torch.tensor([[[1.0, 0], [0, 1]], [[0, 1], [1, 0]], [[1, 0], [0, 1]]]))
        model.readout.copy_(torch.eye(2))
    machine = export(model, PARITY)
    found = verify(machine, PARITY, lengths=(41, 100), rows=5)
    assert (found.exact, found.is_right, str(found)) == ((5, 5), True, "41: 5/5, 100: 5/5")
    with torch.no_grad():
        model.readout.copy_(torch.tensor([[1.0, 0], [1, 0]]))
    wrong = verify(export(model, PARITY), PARITY, lengths=(41,), rows=20)
    assert 0 < wrong.exact[0] < 20
    assert not wrong.is_right
    assert named(PARITY, [1, 1, 1]) == ["odd"]
    with (
        hardened(model),
        pytest.raises(ArgumentError, match="got a LSTMModel, expected a TableAutomaton, a WindowAutomaton"),
    ):
        export(LSTMModel(3, 2), PARITY)


@pytest.mark.parametrize("is_training", [True, False])
def test_what_is_exported_goes_on_as_it_was(is_training: bool) -> None:
    controller = Controller(3, 2, stacks=1, symbols=2, states=2).train(is_training)
    export(controller, REVERSE)
    assert controller.training is is_training


def test_the_empty_symbol_is_none_of_the_task() -> None:
    assert empty_symbol(PARITY) == "_"
