"""The tracer of uncertain programs: every way they can go is a lane, that splits where something is drawn.

The engine `worlds` runs many rows together, an instruction at a time; this shows the same on one program, in the steps of the
reference evaluator. A hole is drawn where it is read, and an item of a list that stands for a hole where a step looks at it. Two
lanes that go on in the same way are one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang import core
from neurallambda.lang.cek import NOTHING, Code, Environment, Frame, Halt, Load, out_of_steps
from neurallambda.lang.core import Node
from neurallambda.lang.draws import Draws, coin, options
from neurallambda.lang.given_values import value_of
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.values import Value, to_term
from neurallambda.traces.alike import Alike
from neurallambda.traces.asked import Asked, asking, known, looked_at, wholly_known, with_known
from neurallambda.traces.contexts import Written
from neurallambda.traces.pictures import Json, Lane, Seen
from neurallambda.traces.recording import rounded
from neurallambda.traces.reference import ReferenceTracer

MOST = 1_024
"""How many lanes there may be at a time."""
MOST_IN_A_STEP = 4 * MOST
"""How many ways there may be out of one step, before those that go on in the same way are one."""


class _UndecidedError(Exception):
    """A step draws something; `chances` says what it may be."""

    def __init__(self, chances: Any) -> None:
        super().__init__()
        self.chances = chances


class _Forks(Draws):
    """Draws what it is told to, and says so where it is not told."""

    def __init__(self, holes: Mapping[str, Any]) -> None:
        super().__init__((), None, holes)
        self.told: Any = None

    def draw(self, node: core.Sample | core.Flip) -> Value:
        """The value that was told; else it is asked for."""
        if self.told is None:
            raise _UndecidedError(self.sampled(node) if isinstance(node, core.Sample) else coin(node))
        value, self.told = self.told, None
        return value_of(value)


class _Tracer(ReferenceTracer):
    """The tracer of the reference evaluator, for which a hole that nobody has looked at is still to be worked on."""

    def content(self) -> tuple[Written, bool]:
        """What is evaluated, and whether it is a value already."""
        content, is_value = super().content()
        is_hole = isinstance(self.code, Load) and isinstance(self.code.value, Asked) and self.code.value.is_whole
        return content, is_value and (self.value is not None or not is_hole)


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
        root: the program's core graph.
        holes: what each hole stands for: an atom, `Chances`, or a list of such.
        integers: the declared range; None: unbounded.
    """

    def __init__(self, root: Node, holes: Mapping[str, Any], integers: range | None) -> None:
        asked = asking(holes)
        self.parts = asked.parts
        self.integers = integers
        self.forks = _Forks(holes)
        self.tracer = _Tracer(root, asked.holes, integers, self.forks)
        self.alike = Alike(root, asked.of, self.tracer.origins, self.tracer.function_of)
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
            seen = self._step()
            if seen is None or len(self.worlds) > MOST:
                message = f"more than {MOST:,} worlds at a time are not traced; `neurallambda infer` takes a million"
                self.problem = ProgramError(ErrorKind.OUT_OF_MEMORY, message)
            if seen is not None:
                yield seen
            if self.problem is not None:
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

    def _step(self) -> Seen | None:
        """A step of all worlds; None, and nothing has happened, where there are too many ways out of it."""
        steps: list[tuple[World, str | None, ErrorKind | None]] = []
        for world in self.worlds:
            for step in self._steps_of(replace(world, parents=())):
                steps.append(step)
                if len(steps) > MOST_IN_A_STEP:
                    return None
        went_on: list[World] = []
        ended: list[tuple[Lane, Json]] = []
        for after, value, error in steps:
            world = replace(after, lane=self._number()) if after.parents else after
            if value is None and error is None:
                went_on.append(world)
                continue
            end = ("value", value) if value is not None else ("error", str(error))
            self.ends[end] = self.ends.get(end, 0) + world.weight
            ended.append((self._lane(world), {"lane": world.lane, end[0]: end[1], "weight": rounded(world.weight)}))
        self.worlds = self._merged(went_on)
        lanes = [self._lane(world) for world in self.worlds]
        closed = tuple(lane.id for lane, _ in ended)
        return Seen((*lanes, *(lane for lane, _ in ended)), closed=closed, ends=[end for _, end in ended])

    def _steps_of(self, world: World) -> Iterator[tuple[World, str | None, ErrorKind | None]]:
        """What becomes of a world in a step: several, where something is drawn; each with its end, if it ends."""
        todo = [world]
        while todo:
            part, one = self._missing(todo.pop())
            if part is not None:
                drawn = list(options(self.parts[part]))
                children = [
                    self._child(one, chance, len(drawn), memory={**one.memory, part: value}) for value, chance in drawn
                ]
                for child in reversed(children):
                    if self._is_declared(child.memory[part]):
                        todo.append(child)
                    else:
                        yield replace(child, rule="error"), None, ErrorKind.OVERFLOW
                continue
            try:
                yield self._one(one)
            except _UndecidedError as undecided:
                drawn = list(islice(options(undecided.chances), MOST_IN_A_STEP + 1))
                for value, chance in drawn:
                    self.forks.told = value
                    yield self._one(self._child(one, chance, len(drawn)))

    def _missing(self, world: World) -> tuple[str | None, World]:
        """A part that the next step looks at and that is not known here, and the world; or None, and the world with all that
        is looked at as what it is known to be.
        """
        value = world.code.load(world.environment, world.frame)
        if value is NOTHING:
            return None, world
        is_last = isinstance(world.frame, Halt)
        wanted = self.alike.value(value).held if is_last else {one.part for one in looked_at(world.frame, value)}
        if not wanted:
            return None, world
        missing = next((part for part in self.parts if part in wanted and part not in world.memory), None)
        if missing is not None:
            return missing, world
        told = wholly_known(value, world.memory) if is_last else known(value, world.memory)
        return None, replace(world, code=Load(told), frame=with_known(world.frame, world.memory))

    def _is_declared(self, value: object) -> bool:
        return self.integers is None or type(value) is not int or value in self.integers

    def _child(self, world: World, chance: Any, siblings: int, **state: Any) -> World:
        """One way that a world goes on: a lane of its own, unless it is the only one."""
        parents = world.parents if siblings == 1 else world.parents or (world.lane,)
        return replace(world, weight=world.weight * float(chance), parents=parents, **state)

    def _number(self) -> int:
        self.count += 1
        return self.count - 1

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
        try:
            return after, to_text(to_term(tracer.value)), None
        except ProgramError as error:  # it is too large to be written down
            return after, None, error.kind

    def _enter(self, world: World) -> None:
        tracer = self.tracer
        tracer.code, tracer.environment, tracer.frame, tracer.value = world.code, world.environment, world.frame, None

    def _lane(self, world: World) -> Lane:
        """A world as the record has it, with what is known in it."""
        self._enter(world)
        facts = {f"?{name}": ((_text(value), 1.0),) for name, value in world.memory.items()}
        lane = self.tracer.lane(world.rule)
        return replace(lane, id=world.lane, parents=world.parents, weight=world.weight, registers=facts)

    def _merged(self, worlds: Iterable[World]) -> list[World]:
        """Worlds that go on in the same way as one. What is never looked at again is forgotten."""
        groups: dict[object, list[World]] = {}
        for world in worlds:
            kind = self.alike.state(world.code, world.environment, world.frame)
            memory = {name: value for name, value in world.memory.items() if name in kind.parts}
            kept = tuple((name, type(value), value) for name, value in sorted(memory.items()))
            groups.setdefault((kind.number, kept), []).append(replace(world, memory=memory))
        return [group[0] if len(group) == 1 else self._together(group) for group in groups.values()]

    def _together(self, group: list[World]) -> World:
        parents = tuple(dict.fromkeys(one for world in group for one in (world.parents or (world.lane,))))
        weight = sum(world.weight for world in group)
        return replace(group[0], lane=self._number(), weight=weight, parents=parents)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
