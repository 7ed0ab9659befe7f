"""What may stand for a hole, brought to one form: nested lists of parts, each certain or with a distribution for each row."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.holes import Soft
from neurallambda.lang.chances import Chances
from neurallambda.lang.fillings import check_atom, check_depth, check_names

Atom = int | bool | str


@dataclass(frozen=True)
class Rows:
    """What a hole stands for, row by row of the batch.

    Attributes:
        values: one for each row: an atom, a distribution over atoms, or a list of such, nested as one likes.

    Example:
        >>> Rows([[1, 2], [3]]).values
        [[1, 2], [3]]
    """

    values: Sequence[Any]

    def __post_init__(self) -> None:
        if not isinstance(self.values, (list, tuple)) or not self.values:
            raise ArgumentError(f"values: got {self.values!r:.60}, expected a list with one value for each row")


Given = Soft | Chances | Rows | Tensor | int | bool | str | Sequence[Any]
"""What may stand for a hole: a certain value, a tensor or `Rows` with one for each row, or what is uncertain."""


@dataclass(frozen=True)
class Block:
    """The distribution of one part, for each row: logarithms of probabilities.

    Attributes:
        values: what it may be.
        log: [rows, values], or [rows, time, values] for a list of parts that are alike.
        lengths: how long the list is in each row; None: the block is one part.
        row: the one row that has it; None: all have.
    """

    values: tuple[Atom, ...]
    log: Tensor
    lengths: Tensor | None = None
    row: int | None = None


def batch_of(holes: Mapping[str, Any], batch: int | None) -> int:
    """How many rows the data have.

    Raises:
        ArgumentError: where two of them have different numbers of rows.
    """
    found: dict[int, str] = {} if batch is None else {batch: "batch"}
    for name, given in holes.items():
        rows = _rows(given)
        if rows is not None:
            found.setdefault(rows, f"holes[{name!r}]")
    if len(found) > 1:
        (one, first), (other, second) = list(found.items())[:2]
        raise ArgumentError(f"{second}: it has {other} rows, and {first} has {one}; expected as many")
    return next(iter(found), 1)


def _rows(given: Any) -> int | None:
    match given:
        case Rows(values):
            return len(values)
        case Soft(logits=logits):
            return None if logits.dim() == 1 else logits.shape[0]
        case Tensor():
            return None if given.dim() == 0 else given.shape[0]
        case list() | tuple():
            return next((rows for item in given if (rows := _rows(item)) is not None), None)
        case _:
            return None


def together(holes: object, named: Mapping[str, Any], known: Collection[str] | None = None) -> dict[str, Any]:
    """All holes that a caller gave: those in a mapping, and those by name.

    Args:
        holes: the mapping, which may have more than the program needs: one may serve many programs.
        named: those by name, of which each is one of the program's, as a misspelt option would be one otherwise.
        known: the holes of the program; None: any.

    Raises:
        ArgumentError: where what came is no mapping from names, or the program has no such hole.
    """
    for name in named:
        if known is not None and name not in known:
            raise ArgumentError(f"{name}: {no_hole(name, known)}")
    return {**check_names(holes), **named}


def no_hole(name: str, known: Collection[str]) -> str:
    """That a program has no hole of this name, in words, and which it has."""
    dashed = name.replace("_", "-")
    advice = f"; {dashed!r} is no name in Python, so give it in a dict, {{{dashed!r}: ...}}" if dashed in known else ""
    return f"the program has no hole ?{name}; its holes are: {', '.join(known) or 'none'}{advice}"


def check(holes: object) -> Mapping[str, Any]:
    """What a caller gave as holes, of which each may be used.

    Raises:
        ArgumentError: naming the hole that may not.
    """
    for name, given in check_names(holes).items():
        check_depth(f"holes[{name!r}]", list(given.values) if isinstance(given, Rows) else given)
        if isinstance(given, Rows):
            for item in given.values:
                _check(name, item, in_rows=True)
        else:
            _check(name, given, in_rows=False)
    return check_names(holes)


def _check(name: str, given: Any, *, in_rows: bool) -> None:
    match given:
        case Soft():
            for value in given.values:
                check_atom(name, value)
            _check_logits(name, given, in_rows)
        case Chances():
            for value in given.values:
                check_atom(name, value)
        case Tensor():
            _check_numbers(name, given)
            if in_rows or given.is_floating_point() or given.is_complex() or given.dim() not in (1, 2):
                raise ArgumentError(
                    f"holes[{name!r}]: got a tensor of {given.dtype} and shape {tuple(given.shape)}; expected integers or "
                    f"booleans, one for each row [batch] or a list for each row [batch, time]; for a distribution give "
                    f"neurallambda.Soft(values, logits)"
                )
        case list() | tuple():
            for item in given:
                _check(name, item, in_rows=True)
        case Rows():
            raise ArgumentError(f"holes[{name!r}]: got Rows in a list; expected Rows around all of it")
        case _:
            check_atom(name, given)


def _check_numbers(name: str, given: Tensor) -> None:
    """Refuse a tensor that has a shape and no numbers."""
    if given.device.type == "meta":
        raise ArgumentError(
            f"holes[{name!r}]: got a tensor on the device meta, which holds no numbers; expected one with"
        )


def _check_logits(name: str, soft: Soft, in_rows: bool) -> None:
    _check_numbers(name, soft.logits)
    most = 2 if in_rows else 3
    if soft.logits.dim() > most:
        raise ArgumentError(
            f"holes[{name!r}]: got logits of shape {tuple(soft.logits.shape)}; expected (values,), (batch, values) or, for a "
            f"list, (batch, time, values)"
        )
    if not soft.logits.numel():
        return
    largest = soft.logits.detach().amax(-1)
    if soft.lengths is not None:
        place = torch.arange(soft.logits.shape[1], device=largest.device)
        largest = torch.where(place < soft.lengths.to(largest.device)[:, None], largest, 0.0)
    if not bool(largest.isfinite().all()):
        raise ArgumentError(
            f"holes[{name!r}]: got logits that are NaN, plus infinity, or minus infinity for all values; "
            f"expected numbers, of which some but not all may be minus infinity"
        )


def block(given: Soft | Chances, batch: int, row: int | None) -> Block:
    """A distribution as a block of leaves; `row` is the one row that has it."""
    rows = batch if row is None else 1
    if isinstance(given, Chances):
        weights = torch.tensor([float(one) for one in given.probabilities], dtype=torch.float64)
        return Block(given.values, weights.log().expand(rows, -1), row=row)
    log = given.logits.to(torch.float64).log_softmax(-1)
    if log.dim() == 3:
        lengths = given.lengths
        if lengths is None:
            lengths = torch.full((log.shape[0],), log.shape[1])
        return Block(tuple(given.values), log, lengths.cpu().to(torch.int64), row)
    if log.dim() == 1:
        log = log.expand(rows, -1)
    return Block(tuple(given.values), log, row=row)


def is_uncertain(given: Any) -> bool:
    """Whether anything in it has a distribution."""
    return any(isinstance(part, (Soft, Chances)) for part in flat(given))


def flat(given: Any) -> Iterator[Any]:
    """The parts, in order, of what stands for a hole."""
    if isinstance(given, Rows):
        given = given.values
    if isinstance(given, (list, tuple)):
        for item in given:
            yield from flat(item)
    else:
        yield given


def blocks_of(given: Any, batch: int) -> Iterator[Block]:
    """The blocks of what stands for a hole, in the order in which they are read: the items of a list from its end."""
    if isinstance(given, Rows):
        for row, value in enumerate(given.values):
            yield from _blocks(value, batch, row)
    else:
        yield from _blocks(given, batch, None)


def _blocks(given: Any, batch: int, row: int | None) -> Iterator[Block]:
    if isinstance(given, (list, tuple)):
        for item in reversed(given):
            yield from _blocks(item, batch, row)
    elif isinstance(given, (Soft, Chances)):
        yield block(given, batch, row)


def renewed(name: str, old: Any, new: Any) -> Any:
    """What stands for a hole, with other probabilities; `new` has logits in the place of distributions.

    Raises:
        ArgumentError: where the two do not have the same form.
    """
    match old, new:
        case (Soft(), Tensor()) if new.is_floating_point():
            return Soft(old.values, new, old.lengths)
        case (Chances(), Tensor()) if new.is_floating_point():
            return Soft(old.values, new)
        case (Soft() | Chances(), Soft() | Chances()) if tuple(old.values) == tuple(new.values) and _lengths(
            old
        ) == _lengths(new):
            return new
        case (list() | tuple(), list() | tuple()) if len(old) == len(new):
            return [renewed(name, one, other) for one, other in zip(old, new, strict=True)]
        case Rows(), Rows():
            return Rows(renewed(name, list(old.values), list(new.values)))
        case (int() | str(), _) if type(old) is type(new) and old == new:
            return new
    raise ArgumentError(
        f"holes[{name!r}]: it is not of the form that was recorded; expected logits in the place of each distribution, over the "
        f"same values and with the same lengths"
    )


def _lengths(given: Soft | Chances) -> list[int] | None:
    return given.lengths.tolist() if isinstance(given, Soft) and given.lengths is not None else None
