"""A run written the plain way: memory is a list, every operation is left to autograd. The judge of the real run."""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import pad

from neurallambda.machine.alphabet import CODE, FRAMES, VALUES, Field, Tag
from neurallambda.machine.encode import NeuralLambda
from neurallambda.machine.layout import WIDE, Code, Layout
from neurallambda.machine.run import Registers
from neurallambda.machine.step import Step, take_step
from neurallambda.machine.tables import tables


@dataclass
class NaiveMemory:
    """Reads and matches by products with everything there is."""

    layout: Layout
    code: Code
    width: int
    records: list[Tensor] = field(default_factory=list)

    @property
    def take_columns(self) -> Tensor:
        return self.layout.take_columns(self.width, self.code.narrow)

    @property
    def roles(self) -> Tensor:
        records = [self.code.narrow, *(record[:, None] for record in self.records)]
        tags = torch.cat([record[:, :, : len(Tag)] for record in records], dim=1)
        roles = torch.stack([tags[:, :, sorted(role)].sum(-1) for role in (CODE | VALUES, FRAMES, VALUES)], dim=1)
        return pad(roles, (0, self.width - roles.shape[-1]))

    @property
    def per_role(self) -> Tensor:
        roles = self.roles[:, :2]
        some = roles > torch.finfo(roles.dtype).eps
        return torch.where(some, 1 / torch.where(some, roles, 1.0), 0.0)

    def read(self, pointers: Tensor) -> Tensor:
        code = self.layout.code
        records = pad(pointers[:, :, :code] @ self.code.narrow, (0, WIDE * self.width))
        if self.records:
            records = records + pointers[:, :, code : code + len(self.records)] @ torch.stack(self.records, dim=1)
        return records

    def match(self, parameters: Tensor) -> Tensor:
        code, written = self.layout.code, len(self.records)
        if not written:
            return parameters.new_zeros(len(parameters), 2, self.width)
        bound = torch.stack(self.records, dim=1)[:, :, self.layout.slices[Field.THIRD]]
        found = parameters @ bound.transpose(1, 2)
        return pad(found, (code, self.width - code - written))


@dataclass
class NaiveRun:
    """The whole course of a run: registers before each step and after the last, and each step."""

    memory: NaiveMemory
    registers: list[Registers]
    steps: list[Step]

    @property
    def end(self) -> Registers:
        return self.registers[-1]


def naive_run(program: NeuralLambda, steps: int) -> NaiveRun:
    """Take so many steps, whatever happens."""
    layout, code = program.layout, program.code()
    memory = NaiveMemory(layout, code, layout.code + steps)
    here = torch.eye(memory.width, dtype=code.narrow.dtype)
    constants = tables(program.integers, program.operations, code.narrow.device, code.narrow.dtype)
    registers = Registers.start(code)
    registers.widen(memory.width)
    run = NaiveRun(memory, [registers], [])
    for address in range(layout.code, memory.width):
        step = take_step(memory, registers.pointers, here[address], constants)
        memory.records.append(step.record)
        after = Registers(registers.pointers, registers.running, registers.answer, registers.errors, registers.steps)
        after.follow(step)
        registers = after
        run.registers.append(registers)
        run.steps.append(step)
    return run
