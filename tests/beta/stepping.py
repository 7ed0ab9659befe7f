"""Steps of the superposed machine beside those of the discrete stepper."""

from collections.abc import Sequence

import torch

from neurallambda.beta import NORMAL, NeuralBeta, Strategy
from neurallambda.beta.alphabet import Demand
from neurallambda.beta.cells import Cells
from neurallambda.beta.decode import read_cells
from neurallambda.beta.discrete import Flags, State, Step, initial, take_step
from neurallambda.beta.memory import Memory
from neurallambda.beta.rules import ERRORS, Move
from neurallambda.errors import ErrorKind


def read_states(beta: NeuralBeta, memory: Memory) -> list[State]:
    """The memory as discrete states."""
    cells = read_cells(memory, beta.codebook, beta.alphabet)
    places = (memory.stack.cells[..., : beta.codebook.shape[1]] @ beta.codebook.mT).argmax(-1).tolist()
    demands = memory.stack.cells[..., beta.codebook.shape[1] :].argmax(-1).tolist()
    flags = (memory.flags > 0.5).tolist()
    states = []
    for row, depth in enumerate(memory.stack.depth.argmax(-1).tolist()):
        stack = tuple((places[row][level], Demand(demands[row][level])) for level in range(depth))
        states.append(State(tuple(cells[row]), tuple(Flags(*known) for known in flags[row]), stack))
    return states


def check_steps(beta: NeuralBeta, programs: Sequence[Cells], max_steps: int, tolerance: float = 0.0) -> None:
    """Take the same steps by both, and compare moves, errors and whole states after each."""
    with torch.no_grad():
        program = beta.encode(programs)
        rules, memory = beta.rules(program), beta.start(program)
        states = [initial(cells, beta.alphabet.cells) for cells in programs]
        for _ in range(max_steps):
            memory, cases = beta.step(memory, rules)
            taken = [take_step(state, beta.strategy, beta.alphabet.integers) for state in states]
            moves, errors = _certain(cases.moves, tolerance), cases.errors.tolist()
            assert [Move(move) for move in moves] == [step.move for step in taken]
            assert [_error(row) for row in errors] == [step.error for step in taken]
            assert (memory.stack.depth.amax(-1) > 1 - tolerance - 1e-6).all()
            states = [step.state for step in taken]
            found = read_states(beta, memory)
            for row, step in enumerate(taken):
                if step.move is not Move.FAIL:
                    assert found[row] == states[row]
            if all(step.move in (Move.FINISH, Move.FAIL) for step in taken):
                return


def _certain(weights: torch.Tensor, tolerance: float) -> list[int]:
    """Which weight is one; all others must be zero."""
    best = weights.argmax(-1)
    certain = torch.nn.functional.one_hot(best, weights.shape[-1]).to(weights)
    assert (weights - certain).abs().max() <= tolerance
    return best.tolist()


def _error(weights: list[float]) -> ErrorKind | None:
    return next((kind for kind, weight in zip(ERRORS, weights, strict=True) if weight > 0.5), None)


def by_discrete(
    program: Cells, capacity: int, max_steps: int, strategy: Strategy = NORMAL, integers: range = range(-256, 256)
) -> tuple[Step | None, int]:
    """The last step of a program and how many it takes; None where that is more than `max_steps`."""
    state = initial(program, capacity)
    for number in range(1, max_steps + 1):
        step = take_step(state, strategy, integers)
        if step.move in (Move.FINISH, Move.FAIL):
            return step, number
        state = step.state
    return None, max_steps
