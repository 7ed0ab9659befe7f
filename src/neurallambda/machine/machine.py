"""The machine: programs in, tensors through, terms out."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.arguments import checked_methods
from neurallambda.device import check_device
from neurallambda.errors import ArgumentError, ErrorKind, ProgramError, check_count, check_instance, check_integers
from neurallambda.holes import Filling
from neurallambda.html import table
from neurallambda.lang.lower import lower
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.random_forms import refuse_random_forms
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import Program
from neurallambda.machine.assemble import Cells, assemble
from neurallambda.machine.decode import decode
from neurallambda.machine.encode import NeuralLambda, encode
from neurallambda.machine.gradient import Run
from neurallambda.machine.memory import Memory
from neurallambda.machine.reading import read_values
from neurallambda.machine.result import Result
from neurallambda.machine.rules import RULES
from neurallambda.machine.run import Runner, Settings
from neurallambda.machine.stepping import Rules, State, start, step
from neurallambda.machine.tables import tables

INTEGERS = range(-256, 256)
MAX_STEPS = 10_000
CAPACITY = 16_384
ALTERNATIVES = 8
STEPS = 64
"""So many steps a state has room for, unless `Machine.start` is told otherwise."""


@checked_methods("encode", "decode", "assemble", "rules", "start", "result")
class Machine:
    """A Lisp machine whose every step, tensor to tensor, is differentiable.

    Args:
        integers: the declared range; a result outside of it is the error `overflow`.
        capacity: how many addresses a program may use, its own cells and one a step; more is `out-of-memory`.
        alternatives: how many alternatives of soft control are kept apart. The likeliest are exact; what goes beyond is
            mixed. With 1 all are mixed, which is cheaper where everything is soft.
        device: where the tensors live.
        dtype: `torch.float32` or `torch.float64`.

    >>> machine = Machine()
    >>> result = machine.run(machine.encode(["(+ 1 2)", "(car '())"]))
    >>> for outcome in machine.decode(result):
    ...     print(outcome)
    3
    not-a-pair: line 1, column 1: `car` was given '(), which is no pair
    """

    def __init__(
        self,
        *,
        integers: range = INTEGERS,
        capacity: int = CAPACITY,
        alternatives: int = ALTERNATIVES,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        check_integers(integers)
        check_count("capacity", capacity)
        check_device(device)
        if dtype not in (torch.float32, torch.float64):
            raise ArgumentError(f"dtype: got {dtype}; expected torch.float32 or torch.float64")
        self.integers = integers
        check_count("alternatives", alternatives)
        self.capacity = capacity
        self.alternatives = alternatives
        self.device = device
        self.dtype = dtype

    def __repr__(self) -> str:
        device = "" if self.device is None else f", device={str(self.device)!r}"
        limits = f"capacity={self.capacity}, alternatives={self.alternatives}"
        return f"Machine(integers={self.integers}, {limits}{device}, dtype={self.dtype})"

    def _repr_html_(self) -> str:
        """What a notebook shows: what it may use."""
        limits = [
            ("integers", f"{self.integers[0]} to {self.integers[-1]}"),
            ("addresses", f"{self.capacity:,}"),
            ("alternatives", self.alternatives),
            ("dtype", self.dtype),
            ("device", self.device or "where torch puts tensors"),
        ]
        return table(("machine", ""), limits, note=f"It takes each step by {len(RULES)} rules.")

    def assemble(self, source: str | Program) -> Cells:
        """One program as cells at addresses.

        Raises:
            SourceError: where the text is not a program.
            ProgramError: `unbound`; `out-of-memory` where the code alone is more than the capacity.
        """
        program = parse(source) if isinstance(source, str) else source
        refuse_random_forms(program, "the superposed machine")
        cells = assemble(lower(program), program.text)
        if len(cells) > self.capacity:
            raise ProgramError(
                ErrorKind.OUT_OF_MEMORY, f"the program alone needs {len(cells):,} addresses of {self.capacity:,}"
            )
        return cells

    def encode(
        self, sources: str | Program | Sequence[str | Program | Cells], *, holes: Mapping[str, Filling] | None = None
    ) -> NeuralLambda:
        """A batch of different programs as tensors.

        Args:
            sources: one program or several: text, parsed, or assembled.
            holes: what each `?name` stands for: `Soft` values with logits, a tensor of logits over all declared integers,
                or one certain value. Logits with a leading batch axis give each program its own.
        """
        if isinstance(sources, (str, Program)):
            sources = [sources]
        if not sources:
            raise ArgumentError("sources: got no program; expected at least one")
        cells = [source if isinstance(source, Cells) else self.assemble(source) for source in sources]
        return encode(cells, self.integers, holes=holes, device=self.device, dtype=self.dtype)

    def run(self, program: NeuralLambda, *, max_steps: int = MAX_STEPS) -> Result:
        """Run a batch of programs until all have ended.

        Where any part of `program` requires a gradient, so does the result; memory is then kept for the backward pass: the
        records, and the registers before each step.
        """
        check_instance("program", program, NeuralLambda, "what `Machine.encode` makes of the text of programs")
        check_count("max_steps", max_steps)
        program.check()
        code = program.code()
        settings = Settings(program.integers, program.operations, max_steps, self.capacity, self.alternatives)
        parts = (code.narrow, code.variables, code.settled)
        if torch.is_grad_enabled() and any(part.requires_grad for part in parts):
            answer, errors, running, steps, value, records, written = Run.apply(program.layout, settings, *parts)
            memory = Memory(program.layout, code, records, int(written))
            return Result(program, settings, memory, answer, value, errors, running, steps)
        with torch.no_grad():
            runner = Runner(program.layout, code, settings)
            runner.run()
        return Result.of(program, runner)

    def start(self, program: NeuralLambda, *, steps: int = STEPS) -> State:
        """The state of encoded programs before their first step.

        Args:
            program: what `encode` gives.
            steps: how many steps there is room for; a step beyond them leaves the state as it is.

        Raises:
            ArgumentError: where the code and so many records are more than the capacity.
        """
        check_instance("program", program, NeuralLambda, "what `Machine.encode` makes of the text of programs")
        self._check_steps(program, steps)
        program.check()
        return start(program, steps)

    def rules(self, program: NeuralLambda, *, steps: int = STEPS) -> Rules:
        """What all steps of a batch of programs share; make it once, before the first step.

        Args:
            program: what `encode` gives.
            steps: as many as `start` was told.
        """
        check_instance("program", program, NeuralLambda, "what `Machine.encode` makes of the text of programs")
        self._check_steps(program, steps)
        constants = tables(program.integers, program.operations, program.tag.device, program.tag.dtype)
        return Rules.of(program.layout, constants, steps)

    def step(self, state: State, rules: Rules) -> tuple[State, Float[Tensor, "batch rules"]]:
        """Take one step of a batch of programs; gives the state after it, and the weight of each rule.

        All shapes are fixed and nothing is looked at from the host, so `torch.compile(fullgraph=True)` makes one graph of it;
        gradients flow through any number of steps, at the price of keeping what each of them computed. A program that
        has ended stays as it is. Stepping is `run`, where no more than data is soft. Where control is soft, a step mixes its
        alternatives, as the run of a machine with `alternatives=1` does.

        Args:
            state: what `start` or `step` gives.
            rules: what `rules` gives, for the same programs and as much room.

        Raises:
            ArgumentError: where the rules are for other programs, or for more or less room.

        >>> machine = Machine()
        >>> program = machine.encode(["(+ 1 2)", "(if true 7 8)"])
        >>> state, rules = machine.start(program, steps=8), machine.rules(program, steps=8)
        >>> while state.running.any():
        ...     state, weights = machine.step(state, rules)
        >>> state.steps
        tensor([4., 3.])
        >>> machine.result(program, state).probability(3)
        tensor([1., 0.])
        """
        check_instance("state", state, State, "what `Machine.start` or `Machine.step` gives")
        check_instance("rules", rules, Rules, "what `Machine.rules` gives")
        if rules.take_columns.shape[1] != state.records.shape[2] or rules.layout.code != state.settled.shape[1]:
            raise ArgumentError(
                f"rules: got those for records of {rules.take_columns.shape[1]} numbers, expected those for the "
                f"{state.records.shape[2]} of the state; make them with `rules(program, steps=...)`, as `start` made the state"
            )
        return step(state, rules)

    def result(self, program: NeuralLambda, state: State) -> Result:
        """What has ended by now, and what is still running, as `run` gives it.

        Args:
            program: what `start` was given.
            state: what `start` or `step` gave for it.
        """
        check_instance("program", program, NeuralLambda, "what `Machine.encode` makes of the text of programs")
        check_instance("state", state, State, "what `Machine.start` or `Machine.step` gives")
        width, layout = state.records.shape[1], program.layout
        if len(state.running) != len(program) or state.settled.shape[1] != layout.code:
            raise ArgumentError(f"state: got {state!r}, expected one that `start` gives for this {program!r}")
        settings = Settings(program.integers, program.operations, width - layout.code, self.capacity, self.alternatives)
        memory = Memory(layout, program.code(), state.records, width)
        value = read_values(memory, state.answer)
        return Result(program, settings, memory, state.answer, value, state.errors, state.running, state.steps)

    def _check_steps(self, program: NeuralLambda, steps: int) -> None:
        check_count("steps", steps)
        if program.layout.code + steps > self.capacity:
            raise ArgumentError(
                f"steps: got {steps:,}, expected at most {self.capacity - program.layout.code:,}: these programs have "
                f"{program.layout.code:,} addresses, a step needs one more, and the capacity is {self.capacity:,}"
            )

    def decode(self, result: Result) -> list[Outcome]:
        """The likeliest end of each program, as a term or a named error, with its steps."""
        check_instance("result", result, Result, "what `Machine.run` gives")
        return decode(result)
