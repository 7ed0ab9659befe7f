"""What a binary operator makes of two operands, all operators in superposition."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.errors import ErrorKind
from neurallambda.lang.primitives import ORDER
from neurallambda.machine.alphabet import KINDS, OPERATORS, Tag
from neurallambda.machine.arithmetic import PRODUCT, QUOTIENT, REMAINDER, SUMS, compare, product, quotient, sums

TRUE, FALSE, NIL = (KINDS.index(tag) for tag in (Tag.TRUE, Tag.FALSE, Tag.NIL))


@dataclass(frozen=True)
class Operands:
    """One operand of each program: mass of integers by value, and of true, false and `'()`; the rest is something else."""

    integers: Float[Tensor, "batch integers"]
    kinds: Float[Tensor, "batch kinds"]


@dataclass(frozen=True)
class Computed:
    """The result: mass of integers by value, of true, of false, and of each error; it sums to the operators' weights."""

    integers: Float[Tensor, "batch integers"]
    true: Float[Tensor, " batch"]
    false: Float[Tensor, " batch"]
    errors: dict[ErrorKind, Float[Tensor, " batch"]]


def compute(
    operator: Float[Tensor, "batch operators"],
    left: Operands,
    right: Operands,
    *,
    integers: range,
    operations: frozenset[str],
) -> Computed:
    """Apply the mixture `operator` of operators; only those in `operations` are looked at."""
    weight = {name: operator[:, OPERATORS.index(name)] for name in operations}
    nothing = torch.zeros_like(operator[:, 0])
    both = left.integers.sum(-1) * right.integers.sum(-1)
    result = torch.zeros_like(left.integers)
    overflow, by_zero, true, false = nothing, nothing, nothing, nothing
    if not operations.isdisjoint(SUMS):
        plus, minus = (weight.get(name, nothing) for name in SUMS)
        found = sums(left.integers, right.integers, plus, minus, integers)
        result, overflow = result + found.integers, overflow + found.overflow
    for name in (PRODUCT, QUOTIENT, REMAINDER):
        if name not in operations:
            continue
        if name == PRODUCT:
            found = product(left.integers, right.integers, integers)
        else:
            found = quotient(left.integers, right.integers, integers, name)
        result = result + weight[name][:, None] * found.integers
        overflow = overflow + weight[name] * found.overflow
        if found.by_zero is not None:
            by_zero = by_zero + weight[name] * found.by_zero
    strange = (operator.sum(-1) - weight.get("=", nothing)) * (1 - both).clamp_min(0)
    if not operations.isdisjoint(("=", *ORDER)):
        less, equal, greater = compare(left.integers, right.integers)
        same, different = _equal_atoms(left.kinds, right.kinds)
        unlike = less + greater
        truth = {
            "<": (less, equal + greater),
            ">": (greater, less + equal),
            "<=": (less + equal, greater),
            ">=": (equal + greater, less),
            "=": (equal + same, unlike + different),
        }
        for name in truth.keys() & operations:
            yes, no = truth[name]
            true, false = true + weight[name] * yes, false + weight[name] * no
        strange = strange + weight.get("=", nothing) * (1 - both - same - different).clamp_min(0)
    errors = {
        ErrorKind.NOT_AN_INTEGER: strange,
        ErrorKind.OVERFLOW: overflow,
        ErrorKind.DIVISION_BY_ZERO: by_zero,
    }
    return Computed(result, true, false, errors)


def _equal_atoms(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """`=` where at least one operand is no integer: the masses of true and of false."""
    same = (left * right).sum(-1)
    booleans = left[:, TRUE] * right[:, FALSE] + left[:, FALSE] * right[:, TRUE]
    one_empty = left[:, NIL] * (1 - right[:, NIL]) + (1 - left[:, NIL]) * right[:, NIL]
    return same, booleans + one_empty
