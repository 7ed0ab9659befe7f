"""What a run carries from step to step."""

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.beta.alphabet import Demand
from neurallambda.beta.reading import Lexicon
from neurallambda.state import state
from neurallambda.structures import PointerStack
from neurallambda.structures.pointer_stack import PointerStackState


@state
class Memory:
    """Cells as vectors of a codebook. The address of a cell is the vector of the address symbol of its place.

    Attributes:
        contents: tag, column 1 and column 2 of each cell.
        flags: what is known of each cell's reduction: head, IR1, IR2, certain; plain numbers from 0 to 1.
        stack: the path from the root to the cell that is visited, its top; an item is the vector of an address, and the
            demand as a distribution.
    """

    contents: Float[Tensor, "batch cells 3 width"]
    flags: Float[Tensor, "batch cells 4"]
    stack: PointerStackState


def stack_for(cells: int, width: int) -> PointerStack:
    """The stack of a memory: a path that is longer than there are cells visits one of them twice, and has no end."""
    return PointerStack(capacity=cells + 1, width=width + len(Demand))


def start(contents: Float[Tensor, "batch cells 3 width"], lexicon: Lexicon) -> Memory:
    """The memory before the first step: nothing is reduced, and the root is visited."""
    batch, cells, _, width = contents.shape
    stack = stack_for(cells, width)
    state = stack.init(batch, device=contents.device, dtype=contents.dtype)
    demand = torch.eye(len(Demand), device=contents.device, dtype=contents.dtype)[Demand.CERTAIN]
    item = torch.cat([lexicon.addresses.vectors[0], demand]).expand(batch, -1)
    push = contents.new_tensor([[1.0, 0.0, 0.0]]).expand(batch, -1)
    state = stack.advance(state, push, item, contents.new_zeros(batch, 1))
    return Memory(contents, contents.new_zeros(batch, cells, 4), state)
