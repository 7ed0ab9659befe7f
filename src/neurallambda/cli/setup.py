"""How programs are run: the options of a command, checked."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from neurallambda.errors import ArgumentError, SourceError
from neurallambda.lang import terms
from neurallambda.lang.syntax.parser import parse_term
from neurallambda.programs import Engine, Limits

MAX_INTEGERS = 4_096
"""How many integers the machine is given at most: it tabulates its primitives on all pairs of them."""

_RANGE = re.compile(r"([+-]?\d{1,4000}):([+-]?\d{1,4000})")

Hole = int | bool | str
"""What a hole stands for: an integer, a boolean, or the name of a primitive."""


@dataclass(frozen=True, kw_only=True)
class BetaSetup:
    """What only NeuralBeta has: the kind, width and seed of its codebook, and its strategy. None is what it has without."""

    codebook: str | None = None
    vec_size: int | None = None
    seed: int | None = None
    strategy: str | None = None


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How programs are run.

    Attributes:
        engine: what runs them.
        limits: what they may use.
        device: where the machine's tensors live.
        holes: what each `?name` stands for.
        trace: whether the steps are shown, on stderr.
        beta: what only NeuralBeta has.
    """

    engine: Engine = Engine.MACHINE
    limits: Limits = field(default_factory=Limits)
    device: str | None = None
    holes: Mapping[str, Hole] = field(default_factory=dict)
    trace: bool = False
    beta: BetaSetup = field(default_factory=BetaSetup)

    def __post_init__(self) -> None:
        if self.engine is not Engine.BETA:
            for name, value in vars(self.beta).items():
                if value is not None:
                    option = name.replace("_", "-")
                    raise ArgumentError(f"--{option}: only the engine beta has it, and the engine is {self.engine}")
        if self.engine is Engine.REFERENCE:
            if self.device is not None:
                raise ArgumentError(
                    "device: only the machine and beta have tensors, and the engine is the reference evaluator"
                )
            if self.trace:
                raise ArgumentError(
                    "trace: only the machine and beta have steps to show, and the engine is the reference evaluator"
                )
        elif self.limits.integers.stop - self.limits.integers.start > MAX_INTEGERS:
            raise ArgumentError(
                f"--integers: this engine takes at most {MAX_INTEGERS:,} of them; use --engine reference for more"
            )
        else:
            check_device(self.device)


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
    codebook: str | None = None,
    vec_size: int | None = None,
    seed: int | None = None,
    strategy: str | None = None,
) -> Setup:
    """Read and check the options.

    Raises:
        ArgumentError: where one cannot be used.
    """
    if cells is not None and engine != Engine.BETA:
        raise ArgumentError(f"--cells: only the engine beta has them, and the engine is {engine}")
    limits = Limits(integers=read_integers(integers), max_steps=max_steps, capacity=capacity)
    limits = limits if cells is None else replace(limits, cells=cells)
    filled = dict(read_hole(text) for text in holes)
    beta = BetaSetup(codebook=codebook, vec_size=vec_size, seed=seed, strategy=strategy)
    return Setup(engine=Engine(engine), limits=limits, device=device, holes=filled, trace=trace, beta=beta)


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


def read_hole(text: str) -> tuple[str, Hole]:
    """The name of a hole and what it stands for.

    >>> read_hole("a=5"), read_hole("op=<=")
    (('a', 5), ('op', '<='))
    """
    name, sign, value = text.partition("=")
    expected = "expected NAME=VALUE with an integer, a boolean or a primitive"
    if not sign:
        raise ArgumentError(f"--hole: got {text!r}; {expected}")
    try:
        match parse_term(value):
            case terms.Integer(atom) | terms.Boolean(atom) | terms.Primitive(atom):
                return name.removeprefix("?"), atom
    except SourceError:
        pass
    raise ArgumentError(f"--hole: got {value!r} for {name!r}; {expected}")


def check_device(device: str | None) -> None:
    """Find out whether tensors can live on a device.

    Raises:
        ArgumentError: where they cannot.
    """
    if device is None:
        return
    import torch

    try:
        torch.zeros(1, device=device).tolist()
    except Exception as error:  # torch and its backends raise whatever they like here
        reason = str(error).partition("\n")[0]
        raise ArgumentError(f"--device: {device!r} cannot be used here: {reason}") from None
