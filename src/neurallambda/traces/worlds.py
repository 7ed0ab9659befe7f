"""The tracer of uncertain programs: every way they can go is a lane, that splits where something is drawn.

The engine `worlds` runs many rows together, an instruction at a time; this shows the same on one program, in the steps of the
reference evaluator. Two lanes that stand for the same term, and remember the same of what is still looked at, are one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang import core
from neurallambda.lang.cek import Code, Environment, Frame, Halt, Load, out_of_steps
from neurallambda.lang.chances import Chances
from neurallambda.lang.core import Node
from neurallambda.lang.draws import Draws, coin
from neurallambda.lang.given_values import value_of
from neurallambda.lang.scope import subterms
from neurallambda.lang.terms import Define, Hole, Program
from neurallambda.lang.values import Value
from neurallambda.traces.contexts import Written, written
from neurallambda.traces.pictures import Json, Lane, Seen
from neurallambda.traces.recording import rounded
from neurallambda.traces.reference import ReferenceTracer

MOST = 256
"""How many lanes there may be at a time."""
_HOLE = re.compile(r"\?([\w\-?!*<>=+/]+)")


@dataclass(frozen=True)
class Asked:
    """Stands for an uncertain hole until it is looked at."""

    name: str


class _UndecidedError(Exception):
    """A step draws something; `chances` says what it may be."""

    def __init__(self, chances: Chances) -> None:
        super().__init__()
        self.chances = chances


class _Forks(Draws):
    """Draws what it is told to, and says so where it is not told."""

    def __init__(self, holes: Mapping[str, Chances]) -> None:
        super().__init__((), None, {})
        self.chances = holes
        self.told: Any = None

    def draw(self, node: core.Sample | core.Flip) -> Value:
        """The value that was told; else it is asked for."""
        if self.told is None:
            raise _UndecidedError(self.chances[node.name] if isinstance(node, core.Sample) else coin(node))
        value, self.told = self.told, None
        return value_of(value)


class _Tracer(ReferenceTracer):
    """The tracer of the reference evaluator, that shows a hole which nobody has looked at as the hole."""

    def content(self) -> tuple[Written, bool]:
        """What is evaluated, and whether it is a value already."""
        asked = asked_for(self.code) if self.value is None else None
        return super().content() if asked is None else (written(Hole(asked)), False)


@dataclass
class World:
    """One way in which a program may go.

    Attributes:
        lane: its number.
        weight: how likely it is, what was observed counted.
        code, environment, frame: where it stands.
        memory: what the holes are that were looked at.
        parents: the lanes that it came from in this step, if it is new.
        rule: what the last step did.
    """

    lane: int
    weight: float
    code: Code
    environment: Environment
    frame: Frame
    memory: Mapping[str, Any] = field(default_factory=dict)
    parents: tuple[int, ...] = ()
    rule: str = ""


class WorldsTracer:
    """Steps all worlds of a program together and sees each state.

    Args:
        program: the program.
        root: its core graph.
        holes: what each hole may be, with its chances.
        integers: the declared range; None: unbounded.
    """

    def __init__(self, program: Program, root: Node, holes: Mapping[str, Chances], integers: range | None) -> None:
        self.holes = holes
        self.forks = _Forks(holes)
        self.tracer = _Tracer(root, {name: Asked(name) for name in holes}, integers, self.forks)
        defined = (form for form in program.forms if isinstance(form, Define))
        self.always = {part.name for form in defined for part in subterms(form.value) if isinstance(part, Hole)}
        self.worlds = [World(0, 1.0, self.tracer.code, None, Halt())]
        self.count = 1
        self.ends: dict[tuple[str, str], float] = {}
        self.problem: ProgramError | None = None

    def seen(self, max_steps: int) -> Iterator[Seen]:
        """The state before the first step, and after each, until every world has ended or no step is left."""
        yield Seen((self._lane(self.worlds[0]),))
        for _ in range(max_steps):
            if not self.worlds:
                return
            yield self._step()
            if len(self.worlds) > MOST:
                message = f"more than {MOST} worlds at a time are not traced; `neurallambda infer` takes a million"
                self.problem = ProgramError(ErrorKind.OUT_OF_MEMORY, message)
                return
        if self.worlds:
            self.problem = ProgramError(ErrorKind.OUT_OF_STEPS, out_of_steps(max_steps))

    def distribution(self) -> list[Json]:
        """All ends with their probabilities, given what was observed, the likeliest first."""
        possible = {end: weight for end, weight in self.ends.items() if end != ("error", str(ErrorKind.IMPOSSIBLE))}
        total = sum(possible.values()) + sum(world.weight for world in self.worlds)
        if not total:
            return []
        ordered = sorted(possible.items(), key=lambda one: -one[1])
        return [{kind: text, "weight": rounded(weight / total)} for (kind, text), weight in ordered]

    def _step(self) -> Seen:
        went_on: list[World] = []
        ended: list[tuple[Lane, Json]] = []
        for world in self.worlds:
            for after, value, error in self._steps_of(world):
                if value is None and error is None:
                    went_on.append(after)
                    continue
                end = ("value", value) if value is not None else ("error", str(error))
                self.ends[end] = self.ends.get(end, 0) + after.weight
                self._enter(after)
                lane = self._lane(after)
                ended.append((lane, {"lane": after.lane, end[0]: end[1], "weight": rounded(after.weight)}))
        self.worlds, lanes = self._merged(went_on)
        closed = tuple(lane.id for lane, _ in ended)
        return Seen((*lanes, *(lane for lane, _ in ended)), closed=closed, ends=[end for _, end in ended])

    def _steps_of(self, world: World) -> Iterator[tuple[World, str | None, ErrorKind | None]]:
        """What becomes of a world in a step: several, where something is drawn; each with its end, if it ends."""
        asked = asked_for(world.code)
        if asked is not None and asked in world.memory:
            yield self._one(replace(world, code=Load(value_of(world.memory[asked])), parents=()))
            return
        if asked is not None:
            for value, chance in _each(self.holes[asked]):
                memory = {**world.memory, asked: value}
                yield self._one(self._child(world, chance, code=Load(value_of(value)), memory=memory))
            return
        try:
            yield self._one(replace(world, parents=()))
        except _UndecidedError as drawn:
            for value, chance in _each(drawn.chances):
                self.forks.told = value
                yield self._one(self._child(world, chance))

    def _child(self, world: World, chance: float, **state: Any) -> World:
        self.count += 1
        return replace(world, lane=self.count - 1, weight=world.weight * chance, parents=(world.lane,), **state)

    def _one(self, world: World) -> tuple[World, str | None, ErrorKind | None]:
        """A world after a step, with the value or the error that it ends in."""
        tracer = self.tracer
        self._enter(world)
        try:
            rule = tracer.step()
        except ProgramError as error:
            return replace(world, rule="observe" if error.kind is ErrorKind.IMPOSSIBLE else "error"), None, error.kind
        after = replace(world, code=tracer.code, environment=tracer.environment, frame=tracer.frame, rule=rule)
        if tracer.value is None:
            return after, None, None
        return after, written(tracer.unlowering.value(tracer.value)).text, None

    def _enter(self, world: World) -> None:
        tracer = self.tracer
        tracer.code, tracer.environment, tracer.frame, tracer.value = world.code, world.environment, world.frame, None

    def _lane(self, world: World) -> Lane:
        self._enter(world)
        known = {f"?{name}": ((_text(value), 1.0),) for name, value in world.memory.items()}
        return replace(
            self.tracer.lane(world.rule), id=world.lane, parents=world.parents, weight=world.weight, registers=known
        )

    def _merged(self, worlds: list[World]) -> tuple[list[World], list[Lane]]:
        """Worlds that are equal as one, with their lanes."""
        groups: dict[object, list[tuple[World, Lane]]] = {}
        for world in worlds:
            lane = self._lane(world)
            text = lane.term.text if lane.term is not None else None
            looked_at = self.always | set(_HOLE.findall(text or ""))
            kept = tuple((name, _text(value)) for name, value in sorted(world.memory.items()) if name in looked_at)
            key = (text, kept) if text is not None else world.lane
            forgetful = replace(
                world, memory={name: value for name, value in world.memory.items() if name in looked_at}
            )
            groups.setdefault(key, []).append((forgetful if text is not None else world, lane))
        found, lanes = [], []
        for group in groups.values():
            world, lane = group[0]
            if len(group) > 1:
                parents = tuple(dict.fromkeys(one for other, _ in group for one in (other.parents or (other.lane,))))
                self.count += 1
                weight = sum(other.weight for other, _ in group)
                world = replace(world, lane=self.count - 1, weight=weight, parents=parents)
                lane = replace(lane, id=world.lane, weight=weight, parents=parents)
            found.append(world)
            lanes.append(replace(lane, registers=self._lane(world).registers))
        return found, lanes


def asked_for(code: Code) -> str | None:
    """The uncertain hole that code reads, if it reads one."""
    return code.value.name if isinstance(code, Load) and isinstance(code.value, Asked) else None


def _each(chances: Chances) -> Iterator[tuple[Any, float]]:
    for value, chance in zip(chances.values, chances.probabilities, strict=True):
        if chance:
            yield value, float(chance)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
