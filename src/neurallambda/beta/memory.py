"""What a run carries from step to step."""

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.beta.alphabet import Demand, Flag
from neurallambda.beta.reading import Lexicon
from neurallambda.state import Batched, state
from neurallambda.structures import PointerStack
from neurallambda.structures.pointer_stack import PointerStackState


@state
class Memory(Batched):
    """Cells as vectors of a codebook. The address of a cell is the vector of the address symbol of its place.

    Attributes:
        tag, first, second: tag, column 1 and column 2 of each cell.
        flags: what is known of each cell's reduction, for each `Flag`; plain numbers from 0 to 1.
        stack: the path from the root to the cell that is visited, its top; an item is the vector of an address, and the
            demand as a distribution.
    """

    tag: Float[Tensor, "batch cells width"]
    first: Float[Tensor, "batch cells width"]
    second: Float[Tensor, "batch cells width"]
    flags: Float[Tensor, "batch cells flags"]
    stack: PointerStackState


def stack_for(cells: int, width: int) -> PointerStack:
    """The stack of a memory: a path that is longer than there are cells visits one of them twice, and has no end."""
    return PointerStack(capacity=cells + 1, width=width + len(Demand))


def start(
    tag: Float[Tensor, "batch cells width"],
    first: Float[Tensor, "batch cells width"],
    second: Float[Tensor, "batch cells width"],
    lexicon: Lexicon,
) -> Memory:
    """The memory before the first step: nothing is reduced, and the root is visited."""
    batch, cells, width = tag.shape
    stack = stack_for(cells, width)
    state = stack.init(batch, device=tag.device, dtype=tag.dtype)
    demand = torch.eye(len(Demand), device=tag.device, dtype=tag.dtype)[Demand.CERTAIN]
    item = torch.cat([lexicon.addresses.vectors[0], demand]).expand(batch, -1)
    push = tag.new_tensor([[1.0, 0.0, 0.0]]).expand(batch, -1)
    state = stack.advance(state, push, item, tag.new_zeros(batch, 1))
    return Memory(tag, first, second, tag.new_zeros(batch, cells, len(Flag)), state)


def top(memory: Memory) -> Float[Tensor, "batch item"]:
    """What is on top of the stack. Nothing lies below the root: an empty stack, which only a mixture may have, shows it."""
    depth = memory.stack.depth
    levels = torch.cat([depth[:, :1] + depth[:, 1:2], depth[:, 2:]], dim=1)
    return (levels[:, None] @ memory.stack.cells)[:, 0]
