"""NeuralBeta: lambda terms reduced inside a neural network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from neurallambda.arguments import checked, checked_methods
from neurallambda.beta.alphabet import Alphabet
from neurallambda.beta.asking import is_present
from neurallambda.beta.assemble import assemble
from neurallambda.beta.cases import Cases
from neurallambda.beta.cells import Cells
from neurallambda.beta.decode import outcome, read_cells
from neurallambda.beta.encode import NeuralLambda, encode
from neurallambda.beta.explain import explained
from neurallambda.beta.letters import letters
from neurallambda.beta.memory import Memory, start
from neurallambda.beta.reading import READINGS, Lexicon, Reading
from neurallambda.beta.rules import ERRORS, Move
from neurallambda.beta.step import Rules, take_step
from neurallambda.beta.strategy import NORMAL, Strategy
from neurallambda.beta.tables import Tables
from neurallambda.device import check_device
from neurallambda.errors import ArgumentError, ErrorKind, ProgramError, check_count, check_instance, check_integers
from neurallambda.holes import Filling, fillings
from neurallambda.html import table
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.terms import Term
from neurallambda.machine.compute import Operations
from neurallambda.symbols import Codebook, Kind

CELLS = 128
MAX_STEPS = 2_000
SHOWN = 8
"""Of so many programs a notebook shows the ends."""
LOOK_EVERY = 8
"""After how many steps a run looks whether all programs have ended: a look waits for the device."""
MOSTLY = 0.5
"""A program of which more than this has ended is not waited for."""


@dataclass(frozen=True, repr=False)
class Result:
    """The end of a run.

    Attributes:
        program: what was run.
        memory: what is left of it.
        finished: how much of each program is reduced.
        errors: how much of it ended in each of `rules.ERRORS`.
        steps: how many steps each program took, in expectation.
        max_steps: how many were allowed.
    """

    program: NeuralLambda
    memory: Memory
    finished: Float[Tensor, " batch"]
    errors: Float[Tensor, "batch errors"]
    steps: Float[Tensor, " batch"]
    max_steps: int

    def _repr_html_(self) -> str:
        """What a notebook shows: how each of the first programs ended, and how much of it ended at all."""
        ended = (self.finished + self.errors.sum(-1)).detach()
        names = ["normal form", *(f"error {kind}" for kind in ERRORS)]
        ends = torch.cat([self.finished[:, None], self.errors], -1).detach()
        rows = [
            (row, names[int(ends[row].argmax())] if float(ended[row]) > 0 else "goes on", min(1.0, float(ended[row])))
            for row in range(min(SHOWN, len(self.program)))
        ]
        return table(("program", "end", "probability"), rows, note=repr(self))

    def __repr__(self) -> str:
        batch, steps = len(self.program), self.steps.detach()
        ended = int((self.finished + self.errors.sum(-1)).detach().gt(MOSTLY).sum())
        return f"Result(batch of {batch}, {ended} ended, in up to {float(steps.max()):.0f} steps)"


@checked_methods("encode", "normalize", "decode", "rules", "start")
@checked
class NeuralBeta(nn.Module):
    """Reduces programs by substitution, in cells whose parts are vectors of a codebook.

    A step looks at the cell on top of a neural stack and along its columns, computes all cases (nothing to reduce; an
    application that is ready; anything else), and writes what they do, each by its weight. With the exact codebooks,
    one-hot and orthonormal, a certain program stays certain, and its result is that of `neurallambda.normalize`.

    Args:
        cells: how many cells there are; more is `out-of-memory`.
        integers: the declared range; leaving it is `overflow`.
        codebook: the vectors of the symbols: a `Codebook` over `Alphabet(cells, integers).symbols`, or a kind of one.
        vec_size: the width of vectors, where `codebook` is a kind; without it, as many as there are symbols.
        strategy: which redex comes first.
        reading: how symbols are read; without it, as `READINGS` says for the codebook's kind.
        generator: the source of randomness for a codebook that needs one.
        device: where the codebook lives.
        dtype: its floating point type.

    Raises:
        ArgumentError: if the codebook is not over the alphabet, or an argument does not fit.

    Example:
        >>> beta = NeuralBeta(cells=24)
        >>> beta.normalize("((fn [x] '(x x)) y)")
        <List '(y y)>
        >>> [str(outcome) for outcome in beta.normalize(["((fn [x y] x) y)", "(+ 1 (* 2 3))"])]
        ['(fn [y1] y)', '7']
    """

    def __init__(
        self,
        *,
        cells: int = CELLS,
        integers: range = range(-256, 256),
        codebook: Codebook | str = Kind.ONEHOT,
        vec_size: int | None = None,
        strategy: Strategy = NORMAL,
        reading: Reading | None = None,
        generator: Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        check_count("cells", cells, least=2)  # the root and the program
        check_integers(integers)
        check_device(device)
        self.alphabet = Alphabet(cells, integers)
        self.strategy = strategy
        if isinstance(codebook, str):
            codebook = Codebook.make(
                self.alphabet.symbols,
                kind=codebook,
                vec_size=vec_size,
                generator=generator,
                device=device,
                dtype=dtype,
            )
        if codebook.symbols != self.alphabet.symbols:
            raise ArgumentError(
                f"codebook: got one over {len(codebook)} symbols, expected the {len(self.alphabet.symbols)} of "
                f"Alphabet({cells}, {integers}).symbols, in their order"
            )
        self.reading = reading or READINGS[codebook.kind]
        self.codebook = nn.Parameter(codebook.vectors)

    def extra_repr(self) -> str:
        """What `repr` says of it."""
        alphabet, (symbols, width) = self.alphabet, self.codebook.shape
        return f"cells={alphabet.cells}, integers={alphabet.integers}, codebook of {symbols} symbols, width {width}"

    def _repr_html_(self) -> str:
        """What a notebook shows: what it may use, and how it reads."""
        alphabet, (symbols, width) = self.alphabet, self.codebook.shape
        facts = [
            ("cells", alphabet.cells),
            ("integers", f"{alphabet.integers[0]} to {alphabet.integers[-1]}"),
            ("codebook", f"{symbols} symbols, vectors of width {width}"),
            ("strategy", self.strategy.name),
            ("reading", self.reading),
        ]
        return table(("NeuralBeta", ""), facts)

    def encode(
        self, sources: str | Term | Cells | Sequence[str | Term | Cells], *, holes: Mapping[str, Filling] | None = None
    ) -> NeuralLambda:
        """A batch of different programs as tensors.

        Args:
            sources: one program or several: text, parsed, or assembled.
            holes: what each `?name` stands for: `Soft` values of one kind with logits, or one certain value. A hole that
                is not filled stays, as a free variable does.

        Raises:
            SourceError: where a text is not a program.
            ProgramError: `out-of-memory` or `overflow`, where a program does not fit.
        """
        if isinstance(sources, (str, Term, Cells)):
            sources = [sources]
        if not sources:
            raise ArgumentError("sources: got no program; expected at least one")
        programs = [source if isinstance(source, Cells) else assemble(source) for source in sources]
        return encode(programs, self.codebook, self.alphabet, holes)

    def rules(self, program: NeuralLambda) -> Rules:
        """What the steps of a run share."""
        vectors = self.codebook
        operations = Operations.of(self.alphabet.integers, program.operators, vectors.device, vectors.dtype)
        tables = Tables.of(vectors.device, vectors.dtype)
        return Rules(Lexicon.of(vectors, self.alphabet), self.reading, tables, operations, self.strategy)

    def start(self, program: NeuralLambda) -> Memory:
        """The memory before the first step."""
        return start(program.tag, program.first, program.second, Lexicon.of(self.codebook, self.alphabet))

    def step(self, memory: Memory, rules: Rules) -> tuple[Memory, Cases]:
        """Take one step; gives the memory after it, and the weight of each thing that it did."""
        check_instance("memory", memory, Memory, "what `start` or `step` gives")
        check_instance("rules", rules, Rules, "what `rules` gives")
        step = take_step(memory, rules)
        return step.memory, step.cases

    def run(self, program: NeuralLambda, *, max_steps: int = MAX_STEPS) -> Result:
        """Run a batch of programs until all have ended.

        Gradients flow to the program and the codebook, through all steps, where they are enabled.
        """
        check_instance("program", program, NeuralLambda, "what `encode` gives")
        check_count("max_steps", max_steps)
        rules, memory = self.rules(program), self.start(program)
        steps = ended = memory.flags.new_zeros(len(program))
        step = take_step(memory, rules)
        for number in range(1, max_steps + 1):
            steps = steps + 1 - ended
            ended = step.cases.moves[:, Move.FINISH] + step.cases.moves[:, Move.FAIL]
            if number == max_steps or not is_present(1 - ended):
                break
            if number % LOOK_EVERY == 0 and bool((ended > MOSTLY).all()):
                break
            step = take_step(step.memory, rules, step.graph)
        return Result(program, step.memory, step.cases.moves[:, Move.FINISH], step.cases.errors, steps, max_steps)

    @overload
    def normalize(
        self, sources: str | Term, *, holes: Mapping[str, Filling] | None = ..., max_steps: int = ...
    ) -> Term: ...
    @overload
    def normalize(
        self, sources: Sequence[str | Term], *, holes: Mapping[str, Filling] | None = ..., max_steps: int = ...
    ) -> list[Outcome]: ...
    def normalize(
        self,
        sources: str | Term | Sequence[str | Term],
        *,
        holes: Mapping[str, Filling] | None = None,
        max_steps: int = MAX_STEPS,
    ) -> Term | list[Outcome]:
        """Reduce a program, or a batch of programs, without gradients.

        The normal form is that of `neurallambda.normalize`, where the program fits: reduction needs no more cells, steps
        and integers than there are.

        Args:
            sources: the text of one program, or several of them.
            holes: as in `encode`.
            max_steps: how many steps to allow.

        Returns:
            As `neurallambda.normalize` does: of one program its normal form; of several, how each of them ended, in a
            normal form or a named error, with its steps.

        Raises:
            SourceError: where a text is not a program.
            ProgramError: where the one program ends in an error.
        """
        several = [sources] if isinstance(sources, (str, Term)) else list(sources)
        filled = fillings(holes, self.alphabet.integers, len(several))
        outcomes: dict[int, Outcome] = {}
        fitting: dict[int, Cells] = {}
        for index, source in enumerate(several):
            try:
                fitting[index] = assemble(source)
                letters(fitting[index], self.alphabet, filled)
            except ProgramError as error:
                refused = fitting.pop(index, None)
                is_literal = error.kind is ErrorKind.OVERFLOW
                outcomes[index] = Outcome.of(
                    explained(error.kind, refused, self.alphabet) if refused and is_literal else error
                )
        if fitting:
            with torch.no_grad():
                program = self.encode(
                    list(fitting.values()), holes={n: s.select([*fitting]) for n, s in filled.items()}
                )
                result = self.run(program, max_steps=max_steps)
            outcomes.update(zip(fitting, self.decode(result), strict=True))
        if not isinstance(sources, (str, Term)):
            return [outcomes[index] for index in range(len(several))]
        if (term := outcomes[0].term) is None:
            raise outcomes[0].raised()
        return term

    def forward(self, program: NeuralLambda) -> Result:
        """As `run`."""
        return self.run(program)

    def decode(self, result: Result) -> list[Outcome]:
        """The likeliest end of each program, as a term or a named error, with its steps."""
        running = 1 - result.finished - result.errors.sum(-1)
        ends = torch.cat([result.finished[:, None], running[:, None], result.errors], dim=-1).tolist()
        steps = result.steps.detach().round().long().tolist()
        rows = zip(
            read_cells(result.memory, self.codebook, self.alphabet),
            result.program.programs,
            ends,
            steps,
            strict=True,
        )
        return [outcome(*row, result.max_steps, self.alphabet) for row in rows]
