"""Running: steps until every program has ended, in memory that grows as it is needed."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.machine.adjoint.history import Kept, KeptAlternatives
from neurallambda.machine.alternatives.split import needs_splitting
from neurallambda.machine.alternatives.step import Alternatives
from neurallambda.machine.alternatives.step import Step as StepOfAll
from neurallambda.machine.alternatives.step import take_step as take_step_of_all
from neurallambda.machine.assemble import HALT_ADDRESS, ROOT_ADDRESS
from neurallambda.machine.certain import Certain, can_gather
from neurallambda.machine.layout import Code, Layout
from neurallambda.machine.memory import Memory
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
        alternatives: how many alternatives of soft control are kept apart; with 1 they are always mixed.
    """

    integers: range
    operations: frozenset[str]
    max_steps: int
    capacity: int
    alternatives: int = 1


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
        self.steps = self.steps + self.running
        if step.ends:
            self.answer = torch.addcmul(self.answer, self.running[:, None], step.halts)
            self.errors = torch.addcmul(self.errors, self.running[:, None], step.errors)
            self.running = self.running * step.goes_on
        self.pointers = step.registers


class Runner:
    """Steps programs through memory; with `keeps_history` it remembers what `Kept` says of each step.

    While one rule applies, a program has one set of registers. As soon as its control is soft, the batch goes on with the
    registers of several `Alternatives`, and a step writes a record for each.
    """

    def __init__(self, layout: Layout, code: Code, settings: Settings, *, keeps_history: bool = False) -> None:
        self.settings = settings
        self.memory = Memory.start(layout, code)
        self.registers = Registers.start(code)
        self.alternatives: Alternatives | None = None
        self.tables = tables(settings.integers, settings.operations, code.narrow.device, code.narrow.dtype)
        self.certain = Certain(self.memory, self.registers.pointers, self.tables) if can_gather(layout, code) else None
        self.may_split = settings.alternatives > 1 and not (self.certain or is_certain(code))
        self.here = torch.zeros(0, 0)  # one-hot addresses, made when memory grows
        self.taken = 0
        self.keeps_history = keeps_history
        self.history: list[Kept | KeptAlternatives] = []

    @property
    def ended(self) -> Bool[Tensor, " batch"]:
        """Which programs have ended: what still runs of them is less than rounding can tell from nothing.

        A program that holds NaN has ended, too: nothing more can become of it.
        """
        return ~(self.registers.running > torch.finfo(self.registers.running.dtype).eps)

    @property
    def can_go_on(self) -> bool:
        """Whether the limits allow another step. Every alternative may use the capacity."""
        first = self.memory.layout.code
        return self.taken < self.settings.max_steps and first + self.taken < self.settings.capacity

    def run(self, *, until_full: bool = False) -> bool:
        """Step until all programs have ended or the limits are reached; then answer that the run is over.

        With `until_full`, stop too where memory would have to grow, and answer that it is not over yet.
        """
        taken = 0
        while self.can_go_on:
            if taken % LOOK_EVERY == 0 and bool(self.ended.all()):
                return True
            if until_full and taken and self._is_full:
                return False
            self.step()
            taken += 1
        return True

    def select(self, rows: Int[Tensor, " rows"]) -> "Runner":
        """Some programs of the batch, to be run on where they stand."""
        runner = Runner(self.memory.layout, self.memory.code, self.settings)
        runner.memory, runner.registers = self.memory.select(rows), self.registers.select(rows)
        runner.alternatives = self.alternatives and self.alternatives.select(rows)
        runner.here, runner.taken, runner.may_split = self.here, self.taken, self.may_split
        if self.certain:
            runner.certain = Certain(runner.memory, runner.registers.pointers, runner.tables)
        return runner

    def step(self) -> Step | StepOfAll:
        """Take one step and write what it makes."""
        if self._is_full:
            self._grow()
        self.taken += 1
        if self.alternatives is None:
            memory, before = self.memory, self.registers
            here = self.here[memory.written]
            if self.certain:
                step = self.certain.step(memory, before.pointers, here)
                if step is not None:
                    return self._follow(step)
                self.certain = None
            step = take_step(memory, before.pointers, here, self.tables)
            if not (self.may_split and needs_splitting(memory, before.pointers, step.rules)):
                return self._follow(step)
            self.alternatives = Alternatives(before.pointers[:, None], before.running[:, None])
        return self._follow_all(self.alternatives)

    def _follow(self, step: Step) -> Step:
        memory, registers = self.memory, self.registers
        if self.keeps_history:
            pointers = registers.pointers[:, :, : memory.written].clone()  # nothing points beyond
            self.history.append(Kept(pointers, registers.running, step.settled, step.moved))
        memory.append(step.record)
        registers.follow(step)
        return step

    def _follow_all(self, before: Alternatives) -> StepOfAll:
        memory, registers = self.memory, self.registers
        here = self.here[memory.written : memory.written + self.settings.alternatives + 1]
        step = take_step_of_all(memory, before, here, self.tables, self.settings.alternatives)
        if self.keeps_history:
            pointers = before.pointers[..., : memory.written].clone()
            self.history.append(KeptAlternatives(memory.written, pointers, before.running, step.choices))
        for record in step.records.unbind(1):
            memory.append(record)
        self.alternatives = step.after
        answer, errors = step.outcome
        registers.answer, registers.errors = registers.answer + answer, registers.errors + errors
        registers.steps = registers.steps + registers.running
        registers.running = step.after.running.sum(-1)
        return step

    @property
    def _is_full(self) -> bool:
        """Whether there may be no room for what the next step writes."""
        return self.memory.width - self.memory.written < self._most_written

    @property
    def _most_written(self) -> int:
        """How many records a step may write: one for each alternative that is kept apart, and one for the rest."""
        return self.settings.alternatives + 1 if self.may_split else 1

    def _grow(self) -> None:
        memory = self.memory
        rows = max(FIRST_ROOM, (memory.width - memory.layout.code) // 2, 2 * self._most_written)
        if not self.may_split:
            rows = min(rows, self.settings.capacity - memory.written)
        memory.grow(rows)
        self.registers.widen(memory.width)
        self.alternatives = self.alternatives and self.alternatives.widen(memory.width)
        pointers = self.registers.pointers
        self.here = torch.eye(memory.width, dtype=pointers.dtype, device=pointers.device)


def is_certain(code: Code) -> bool:
    """Whether every distribution of the code is certain, so that nothing is ever soft."""
    return all(bool(((part == 0) | (part == 1)).all()) for part in (code.narrow, code.variables, code.settled))
