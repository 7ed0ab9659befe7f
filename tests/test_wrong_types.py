"""Every public function is given every wrong type, for each of its parameters: what comes is an error of this package.

The functions are found, not listed: the public names of all rooms, their constructors and their methods. Run in the session
without run-time checks of types, which would answer first.
"""

import enum
import importlib
import inspect
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest
import torch

import neurallambda as nl
from neurallambda import beta, nn, structures, symbols, tasks, twins
from neurallambda.automata import CellularAutomaton, library
from neurallambda.automata.data.generate import Recipe
from neurallambda.automata.data.lengths import Lengths
from neurallambda.automata.library.families import modular_counter
from neurallambda.lang import parse_term

pytestmark = pytest.mark.compile

ROOMS = (
    "",
    ".lang",
    ".automata",
    ".symbols",
    ".structures",
    ".machine",
    ".beta",
    ".twins",
    ".worlds",
    ".nn",
    ".holes",
    ".engines",
    ".tasks",
    ".tasks.images",
    ".tasks.traces",
    ".tasks.machines.continuation",
    ".tasks.machines.recognition",
    ".tasks.machines.transduction",
    ".tasks.machines.by_name",
    ".train",
    ".train.images",
    ".llm",
    ".llm.calls",
)
SECONDS = 10
"""A call that takes longer is taken for one that never ends."""

BAD: dict[str, Any] = {
    "None": None,
    "a float": 2.5,
    "NaN": float("nan"),
    "text": "text",
    "an integer": -1,
    "a tuple": (),
    "a list": [None],
    "a dict": {1: None},
    "an object": object(),
    "integers": torch.zeros(2, dtype=torch.long),
    "booleans": torch.zeros(2, dtype=torch.bool),
    "complex": torch.zeros(2, dtype=torch.complex64),
    "a scalar": torch.tensor(1.0),
    "a deep tensor": torch.zeros(1, 1, 1, 1, 1),
}


@cache
def good() -> dict[str, Any]:
    """Good values by the name of a parameter, or by function and parameter where the name says too little."""
    dfa = library.load("anbn")
    grammar = importlib.import_module("neurallambda.automata.grammar")
    fsm = modular_counter(2)
    recipe = Recipe(size=2, lengths=Lengths({2: 1.0, 4: 1.0}))
    codebook = symbols.Codebook.make(["a", "b"], kind="onehot")
    small = nl.Machine(integers=range(-4, 4))
    program = small.encode("(+ 1 1)")
    reducer = beta.NeuralBeta(cells=12, integers=range(-4, 4))
    term = reducer.encode("(+ 1 1)")
    vectors = torch.eye(2)
    return {
        "source": "(+ 1 1)", "sources": ["(+ 1 1)"], "text": "a", "term": parse_term("(+ 1 1)"), "name": "anbn",
        "Machine.decode.result": small.run(program), "Machine.state": small.start(program),
        "Machine.rules": small.rules(program),
        "NeuralBeta.decode.result": reducer.run(term),
        "NeuralBeta.run.program": term, "NeuralBeta.start.program": term, "NeuralBeta.forward.program": term,
        "NeuralBeta.rules.program": term, "program": program, "value": 1, "targets": [2], "values": (1, 2),
        "logits": torch.zeros(2), "machine": dfa, "symbols": ("a", "b"), "codebook": codebook, "vectors": vectors,
        "left": vectors, "right": vectors, "others": vectors, "kind": "onehot", "generator": torch.Generator(),
        "size": 2, "inputs": 2, "gates": 2, "candidates": 2, "truths": vectors, "participation": vectors,
        "lengths": torch.tensor([1, 2]), "time": 3, "capacity": 4, "depth": 4, "dim": 2, "width": 2, "cells": 8,
        "Codebook.vectors": vectors, "Lengths.weights": {2: 1.0}, "recipe": recipe, "Recipe.lengths": recipe.lengths,
        "integers": range(-4, 4), "regex": "ab*", "one": fsm, "other": fsm, "index": [0], "rows": [0], "steps": 3,
        "make_engine.name": "machine", "engine_named.name": "machine", "SuperposedAutomaton.capacity": 4,
        "twins.machine": fsm, "grammar": grammar.Grammar.parse("S -> a S b | a b"), "string": "ab", "n": 2, "length": 2,
        "rules": fsm.rules, "path": Path("/nowhere/at/all"), "key_width": 2, "true": vectors[0], "false": vectors[0],
        "strings": ["01"], "tokens": ["a"], "weights": vectors, "inverse_temperature": 2.0, "holes": {"a": 1},
        "bits": 4, "repeats": 2, "batch": 2, "limits": nl.Limits(), "mask": torch.ones(2, 4),
        "CellularAutomaton.cells": "01", "CellularAutomaton.shown": "01", "CellularAutomaton.string": "01",
        "CellularAutomaton.symbols": ("0", "1"), "CellArray.table": torch.full((2, 2, 2, 2, 2), 0.5),
        "CellArray.state": structures.CellArray(states=2, symbols=2).init(torch.full((2, 4, 2), 0.5)),
        "step.seen": torch.full((2, 2), 0.5), "scan.seen": torch.full((2, 3, 2), 0.5),
        "first_cell.seen": torch.full((2, 3, 2), 0.5), "first_cell_of.seen": torch.zeros(2, 3, dtype=torch.long),
        "init.symbols": torch.full((2, 4, 2), 0.5), "first_cell.symbols": torch.full((2, 4, 2), 0.5),
        "first_cell_of.symbols": torch.zeros(2, 4, dtype=torch.long), "TableAutomaton.symbols": ["a", "b"],
        "CellArrayModel.symbols": ["a", "b"], "repair.model": nn.CellArrayModel(3, 2, states=2),
        "repair.tokens": torch.tensor([[0, 1, 2, 2]]), "repair.targets": torch.zeros(1, 4, dtype=torch.long),
        "repair.mask": torch.tensor([[False, False, True, True]]), "export.answers": ["x", "y"],
        "Task.batch": tasks.task("parity-check").batch(3, 2, generator=torch.Generator()), "Task.row": 0,
        "member": "ab", "modulus": 3, "kinds": 1, "states": 2, "stack": ("x",), "queue": ("x",), "tape": ("x",),
        "seen": torch.zeros(2, 2), "data": torch.zeros(2, 2), "forward.candidates": torch.zeros(2, 2),
        "chances.candidates": torch.zeros(2, 2), "enable_width": 2,
    }  # fmt: skip


