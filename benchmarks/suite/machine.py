"""The differentiable machine: how long a step takes against what it must read, and what a gradient costs."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.harness import Case, Numbers, benchmark
from benchmarks.memory import copy_bandwidth, peak_tensor_memory
from benchmarks.timing import measure_ratio, measure_time
from neurallambda.lang.lower import lower
from neurallambda.lang.syntax.parser import parse
from neurallambda.machine import Machine
from neurallambda.machine.assemble import assemble
from neurallambda.machine.encode import NeuralLambda
from neurallambda.machine.memory import Memory
from neurallambda.machine.result import Result
from neurallambda.programs import run_all

FIRST = "((fn [x y z] '(x y z)) 1 2 3)"
FACTORIAL = "(defn fact [n] (if (= n 0) 1 (* n (fact (- n 1))))) (fact 4)"
BATCH = 64


def loop(rounds: int) -> str:
    """A program of about ten steps a round."""
    return f"(defn down [n] (if (= n 0) 0 (down (- n 1)))) (down {rounds})"


def written_bytes(memory: Memory, steps: int) -> list[int]:
    """The bytes of memory that stand written before each step, code included."""
    size = memory.records.element_size() * len(memory.records) * memory.records[0, 0].numel()
    return [size * (memory.layout.code + step) for step in range(steps)]


class _Operations(TorchDispatchMode):
    """Counts the operations that torch is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))


@benchmark(
    claim="one small program takes milliseconds from text to text",
    limits={"seconds": 0.010, "operations_per_step": 60.0},
)
def machine_first_program(seed: int) -> Case:
    """Parse, lower, assemble, encode, run and decode a single program of 18 steps: all of it, and each part."""
    machine = Machine()
    term = parse(FIRST)
    core = lower(term)
    cells = assemble(core)
    program = machine.encode([cells])
    result = machine.run(program)
    parts = {
        "parse": lambda: parse(FIRST),
        "lower": lambda: lower(term),
        "assemble": lambda: assemble(core),
        "encode": lambda: machine.encode([cells]),
        "run": lambda: machine.run(program),
        "decode": lambda: machine.decode(result),
    }

    def operations_per_step() -> float:
        with _Operations() as operations:
            machine.run(program)
        return operations.count / int(result.steps)

    def text_to_text() -> str:
        return machine.decode(machine.run(machine.encode(FIRST)))[0].text

    return Case(
        verify=lambda: {"the value is '(1 2 3)": text_to_text() == "'(1 2 3)"},
        measure=lambda: {
            "seconds": measure_time(text_to_text),
            "operations_per_step": operations_per_step(),
            **{f"{name}_seconds": measure_time(part) for name, part in parts.items()},
        },
    )


@benchmark(
    claim="a step takes at most 1.8 times as long as reading the written memory once at copying speed",
    limits={"step_over_floor": 1.8, "seconds_per_program": 0.030},
)
def machine_step_floor(seed: int) -> Case:
    """Time per step of 64 factorials at once, against the bytes of the written memory over the copy bandwidth."""
    machine = Machine()
    program = machine.encode([FACTORIAL] * BATCH)
    result = machine.run(program)
    steps = result.memory.written - result.memory.layout.code

    def measure() -> Numbers:
        bytes_before = written_bytes(result.memory, steps)
        bandwidth = copy_bandwidth()
        seconds = measure_time(lambda: machine.run(program), repeats=15)
        floor = sum(bytes_before) / steps / bandwidth.median
        return {
            "batch": BATCH,
            "steps": steps,
            "mean_written_bytes": sum(bytes_before) / steps,
            "final_written_bytes": bytes_before[-1],
            "copy_bytes_per_second": bandwidth,
            "floor_seconds_per_step": floor,
            "seconds_per_step": seconds.median / steps,
            "step_over_floor": seconds.median / steps / floor,
            "seconds_per_program": seconds.median / BATCH,
        }

    return Case(verify=lambda: {"each is 24": _texts(machine, result) == ["24"] * BATCH}, measure=measure)


def gradient_run(machine: Machine, program: NeuralLambda, leaf: torch.Tensor) -> Result:
    """Run forward and backward."""
    result = machine.run(program)
    (-result.probability(24).log().sum()).backward()
    leaf.grad = None
    return result


