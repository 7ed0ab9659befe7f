"""The data structures, against an LSTM of the same width: forward and backward, one thread, interleaved."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.harness import Case, Numbers, benchmark
from benchmarks.memory import peak_tensor_memory
from benchmarks.timing import Spread, measure_ratio, measure_time
from neurallambda.structures import (
    DataLatch,
    HardQueue,
    HardStack,
    Kind,
    Latch,
    LinkedList,
    Memory,
    Multiset,
    PointerStack,
    PriorityQueue,
    StrengthDeque,
    StrengthQueue,
    StrengthStack,
    Structure,
    SuperpositionDeque,
    SuperpositionQueue,
    SuperpositionStack,
    SymbolSet,
    Tape,
    Tree,
)

BATCH, TIME, DEPTH, WIDTH = 32, 128, 32, 64
TIMES = [128, 256, 512, 1024, 2048, 4096, 8192]
DEPTHS = [16, 32, 64, 128, 256]

Run = Callable[[], object]


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: how well work is shared out is not what is compared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def instructions(structure: Structure[Any], time: int, *, seed: int, batch: int = BATCH) -> list[Tensor]:
    """Random instructions, as a controller would give them, that take gradients."""
    generator = torch.Generator().manual_seed(seed)
    operands = []
    for operand in structure.operands:
        numbers = torch.randn(batch, time, operand.size, generator=generator)
        if operand.kind is Kind.DISTRIBUTION:
            numbers = numbers.softmax(-1)
        elif operand.kind is Kind.STRENGTH:
            numbers = numbers.sigmoid()
        operands.append(numbers.requires_grad_())
    return operands


def lstm_run(time: int, *, seed: int, batch: int = BATCH) -> Run:
    """Forward and backward of the yardstick."""
    generator = torch.Generator().manual_seed(seed)
    lstm = nn.LSTM(WIDTH, WIDTH, batch_first=True)
    inputs = torch.randn(batch, time, WIDTH, generator=generator, requires_grad=True)
    weights = torch.randn(batch, time, WIDTH, generator=generator)
    return lambda: torch.autograd.grad(lstm(inputs)[0], [inputs, *lstm.parameters()], weights)


def scan_run(structure: Structure[Any], form: str, time: int, *, seed: int, batch: int = BATCH) -> Run:
    """Forward and backward of a scan, from an empty state."""
    operands = instructions(structure, time, seed=seed, batch=batch)
    weights = torch.randn(batch, time, structure.read_width, generator=torch.Generator().manual_seed(seed))

    def run() -> object:
        _, reads = structure.scan(structure.init(batch), *operands, form=form)
        return torch.autograd.grad(reads, operands, weights, allow_unused=True)

    return run


def coupled_run(structure: SuperpositionStack, *, seed: int) -> Run:
    """Forward and backward of stepping where each action depends on the read before it."""
    _, values = instructions(structure, TIME, seed=seed)
    controller = nn.Linear(WIDTH, structure.operands[0].size)
    weights = torch.randn(BATCH, TIME, WIDTH, generator=torch.Generator().manual_seed(seed))

    def run() -> object:
        state = structure.init(BATCH)
        read = structure.read(state)
        reads = []
        for value in values.unbind(1):
            state, read = structure.step(state, controller(read).softmax(-1), value)
            reads.append(read)
        return torch.autograd.grad(torch.stack(reads, dim=1), [values, *controller.parameters()], weights)

    return run


def equals_stepping(structure: Structure[Any], form: str, *, seed: int) -> bool:
    """Whether the scan's reads and gradients are those of stepping, in float64."""
    operands = [operand.detach().double() for operand in instructions(structure, 33, seed=seed, batch=3)]
    found = []
    for way in ("steps", form):
        inputs = [operand.clone().requires_grad_() for operand in operands]
        _, reads = structure.scan(structure.init(3, dtype=torch.float64), *inputs, form=way)
        scale = reads.square().sum()
        found.append([reads, *torch.autograd.grad(scale, inputs, allow_unused=True, materialize_grads=True)])
    return all(torch.allclose(one, other, rtol=1e-11, atol=1e-11) for one, other in zip(*found, strict=True))


def against_lstm(run: Run, *, seed: int, time: int = TIME, repeats: int = 21) -> Spread:
    """How many times as long `run` takes as the LSTM."""
    return measure_ratio(run, lstm_run(time, seed=seed), repeats=repeats)


