"""A step compiles to one graph, and takes the same step. Run without the shape checks, which torch.compile cannot trace."""

import pytest
import torch
from torch import Tensor

from neurallambda.machine import Machine
from neurallambda.machine.memory import Memory
from neurallambda.machine.run import Runner, Settings
from neurallambda.machine.step import take_step
from neurallambda.machine.tables import Tables, tables

pytestmark = [
    pytest.mark.compile,
    pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning"),  # torch's own
]

SOURCE = "(defn f [n] (if (< n 1) '(1 2) (f (- (* n 1) (/ (mod n 7) 1))))) (f 9)"


def some_steps(steps: int) -> tuple[Memory, Tensor, Tables]:
    """The memory and the registers in the middle of a run, and the constants of a step."""
    machine = Machine(integers=range(-16, 17))
    program = machine.encode([SOURCE, "(+ 1 2)"])
    settings = Settings(program.integers, program.operations, steps, machine.capacity)
    with torch.no_grad():
        runner = Runner(program.layout, program.code(), settings)
        runner.run()
    constants = tables(program.integers, program.operations, torch.device("cpu"), torch.float32)
    return runner.memory, runner.registers.pointers, constants


@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
def test_a_step_is_one_graph(backend: str) -> None:
    memory, registers, constants = some_steps(20)
    here = torch.eye(memory.width)[memory.written]

    def step(records: Tensor, registers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        seen = Memory(memory.layout, memory.code, records, memory.written)
        taken = take_step(seen, registers, here, constants)
        return taken.registers, taken.record, taken.goes_on

    torch.compiler.reset()
    compiled = torch.compile(step, fullgraph=True, backend=backend)
    for one, other in zip(compiled(memory.records, registers), step(memory.records, registers), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


def test_gradients_go_through_the_compiled_step() -> None:
    memory, registers, constants = some_steps(20)
    here = torch.eye(memory.width)[memory.written]

    def step(registers: Tensor) -> Tensor:
        return take_step(memory, registers, here, constants).record.square().sum()

    torch.compiler.reset()
    found = []
    for function in (step, torch.compile(step, fullgraph=True, backend="aot_eager")):
        leaf = registers.clone().requires_grad_()
        function(leaf).backward()
        found.append(leaf.grad)
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=1e-5)
