"""What is put into a language model: which structure, where, and what may learn."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any, Literal, get_args

from neurallambda.arguments import checked, shown
from neurallambda.errors import ArgumentError, check_count
from neurallambda.llm.calls.programs import call_named

Kind = Literal["stack", "queue", "bank", "calls", "none"]
"""What a head drives. "bank" is a stack of values to which programs that stay as they are can be applied; "calls" is a queue
of words that a program outside the network is given, and then of what it answers; "none" shows each value at once and keeps nothing: what the latch does alone."""
ReadStart = Literal["transposed", "fitted", "random"]
"""How the matrix of reads begins: as the transpose of that of values, fitted to what the model writes, or at random."""
PhaseStart = Literal["put-take", "random"]
"""How actions are inclined at the start by the latch: as most protocols go, or at random."""
MOST_NUMBERS = 2**40
"""More numbers, four tebibytes, no machine has room for."""


@checked
@dataclass(frozen=True, kw_only=True)
class GraftConfig:
    """A graft: its structure, its place in the model, how it starts, and which parameters of the model learn with it.

    Names that PEFT has are used as PEFT uses them (`layers_to_transform`, `layers_pattern`, `modules_to_save`).

    Args:
        structure: what each head drives.
        heads: how many heads there are, each with a structure of its own.
        width: how many numbers a structure stores of a hidden state; of a bank, how wide the keys of its programs are.
        depth: how many values a structure has room for.
        layers_to_transform: after which block the structure sees the hidden state, and after which its reads are added to
            it; negative numbers count from the last block. The first and the last one: in between, attention would find
            shortcuts from the one to the other, and after the first block it has mixed tokens, so that one of them stands for
            many and is held alone.
        layers_pattern: the path of the list of blocks in the model, such as `model.layers`, where its family is unknown.
        modules_to_save: the paths of modules of the base model that learn and are saved with the graft; `"*"` is all of it.
        has_latch: whether a learned latch tells two phases apart. It turns the actions from the one to the other, and
            lets reads through while it is on.
        phase_prior: how strongly actions are inclined at the start: to put while the latch is off, to take while it is
            on; 0 is no inclination.
        phase_start: how they are inclined. `random` knows of no protocol: the inclination of each head to each action is drawn
            with the standard deviation `phase_prior`, so that of several heads, or of several seeds, one may be right by chance.
        read_start: how the matrix of reads begins. Transposed, a read begins as that which was seen when its value was put,
            as far as the width lets it through; the model then writes that token if what it sees after a block is like what it
            writes. In a large model it is not, and fitted reads are better: `graft` looks at what is seen at tokens of the vocabulary, and
            the read of each begins, by least squares, as the direction in which the model writes that token. At random, values and
            reads must first find a common code; that is right where one of random weights has embeddings of its own for the output.
        gate: what reads are multiplied by at the start, at least 0; 0 leaves the model as it was, bit for bit. Reads are never
            taken away: what learns is a number whose magnitude is the gate.
        gate_scale: how many times faster than its other parameters the gate learns. What is added must become as large as the
            hidden states that it is added to, and these are a hundred times as large in one model as in another. None: what fits the
            model, the power of ten next to the norm of its hidden states there, which `graft` measures.
        programs: of a bank, the name and the text of each program; their arguments are the holes ?x and ?y. Of calls, the name of
            each and what it is among `neurallambda.llm.calls.CALLS`. Not looked at elsewhere.
        values: of a bank, the numbers that programs are applied to and that come out; of calls, the words that programs are given
            and answer with, and an empty one for what is no word, such as the token that begins a text.
        value_tokens: of a bank and of calls, the token of the model that each value is written as: the read of a value begins as
            the direction in which the model writes that token. None: reads begin at random, and which value is meant by which
            word of the answers is to be found too.
        initial_values: how many learned values a structure holds before the first token.
        initial_scale: what these are multiplied by.
        noise: the standard deviation of the noise on the logits of actions and of the latch, and of what a bank is given, in training.
        is_hard: whether every choice is made in evaluation. In training choices are soft.
        learning_rate_scale: how many times the learning rate of the base model's parameters that of the structure is.
        is_frozen: whether the structure shall not learn, for use beside something else that does. In training it then computes what
            it does in evaluation: without noise, and with choices made where `is_hard` says so, through which the gradient of soft
            ones goes.

    Raises:
        ArgumentError: if a number is out of range; which one, and what came.

    Example:
        >>> config = GraftConfig(structure="queue", width=32)
        >>> GraftConfig.from_facts(config.facts()) == config
        True
    """

    structure: Kind = "stack"
    heads: int = 1
    width: int = 64
    depth: int = 64
    layers_to_transform: tuple[int, int] = (0, -1)
    layers_pattern: str | None = None
    modules_to_save: tuple[str, ...] = ()
    has_latch: bool = True
    phase_prior: float = 2.0
    phase_start: PhaseStart = "put-take"
    read_start: ReadStart = "transposed"
    gate: float = 0.0
    gate_scale: float | None = None
    programs: tuple[tuple[str, str], ...] = ()
    values: tuple[int, ...] | tuple[str, ...] = ()
    value_tokens: tuple[int, ...] = ()
    initial_values: int = 0
    initial_scale: float = 1.0
    noise: float = 1.0
    is_hard: bool = True
    learning_rate_scale: float = 1.0
    is_frozen: bool = False

    def __post_init__(self) -> None:
        if self.structure not in get_args(Kind):
            raise ArgumentError(f"structure: got {shown(self.structure)}, expected one of {', '.join(get_args(Kind))}")
        for name in ("heads", "width", "depth"):
            check_count(name, getattr(self, name))
        if self.heads * self.width * self.depth > MOST_NUMBERS:
            raise ArgumentError(
                f"heads, width, depth: got {self.heads}, {self.width} and {self.depth}, expected a product of at most "
                f"{MOST_NUMBERS}: so many numbers are held of each text"
            )
        check_count("initial_values", self.initial_values, least=0)
        if self.initial_values > self.depth:
            raise ArgumentError(f"initial_values: got {self.initial_values}, expected at most the depth, {self.depth}")
        if self.structure in ("none", "bank", "calls") and self.initial_values:
            raise ArgumentError(f"initial_values: the structure {self.structure!r} holds no vectors; expected 0")
        if self.has_programs:
            self._check_programs()
        names = [name for name, _ in self.programs]
        for field, given in (("programs", names), ("values", self.values), ("value_tokens", self.value_tokens)):
            if len(set(given)) < len(given):
                raise ArgumentError(f"{field}: got {shown(given)}, expected each of them once")
        if self.value_tokens and len(self.value_tokens) != len(self.values):
            raise ArgumentError(
                f"value_tokens: got {len(self.value_tokens)} for {len(self.values)} values; expected as many, or none"
            )
        for name in ("phase_prior", "noise", "gate"):
            _check_finite(name, getattr(self, name), least=0.0)
        _check_finite("initial_scale", self.initial_scale)
        for name in ("gate_scale", "learning_rate_scale"):
            if (given := getattr(self, name)) is not None:
                _check_finite(name, given, above=0.0)

    @property
    def has_programs(self) -> bool:
        """Whether heads choose among programs, and are given and show finitely many values."""
        return self.structure in ("bank", "calls")

    def _check_programs(self) -> None:
        is_bank = self.structure == "bank"
        if not (self.programs and self.values):
            made = "a bank is made" if is_bank else "calls are made"
            raise ArgumentError(f"structure: {made} of `programs` and `values`; expected at least one of each")
        if any(isinstance(value, str) == is_bank for value in self.values):
            expected = "numbers for a bank" if is_bank else "words for calls"
            raise ArgumentError(f"values: got {shown(self.values)}, expected {expected}")
        if not any(value != "" for value in self.values):
            raise ArgumentError("values: all of them are empty; expected at least one word")
        for _, call in () if is_bank else self.programs:
            call_named(call)

    def facts(self) -> dict[str, Any]:
        """The configuration for JSON."""
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def from_facts(cls, facts: Any) -> "GraftConfig":
        """The configuration that `facts` gave.

        Args:
            facts: every field by its name, as a file holds them, so that it may be anything; lists stand for tuples.

        Raises:
            ArgumentError: if a name is missing or unknown, or a value cannot be used.
        """
        known = {field.name for field in fields(cls)}
        if not isinstance(facts, Mapping):
            raise ArgumentError(f"facts: got {shown(facts)}, expected a record with the fields of a GraftConfig")
        if set(facts) != known:
            wrong = sorted(map(str, known ^ set(facts)))
            raise ArgumentError(f"facts: missing or unknown: {wrong}; expected the fields of a GraftConfig")
        values: dict[str, Any] = {name: _tuples(value) for name, value in facts.items()}
        return cls(**values)


def _tuples(value: Any) -> Any:
    """Tuples, where JSON has lists."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _check_finite(name: str, value: float, *, least: float | None = None, above: float | None = None) -> None:
    if not isfinite(value) or (least is not None and value < least) or (above is not None and value <= above):
        bound = f" of at least {least}" if least is not None else f" above {above}" if above is not None else ""
        raise ArgumentError(f"{name}: got {value!r}, expected a finite number{bound}")