@benchmark(
    claim="a superposition stack costs less than an LSTM when fused, and little more in plain PyTorch or step by step",
    limits={"fused_over_lstm": 0.5, "chunked_over_lstm": 2.5, "coupled_over_lstm": 3.0},
)
def superposition_stack(seed: int) -> Case:
    """The three ways to run it, at batch 32, time 128, depth 32, width 64."""
    stack = SuperpositionStack(capacity=DEPTH, width=WIDTH)

    def measure() -> Numbers:
        with one_thread():
            ratios = {
                "fused": against_lstm(scan_run(stack, "fused", TIME, seed=seed), seed=seed),
                "chunked": against_lstm(scan_run(stack, "chunked", TIME, seed=seed), seed=seed),
                "coupled": against_lstm(coupled_run(stack, seed=seed), seed=seed, repeats=11),
            }
            lstm = measure_time(lstm_run(TIME, seed=seed))
        return {
            **{f"{name}_over_lstm": ratio.median for name, ratio in ratios.items()},
            **{f"{name}_spread": ratio for name, ratio in ratios.items()},
            "lstm_seconds": lstm,
        }

    return Case(
        verify=lambda: {
            f"{form} is stepping": equals_stepping(stack, form, seed=seed) for form in ("fused", "chunked")
        },
        measure=measure,
    )


@benchmark(
    claim="strength stacks and queues cost about as much as an LSTM",
    limits={"stack_over_lstm": 1.5, "queue_over_lstm": 1.2},
)
def strength_structures(seed: int) -> Case:
    """The form that is chosen here, and the one in plain PyTorch."""
    chosen = {
        "stack": StrengthStack(capacity=DEPTH, width=WIDTH),
        "queue": StrengthQueue(capacity=DEPTH, width=WIDTH),
        "deque": StrengthDeque(capacity=DEPTH, width=WIDTH),
    }

    def measure() -> Numbers:
        numbers: dict[str, object] = {}
        with one_thread():
            for name, structure in chosen.items():
                for suffix, form in (("", "auto"), ("_closed", "closed")):
                    ratio = against_lstm(scan_run(structure, form, TIME, seed=seed), seed=seed)
                    numbers[f"{name}{suffix}_over_lstm"] = ratio.median
                    numbers[f"{name}{suffix}_spread"] = ratio
        return numbers

    return Case(
        verify=lambda: {
            f"{form} {name} is stepping": equals_stepping(structure, form, seed=seed)
            for name, structure in chosen.items()
            for form in ("fused", "closed")
        },
        measure=measure,
    )


@benchmark(claim="every structure's scan, in the form that is chosen here, against an LSTM")
def all_structures(seed: int) -> Case:
    """The table of all structures; those with an arena or a joint state are smaller, as the table says."""
    chosen: dict[str, Structure[Any]] = {
        "superposition_stack": SuperpositionStack(capacity=DEPTH, width=WIDTH),
        "pointer_stack": PointerStack(capacity=DEPTH, width=WIDTH),
        "hard_stack": HardStack(capacity=DEPTH, width=WIDTH),
        "strength_stack": StrengthStack(capacity=DEPTH, width=WIDTH),
        "superposition_queue": SuperpositionQueue(capacity=DEPTH, width=WIDTH),
        "hard_queue": HardQueue(capacity=DEPTH, width=WIDTH),
        "strength_queue": StrengthQueue(capacity=DEPTH, width=WIDTH),
        "superposition_deque_of_8": SuperpositionDeque(capacity=8, width=WIDTH),
        "strength_deque": StrengthDeque(capacity=DEPTH, width=WIDTH),
        "latch": Latch(),
        "data_latch": DataLatch(width=WIDTH),
        "tape": Tape(capacity=DEPTH, width=WIDTH),
        "memory": Memory(capacity=DEPTH, width=WIDTH, key_width=WIDTH),
        "linked_list": LinkedList(capacity=DEPTH, width=WIDTH),
        "tree": Tree(capacity=DEPTH, width=WIDTH),
        "priority_queue": PriorityQueue(capacity=DEPTH, width=WIDTH),
        "multiset": Multiset(symbols=DEPTH, capacity=4),
        "symbol_set": SymbolSet(symbols=DEPTH),
    }

    def measure() -> Numbers:
        with one_thread():
            return {
                f"{name}_over_lstm": against_lstm(
                    scan_run(structure, "auto", TIME, seed=seed), seed=seed, repeats=5
                ).median
                for name, structure in chosen.items()
            }

    return Case(
        verify=lambda: {
            f"{name} is stepping": equals_stepping(structure, "auto", seed=seed) for name, structure in chosen.items()
        },
        measure=measure,
    )