def public_names(room: str) -> Iterator[tuple[str, Any]]:
    module: ModuleType = importlib.import_module(f"neurallambda{room}")
    for name in sorted(set(getattr(module, "__all__", ())) | {n for n in dir(module) if not n.startswith("_")}):
        item = getattr(module, name)
        # A package shows what others made; a module on its own only what it made itself.
        home = "neurallambda" if hasattr(module, "__path__") else module.__name__
        if callable(item) and str(getattr(item, "__module__", "")).startswith(home):
            yield name, item


def is_swept(item: Any) -> bool:
    """Errors, enumerations and abstract classes are not called with arguments of a caller's."""
    if not inspect.isclass(item):
        return inspect.isfunction(item)
    return not (issubclass(item, (Exception, enum.Enum)) or inspect.isabstract(item))


@cache
def doors() -> dict[str, Any]:
    """All public functions and constructors, by name."""
    found: dict[int, tuple[str, Any]] = {}
    for room in ROOMS:
        for name, item in public_names(room):
            if is_swept(item):
                found.setdefault(id(item), (f"{room.removeprefix('.') or 'neurallambda'}.{name}", item))
    return dict(found.values())


@contextmanager
def no_longer_than(seconds: int) -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"no answer after {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def arguments(where: str, item: Callable[..., Any]) -> dict[str, Any]:
    """Good arguments for the parameters that need one."""
    found: dict[str, Any] = {}
    for name, parameter in inspect.signature(item).parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        short, room = where.rpartition(".")[2], where.partition(".")[0]
        for key in (f"{where.partition('.')[2]}.{name}", f"{short}.{name}", f"{room}.{name}", name):
            if key in good():
                if parameter.default is parameter.empty:
                    found[name] = good()[key]
                break
        else:
            owner = instances().get(room)
            if name == "state" and owner is not None and not inspect.isclass(item):
                found[name] = owner.init(2)
    return found


def parameters(item: Callable[..., Any]) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_ONLY)
    return [name for name, parameter in inspect.signature(item).parameters.items() if parameter.kind in kinds]


def call(item: Callable[..., Any], given: dict[str, Any]) -> None:
    """Call, and take the first of what a generator gives."""
    with no_longer_than(SECONDS):
        answer = item(**given)
        if inspect.isgenerator(answer):
            next(answer, None)


