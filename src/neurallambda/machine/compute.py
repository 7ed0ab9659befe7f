"""What a binary operator makes of two operands, all operators in superposition."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.core import NIL, Operator
from neurallambda.lang.primitives import apply_binary
from neurallambda.lang.terms import BINARY_PRIMITIVES
from neurallambda.lang.values import Value
from neurallambda.machine.alphabet import OPERATORS
from neurallambda.machine.arithmetic import compare, product, quotient, remainder, sums

COMPUTING = frozenset(BINARY_PRIMITIVES) - {"cons"}
"""The operators whose results are computed; `cons` only points."""

CLASSES: tuple[Value, ...] = (1, True, False, NIL, Operator("something else"))
"""A representative of each class of operand: integer, true, false, the empty list, anything else."""

_ORDERED = ((1, 2), (1, 1), (2, 1))  # representatives of less, equal, greater
_RESULTS = (True, False, ErrorKind.NOT_AN_INTEGER)


@dataclass(frozen=True)
class Computed:
    """What operators make of operands; all masses together are the operators' weight.

    Attributes:
        integers: of each integer.
        results: of an integer, of true, of false.
        succeeds: of any of these.
        errors: not-an-integer, overflow, division-by-zero.
    """

    integers: Float[Tensor, "batch integers"]
    results: Float[Tensor, "batch 3"]
    succeeds: Float[Tensor, "batch 1"]
    errors: Float[Tensor, "batch 3"]


def compute(
    operator: Float[Tensor, "batch operators"],
    left: tuple[Float[Tensor, "batch integers"], Float[Tensor, "batch 3"]],
    right: tuple[Float[Tensor, "batch integers"], Float[Tensor, "batch 3"]],
    *,
    integers: range,
    operations: frozenset[str],
) -> Computed:
    """Apply the mixture `operator` of operators; only those in `operations` are looked at.

    An operand is the mass of integers by value and of true, false and `'()`; what lacks to one is something else.
    """
    weight = dict(zip(OPERATORS, operator.unbind(-1), strict=True))
    (left_integers, left_kinds), (right_integers, right_kinds) = left, right
    result = torch.zeros_like(left_integers)
    if "+" in operations or "-" in operations:
        result = sums(left_integers, right_integers, weight["+"], weight["-"], integers)
    for name, function in (("*", product), ("/", quotient), ("mod", remainder)):
        if name in operations:
            result = torch.addcmul(result, weight[name][:, None], function(left_integers, right_integers, integers))
    left_sum, right_sum = left_integers.sum(-1), right_integers.sum(-1)
    left_classes, right_classes = _classes(left_sum, left_kinds), _classes(right_sum, right_kinds)
    pairs = (left_classes[:, :, None] * right_classes[:, None, :]).flatten(1)
    order = compare(left_integers, right_integers)
    true, false, not_an_integer = _weigh(operator, torch.cat([pairs, order], dim=-1)).unbind(-1)
    by_zero = torch.zeros_like(true)
    if 0 in integers and ("/" in operations or "mod" in operations):
        by_zero = (weight["/"] + weight["mod"]) * left_sum * right_integers[:, -integers.start]
    inside = result.sum(-1)
    arithmetic = operator @ _arithmetic(operator.device, operator.dtype)
    overflow = (arithmetic * (left_sum * right_sum) - by_zero - inside).clamp_min(0)
    results = torch.stack([inside, true, false], dim=-1)
    errors = torch.stack([not_an_integer, overflow, by_zero], dim=-1)
    return Computed(result, results, results.sum(-1, keepdim=True), errors)


def _classes(integers: Tensor, kinds: Tensor) -> Float[Tensor, "batch classes"]:
    known = torch.cat([integers[:, None], kinds], dim=-1)
    return torch.cat([known, (1 - known.sum(-1, keepdim=True)).clamp_min(0)], dim=-1)


def _weigh(operator: Tensor, pairs: Tensor) -> Float[Tensor, "batch 3"]:
    """The masses of true, false and not-an-integer, by operator and by the classes and order of the operands."""
    results = (operator @ _truth_table(operator.device, operator.dtype)).unflatten(-1, (pairs.shape[-1], len(_RESULTS)))
    return (pairs[:, None] @ results)[:, 0]


@lru_cache(maxsize=16)
def _arithmetic(device: torch.device, dtype: torch.dtype) -> Float[Tensor, " operators"]:
    return torch.tensor([name in ("+", "-", "*", "/", "mod") for name in OPERATORS], device=device, dtype=dtype)


@lru_cache(maxsize=16)
def _truth_table(device: torch.device, dtype: torch.dtype) -> Float[Tensor, "operators pairs_results"]:
    """What each operator answers on each pair of classes, asked of the reference; integers are asked by their order."""
    pairs = [(left, right) for left in CLASSES for right in CLASSES]
    rows: list[list[bool]] = []
    for name in OPERATORS:
        answers = [_answer(name, left, right) for left, right in pairs]
        answers[0] = None  # two integers: their order decides
        answers += [_answer(name, left, right) for left, right in _ORDERED]
        rows.append([answer is result for answer in answers for result in _RESULTS])
    return torch.tensor(rows, device=device, dtype=dtype)


def _answer(name: str, left: Value, right: Value) -> Value | ErrorKind | None:
    if name not in COMPUTING:
        return None
    try:
        return apply_binary(name, left, right)
    except ProgramError as error:
        return error.kind
