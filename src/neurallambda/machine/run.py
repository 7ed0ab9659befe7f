"""Running: steps until every program has ended, in memory that grows as it is needed."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.machine.assemble import HALT_ADDRESS, ROOT_ADDRESS
from neurallambda.machine.encode import NeuralLambda
from neurallambda.machine.memory import Memory
from neurallambda.machine.step import CONTINUATION, CONTROL, take_step
from neurallambda.machine.tables import ERRORS, tables

FIRST_BLOCK = 32
"""Records in the first block; each later block is as large as all before it together."""


@torch.no_grad()
def run_nograd(program: NeuralLambda, max_steps: int):
    dtype, device = program.tag.dtype, program.tag.device
    constants = tables(device, dtype)
    memory = Memory(program.layout, program.code())
    batch = len(program)
    registers = program.tag.new_zeros(batch, 3, memory.width)
    registers[:, CONTROL, ROOT_ADDRESS] = 1
    registers[:, CONTINUATION, HALT_ADDRESS] = 1
    running = program.tag.new_ones(batch)
    answer = program.tag.new_zeros(batch, memory.width)
    errors = program.tag.new_zeros(batch, len(ERRORS))
    steps = program.tag.new_zeros(batch)
    rows = FIRST_BLOCK
    taken = 0
    while taken < max_steps:
        if memory.written == memory.width:
            memory.grow(rows)
            rows = memory.width - memory.layout.code
            registers = torch.nn.functional.pad(registers, (0, memory.width - registers.shape[-1]))
            answer = torch.nn.functional.pad(answer, (0, memory.width - answer.shape[-1]))
            eye = torch.eye(memory.width, dtype=dtype, device=device)
        step = take_step(memory, registers, eye[memory.written], tables=constants, integers=program.integers, operations=program.operations)
        memory.append(step.narrow, step.third, step.wide)
        answer += (running * step.halts)[:, None] * registers[:, CONTROL]
        errors += running[:, None] * step.errors
        steps += running
        running = running * step.goes_on
        registers = step.registers
        taken += 1
        if taken % 8 == 0 and bool((running < 1e-6).all()):
            break
    return memory, answer, errors, running, steps
