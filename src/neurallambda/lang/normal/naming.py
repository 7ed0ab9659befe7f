"""From terms without names to terms with names: each binder keeps its own name unless that would capture.

A sketch is a term in which a variable is the level of its binder, counted from the outside. It may share parts, and so
does the term made of it.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from neurallambda.lang.terms import Term, Variable
from neurallambda.lang.trampoline import trampoline

Key = int | str
"""What a variable refers to: a level, or the name of a free variable."""


class Keys:
    """Numbers the keys of a sketch, so that a set of them is an integer with a bit for each."""

    def __init__(self) -> None:
        self._index: dict[Key, int] = {}

    def bit(self, key: Key) -> int:
        """The set of one key."""
        return 1 << self._index.setdefault(key, len(self._index))

    def free_names(self) -> list[str]:
        """The keys that are names of free variables."""
        return [key for key in self._index if isinstance(key, str)]


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A variable."""

    key: Key
    keys: int


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """A term that binds nothing: `build` makes it of its parts. `keys` is the set of its variables."""

    build: Callable[..., Term]
    parts: "tuple[Sketch, ...]"
    keys: int


@dataclass(frozen=True, slots=True, eq=False)
class Binder:
    """A term that binds: `build` makes it of the names chosen and its parts. Names are wanted as in `hints`."""

    build: Callable[..., Term]
    hints: tuple[str, ...]
    level: int
    parts: "tuple[Sketch, ...]"
    keys: int


Sketch = Term | Reference | Branch | Binder


def keys_of(sketch: Sketch) -> int:
    """The set of a sketch's variables; a term stands for itself and has none."""
    return 0 if isinstance(sketch, Term) else sketch.keys


def branch(build: Callable[..., Term], parts: Sequence[Sketch]) -> Branch:
    """A branch with its set of variables."""
    return Branch(build, tuple(parts), _union(parts))


def binder(
    build: Callable[..., Term], hints: tuple[str, ...], level: int, parts: Sequence[Sketch], keys: Keys
) -> Binder:
    """A binder of `len(hints)` variables, the first at `level`, with the set of those that are free in it."""
    own = sum(keys.bit(level + index) for index in range(len(hints)))
    return Binder(build, hints, level, tuple(parts), _union(parts) & ~own)


def choose_names(sketch: Sketch, keys: Keys) -> Term:
    """The term of a sketch.

    A binder is renamed (`x` to `x1`, `x2`, ...) only where its name means another variable that occurs in its scope.
    """
    return trampoline(_Namer(sketch, keys).name(sketch))


class _Namer:
    def __init__(self, sketch: Sketch, keys: Keys) -> None:
        self.keys = keys
        self.names: dict[int, str] = {}
        # For each name, the set of variables that are called so here.
        self.called: dict[str, int] = {name: keys.bit(name) for name in keys.free_names()}
        self.wanted = {*_hints(sketch), *self.called}
        # How many variables of a name have another one here: the number for the next.
        self.renamed: dict[str, int] = {}
        self.written: dict[int, Term] = {}

    def name(self, sketch: Sketch) -> Generator[Any, Any, Term]:
        if isinstance(sketch, Term):
            return sketch
        if isinstance(sketch, Reference):
            return Variable(self.names[sketch.key] if isinstance(sketch.key, int) else sketch.key)
        # The names of a shared part's variables are those of its binders, the same wherever it stands.
        if id(sketch) not in self.written:
            names = self.enter(sketch) if isinstance(sketch, Binder) else ()
            parts = []
            for part in sketch.parts:
                parts.append((yield self.name(part)))
            if isinstance(sketch, Binder):
                self.leave(sketch, names)
                self.written[id(sketch)] = sketch.build(names, *parts)
            else:
                self.written[id(sketch)] = sketch.build(*parts)
        return self.written[id(sketch)]

    def enter(self, sketch: Binder) -> tuple[str, ...]:
        """Choose names, and let them mean the variables of this binder."""
        names: list[str] = []
        for level, hint in enumerate(sketch.hints, sketch.level):
            name = hint
            if self.called.get(hint, 0) & sketch.keys:
                # A new name is one that nothing is called here and that no binder wants to keep.
                self.renamed[hint] = number = self.renamed.get(hint, 0) + 1
                while (name := f"{hint}{number}") in self.wanted or self.called.get(name, 0):
                    number += 1
            names.append(name)
            self.names[level] = name
            self.called[name] = self.called.get(name, 0) | self.keys.bit(level)
        return tuple(names)

    def leave(self, sketch: Binder, names: tuple[str, ...]) -> None:
        for level, (name, hint) in enumerate(zip(names, sketch.hints, strict=True), sketch.level):
            self.called[name] &= ~self.keys.bit(level)
            self.renamed[hint] = self.renamed.get(hint, 0) - (name != hint)


def _union(parts: Sequence[Sketch]) -> int:
    keys = 0
    for part in parts:
        keys |= keys_of(part)
    return keys


def _hints(sketch: Sketch) -> set[str]:
    """Every name that a binder in the sketch would like to have."""
    hints: set[str] = set()
    seen: set[int] = set()
    todo = [sketch]
    while todo:
        item = todo.pop()
        if isinstance(item, Branch | Binder) and id(item) not in seen:
            seen.add(id(item))
            todo.extend(item.parts)
            if isinstance(item, Binder):
                hints.update(item.hints)
    return hints
