"""Every structure, small, and instructions for it: what all the tests of the matrix are parametrized over."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from neurallambda import structures
from neurallambda.structures import Kind, Operand, Structure

Discrete = int | list[float]

STRUCTURES: dict[str, Structure[Any]] = {
    "superposition_stack": structures.SuperpositionStack(capacity=4, width=3),
    "multipop_stack": structures.SuperpositionStack(capacity=5, width=2, pops=3),
    "pointer_stack": structures.PointerStack(capacity=4, width=3),
    "hard_stack": structures.HardStack(capacity=4, width=3),
    "strength_stack": structures.StrengthStack(capacity=3, width=3, slots=40),
    "superposition_queue": structures.SuperpositionQueue(capacity=4, width=3),
    "hard_queue": structures.HardQueue(capacity=4, width=3),
    "strength_queue": structures.StrengthQueue(capacity=3, width=3, slots=40),
    "superposition_deque": structures.SuperpositionDeque(capacity=3, width=2),
    "strength_deque": structures.StrengthDeque(capacity=3, width=2, slots=40),
    "latch": structures.Latch(),
    "data_latch": structures.DataLatch(width=3),
    "tape": structures.Tape(capacity=4, width=3),
    "memory": structures.Memory(capacity=4, width=3, key_width=3),
    "dot_memory": structures.Memory(capacity=4, width=3, key_width=2, similarity=structures.Similarity.DOT),
    "linked_list": structures.LinkedList(capacity=5, width=3),
    "tree": structures.Tree(capacity=5, width=2),
    "priority_queue": structures.PriorityQueue(capacity=4, width=2),
    "multiset": structures.Multiset(symbols=3, capacity=3),
    "symbol_set": structures.SymbolSet(symbols=3),
    "program_stack": structures.ProgramStack(
        capacity=4, results=(((0, 1, 2), (1, 2, None), (2, None, None)), ((0, 0, 0), (0, 1, 1), (0, 1, 2)))
    ),
}

SMOOTH = sorted(set(STRUCTURES) - {"hard_stack", "hard_queue"})
"""Those whose actions have gradients."""


def soft(
    structure: Structure[Any], *leading: int, seed: int, dtype: torch.dtype = torch.float64, sharpness: float = 1.0
) -> tuple[Tensor, ...]:
    """Random instructions from the inside of the simplex."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(_soft(operand, leading, generator, sharpness).to(dtype) for operand in structure.operands)


def _soft(operand: Operand, leading: tuple[int, ...], generator: torch.Generator, sharpness: float) -> Tensor:
    numbers = torch.randn(*leading, operand.size, generator=generator, dtype=torch.float64)
    match operand.kind:
        case Kind.DISTRIBUTION:
            return (sharpness * numbers).softmax(-1)
        case Kind.STRENGTH:
            return (sharpness * numbers).sigmoid()
        case _:
            return numbers


def certain(structure: Structure[Any]) -> st.SearchStrategy[tuple[Discrete, ...]]:
    """Instructions at the corners, as a reference takes them."""
    return st.tuples(*(_certain(operand, structure) for operand in structure.operands))


def _certain(operand: Operand, structure: Structure[Any]) -> st.SearchStrategy[Discrete]:
    match operand.kind:
        case Kind.DISTRIBUTION:
            return st.integers(0, operand.size - 1)
        case Kind.STRENGTH:
            return st.lists(st.sampled_from([0.0, 1.0]), min_size=operand.size, max_size=operand.size)
        case Kind.VECTOR if isinstance(structure, structures.Memory):
            # Contents are compared, which is exact for codes at right angles.
            return st.integers(0, operand.size - 1).map(lambda index: one_hot(index, operand.size))
        case Kind.VECTOR:
            number = st.integers(-64, 64).map(lambda n: n / 8)
            return st.lists(number, min_size=operand.size, max_size=operand.size)
        case Kind.REAL:
            return st.lists(st.integers(-3, 3).map(float), min_size=operand.size, max_size=operand.size)


def one_hot(index: int, size: int) -> list[float]:
    return [float(place == index) for place in range(size)]


def encoded(structure: Structure[Any], instruction: tuple[Discrete, ...]) -> tuple[Tensor, ...]:
    """A certain instruction as tensors without leading axes."""
    pairs = zip(structure.operands, instruction, strict=True)
    return tuple(
        torch.tensor(one_hot(part, operand.size) if isinstance(part, int) else part, dtype=torch.float64)
        for operand, part in pairs
    )


def batched(instructions: list[tuple[Tensor, ...]], dim: int = 0) -> tuple[Tensor, ...]:
    """Instructions side by side, along a new axis."""
    return tuple(torch.stack(parts, dim=dim) for parts in zip(*instructions, strict=True))


def leaves(state: Any) -> dict[str, Tensor]:
    """The state's tensors, by name."""
    return {field.name: getattr(state, field.name) for field in fields(state)}


def float_leaves(state: Any) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in leaves(state).items() if tensor.is_floating_point()}


def mapped_leaves(state: Any, function: Callable[[Tensor], Tensor]) -> Any:
    return type(state)(**{name: function(tensor) for name, tensor in leaves(state).items()})


def forms_of(structure: Structure[Any]) -> list[str]:
    """The forms that run on this machine's CPU at speed: all but the interpreted one."""
    state, operands = structure.init(1, dtype=torch.float64), soft(structure, 1, 1, seed=0)
    return [name for name, form in structure.forms.items() if name != "triton" and form.available(state, *operands)]


FORMS = [(name, form) for name, structure in STRUCTURES.items() for form in forms_of(structure)]


def warm(
    structure: Structure[Any], batch: int, *, seed: int, dtype: torch.dtype = torch.float64, steps: int = 6
) -> Any:
    """A state in which something has happened."""
    state, _ = structure.scan(
        structure.init(batch, dtype=dtype), *soft(structure, batch, steps, seed=seed, dtype=dtype), form="steps"
    )
    return state


def gradients_of(
    outputs: Tensor | Sequence[Tensor], inputs: Sequence[Tensor], weights: Sequence[Tensor] | None = None
) -> tuple[Tensor, ...]:
    """The gradients of all the inputs, zeros for those that nothing depends on."""
    return torch.autograd.grad(outputs, inputs, weights, allow_unused=True, materialize_grads=True)


def moments(operands: tuple[Tensor, ...]) -> Iterator[tuple[Tensor, ...]]:
    """The instructions of each moment, from operands with a time axis."""
    return zip(*(operand.unbind(1) for operand in operands), strict=True)
