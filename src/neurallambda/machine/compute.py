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
    """The result: mass of integers by value, of true and false, of each error; it sums to the operators' weights."""

    integers: Float[Tensor, "batch integers"]
    truth: Float[Tensor, "batch 2"]
    not_an_integer: Float[Tensor, " batch"]
    overflow: Float[Tensor, " batch"]
    by_zero: Float[Tensor, " batch"]


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
    weight = {name: operator[:, OPERATORS.index(name)] for name in operations}
    nothing = torch.zeros_like(operator[:, 0])
    (left_integers, left_kinds), (right_integers, right_kinds) = left, right
    result = torch.zeros_like(left_integers)
    if "+" in operations or "-" in operations:
        plus, minus = weight.get("+", nothing), weight.get("-", nothing)
        result = result + sums(left_integers, right_integers, plus, minus, integers)
    for name, function in (("*", product), ("/", quotient), ("mod", remainder)):
        if name in operations:
            result = torch.addcmul(result, weight[name][:, None], function(left_integers, right_integers, integers))
    left_classes, right_classes = _classes(left_integers, left_kinds), _classes(right_integers, right_kinds)
    pairs = (left_classes[:, :, None] * right_classes[:, None, :]).flatten(1)
    if operations & {"=", "<", ">", "<=", ">="}:
        order = compare(left_integers, right_integers)
    else:
        order = operator.new_zeros(len(operator), len(_ORDERED))
    truth = _weigh(operator, torch.cat([pairs, order], dim=-1), _truth_table(operator.device, operator.dtype))
    by_zero = nothing
    if 0 in integers and ("/" in operations or "mod" in operations):
        zero = left_classes[:, 0] * right_integers[:, -integers.start]
        by_zero = (weight.get("/", nothing) + weight.get("mod", nothing)) * zero
    arithmetic = sum((weight[name] for name in operations & {"+", "-", "*", "/", "mod"}), nothing)
    overflow = (arithmetic * pairs[:, 0] - by_zero - result.sum(-1)).clamp_min(0)
    return Computed(result, truth[:, :2], truth[:, 2], overflow, by_zero)


def _classes(integers: Tensor, kinds: Tensor) -> Float[Tensor, "batch classes"]:
    known = torch.cat([integers.sum(-1, keepdim=True), kinds], dim=-1)
    return torch.cat([known, (1 - known.sum(-1, keepdim=True)).clamp_min(0)], dim=-1)


def _weigh(operator: Tensor, pairs: Tensor, table: Tensor) -> Float[Tensor, "batch 3"]:
    """The masses of true, false and not-an-integer, by operator and by the classes and order of the operands."""
    results = (operator @ table).unflatten(-1, (pairs.shape[-1], len(_RESULTS)))
    return (pairs[:, None] @ results)[:, 0]


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