def faults(where: str, item: Callable[..., Any]) -> list[str]:
    """What comes of wrong arguments that is no error of this package."""
    found: list[str] = []
    given = arguments(where, item)
    for name in parameters(item):
        for kind, value in BAD.items():
            try:
                call(item, given | {name: value})
            except nl.NeurallambdaError:
                pass
            except OSError as error:
                if name != "path":  # a file that is not there is Python's to tell
                    found.append(f"{where}({name}={kind}): {error!r:.90}")
            except TypeError as error:
                if "missing" not in str(error):  # Python's own, of another parameter
                    found.append(f"{where}({name}={kind}): {type(error).__name__}: {str(error)[:90]}")
            except Exception as error:  # whatever comes is what is looked for
                found.append(f"{where}({name}={kind}): {type(error).__name__}: {str(error)[:90]}")
    return found


def _sizes(kind: type) -> Callable[[int], Any]:
    """Make a structure whose every size is the same."""
    needed = [name for name, p in inspect.signature(kind).parameters.items() if p.default is p.empty]
    tables = {"results": (((0, 1), (1, 0)),)}  # what is no size
    return lambda size: kind(**{name: tables.get(name, size) for name in needed})


STRUCTURES = {
    name: _sizes(item)
    for name, item in ((name, getattr(structures, name)) for name in dir(structures))
    if inspect.isclass(item) and issubclass(item, structures.Structure) and not inspect.isabstract(item)
}
IMPLEMENTED = frozenset(["advance", "applied", "empty", "least", "line", "reads_of", "found", "matching"])
"""What structures implement for `init`, `step` and `scan`, which check what they are given before they call it.

A step is compiled, and these are all that runs in it: a second check there would be traced and paid for at every step.
"""


@cache
def instances() -> dict[str, Any]:
    """Objects whose methods are swept."""
    known = good()
    soft = nl.Soft((1, 2), torch.zeros(2))
    program = nl.Machine(integers=range(-4, 4)).encode("?a", holes={"a": soft})
    asked = nl.Worlds().compile("(+ ?a 1)")
    return {
        "Machine": nl.Machine(integers=range(-4, 4)),
        "NeuralLambda": program,
        "Result": known["Machine.decode.result"],
        "Soft": soft,
        "Codebook": known["codebook"],
        "BitCodebook": symbols.BitCodebook.make(4, repeats=2, generator=torch.Generator()),
        "NeuralBeta": beta.NeuralBeta(cells=12, integers=range(-4, 4)),
        "FSM": known["twins.machine"],
        "PDA": known["machine"],
        "Grammar": known["grammar"],
        "CellularAutomaton": library.load("binary_multiplication", CellularAutomaton),
        "CellArray": structures.CellArray(states=2, symbols=2),
        "TableAutomaton": nn.TableAutomaton(2, 2, states=2),
        "CellArrayModel": nn.CellArrayModel(3, 2, states=2),
        "NeuralFSM": twins.NeuralFSM(known["twins.machine"]),
        "Task": tasks.task("reverse-string"),
        "Nand": nn.Nand(inputs=2, size=2, gates=2, generator=torch.Generator()),
        "NandChoice": nn.NandChoice(candidates=2, size=2, gates=2, generator=torch.Generator()),
        "EqualityChoice": nn.EqualityChoice(candidates=2, gates=2, generator=torch.Generator()),
        "PredicateLatch": nn.PredicateLatch(2),
        "ResettableLatch": nn.ResettableLatch(2),
        "EnabledDataLatch": nn.EnabledDataLatch(2, 2),
        "Sharpening": nn.Sharpening(),
        "Worlds": nl.Worlds(),
        "WorldsProgram": asked,
        "Found": asked.infer(a=soft),
        "Recording": asked.record(a=soft),
        "ProgramLayer": nn.ProgramLayer("(+ ?a 1)", inputs={"a": (1, 2)}, output=(2, 3)),
        "ProgramBank": nn.ProgramBank({"a": "(+ ?a 1)"}, output=(2,), width=2, generator=torch.Generator()),
        **{kind: make(2) for kind, make in STRUCTURES.items()},
    }


@cache
def methods() -> dict[str, Any]:
    """All public methods of these objects."""
    found: dict[str, Any] = {}
    for kind, thing in instances().items():
        for name in dir(type(thing)):
            method = getattr(thing, name, None)
            if kind in STRUCTURES and name in IMPLEMENTED:
                continue
            if not name.startswith("_") and inspect.ismethod(method) and method.__module__.startswith("neurallambda"):
                found[f"{kind}.{name}"] = method
    return found


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written, is written to a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("where", doors())
def test_functions_and_constructors(where: str) -> None:
    assert not faults(where, doors()[where])


@pytest.mark.parametrize("where", methods())
def test_methods(where: str) -> None:
    assert not faults(where, methods()[where])
