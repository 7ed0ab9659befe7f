"""NeuralBeta: how long a step takes, and what the codebook costs."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.harness import Case, Numbers, benchmark
from benchmarks.timing import Call, Spread, measure_ratio, measure_time
from neurallambda.beta import NORMAL, NeuralBeta, NeuralLambda, Reading, asking
from neurallambda.beta.alphabet import Tag
from neurallambda.beta.assemble import assemble
from neurallambda.beta.cells import Cells
from neurallambda.beta.discrete import initial, take_step
from neurallambda.beta.memory import Memory
from neurallambda.beta.rules import Move
from neurallambda.beta.step import Rules
from neurallambda.lang import terms
from neurallambda.lang.normalize import normalize
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import Integer, Term, Variable
from neurallambda.symbols import Kind

FIRST_PROGRAM = "((fn [x y z] '(x y z)) 1 2 3)"
FIRST_STEPS = 33
STEP_PROGRAM = "((fn [x f] (f x)) 42 (fn [y] '(0 y y 100 y)))"
STEP_CELLS = 24
BATCH = 64

PROGRAMS = 200
SMALLEST, LARGEST = 4, 40
CELLS = 48
INTEGERS = range(-16, 17)
MOST_STEPS = 80
VEC_SIZES = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
AT_ONCE = 25


def several_steps(beta: NeuralBeta, memory: Memory, rules: Rules, count: int) -> Memory:
    """Take steps from the start."""
    with torch.no_grad():
        for _ in range(count):
            memory, _ = beta.step(memory, rules)
    return memory


def step_seconds(beta: NeuralBeta, programs: Sequence[str | Cells], *, count: int = 10, repeats: int = 9) -> Spread:
    """Seconds for `count` steps of a batch; the first steps of a run, which are as long as any other."""
    encoded = beta.encode(programs)
    rules, memory = beta.rules(encoded), beta.start(encoded)
    return measure_time(lambda: several_steps(beta, memory, rules, count), repeats=repeats)


@benchmark(
    claim="a step of 24 one-hot cells takes at most 10 ms, and at most 1 ms a program in a batch of 64",
    limits={"seconds_per_step": 0.010, "seconds_per_step_and_program": 0.001},
)
def beta_step(seed: int) -> Case:
    """One program, and 64 at once, over the default integers."""
    beta = NeuralBeta(cells=STEP_CELLS)

    def measure() -> Numbers:
        count = 10
        alone = step_seconds(beta, [STEP_PROGRAM], count=count)
        batch = step_seconds(beta, [STEP_PROGRAM] * BATCH, count=count)
        return {
            "cells": STEP_CELLS,
            "symbols": len(beta.alphabet.symbols),
            "batch": BATCH,
            "seconds_per_step": alone.median / count,
            "seconds_per_step_of_a_batch": batch.median / count,
            "seconds_per_step_and_program": batch.median / count / BATCH,
        }

    def verify() -> dict[str, bool]:
        outcomes = beta.normalize([STEP_PROGRAM] * 2)
        assert isinstance(outcomes, list)
        return {"the normal form is '(0 42 42 100 42)": [o.text for o in outcomes] == ["'(0 42 42 100 42)"] * 2}

    return Case(verify=verify, measure=measure)


class Operations(TorchDispatchMode):
    """Counts what PyTorch is asked to do."""

    count = 0

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        self.count += 1
        return func(*args, **(kwargs or {}))


def count_operations(call: Call) -> int:
    """How many operations of PyTorch a call takes."""
    with Operations() as operations:
        call()
    return operations.count


def all_cases(call: Call) -> Call:
    """The same where every step computes all cases, also those that have no weight."""

    def called() -> object:
        with patch.object(asking, "may_ask", return_value=False):
            return call()

    return called


def run_to_the_end(beta: NeuralBeta, program: NeuralLambda) -> object:
    """A run without gradients, of the steps that the longest of the problems takes."""
    with torch.no_grad():
        return beta.run(program, max_steps=MOST_STEPS)


@benchmark(
    claim="a small program, from its text to that of its normal form, takes at most 30 ms and 240 operations a step",
    limits={"seconds": 0.030, "seconds_with_default_cells": 0.060, "operations_per_step": 240.0},
)
def beta_first_program(seed: int) -> Case:
    """One program, text to text on one thread: parsed, encoded, run and decoded."""
    small, default = NeuralBeta(cells=STEP_CELLS), NeuralBeta()
    mixed = NeuralBeta(cells=CELLS, integers=INTEGERS)

    def measure() -> Numbers:
        one, cell = torch.ones(1), small.codebook.detach()
        stack = small.start(small.encode(FIRST_PROGRAM)).stack.cells

        def call() -> object:
            return small.normalize(FIRST_PROGRAM)

        programs = mixed.encode([problem.cells for problem in problems(seed, BATCH)])

        def batch() -> object:
            return run_to_the_end(mixed, programs)

        seconds, launch = measure_time(call), measure_time(lambda: torch.add(one, one))
        copy = measure_time(lambda: cell.clone())
        per_byte = copy.median / (2 * cell.element_size() * cell.numel())
        # What must be read: the stack, the vectors of columns, and the letters of all cells, at three distances each.
        letters = STEP_CELLS * (2 * STEP_CELLS + len(Tag))
        read = stack.element_size() * (stack.numel() + 2 * STEP_CELLS * cell.shape[1] + 3 * letters)
        count = count_operations(call)
        return {
            "cells": STEP_CELLS,
            "steps": FIRST_STEPS,
            "seconds": seconds.median,
            "seconds_with_default_cells": measure_time(lambda: default.normalize(FIRST_PROGRAM)).median,
            "operations_per_step": count / FIRST_STEPS,
            "operations_per_step_of_all_cases": count_operations(all_cases(call)) / FIRST_STEPS,
            "seconds_of_one_operation": launch.median,
            "floor_of_operations": count * launch.median,
            "floor_of_bytes": FIRST_STEPS * read * per_byte,
            "over_floor_of_operations": seconds.median / (count * launch.median),
            "all_cases_take_times_as_long": measure_ratio(all_cases(call), call, repeats=9).median,
            "all_cases_take_times_as_long_in_a_batch": measure_ratio(all_cases(batch), batch, repeats=5).median,
            "batch": BATCH,
        }

    def verify() -> dict[str, bool]:
        few = problems(seed, 8)
        outcomes = [beta.normalize([FIRST_PROGRAM])[0] for beta in (small, default)]
        return {
            "the normal form is '(1 2 3), in as many steps as are counted": all(
                (o.text, o.steps) == ("'(1 2 3)", FIRST_STEPS) for o in outcomes
            ),
            "a batch of different programs": solved(mixed, few) == len(few),
        }

    return Case(verify=verify, measure=measure)


@dataclass(frozen=True)
class Problem:
    """A program in cells, its normal form as text, and how many steps it takes."""

    cells: Cells
    normal: str
    steps: int


def random_term(generator: random.Random, depth: int, names: tuple[str, ...]) -> Term:
    """A random term: calls of functions that are written there, functions, lists, sums, choices; closed without names."""
    if depth == 0 or generator.random() < 0.1:
        return Variable(generator.choice(names)) if names and generator.random() < 0.75 else _literal(generator)
    kind = generator.choices(["redex", "call", "function", "list", "sum", "if"], [6, 2, 2, 2, 1, 1])[0]
    name = generator.choice("xyzw")

    def inner(more: tuple[str, ...] = ()) -> Term:
        return random_term(generator, depth - 1, (*names, *more))

    match kind:
        case "redex":
            return terms.Apply(terms.Function((name,), inner((name,))), (inner(),))
        case "call" if names:
            return terms.apply(Variable(generator.choice(names)), (inner(),))
        case "function":
            return terms.function((name,), inner((name,)))
        case "sum":
            return terms.Apply(terms.Primitive(generator.choice("+-*")), (_literal(generator), _literal(generator)))
        case "if":
            test = terms.Apply(terms.Primitive("<"), (_literal(generator), _literal(generator)))
            return terms.If(test, inner(), inner())
        case _:
            return terms.List(tuple(inner() for _ in range(generator.randint(1, 2))))


def _literal(generator: random.Random) -> Term:
    return Integer(generator.randint(-3, 3))


def problems(seed: int, count: int = PROGRAMS) -> list[Problem]:
    """Random programs of evenly spread sizes, from the smallest to the largest, that reduce within the limits."""
    generator = random.Random(seed)
    sizes = range(SMALLEST, LARGEST + 1)
    room = {size: len(range(index, count, len(sizes))) for index, size in enumerate(sizes)}
    found: list[Problem] = []
    while len(found) < count:
        term = random_term(generator, generator.randint(1, 6), ())
        cells = assemble(term)
        if room.get(len(cells)) and (problem := _problem(term, cells)) is not None:
            room[len(cells)] -= 1
            found.append(problem)
    return found


def _problem(term: Term, cells: Cells) -> Problem | None:
    """The problem that a program is, if it reduces within the limits."""
    state = initial(cells, CELLS)
    for steps in range(1, MOST_STEPS + 1):
        step = take_step(state, NORMAL, INTEGERS)
        if step.move is Move.FAIL:
            return None
        if step.move is Move.FINISH:
            return Problem(cells, to_text(normalize(term)), steps)
        state = step.state
    return None


@dataclass(frozen=True)
class Variant:
    """A codebook and how it is read; without a reading, as its kind is read."""

    name: str
    kind: Kind
    reading: Reading | None = None

    def make(self, vec_size: int, seed: int) -> NeuralBeta:
        """The NeuralBeta with vectors of a width."""
        return NeuralBeta(
            cells=CELLS,
            integers=INTEGERS,
            codebook=self.kind,
            vec_size=vec_size,
            reading=self.reading,
            generator=torch.Generator().manual_seed(seed),
        )


VARIANTS = (
    Variant("onehot", Kind.ONEHOT),
    Variant("orthonormal", Kind.ORTHONORMAL),
    Variant("gaussian_cleaned_up", Kind.GAUSSIAN),
    Variant("gaussian_with_a_floor", Kind.GAUSSIAN, Reading(floor=0.2)),
    Variant("gaussian_as_it_is", Kind.GAUSSIAN, Reading()),
)


def solved(beta: NeuralBeta, chosen: Sequence[Problem]) -> int:
    """How many of the problems end in the right normal form."""
    right = 0
    for start in range(0, len(chosen), AT_ONCE):
        some = chosen[start : start + AT_ONCE]
        with torch.no_grad():
            most = max(problem.steps for problem in some)
            result = beta.run(beta.encode([problem.cells for problem in some]), max_steps=most + 8)
        outcomes = beta.decode(result)
        right += sum(
            outcome.term is not None and outcome.text == problem.normal
            for outcome, problem in zip(outcomes, some, strict=True)
        )
    return right


@benchmark(claim="exact codebooks reduce every program; what a Gaussian one costs is clean-up, or width")
def beta_codebook(seed: int) -> Case:
    """Random programs of 4 to 40 cells, solved with codebooks of several kinds and widths."""
    chosen = sorted(problems(seed), key=lambda problem: problem.steps)
    symbols = len(VARIANTS[0].make(1024, seed).alphabet.symbols)

    def measure() -> Numbers:
        numbers: dict[str, object] = {
            "programs": len(chosen),
            "cells": CELLS,
            "symbols": symbols,
            "mean_steps": sum(problem.steps for problem in chosen) / len(chosen),
            "most_steps": chosen[-1].steps,
            "vec_sizes": list(VEC_SIZES),
        }
        for variant in VARIANTS:
            successes: list[float | None] = []
            milliseconds: list[float | None] = []
            for vec_size in VEC_SIZES:
                exact = variant.kind in (Kind.ONEHOT, Kind.ORTHONORMAL)
                if exact and vec_size < symbols:
                    successes.append(None)
                    milliseconds.append(None)
                    continue
                beta = variant.make(vec_size, seed)
                successes.append(solved(beta, chosen) / len(chosen))
                seconds = step_seconds(beta, [chosen[-1].cells], count=5, repeats=5)
                milliseconds.append(1_000 * seconds.median / 5)
                print(f"  {variant.name} {vec_size}: {successes[-1]:.3f}, {milliseconds[-1]:.2f} ms a step", flush=True)
            numbers[f"{variant.name}_success"] = successes
            numbers[f"{variant.name}_milliseconds_per_step"] = milliseconds
        return numbers

    def verify() -> dict[str, bool]:
        few = chosen[::20]
        return {
            f"a tenth of the programs by {variant.name}": solved(variant.make(symbols, seed), few) == len(few)
            for variant in VARIANTS[:2]
        }

    return Case(verify=verify, measure=measure)
