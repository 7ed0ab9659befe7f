"""What a structure expects to be given, and what a caller is told that gives something else."""

from dataclasses import dataclass

import torch
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.structures.instruction.checks import check_mask, check_operand
from neurallambda.structures.instruction.operand import Kind, Operand, idle_unless
from neurallambda.structures.instruction.weights import check_weights
from neurallambda.structures.states import State


@dataclass(frozen=True)
class Layout:
    """What a structure expects to be given.

    Attributes:
        state: the class of its state.
        fields: the name of each field of a state, and the shape of one row of it.
        operands: as `Structure.operands`.
    """

    state: type
    fields: tuple[tuple[str, torch.Size], ...]
    operands: tuple[Operand, ...]


def check_instruction(
    layout: Layout, state: State, operands: tuple[Tensor, ...], mask: Tensor | None, time: tuple[int, ...]
) -> None:
    """Refuse a state, operands or a mask that do not fit a structure, or one another.

    Args:
        layout: what the structure expects.
        state: what came as its state.
        operands: what came as its operands.
        mask: which steps count; the numbers of the others may be anything.
        time: () for one instruction, (time,) for a sequence.

    Raises:
        ArgumentError: which argument, what came, what was expected.
    """
    _check_state(layout, state)
    if len(operands) != len(layout.operands):
        names = ", ".join(operand.name for operand in layout.operands)
        raise ArgumentError(f"operands: got {len(operands)} tensors, expected {len(layout.operands)}: {names}")
    overflow = state.overflow
    leading, dtype, device = (overflow.shape[0], *time), overflow.dtype, overflow.device
    for operand, tensor in zip(layout.operands, operands, strict=True):
        check_operand(operand, tensor, shape=(*leading, operand.size), dtype=dtype, device=device)
    if mask is not None:
        check_mask(mask, shape=leading, like=overflow)
    for operand, tensor in zip(layout.operands, idle_unless(mask, layout.operands, operands), strict=True):
        if operand.kind is Kind.DISTRIBUTION or operand.kind is Kind.STRENGTH:
            check_weights(operand.name, tensor, distribution=operand.kind is Kind.DISTRIBUTION)


def _check_state(layout: Layout, state: object) -> None:
    if type(state) is not layout.state:
        raise ArgumentError(
            f"state: got {type(state).__name__}, expected the {layout.state.__name__} that init returns"
        )
    for name, shape in layout.fields:
        came = getattr(state, name).shape[1:]
        if came != shape:
            raise ArgumentError(
                f"state: field {name} has shape {tuple(came)} a row, expected {tuple(shape)}; a state of a smaller "
                f"structure fits after adopt(state)"
            )
