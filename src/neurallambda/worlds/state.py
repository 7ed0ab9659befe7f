"""What a run has: the program, its data, the heap, the circuit, the packets that wait, and what has ended."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from neurallambda.errors import ErrorKind
from neurallambda.worlds.bounded import Bound
from neurallambda.worlds.circuit import Circuit, Weight
from neurallambda.worlds.code import Code, Instruction
from neurallambda.worlds.heap import Column, Heap, as_sight
from neurallambda.worlds.inputs import Holes
from neurallambda.worlds.merge import forget, merge
from neurallambda.worlds.operate import Faults
from neurallambda.worlds.packet import Packet
from neurallambda.worlds.schedule import Schedule
from neurallambda.worlds.words import ERRORS, column


@dataclass(frozen=True)
class Settings:
    """How programs are run.

    Attributes:
        integers: the declared range.
        max_steps: how many instructions a world may take.
        max_worlds: how many worlds of a row may be together.
        merging: whether equal worlds become one.
        keep: how many worlds of a row go on together, the heaviest; None: all.
        least: worlds with less probability do not go on.
        hash_bits: the bits of hashes that count.
        max_words: how many words the records of all worlds may take.
    """

    integers: range
    max_steps: int
    max_worlds: int
    merging: bool = True
    keep: int | None = None
    least: float = 0.0
    hash_bits: int = -1
    max_words: int = 1 << 30

    @property
    def is_bounded(self) -> bool:
        """Whether light worlds are left out."""
        return self.keep is not None or self.least > 0


@dataclass(slots=True)
class Ended:
    """Worlds that have ended: in what, of which rows, and their weights."""

    values: Column
    rows: Tensor
    weight: Weight


@dataclass(frozen=True)
class Summary:
    """What a call with some arguments comes to: values with weights.

    Attributes:
        arguments: the arguments, as words.
        values: the values of all calls that were run together, by call.
        layer: the layer with their weights.
        start, count: which of them are of this call.
        observed: the observation that ruled out something in this call last; -1: none.
    """

    arguments: tuple[int, ...]
    values: Tensor
    layer: int
    start: int
    count: int
    observed: int


@dataclass
class Memo:
    """Summaries of calls, by function and hash of the arguments; None: such a call is being run."""

    summaries: dict[tuple[int, int], Summary | None] = field(default_factory=dict)


@dataclass(frozen=True)
class WaitingCall:
    """Worlds that wait for the summaries of calls.

    Attributes:
        run, packet, instruction: the worlds, and the call.
        keys: the calls, each different.
        group: which of them each world makes.
        new: those of them that are run now.
    """

    run: "Run"
    packet: Packet
    instruction: Instruction
    keys: list[tuple[int, int]]
    group: Tensor
    new: list[int]


@dataclass
class Run:
    """A run of one program on a batch of data.

    Attributes:
        ended: the worlds that have ended.
        limits: for a row and a limit that it has run into, the instruction and what is said about it.
        observed: for each row, the observation that last took a world of it; -1: none has.
        memo: what calls of functions that are run once have come to.
        call: what waits for the end of this run; None: nothing, it is the whole program.
        callee: the run that has to end before this goes on.
        origin: the row of the data that each row of this run is of; None: the same.
        instructions, worlds, most: how many instructions there were, of how many worlds, and the most worlds at once.
    """

    code: Code
    holes: Holes
    settings: Settings
    heap: Heap
    circuit: Circuit
    schedule: Schedule
    observed: Tensor
    ended: list[Ended] = field(default_factory=list)
    limits: dict[tuple[int, ErrorKind], tuple[int, str]] = field(default_factory=dict)
    instructions: int = 0
    worlds: int = 0
    most: int = 0
    possible: Tensor | None = None
    bound: Bound | None = None
    memo: "Memo" = field(default_factory=lambda: Memo())
    call: "WaitingCall | None" = None
    callee: "Run | None" = None
    origin: Tensor | None = None
    unresolved: list[Packet] = field(default_factory=list)

    def sights(self, names: frozenset[str]) -> list[Column] | None:
        """The sights from code that names some holes: all of each."""
        if not self.heap.sights:
            return None
        found: list[Column] = []
        for number, name in enumerate(self.holes.names):
            is_seen = name in names
            found += [self.holes.most[number] if is_seen else 0, as_sight(1, 1) if is_seen else 0]
        return found

    def original(self, rows: Tensor) -> Tensor:
        """The rows of the data that rows of this run are of."""
        return rows if self.origin is None else self.origin[rows]

    def merged(self, packet: Packet) -> Packet:
        """A packet, whose registers are those still read, with equal worlds as one."""
        if not packet.is_dirty or not self.heap.hashing or len(packet) < 2:
            return packet
        if self.settings.merging:
            instruction = self.code.instructions[packet.at]
            forget(packet, self.heap, self.holes.names, instruction.sight, instruction.tails)
            packet = merge(packet, self.heap, self.code)
        return packet if self.bound is None else self.bound.prune(packet)

    def end(self, packet: Packet, values: Column) -> None:
        """Let the worlds of a packet end."""
        self.ended.append(Ended(values, packet.rows, packet.weight))

    def fail(self, packet: Packet, faults: Faults) -> Packet | None:
        """End the worlds that are at fault; gives the others."""
        left: Packet | None = packet
        for place, (mask, kind) in enumerate(faults):
            if left is None:
                return None
            wrong, others = left.split(mask)
            if wrong is not None:
                self.end(wrong, ERRORS[kind])
            if others is not left:
                keep = (~mask).nonzero().squeeze(1)
                faults[place + 1 :] = [(later[keep], error) for later, error in faults[place + 1 :]]
            left = others
        return left

    def limit(self, packet: Packet, kind: ErrorKind, text: str) -> None:
        """End all worlds of a packet at a limit."""
        rows, counts = torch.unique(packet.rows, return_counts=True)
        for row, worlds in zip(rows.tolist(), counts.tolist(), strict=True):
            if (row, kind) not in self.limits:
                self.limits[row, kind] = (packet.at, text + self._together(packet, row, worlds))
        self.end(packet, ERRORS[kind])

    def _together(self, packet: Packet, row: int, worlds: int) -> str:
        """How many worlds of a row end together, and what differs between them, in words."""
        if worlds == 1:
            return ""
        apart = self.differing(packet, row, self.code.instructions[packet.at])
        return f". {worlds:,} worlds are at this place; what keeps them apart: {apart}"

    def differing(self, packet: Packet, row: int, instruction: Instruction) -> str:
        """What differs between the worlds of a row."""
        mine = (packet.rows == row).nonzero().squeeze(1)
        found: list[str] = []
        # at an instruction at which nothing waits or parts it is not written down what is read from there on
        for register in instruction.before or [one for one in packet.registers if one >= 0]:
            different = self._different(column(packet.registers[register], len(packet))[mine])
            if different > 1:
                found.append(f"{self._named(packet.at, register)} has {different:,} values")
        found += self._waiting(column(packet.frame, len(packet))[mine])
        for part, values in packet.known.items():
            hole, distance = (part >> 24) & 0xFFFFF, part & 0xFFFFFF
            different = len(torch.unique(values[mine]))
            if different > 1:
                place = self.holes.described(hole, distance, row)
                found.append(f"{place} is drawn, may be looked at again, and has {different:,} values")
        return "; ".join(found) or "nothing that is known"

    def _different(self, values: Tensor) -> int:
        """How many values are different."""
        return len(torch.unique(column(self.heap.hash(values), len(values))))

    def _named(self, at: int, register: int) -> str:
        """A register in words."""
        names = self.code.functions[self.code.owner[at]].names
        return f"`{names[register]}`" if register in names else "a value on the way"

    def _waiting(self, frames: Tensor) -> list[str]:
        """What differs between frames, in words: what the innermost of them keep that differ, and where they wait."""
        while len(torch.unique(self.heap.words[frames])) > 1:
            places = self.heap.read(frames, 0)
            assert isinstance(places, Tensor)
            at = int(places[0])
            if not bool((places == at).all()) or not bool((frames != 0).all()):
                return [f"what waits for the result of the call has {self._forms(frames):,} forms"]
            instruction = self.code.instructions[at]
            under, *saved = self.heap.read_all(frames, range(1, 2 + len(instruction.after)))
            found = [
                (self._different(column(values, len(frames))), self._named(at, register))
                for register, values in zip(instruction.after, saved, strict=True)
            ]
            where = _place(instruction)
            if told := [f"{name}, which waits{where}, has {count:,} values" for count, name in found if count > 1]:
                return told
            frames = column(under, len(frames))
        return []

    def _forms(self, frames: Tensor) -> int:
        return len(torch.unique(self.heap.words[frames]))


def _place(instruction: Instruction) -> str:
    """Where an instruction is in the text, in words."""
    if instruction.node is None or instruction.node.at is None:
        return " for the result of a call"
    line, column = instruction.node.at
    return f" for the result of line {line}, column {column}"
