"""Targets: what a caller asks the probability of, as terms: one for all programs of a batch, or one for each."""

from collections.abc import Sequence

import torch
from torch import Tensor

from neurallambda.errors import ArgumentError, ErrorKind
from neurallambda.lang import terms
from neurallambda.lang.syntax.parser import parse_term
from neurallambda.lang.terms import Term

Target = Term | str | int | bool | ErrorKind
"""A value as a term, as text or as a Python value; or a named error."""

EXPECTED = 'an integer, a boolean, a term, the text of a value such as "\'(2 4)", or an ErrorKind'


def as_target(value: object, name: str = "value") -> Term | ErrorKind:
    """What one target is.

    Raises:
        ArgumentError: where it is none.
    """
    match value:
        case ErrorKind() | Term():
            return value
        case str():
            return parse_term(value)
        case bool():
            return terms.Boolean(value)
        case int():
            return terms.Integer(value)
        case _:
            advice = f"; the integer is {int(value)}" if isinstance(value, float) and value.is_integer() else ""
            shown = f"a tensor of {value.dtype}" if isinstance(value, Tensor) else f"{value!r:.60}"
            raise ArgumentError(f"{name}: got {shown}, expected {EXPECTED}{advice}")


def as_targets(targets: object, batch: int, name: str = "targets") -> list[Term | ErrorKind]:
    """One target for each program of a batch. A list or tuple among them is the list of what it holds.

    Raises:
        ArgumentError: where there are more or fewer, or one is no target.
    """
    if isinstance(targets, Tensor):
        if targets.dim() != 1 or targets.is_floating_point() or targets.is_complex():
            raise ArgumentError(
                f"{name}: got a tensor of {targets.dtype} and shape {tuple(targets.shape)}, expected integers or booleans, "
                f"one for each of the {batch} programs"
            )
        targets = targets.tolist()
    if not isinstance(targets, (list, tuple)):
        raise ArgumentError(
            f"{name}: got {targets!r:.60}, expected a list of one target for each of the {batch} programs"
        )
    if len(targets) != batch:
        raise ArgumentError(
            f"{name}: got {len(targets)}, expected one for each of the {batch} programs; a value that is a list is a "
            f'target as text, such as "\'(2 4)", or as a list among the others'
        )
    return [_of_row(target, f"{name}[{row}]") for row, target in enumerate(targets)]


def _of_row(target: object, name: str) -> Term | ErrorKind:
    if not isinstance(target, (list, tuple)):
        return as_target(target, name)
    items: list[Term] = []
    for item in target:
        part = _of_row(item, name)
        if isinstance(part, ErrorKind):
            raise ArgumentError(f"{name}: got {part!r} in a list, expected values")
        items.append(part)
    return terms.List(tuple(items))


def groups(targets: Sequence[Term | ErrorKind]) -> dict[Term | ErrorKind, list[int]]:
    """The rows of each different target."""
    found: dict[Term | ErrorKind, list[int]] = {}
    for row, target in enumerate(targets):
        found.setdefault(target, []).append(row)
    return found


def with_finite_logarithm(probability: Tensor) -> Tensor:
    """The same probabilities, where the infinite derivative of a logarithm at zero does not pass backward, as NaN would.

    A finite gradient passes as it is, at zero, too.
    """
    if probability.requires_grad:
        nothing = probability.detach() < torch.finfo(probability.dtype).tiny

        def finite(arriving: Tensor | None) -> Tensor | None:
            return None if arriving is None else torch.where(nothing & ~arriving.isfinite(), 0, arriving)

        probability.register_hook(finite)
    return probability
