"""Running: steps until every program has ended, in memory that grows as it is needed."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.machine.assemble import HALT_ADDRESS, ROOT_ADDRESS
from neurallambda.machine.layout import Code, Layout
from neurallambda.machine.memory import Memory
from neurallambda.machine.retaken import Kept
from neurallambda.machine.step import CONTINUATION, CONTROL, Step, take_step
from neurallambda.machine.tables import ERRORS, tables

FIRST_ROOM = 64
"""Room for records at first; a full memory grows by half of itself."""

LOOK_EVERY = 4
"""How often to look whether all programs have ended: looking makes the host wait for the device."""


@dataclass(frozen=True)
class Settings:
    """What a run is told.

    Attributes:
        integers: the declared range.
        operations: the binary operators that may occur.
        max_steps: how many steps to take at most.
        capacity: how many addresses a program may use at most, code included.
    """

    integers: range
    operations: frozenset[str]
    max_steps: int
    capacity: int


@dataclass
class Registers:
    """The registers and what has become of the programs so far.

    Attributes:
        pointers: control, environment, continuation.
        running: the mass that has not ended.
        answer: the mass that has ended in a value, by the address of the value.
        errors: the mass that has ended in each error.
        steps: the expected number of steps taken.
    """

    pointers: Float[Tensor, "batch 3 addresses"]
    running: Float[Tensor, " batch"]
    answer: Float[Tensor, "batch addresses"]
    errors: Float[Tensor, "batch errors"]
    steps: Float[Tensor, " batch"]

    @staticmethod
    def start(code: Code) -> "Registers":
        """Control on the program, continuation on the frame that halts."""
        batch, addresses, _ = code.narrow.shape
        pointers = code.narrow.new_zeros(batch, 3, addresses)
        pointers[:, CONTROL, ROOT_ADDRESS] = 1
        pointers[:, CONTINUATION, HALT_ADDRESS] = 1
        none = code.narrow.new_zeros(batch)
        errors = code.narrow.new_zeros(batch, len(ERRORS))
        return Registers(pointers, none + 1, torch.zeros_like(pointers[:, 0]), errors, none)

    def widen(self, width: int) -> None:
        """Make room for pointers at more addresses."""
        self.pointers = pad(self.pointers, (0, width - self.pointers.shape[-1]))
        self.answer = pad(self.answer, (0, width - self.answer.shape[-1]))

    def select(self, rows: Int[Tensor, " rows"]) -> "Registers":
        """The registers of some programs of the batch."""
        return Registers(
            self.pointers[rows], self.running[rows], self.answer[rows], self.errors[rows], self.steps[rows]
        )

    def follow(self, step: Step) -> None:
        """Go on as the step says; what ends there is added to the outcome."""
        self.answer = torch.addcmul(self.answer, self.running[:, None], step.halts)
        self.errors = torch.addcmul(self.errors, self.running[:, None], step.errors)
        self.steps = self.steps + self.running
        self.running = self.running * step.goes_on
        self.pointers = step.registers


class Runner:
    """Steps programs through memory; with `keeps_history` it remembers what `Kept` says of each step."""

    def __init__(self, layout: Layout, code: Code, settings: Settings, *, keeps_history: bool = False) -> None:
        self.settings = settings
        self.memory = Memory.start(layout, code)
        self.registers = Registers.start(code)
        self.tables = tables(settings.integers, settings.operations, code.narrow.device, code.narrow.dtype)
        self.here = torch.zeros(0, 0)  # one-hot addresses, made when memory grows
        self.keeps_history = keeps_history
        self.history: list[Kept] = []

    @property
    def ended(self) -> Bool[Tensor, " batch"]:
        """Which programs have ended: what still runs of them is less than rounding can tell from nothing."""
        return self.registers.running <= torch.finfo(self.registers.running.dtype).eps

    @property
    def can_go_on(self) -> bool:
        """Whether the limits allow another step."""
        taken = self.memory.written - self.memory.layout.code
        return taken < self.settings.max_steps and self.memory.written < self.settings.capacity

    def run(self, *, until_full: bool = False) -> bool:
        """Step until all programs have ended or the limits are reached; then answer that the run is over.

        With `until_full`, stop too where memory would have to grow, and answer that it is not over yet.
        """
        taken = 0
        while self.can_go_on:
            if taken % LOOK_EVERY == 0 and bool(self.ended.all()):
                return True
            if until_full and taken and self.memory.written == self.memory.width:
                return False
            self.step()
            taken += 1
        return True

    def select(self, rows: Int[Tensor, " rows"]) -> "Runner":
        """Some programs of the batch, to be run on where they stand."""
        runner = Runner(self.memory.layout, self.memory.code, self.settings)
        runner.memory, runner.registers = self.memory.select(rows), self.registers.select(rows)
        runner.here = self.here
        return runner

    def step(self) -> Step:
        """Take one step and write its record."""
        memory, registers = self.memory, self.registers
        if memory.written == memory.width:
            self._grow()
        step = take_step(memory, registers.pointers, self.here[memory.written], self.tables)
        if self.keeps_history:
            pointers = registers.pointers[:, :, : memory.written].clone()  # nothing points beyond
            self.history.append(Kept(pointers, registers.running, step.settled))
        memory.append(step.record)
        registers.follow(step)
        return step

    def _grow(self) -> None:
        memory = self.memory
        rows = max(FIRST_ROOM, (memory.width - memory.layout.code) // 2)
        memory.grow(min(rows, self.settings.capacity - memory.written))
        self.registers.widen(memory.width)
        pointers = self.registers.pointers
        self.here = torch.eye(memory.width, dtype=pointers.dtype, device=pointers.device)
