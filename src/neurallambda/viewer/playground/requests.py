"""What a browser asks for, read and checked: nothing that comes from it is believed."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from neurallambda.engines import engine_named
from neurallambda.engines.protocol import Engine, Limits
from neurallambda.errors import ArgumentError
from neurallambda.lang.fillings import DEEPEST, check_atom
from neurallambda.viewer.playground.limits import PlaygroundLimits

Atom = int | bool | str
"""An integer, a boolean, or the name of a primitive."""
Choices = tuple[tuple[Atom, float], ...]
"""What a hole may stand for, each with its weight."""
Filling = Choices | list[Any]
"""What a hole stands for: choices, or a list of such, nested as deep as one likes."""

KINDS = ("check", "run", "trace")
MOST_HOLES = 16
MOST_CHOICES = 64
MOST_ITEMS = 256
"""How many parts a list may have that stands for a hole, those of its lists counted."""
CELLS = 512
"""How many cells the discrete stepper of NeuralBeta has."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a worker shall do.

    Attributes:
        kind: `check`: say whether the text is a program; `run`: run it; `trace`: run it and show its steps.
        source: the text of the program.
        engine: what runs it.
        max_steps: how many steps it may take.
        holes: what each `?name` may stand for, each with its weight; of a list, for each item.
        gradient: whether a trace says on which cells the result depends.
    """

    kind: str
    source: str
    engine: Engine = Engine.MACHINE
    max_steps: int = 10_000
    holes: Mapping[str, Filling] = field(default_factory=dict)
    gradient: bool = False

    def limits(self) -> Limits:
        """What the program may use; in plain Python more cells cost little."""
        return Limits(max_steps=self.max_steps, cells=CELLS if self.engine is Engine.BETA_STEPPER else Limits().cells)

    def to_json(self) -> str:
        """One line of text, for a worker."""
        return json.dumps({**asdict(self), "holes": {name: _to_tell(filling) for name, filling in self.holes.items()}})

    @staticmethod
    def of_json(text: str | bytes) -> "Job":
        """What `to_json` wrote."""
        values = json.loads(text)
        holes = {name: _told(filling) for name, filling in values["holes"].items()}
        return Job(**{**values, "engine": Engine(values["engine"]), "holes": holes})


def read_job(kind: str, body: bytes, limits: PlaygroundLimits) -> Job:
    """What a browser asks for.

    Args:
        kind: one of `KINDS`.
        body: an object in JSON, with `source` and, if it likes, `engine`, `max_steps`, `holes` and `gradient`. A hole is
            a list of [value, weight], or an object with the `items` of a list.
        limits: what a program may use.

    Raises:
        ArgumentError: saying what is wrong with it.

    Example:
        >>> read_job("run", b'{"source": "(+ ?a 1)", "holes": {"a": [[1, 0.5], [2, 0.5]]}}', PlaygroundLimits()).holes
        {'a': ((1, 0.5), (2, 0.5))}
    """
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise ArgumentError("request: got text that is not JSON, expected an object with a program") from None
    if not isinstance(values, dict):
        raise ArgumentError(f"request: got {_shown(values)}, expected an object with a program")
    unknown = sorted(set(values) - {"source", "engine", "max_steps", "holes", "gradient"})
    if unknown:
        raise ArgumentError(f"request: got {_shown(unknown[0])}, expected source, engine, max_steps, holes, gradient")
    most = limits.traced if kind == "trace" else limits.steps
    gradient = values.get("gradient", False)
    if not isinstance(gradient, bool):
        raise ArgumentError(f"gradient: got {_shown(gradient)}, expected true or false")
    return Job(
        kind=kind,
        source=_source(values.get("source"), limits),
        engine=_engine(values.get("engine", "machine")),
        max_steps=_steps(values.get("max_steps", most), most),
        holes=_holes(values.get("holes", {})),
        gradient=gradient,
    )


def _source(value: object, limits: PlaygroundLimits) -> str:
    if not isinstance(value, str):
        raise ArgumentError(f"source: got {_shown(value)}, expected the text of a program")
    if len(value) > limits.source:
        raise ArgumentError(
            f"source: the program has {len(value):,} characters, and the playground takes {limits.source:,}; "
            f"`neurallambda run --file` runs longer ones"
        )
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ArgumentError("source: half of a character stands alone in it; expected whole ones") from None
    return value


def _engine(value: object) -> Engine:
    if not isinstance(value, str):
        raise ArgumentError(f"engine: got {_shown(value)}, expected the name of one")
    return engine_named(value)


def _steps(value: object, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise ArgumentError(f"max_steps: got {_shown(value)}, expected an integer from 1 to {most:,}")
    return value


def _to_tell(filling: Filling) -> Any:
    return {"items": [_to_tell(item) for item in filling]} if isinstance(filling, list) else filling


def _told(filling: Any) -> Filling:
    if isinstance(filling, dict):
        return [_told(item) for item in filling["items"]]
    return tuple((atom, weight) for atom, weight in filling)


def _holes(value: object) -> dict[str, Filling]:
    if not isinstance(value, dict):
        raise ArgumentError(f"holes: got {_shown(value)}, expected an object from names to choices")
    if len(value) > MOST_HOLES:
        raise ArgumentError(f"holes: got {len(value)}, expected at most {MOST_HOLES}")
    return {_name(name): _filling(name, filling, [MOST_ITEMS]) for name, filling in value.items()}


def _filling(name: str, filling: Any, left: list[int], depth: int = 0) -> Filling:
    """Choices, or the items of a list; `left` counts down how many there may be."""
    left[0] -= 1
    if left[0] < 0 or depth > DEEPEST:
        raise ArgumentError(
            f"holes[{_shown(name)}]: the list has more than {MOST_ITEMS} parts, or is nested more than {DEEPEST} deep; "
            f"`neurallambda trace` and `neurallambda infer` take longer ones"
        )
    if not isinstance(filling, dict):
        return _choices(name, filling)
    items = filling.get("items")
    if set(filling) != {"items"} or not isinstance(items, list):
        raise ArgumentError(
            f"holes[{_shown(name)}]: got {_shown(filling)}, expected an object with the items of a list"
        )
    return [_filling(name, item, left, depth + 1) for item in items]


def _name(name: str) -> str:
    if not name or len(name) > 100 or name.startswith("?"):
        raise ArgumentError(f"holes: got the name {_shown(name)}, expected one as in the program, without the ?")
    return name


def _choices(name: str, choices: Any) -> Choices:
    expected = "expected a list of [value, weight], with weights that are not all zero"
    if not isinstance(choices, list) or not 1 <= len(choices) <= MOST_CHOICES:
        raise ArgumentError(f"holes[{_shown(name)}]: got {_shown(choices)}, {expected}, and at most {MOST_CHOICES}")
    found: list[tuple[Atom, float]] = []
    for choice in choices:
        if not isinstance(choice, list) or len(choice) != 2:
            raise ArgumentError(f"holes[{_shown(name)}]: got {_shown(choice)}, {expected}")
        atom, weight = choice
        check_atom(name, atom)
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight < math.inf:
            raise ArgumentError(f"holes[{_shown(name)}]: got the weight {_shown(weight)}, expected a number from 0")
        found.append((atom, min(float(weight), 1e12)))
    if len({(type(atom), atom) for atom, _ in found}) < len(found):
        raise ArgumentError(f"holes[{_shown(name)}]: a value stands there twice; expected each once")
    total = sum(weight for _, weight in found)
    if not total > 0:
        raise ArgumentError(f"holes[{_shown(name)}]: all weights are zero; {expected}")
    return tuple((atom, weight / total) for atom, weight in found)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"a {type(value).__name__} of {len(text):,} characters"