@benchmark(claim="time and memory of a scan grow in proportion to the length of the sequence")
def structures_over_time(seed: int) -> Case:
    """Ratios to the LSTM and peak memory for sequences of 128 to 8192 steps, in batches of four."""
    chosen: dict[str, tuple[Structure[Any], str]] = {
        "superposition_stack_fused": (SuperpositionStack(capacity=DEPTH, width=WIDTH), "fused"),
        "superposition_stack_chunked": (SuperpositionStack(capacity=DEPTH, width=WIDTH), "chunked"),
        "superposition_queue_fused": (SuperpositionQueue(capacity=DEPTH, width=WIDTH), "fused"),
        "superposition_queue": (SuperpositionQueue(capacity=DEPTH, width=WIDTH), "chunked"),
        "strength_stack_fused": (StrengthStack(capacity=DEPTH, width=WIDTH), "fused"),
        "strength_stack_closed": (StrengthStack(capacity=DEPTH, width=WIDTH), "closed"),
        "strength_queue_fused": (StrengthQueue(capacity=DEPTH, width=WIDTH), "fused"),
        "hard_stack": (HardStack(capacity=DEPTH, width=WIDTH), "closed"),
        "hard_queue": (HardQueue(capacity=DEPTH, width=WIDTH), "closed"),
    }

    def measure() -> Numbers:
        numbers: dict[str, object] = {"times": TIMES}
        with one_thread():
            for name, (structure, form) in chosen.items():
                runs = [scan_run(structure, form, time, seed=seed, batch=4) for time in TIMES]
                yardsticks = [lstm_run(time, seed=seed, batch=4) for time in TIMES]
                pairs = list(zip(runs, yardsticks, strict=True))
                numbers[f"{name}_over_lstm"] = [measure_ratio(*pair, repeats=3).median for pair in pairs]
                numbers[f"{name}_seconds"] = [measure_time(run, repeats=3).median for run in runs]
                # In numbers per row and step; WIDTH + DEPTH of them are the values and the occupancy themselves.
                numbers[f"{name}_floats_a_step"] = [
                    peak_tensor_memory(run) / (4 * 4 * time) for run, time in zip(runs, TIMES, strict=True)
                ]
        return numbers

    return Case(
        verify=lambda: {
            f"{name} is stepping": equals_stepping(structure, form, seed=seed)
            for name, (structure, form) in chosen.items()
        },
        measure=measure,
    )


@benchmark(
    claim="the memory of a superposed scan grows in proportion to depth and width together, not to their product",
    limits={
        "stack_fused_over_depth_and_width": 6,
        "stack_chunked_over_depth_and_width": 13,
        "queue_fused_over_depth_and_width": 6,
        "queue_over_depth_and_width": 22,
    },
)
def structures_over_depth(seed: int) -> Case:
    """Numbers that forward and backward hold at most, a row and step, at time 1024 and width 64, for depths 16 to 256."""
    time, batch = 1024, 2
    chosen: dict[str, tuple[type[SuperpositionStack | SuperpositionQueue], str]] = {
        "stack_fused": (SuperpositionStack, "fused"),
        "stack_chunked": (SuperpositionStack, "chunked"),
        "queue_fused": (SuperpositionQueue, "fused"),
        "queue": (SuperpositionQueue, "chunked"),
    }

    def measure() -> Numbers:
        numbers: dict[str, object] = {"depths": DEPTHS}
        for name, (kind, form) in chosen.items():
            runs = [scan_run(kind(capacity=depth, width=WIDTH), form, time, seed=seed, batch=batch) for depth in DEPTHS]
            floats = [peak_tensor_memory(run) / (4 * batch * time) for run in runs]
            numbers[f"{name}_floats_a_step"] = [round(count) for count in floats]
            numbers[f"{name}_over_depth_and_width"] = max(
                count / (depth + WIDTH) for count, depth in zip(floats, DEPTHS, strict=True)
            )
        return numbers

    return Case(
        verify=lambda: {
            f"a {name} of {depth} is stepping": equals_stepping(kind(capacity=depth, width=WIDTH), form, seed=seed)
            for name, (kind, form) in chosen.items()
            for depth in (DEPTHS[0], DEPTHS[-1])
        },
        measure=measure,
    )
