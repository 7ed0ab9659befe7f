"""A run that was recorded: its circuit, what its ends are, and what its leaves stand for; asked again with other numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.arguments import checked_methods
from neurallambda.errors import ArgumentError, ErrorKind, ProgramError
from neurallambda.lang.terms import Position, Program, Term
from neurallambda.lang.values import to_term
from neurallambda.worlds.circuit import Circuit
from neurallambda.worlds.decode import decode
from neurallambda.worlds.device import on_cpu
from neurallambda.worlds.given import blocks_of, check, renewed, together
from neurallambda.worlds.inputs import Holes
from neurallambda.worlds.packet import Packet
from neurallambda.worlds.state import Run
from neurallambda.worlds.words import ERRORS, column

if TYPE_CHECKING:
    from neurallambda.worlds.found import Found

End = Term | ErrorKind
"""How a program ends: in a value, or in a named error."""

_ERRORS = {word: kind for kind, word in ERRORS.items()}


@checked_methods("save", "log_probabilities")
@dataclass
class Recording:
    """What a run came to, for any probabilities of what is uncertain.

    It is called with logits, and gives what `infer` gives, in a fraction of the time: nothing is run again. What is certain, the
    values that holes may have, and the lengths of lists are those of the recording.

    Attributes:
        circuit: the arithmetic.
        holes: what stood for the holes.
        named: the holes that the program has by name; others are sampled only.
        programs: the program, or all programs that ran side by side.
        rows: the row of each end.
        outcomes, evidence: the layers with the weight of each end, and of all ends of each row.
        observed: for each row the place of the observation that last ruled out a case.
        limits: for a row and a limit that it has run into, where that was and what is said about it.
        integers: the declared range.
        max_steps: how many instructions a world could take.
        lost: for each row the probability of the worlds that were left out.
        instructions, worlds, most: how many instructions there were, of how many worlds, and the most worlds at once.
    """

    circuit: Circuit
    holes: Holes
    named: tuple[str, ...]
    programs: tuple[Program, ...]
    rows: Int[Tensor, " ends"]
    outcomes: int
    evidence: int
    observed: list[Position | None]
    limits: dict[tuple[int, ErrorKind], tuple[Position | None, str]]
    integers: range
    max_steps: int
    lost: Float[Tensor, " batch"]
    instructions: int
    worlds: int
    most: int
    read: Callable[[], list[End]] = field(repr=False)

    def program(self, row: int) -> Program:
        """The program of a row."""
        which = self.holes.which
        return self.programs[0 if which is None else int(which[row])]

    @cached_property
    def ends(self) -> list[End]:
        """How each of the weights of `outcomes` ends."""
        return self.read()

    def __repr__(self) -> str:
        return f"Recording({self.holes.batch} rows, {len(self.circuit.layers)} layers, {len(self.rows)} ends)"

    def __call__(self, holes: Mapping[str, Any] | Tensor | None = None, /, **named: Any) -> "Found":
        """What is found with other probabilities.

        Args:
            holes: for each uncertain hole what it was recorded with, or logits in the place of each `Soft`; what is left out
                stays as it was recorded. They may live on any device, where everything is then computed. Where one hole
                alone is uncertain, its logits will do.
            named: more holes, by name.

        Returns:
            What was found, as `infer` gives it.

        Raises:
            ArgumentError: naming the hole that does not fit the recording.
        """
        from neurallambda.worlds.found import Found

        if isinstance(holes, Tensor):
            if len(self.holes.names) != 1:
                raise ArgumentError(f"holes: got logits without a name; {self._known()}")
            holes = {self.holes.names[0]: holes}
        with on_cpu():
            return Found(self, self.log_probabilities(together(holes, named)))

    def _known(self) -> str:
        """Which holes are uncertain, in words."""
        return f"the uncertain holes of this recording are: {', '.join(self.holes.names) or 'none'}"

    def log_probabilities(self, holes: Mapping[str, Any]) -> Float[Tensor, " leaves"]:
        """The numbers of the leaves."""
        holes = together(holes, {})
        for name in holes:
            if name not in self.holes.names:
                raise ArgumentError(f"holes[{name!r}]: {self._known()}")
        logs: list[Tensor] = []
        for number, name in enumerate(self.holes.names):
            given = self.holes.given[name]
            if name in holes:
                given = renewed(name, given, holes[name])
                check({name: given})
            for new, (old, _, _) in zip(blocks_of(given, self.holes.batch), self.holes.blocks[number], strict=True):
                if new.log.shape != old.log.shape:
                    raise ArgumentError(
                        f"holes[{name!r}]: got logits for {tuple(new.log.shape)}, and {tuple(old.log.shape)} were recorded"
                    )
                logs.append(new.log.reshape(-1))
        if not logs:
            return torch.zeros(0, dtype=torch.float64)
        device = next((log.device for log in logs if log.device.type != "cpu"), logs[0].device)
        return torch.cat([log.to(device) for log in logs])

    def save(self, path: str | Path) -> None:
        """Write the recording to a file, from which `load_recording` reads it.

        Raises:
            OSError: where it cannot be written.
        """
        from neurallambda.worlds.recording_file import as_plain

        plain = as_plain(self)
        with Path(path).open("wb") as file:  # torch raises a RuntimeError where there is no such folder
            torch.save(plain, file)


def record(run: Run, ended: Packet, evidence: int, programs: tuple[Program, ...]) -> Recording:
    """What a run came to."""
    words = column(ended.registers[0], len(ended))

    def place(at: int) -> Position | None:
        node = None if at < 0 else run.code.instructions[at].node
        return None if node is None else node.at

    return Recording(
        circuit=run.circuit,
        holes=run.holes,
        named=run.code.holes,
        programs=programs,
        rows=ended.rows,
        outcomes=ended.weight.layer,
        evidence=evidence,
        observed=[place(at) for at in run.observed.tolist()],
        limits={key: (place(at), text) for key, (at, text) in run.limits.items()},
        integers=run.settings.integers,
        max_steps=run.settings.max_steps,
        lost=torch.zeros(run.holes.batch, dtype=torch.float64) if run.bound is None else run.bound.lost,
        instructions=run.instructions,
        worlds=run.worlds,
        most=run.most,
        read=lambda: _ends(run, words),
    )


def _ends(run: Run, words: Tensor) -> list[End]:
    distinct = torch.unique(words).tolist()
    values = [word for word in distinct if word not in _ERRORS]
    ends: dict[int, End] = {word: _ERRORS[word] for word in distinct if word in _ERRORS}
    for word, value in zip(values, decode(values, run.heap, run.code), strict=True):
        try:
            ends[word] = to_term(value)
        except ProgramError as error:  # too large to be written down
            ends[word] = error.kind
    return [ends[word] for word in words.tolist()]
