"""How programs are run: the options of a command, checked."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from neurallambda.cli.holes import Chances, Hole, fillings, parts, read_holes
from neurallambda.engines import ENGINES, make_engine
from neurallambda.engines.protocol import Engine, Limits, ProgramEngine
from neurallambda.errors import ArgumentError

_RANGE = re.compile(r"([+-]?\d{1,4000}):([+-]?\d{1,4000})")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How programs are run.

    Attributes:
        engine: what runs them.
        limits: what they may use.
        device: where the machine's tensors live.
        holes: what each `?name` stands for.
        trace: whether the steps are shown, on stderr.
        options: what only this engine takes.
    """

    engine: Engine = Engine.MACHINE
    limits: Limits = field(default_factory=Limits)
    device: str | None = None
    holes: Mapping[str, Hole] = field(default_factory=dict)
    trace: bool = False
    options: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        engine = ENGINES[self.engine]
        for option in self.options:
            if option not in engine.options:
                named = option.replace("_", "-")
                raise ArgumentError(f"--{named}: only {_holders(option)} it, and the engine is {self.engine}")
        if self.device is not None and not engine.has_tensors:
            who = _listed(kind for kind in ENGINES if ENGINES[kind].has_tensors)
            raise ArgumentError(f"device: only the {who} have tensors, and the engine is {self.engine}")
        most = engine.most_integers
        if most is not None and self.limits.integers.stop - self.limits.integers.start > most:
            raise ArgumentError(
                f"--integers: this engine takes at most {most:,} of them; use --engine reference for more"
            )
        check_holes(self.holes, self.engine)
        if self.device is not None:
            from neurallambda.device import check_device

            check_device(self.device)

    @property
    def is_soft(self) -> bool:
        """Whether a hole stands for several values."""
        return any(isinstance(part, Chances) for hole in self.holes.values() for part in parts(hole))

    def fillings(self) -> Mapping[str, Any]:
        """What the holes stand for, as engines take it."""
        return fillings(self.holes)

    def make_engine(self) -> ProgramEngine:
        """The engine that these options describe."""
        return make_engine(self.engine, limits=self.limits, device=self.device, **self.options)


def check_holes(holes: Mapping[str, Hole], engine: Engine) -> None:
    """Refuse what an engine does not take for a hole.

    Raises:
        ArgumentError: naming the hole, and who takes it.
    """
    for name, hole in holes.items():
        if isinstance(hole, list) and engine is not Engine.WORLDS:
            raise ArgumentError(
                f"--hole: got a list for {name!r}, and the engine {engine} takes single values; the engine worlds takes lists"
            )
        if isinstance(hole, Chances) and not ENGINES[engine].has_tensors:
            who = _listed(kind for kind in ENGINES if ENGINES[kind].has_tensors)
            raise ArgumentError(
                f"--hole: got several values for {name!r}, and the engine {engine} takes one; the {who} take them"
            )


def _listed(engines: Iterable[Engine]) -> str:
    *some, last = engines
    return f"{', '.join(some)} and {last}" if some else last


def _holders(option: str) -> str:
    """Who has an option."""
    kinds = [kind for kind in ENGINES if option in ENGINES[kind].options]
    return f"the engine {kinds[0]} has" if len(kinds) == 1 else f"the engines {_listed(kinds)} have"


def make_setup(
    *,
    engine: str,
    max_steps: int | None,
    capacity: int,
    device: str | None,
    integers: str,
    holes: Iterable[str] = (),
    trace: bool = False,
    cells: int | None = None,
    max_worlds: int | None = None,
    codebook: str | None = None,
    vec_size: int | None = None,
    seed: int | None = None,
    strategy: str | None = None,
) -> Setup:
    """Read and check the options.

    Raises:
        ArgumentError: where one cannot be used.
    """
    if cells is not None and "cells" not in ENGINES[Engine(engine)].limited:
        raise ArgumentError(f"--cells: only the engines beta and beta-stepper have them, and the engine is {engine}")
    if max_worlds is not None and "max_worlds" not in ENGINES[Engine(engine)].limited:
        raise ArgumentError(f"--max-worlds: only the engine worlds has them, and the engine is {engine}")
    limits = Limits(integers=read_integers(integers), max_steps=max_steps, capacity=capacity)
    limits = limits if cells is None else replace(limits, cells=cells)
    limits = limits if max_worlds is None else replace(limits, max_worlds=max_worlds)
    filled = read_holes(holes)
    named = {"codebook": codebook, "vec_size": vec_size, "seed": seed, "strategy": strategy}
    options = {name: value for name, value in named.items() if value is not None}
    return Setup(engine=Engine(engine), limits=limits, device=device, holes=filled, trace=trace, options=options)


def read_integers(text: str) -> range:
    """A range of integers by its least and greatest.

    >>> read_integers("-8:7")
    range(-8, 8)
    """
    match = _RANGE.fullmatch(text)
    if match is None:
        raise ArgumentError(f"--integers: got {text!r}; expected LOW:HIGH, as in -256:255")
    low, high = map(int, match.groups())
    if low > high:
        raise ArgumentError(f"--integers: got {text!r}; expected the least integer before the greatest")
    return range(low, high + 1)