@benchmark(
    claim="forward and backward take at most four times as long as forward, in at most three times the final memory",
    limits={"both_over_forward": 4.0, "peak_over_memory": 3.0},
)
def machine_gradient(seed: int) -> Case:
    """The gradient of 64 factorials with respect to every literal of their code."""
    machine = Machine()
    sharp = machine.encode([FACTORIAL] * BATCH)
    soft = machine.encode([FACTORIAL] * BATCH)
    leaf = soft.literal.requires_grad_()
    result = machine.run(sharp)
    memory = result.memory.records.nbytes

    def measure() -> Numbers:
        ratio = measure_ratio(
            lambda: gradient_run(machine, soft, leaf), lambda: machine.run(sharp), repeats=9, least_seconds=0.0
        )
        peak = peak_tensor_memory(lambda: gradient_run(machine, soft, leaf))
        return {
            "both_over_forward": ratio,
            "final_memory_bytes": memory,
            "peak_bytes": peak,
            "peak_over_memory": peak / memory,
        }

    def verify() -> dict[str, bool]:
        (-machine.run(soft).probability(24).log().sum()).backward()
        gradient = leaf.grad
        assert gradient is not None
        return {"the gradient is finite": bool(gradient.isfinite().all()), "it is not zero": bool(gradient.any())}

    return Case(verify=verify, measure=measure)


LENGTHS = (12, 25, 50, 100, 200)


@benchmark(
    claim="a thousand steps take seconds, and the cost of a step grows no faster than the memory",
    limits={"seconds_for_a_thousand_steps": 5.0, "cost_growth_over_memory_growth": 1.0},
)
def machine_growth(seed: int) -> Case:
    """Whole runs of one program of growing length: steps, seconds, and bytes of memory."""
    machine = Machine()
    programs = [machine.encode(loop(rounds)) for rounds in LENGTHS]
    results = [machine.run(program) for program in programs]

    def measure() -> Numbers:
        steps = [int(result.steps) for result in results]
        seconds = [measure_time(lambda program=program: machine.run(program), repeats=5).median for program in programs]
        per_step = [total / count for total, count in zip(seconds, steps, strict=True)]
        bytes_written = [written_bytes(result.memory, count)[-1] for result, count in zip(results, steps, strict=True)]
        growth = (per_step[-1] / per_step[0]) / (bytes_written[-1] / bytes_written[0])
        return {
            "steps": steps,
            "seconds": seconds,
            "seconds_per_step": per_step,
            "written_bytes": bytes_written,
            "seconds_for_a_thousand_steps": seconds[3] * 1_000 / steps[3],
            "cost_growth_over_memory_growth": growth,
        }

    return Case(
        verify=lambda: {"every loop ends at 0": all(_texts(machine, result) == ["0"] for result in results)},
        measure=measure,
    )


SMALL = (FIRST, "(+ 1 2)", "(car '(1 2))", "((fn [x] '(x x x)) 42)", "(let [x 3 y (* x x)] (- y x))", "(/ 1 0)")


@benchmark(
    claim="ten thousand small programs take at most ten seconds, by either engine",
    limits={"machine_seconds": 10.0, "reference_seconds": 10.0},
)
def many_small_programs(seed: int) -> Case:
    """A stream of small programs of several shapes, each with constants of its own."""
    sources = [f"(let [k {index % 200}] (cons k {SMALL[index % len(SMALL)]}))" for index in range(10_000)]

    def run_stream(engine: str, count: int = len(sources)) -> list[str]:
        return [str(outcome).split(":")[0] for outcome in run_all(sources[:count], engine=engine)]

    return Case(
        verify=lambda: {"both engines agree": run_stream("machine", 300) == run_stream("reference", 300)},
        measure=lambda: {
            f"{engine}_seconds": measure_time(lambda engine=engine: run_stream(engine), repeats=2, least_seconds=0.0)
            for engine in ("machine", "reference")
        },
    )


def _texts(machine: Machine, result: Result) -> list[str]:
    return [outcome.text for outcome in machine.decode(result)]
