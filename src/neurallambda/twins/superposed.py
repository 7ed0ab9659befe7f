"""A machine in superposition: its state, its place in the string and each memory as a mixture of their own.

One step is a sum over all cells of the table, each weighted by the chance that the machine is in it; state, place and
memories are taken to be independent of one another. That is exact as long as all but one of them are certain, as in a
deterministic machine, and an approximation otherwise, cheap and smooth in every weight: the form for learning.
"""

from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from neurallambda.state import Batched, state
from neurallambda.twins.axes import Layout, Strings
from neurallambda.twins.soft_memory import SoftMemory, soft_memory
from neurallambda.weighted import share


@state
class Superposition(Batched):
    """A machine between two steps.

    Attributes:
        control: the weight of being in each state, with the run going on.
        position: a distribution over how many symbols have been read.
        memories: the state of each memory.
        accepted: the weight that has accepted.
        refused: the weight that has stopped without.
        lost: the weight of steps for which a memory had no room. They go on, without what was lost.
    """

    control: Float[Tensor, "batch states"]
    position: Float[Tensor, "batch places"]
    memories: tuple[Any, ...]
    accepted: Float[Tensor, " batch"]
    refused: Float[Tensor, " batch"]
    lost: Float[Tensor, " batch"]


@state
class Weights:
    """A rule table and when to accept, as weights.

    Attributes:
        moves: for each cell a distribution over the moves, the last entry being to stop.
        accept: for each state the chance of accepting.
    """

    moves: Float[Tensor, "*cells moves"]
    accept: Float[Tensor, " states"]


class Superposed(nn.Module):
    """A machine in superposition, for strings up to some length.

    Args:
        layout: what the axes of its table mean.
        capacity: how many cells each memory has.
        device: where its tables lie.
        dtype: the type of their numbers.
    """

    reads: Float[Tensor, "moves 1"]
    targets: Float[Tensor, "moves states"]

    def __init__(
        self,
        layout: Layout,
        capacity: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.layout = layout
        moves = layout.moves
        reads = torch.tensor([[float(move.reads)] for move in moves], device=device, dtype=dtype)
        place = torch.tensor([layout.states.index(move.target) for move in moves], device=device)
        self.register_buffer("reads", reads, persistent=False)
        self.register_buffer("targets", functional.one_hot(place, len(layout.states)).to(dtype), persistent=False)
        made = [
            soft_memory(kind)([move.operations[number] for move in moves], shown, capacity, device=device, dtype=dtype)
            for number, (kind, shown) in enumerate(zip(layout.machine.memories, layout.shown, strict=True))
        ]
        self._memories = nn.ModuleList(made)

    @property
    def memories(self) -> tuple[SoftMemory, ...]:
        """Its memories."""
        return tuple(cast("list[SoftMemory]", list(self._memories)))

    def start(self, strings: Strings, like: Tensor) -> Superposition:
        """Before the first step."""
        batch, places = strings.tokens.shape
        one = functional.pad(
            torch.ones(batch, 1, device=like.device, dtype=like.dtype), [0, len(self.layout.states) - 1]
        )
        first = functional.pad(one[:, :1], [0, places - 1])
        on_tape = self.layout.machine.reads_from_tape
        held = [
            memory.start(strings.tokens if on_tape and number == 0 else None, batch, like)
            for number, memory in enumerate(self.memories)
        ]
        nothing = torch.zeros_like(one[:, 0])
        legible = strings.legible.to(one) if on_tape else torch.ones_like(nothing)
        return Superposition(
            control=one * legible[:, None],
            position=first,
            memories=tuple(held),
            accepted=nothing,
            refused=1 - legible,
            lost=nothing,
        )

    def step(self, weights: Weights, strings: Strings, now: Superposition) -> Superposition:
        """One step of every row.

        Args:
            weights: the rule table.
            strings: the strings.
            now: where the machine stands.

        Returns:
            Where it stands after it. The weights of going on, of having accepted and of having stopped add up to one.
        """
        ends = self.acceptance(weights, strings, now)
        by_input = self.moves_by_input(weights, now.control - ends, now)
        moves = (self.next_symbol(strings, now)[:, None] @ by_input)[:, 0]
        moves, stopped = moves[:, :-1], moves[:, -1]
        going = moves.sum(1, keepdim=True)
        mixture = share(moves, going)
        reads = mixture @ self.reads.to(moves)
        further = functional.pad(now.position[:, :-1], [1, 0])
        further = further + functional.pad(now.position[:, -1:], [now.position.shape[1] - 1, 0])
        memories = tuple(memory.change(held, mixture) for memory, held in zip(self.memories, now.memories, strict=True))
        overflows = [after.overflow - before.overflow for after, before in zip(memories, now.memories, strict=True)]
        return Superposition(
            control=moves @ self.targets.to(moves),
            position=reads * further + (1 - reads) * now.position,
            memories=memories,
            accepted=now.accepted + ends.sum(1),
            refused=now.refused + stopped,
            lost=now.lost + going[:, 0] * sum(overflows, torch.zeros_like(stopped)),
        )

    def acceptance(self, weights: Weights, strings: Strings, now: Superposition) -> Float[Tensor, "batch states"]:
        """For each state the weight of being there and accepting now."""
        chance = now.control * weights.accept
        if not self.layout.machine.reads_from_tape:
            chance = chance * now.position.gather(1, strings.lengths[:, None])
        return self._emptied(chance, now)

    def _emptied(self, chance: Float[Tensor, "batch states"], now: Superposition) -> Float[Tensor, "batch states"]:
        """The chance, times that of empty memories where the machine accepts only so."""
        if self.layout.machine.acceptance.empty_memory:
            for memory, held in zip(self.memories, now.memories, strict=True):
                chance = chance * memory.emptiness(held)[:, None]
        return chance

    def next_symbol(self, strings: Strings, now: Superposition) -> Float[Tensor, "batch inputs"]:
        """The distribution of what is read next."""
        inputs = len(self.layout.inputs)
        if self.layout.machine.reads_from_tape:
            return torch.ones_like(now.position[:, :1])
        nothing = torch.zeros(len(now.position), inputs, device=now.position.device, dtype=now.position.dtype)
        return nothing.scatter_add(1, strings.tokens, now.position)

    def moves_by_input(
        self, weights: Weights, control: Float[Tensor, "batch states"], now: Superposition
    ) -> Float[Tensor, "batch inputs moves"]:
        """For each symbol that may come next the weight of each move, the last being to stop.

        The sum over all cells, each weighted by the chance of its state and of what its memories show.
        """
        batch, inputs = len(control), len(self.layout.inputs)
        rest = control @ weights.moves.reshape(control.shape[1], -1)
        for memory, held in zip(self.memories, now.memories, strict=True):
            seen = memory.look(held)
            rest = seen[:, None, None] @ rest.reshape(batch, inputs, seen.shape[1], -1)
        return rest.reshape(batch, inputs, -1)

    def prospects(self, weights: Weights, now: Superposition) -> Float[Tensor, "batch prospects"]:
        """What may come next, given that the run goes on so far.

        Returns:
            For each input symbol but the last two, which are no symbols, the chance that it can be read; and last the chance
            that the string may end here.
        """
        alive = now.control.sum(1, keepdim=True)
        readable = self.moves_by_input(weights, now.control, now)[:, :-2, :-1].sum(-1)
        end = self._emptied(now.control * weights.accept, now).sum(1, keepdim=True)
        return share(torch.cat([readable, end], 1), alive)
