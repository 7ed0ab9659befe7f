"""What a binary operator makes of two operands, all operators in superposition."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.arithmetic.integers import OPERATIONS, Integers
from neurallambda.arithmetic.operate import operate
from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.core import NIL, Operator
from neurallambda.lang.primitives import apply_binary
from neurallambda.lang.terms import BINARY_PRIMITIVES
from neurallambda.lang.values import Value
from neurallambda.machine.alphabet import OPERATORS

COMPUTING = frozenset(BINARY_PRIMITIVES) - {"cons"}
"""The operators whose results are computed; `cons` only points."""

CLASSES: tuple[Value, ...] = (1, True, False, NIL, Operator("something else"))
"""A representative of each class of operand: integer, true, false, the empty list, anything else."""

_DIVISIONS = ("/", "mod")
IS_ARITHMETIC = slice(OPERATORS.index(OPERATIONS[0]), OPERATORS.index(OPERATIONS[-1]) + 1)
IS_DIVISION = slice(OPERATIONS.index("/"), OPERATIONS.index("mod") + 1)
assert OPERATORS[IS_ARITHMETIC] == OPERATIONS
_ORDERED = ((1, 2), (1, 1), (2, 1))  # representatives of less, equal, greater
CASES = len(CLASSES) ** 2 + len(_ORDERED)
_RESULTS = (True, False, ErrorKind.NOT_AN_INTEGER)


@dataclass(frozen=True)
class Computed:
    """What operators make of operands; all masses together are the operators' weight.

    Attributes:
        integers: of each integer.
        results: of an integer, of true, of false.
        succeeds: of any of these.
        errors: not-an-integer, overflow, division-by-zero.
        cases: of each pair of classes of operand, then of each order of two integers.
    """

    integers: Float[Tensor, "batch integers"]
    results: Float[Tensor, "batch 3"]
    succeeds: Float[Tensor, "batch 1"]
    errors: Float[Tensor, "batch 3"]
    cases: Float[Tensor, "batch cases"]


@dataclass(frozen=True)
class Operands:
    """What is computed of.

    An operand is the mass of integers by value and of true, false and `'()`; the remaining mass is any other value.
    """

    operator: Float[Tensor, "batch operators"]
    left: Float[Tensor, "batch integers"]
    left_kinds: Float[Tensor, "batch 3"]
    right: Float[Tensor, "batch integers"]
    right_kinds: Float[Tensor, "batch 3"]


@dataclass(frozen=True)
class Operations:
    """The operations that may occur, and their tables.

    Attributes:
        integers: what they operate on, and which of them may occur.
        truth: what each operator answers on each pair of classes, and on integers by their order.
    """

    integers: Integers
    truth: Float[Tensor, "operators pairs_results"]

    @property
    def can_divide_by_zero(self) -> bool:
        """Whether zero is an integer, and something divides."""
        return 0 in self.integers.range and not set(_DIVISIONS).isdisjoint(self.integers.names)

    @staticmethod
    def of(integers: range, names: frozenset[str], device: torch.device, dtype: torch.dtype) -> "Operations":
        """Make the tables."""
        arithmetic = tuple(name for name in OPERATIONS if name in names)
        return Operations(Integers(integers, arithmetic), torch.tensor(_truth(), device=device, dtype=dtype))


@lru_cache(maxsize=16)
def nothing(batch: int, integers: int, device: torch.device, dtype: torch.dtype) -> Computed:
    """What is computed where nothing is. It is shared: nobody writes to it."""
    results = torch.zeros(batch, 3, device=device, dtype=dtype)
    cases, masses = (torch.zeros(batch, size, device=device, dtype=dtype) for size in (CASES, integers))
    return Computed(masses, results, results[:, :1], results, cases)


def spread(computed: Computed, rows: Int[Tensor, " rows"], batch: int) -> Computed:
    """What was computed in some programs of a batch, with nothing in the others."""
    parts = (computed.integers, computed.results, computed.succeeds, computed.errors, computed.cases)
    return Computed(*(part.new_zeros(batch, part.shape[1]).index_copy_(0, rows, part) for part in parts))


def compute(operands: Operands, operations: Operations) -> Computed:
    """Apply the mixture of operators."""
    left, right = operands.left, operands.right
    weights = operands.operator[:, IS_ARITHMETIC]
    result, order = operate(left, right, weights, operations.integers)
    left_sum, right_sum = left.sum(-1), right.sum(-1)
    of_left, of_right = classes(left_sum, operands.left_kinds), classes(right_sum, operands.right_kinds)
    cases = torch.cat([(of_left[:, :, None] * of_right[:, None, :]).flatten(1), order], dim=-1)
    answers = (operands.operator @ operations.truth).unflatten(-1, (CASES, len(_RESULTS)))
    true, false, not_an_integer = (cases[:, None] @ answers)[:, 0].unbind(-1)
    by_zero = torch.zeros_like(true)
    if operations.can_divide_by_zero:
        by_zero = weights[:, IS_DIVISION].sum(-1) * left_sum * right[:, -operations.integers.range.start]
    inside = result.sum(-1)
    overflow = (weights.sum(-1) * (left_sum * right_sum) - by_zero - inside).clamp_min(0)
    results = torch.stack([inside, true, false], dim=-1)
    errors = torch.stack([not_an_integer, overflow, by_zero], dim=-1)
    return Computed(result, results, results.sum(-1, keepdim=True), errors, cases)


def classes(integers: Float[Tensor, " batch"], kinds: Float[Tensor, "batch 3"]) -> Float[Tensor, "batch classes"]:
    """The masses of `CLASSES`."""
    known = torch.cat([integers[:, None], kinds], dim=-1)
    return torch.cat([known, (1 - known.sum(-1, keepdim=True)).clamp_min(0)], dim=-1)


def _truth() -> list[list[bool]]:
    """What each operator answers, asked of the reference; two integers are asked by their order."""
    pairs = [(left, right) for left in CLASSES for right in CLASSES]
    rows: list[list[bool]] = []
    for name in OPERATORS:
        answers = [_answer(name, left, right) for left, right in pairs]
        answers[0] = None  # two integers: their order decides
        answers += [_answer(name, left, right) for left, right in _ORDERED]
        rows.append([answer is result for answer in answers for result in _RESULTS])
    return rows


def _answer(name: str, left: Value, right: Value) -> Value | ErrorKind | None:
    if name not in COMPUTING:
        return None
    try:
        return apply_binary(name, left, right)
    except ProgramError as error:
        return error.kind
