"""Certain programs on few rows, in plain Python: there is one world a row, and a tensor for each step is dearer than the step."""

from functools import cached_property

import torch

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.cek import run
from neurallambda.lang.cek_code import compile_core
from neurallambda.lang.core import Node
from neurallambda.lang.lower import lower
from neurallambda.lang.terms import Program
from neurallambda.lang.values import to_term
from neurallambda.worlds.assignment import of_row
from neurallambda.worlds.circuit import Circuit, Layer
from neurallambda.worlds.code import Code, Op
from neurallambda.worlds.inputs import Holes
from neurallambda.worlds.recording import End, Recording
from neurallambda.worlds.state import Settings

CROSSING = 8
"""From about so many rows of a program on the engine is faster; measured by the benchmark `worlds_crossing`."""
_INSTRUCTIONS_A_STEP = 4
"""The engine takes fewer instructions than this for a step of the reference."""


class Plain:
    """Programs as the reference evaluator runs them.

    Args:
        code: the programs as the engine runs them.
        programs: the programs as terms.
        settings: how they are run.
    """

    def __init__(self, code: Code, programs: tuple[Program, ...], settings: Settings) -> None:
        self.code = code
        self.programs = programs
        self.settings = settings
        random = (Op.SAMPLE, Op.FLIP, Op.OBSERVE)
        self.is_certain = not any(instruction.op in random for instruction in code.instructions)

    @cached_property
    def roots(self) -> list[Node]:
        """The core graphs."""
        return [lower(program) for program in self.programs]

    def record(self, data: Holes, crossing: int = CROSSING) -> Recording | None:
        """What the rows come to; None: they are too many, or not certain, or take too long to be sure that they end in time."""
        programs = 1 if data.which is None else len(torch.unique(data.which))  # rows of different programs run apart
        if not self.is_certain or data.names or data.batch >= crossing * programs or self.settings.is_bounded:
            return None
        ends: list[End] = []
        taken = longest = 0
        given = {name: data.given[name] for name in data.columns}
        for row in range(data.batch):
            root = self.roots[0 if data.which is None else int(data.which[row])]
            end, steps = self._run(root, {name: of_row(value, row) for name, value in given.items()})
            if end is ErrorKind.OUT_OF_STEPS:
                return None
            ends.append(end)
            taken, longest = taken + steps, max(longest, steps)
        circuit = Circuit(data.batch, 0)
        layers = [circuit.add(Layer((0,), None, None, None, data.batch)) for _ in range(2)]
        return Recording(
            circuit=circuit,
            holes=data,
            named=self.code.holes,
            programs=self.programs,
            rows=torch.arange(data.batch),
            outcomes=layers[0],
            evidence=layers[1],
            observed=[None] * data.batch,
            limits={},
            integers=self.settings.integers,
            max_steps=self.settings.max_steps,
            lost=torch.zeros(data.batch, dtype=torch.float64),
            instructions=longest,
            worlds=taken,
            most=data.batch,
            read=lambda: ends,
        )

    def _run(self, root: Node, holes: dict[str, object]) -> tuple[End, int]:
        """How one row ends, and after how many steps."""
        integers, most_steps = self.settings.integers, self.settings.max_steps // _INSTRUCTIONS_A_STEP
        try:
            value, steps = run(compile_core(root, holes, integers), integers, most_steps)
            return to_term(value), steps
        except ProgramError as error:
            return error.kind, error.steps
