"""A recurrent cell with any number of structures beside it: stacks, queues, tapes, memories, latches."""

import copy
from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import groupby
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from neurallambda.arguments import checked, shown
from neurallambda.errors import ArgumentError, check_count
from neurallambda.nn.cells import as_cell
from neurallambda.nn.choice import Noise
from neurallambda.nn.operands import Code, Operands
from neurallambda.nn.recurrent import over_time
from neurallambda.state import Batched, state
from neurallambda.structures.hard.in_place import in_place
from neurallambda.structures.instruction.checks import check_mask
from neurallambda.structures.precision import autocasts, in_the_precision_of, without_autocast
from neurallambda.structures.protocol import Structure
from neurallambda.structures.states import chosen

Moment = tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...], tuple[Tensor, ...]]
"""What a step is given: inputs, noise for the cell, noise for the logits, a mask; each but the first only if there is one."""


@state
class AugmentedState(Batched):
    """What is carried from step to step.

    Attributes:
        hidden: the cell's state.
        memories: the state of each group of equal structures; the heads of a row follow one another along its batch.
        reads: what the structures showed last, one after the other.
    """

    hidden: tuple[Tensor, ...]
    memories: tuple[Any, ...]
    reads: Float[Tensor, "batch reads"]

    def rows(self, index: Tensor | slice | Sequence[int]) -> "AugmentedState":
        batch = len(self.reads)
        place = Rows(torch.arange(batch, device=self.reads.device)).rows(index).place
        hidden = tuple(one[place] for one in self.hidden)
        memories = []
        for memory in self.memories:
            heads = torch.arange(len(memory.overflow), device=place.device).view(batch, -1)
            memories.append(memory.rows(heads[place].flatten()))
        return AugmentedState(hidden=hidden, memories=tuple(memories), reads=self.reads[place])


@state
class Rows(Batched):
    """The numbers of the rows of a batch: what an index makes of them is the rows that it names."""

    place: Int[Tensor, " batch"]


@checked
class Augmented(nn.Module):
    """A recurrent network with structures: the cell sees what they showed, and says what they are to do next.

        h_t = cell([x_t, r_{t-1}], h_{t-1})
        instructions_t = A [h_t, x_t, r_{t-1}] + a, through softmax, sigmoid or as they are (see `Operands`)
        memories_t, r_t = step(memories_{t-1}, instructions_t)
        output_t = [h_t, r_{t-1}, r_t]

    (Joulin and Mikolov, 2015; Grefenstette et al., 2015; Delétang et al., 2023.) A structure that is listed twice is there
    twice, with a state, actions and values of its own; equal ones in a row are computed together, so that five heads take
    little longer than one. Any number of steps may be given at once or one at a time, with
    the same outputs.

    Args:
        cell: an `nn.RNNCell`, `nn.GRUCell` or `nn.LSTMCell`, whose input size is that of the inputs and of all reads
            together; or a `CategoricalCell` or `TanhCell` with that `read_size`.
        structures: what stands beside it, in the order of their reads; there may be none.
        values: how the values are coded that are put in, "linear" or "symbols".
        action_noise: the standard deviation of noise on the logits of actions, in training.
        value_noise: the same for the logits of symbols.
        learn_start: whether the state in which the cell starts is learned. It is a parameter of the cell: a `CategoricalCell` or
            `TanhCell` that is given has it from then on, wherever else it is used.

    Attributes:
        inputs: how many inputs a step has.
        read_size: how many numbers the structures show together.
        output_size: how many outputs a step has: the hidden size and twice the reads.

    Raises:
        ArgumentError: if the cell does not fit the structures.

    Example:
        >>> from neurallambda.structures import SuperpositionStack
        >>> stack = SuperpositionStack(capacity=16, width=8)
        >>> model = Augmented(nn.GRUCell(5 + 2 * stack.read_width, 32), [stack, stack])  # two heads
        >>> outputs, state = model(torch.randn(4, 10, 5))
        >>> outputs.shape
        torch.Size([4, 10, 64])
        >>> outputs, state = model(torch.randn(4, 10, 5), state=state.detach())  # the next part of the sequences
    """

    def __init__(
        self,
        cell: nn.Module,
        structures: Sequence[Structure[Any]],
        *,
        values: Code = "linear",
        action_noise: float = 0.0,
        value_noise: float = 0.0,
        learn_start: bool = False,
    ) -> None:
        super().__init__()
        for structure in structures:
            if not isinstance(structure, Structure):
                raise ArgumentError(f"structures: got {shown(structure)} among them, expected structures only")
        self.structures = tuple(structures)
        self.read_size = sum(structure.read_width for structure in self.structures)
        self.cell = as_cell(cell, self.read_size)
        if learn_start:
            self.cell.learn_start()
        self.inputs = self.cell.input_size
        self.output_size = self.cell.hidden_size + 2 * self.read_size
        self.groups = _grouped(self.structures)
        self.operands = nn.ModuleList(
            Operands(structure, values=values, action_noise=action_noise, value_noise=value_noise)
            for structure, _ in self.groups
        )
        to_operands = self._operands()
        self.sizes = tuple(heads * to.size for (_, heads), to in zip(self.groups, to_operands, strict=True))
        total = sum(self.sizes)
        if total:
            self.to_logits = nn.Linear(self.cell.hidden_size + self.inputs + self.read_size, total)
        stds = [to.noise.std.tolist() * heads for (_, heads), to in zip(self.groups, to_operands, strict=True)]
        self.noise = Noise([std for group in stds for std in group])

    def _operands(self) -> list[Operands]:
        return list(self.operands)  # pyright: ignore[reportReturnType]

    @property
    def size_of_heads(self) -> tuple[int, ...]:
        """How many logits say what each of the structures is to do, in their order."""
        pairs = zip(self.groups, self.sizes, strict=True)
        return tuple(size // heads for (_, heads), size in pairs for _ in range(heads))

    def init(self, batch: int) -> AugmentedState:
        """The state before the first step, for `batch` independent rows, where the parameters live.

        Raises:
            ArgumentError: if `batch` is not a positive integer.
        """
        check_count("batch", batch)
        hidden = tuple(start.expand(batch, -1) for start in self.cell.begin())
        like = hidden[0]
        memories = tuple(structure.empty(heads * batch, like.device, like.dtype) for structure, heads in self.groups)
        return AugmentedState(hidden=hidden, memories=memories, reads=self._reads(memories, like))

    def forward(
        self,
        inputs: Tensor,
        mask: Tensor | None = None,
        state: AugmentedState | None = None,
    ) -> tuple[Tensor, AugmentedState]:
        """All steps of a batch of sequences.

        Args:
            inputs: [batch, time, inputs], at least one step.
            mask: [batch, time] booleans, true where a step counts; where it is false the state of that row stays exactly
                as it is.
            state: what `init`, `forward` or `step` gave; without one, a new one.

        Returns:
            The outputs [batch, time, output_size], and the state after the last step.

        Raises:
            ArgumentError: if a shape or a type does not fit.
        """
        self._check(inputs, mask, ("batch", "time"), state)
        before = self.init(len(inputs)) if state is None else state
        after, outputs = over_time(self.advance, before, self.moments(inputs, mask))
        return outputs, after

    def step(
        self,
        inputs: Tensor,
        state: AugmentedState,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, AugmentedState]:
        """One step of a batch of sequences: as `forward`, without the axis of time.

        Args:
            inputs: [batch, inputs].
            state: what `init`, `forward` or `step` gave.
            mask: [batch]; rows where it is false keep their state.

        Returns:
            The outputs [batch, output_size], and the next state.

        Raises:
            ArgumentError: if a shape or a type does not fit.
        """
        self._check(inputs, mask, ("batch",), state)
        state, outputs = self.advance(state, self.moments(inputs, mask))
        return outputs, state

    def moments(self, inputs: Tensor, mask: Tensor | None = None) -> Moment:
        """What `advance` is given for each step, noise included; for inputs with any leading axes, unchecked."""
        if mask is not None:
            inputs = torch.where(mask[..., None], inputs, 0.0)
        noise = self.noise.drawn(self.to_logits.bias.expand(*inputs.shape[:-1], -1)) if self.sizes else ()
        return inputs, self.cell.noise_of(inputs), noise, () if mask is None else (mask,)

    def advance(self, state: AugmentedState, moment: Moment) -> tuple[AugmentedState, Tensor]:
        """One step from what `moments` gave for it, unchecked: the next state and the outputs."""
        inputs, cell_noise, noise, masks = moment
        hidden = self.cell.advance(inputs, state.reads, state.hidden, cell_noise)
        memories = state.memories
        if self.structures:
            logits = sum(noise, start=self.to_logits(torch.cat([hidden[0], inputs, state.reads], dim=-1)))
            parts = zip(self.groups, memories, self._operands(), logits.split(self.sizes, dim=-1), strict=True)
            memories = tuple(
                stepped(structure, memory, to(part.reshape(-1, to.size))) for (structure, _), memory, to, part in parts
            )
        if masks:
            (mask,) = masks
            hidden = tuple(torch.where(mask[:, None], new, old) for new, old in zip(hidden, state.hidden, strict=True))
            pairs = zip(self.groups, memories, state.memories, strict=True)
            memories = tuple(chosen(mask.repeat_interleave(heads), new, old) for (_, heads), new, old in pairs)
        hidden = tuple(new.to(old.dtype) for new, old in zip(hidden, state.hidden, strict=True))
        reads = self._reads(memories, hidden[0])
        after = AugmentedState(hidden=hidden, memories=memories, reads=reads)
        return after, torch.cat([hidden[0], state.reads, reads], dim=-1)

    def with_capacity(self, capacity: int) -> "Augmented":
        """The same network, sharing its parameters, with structures of another capacity.

        Args:
            capacity: of every structure that has one.

        Returns:
            A network whose states have that much room; `adopt` takes a state over.

        Raises:
            ArgumentError: if the capacity is not a positive integer, or a structure's operands depend on it.

        Example:
            >>> from neurallambda.structures import SuperpositionQueue
            >>> small = Augmented(nn.RNNCell(3 + 2, 4), [SuperpositionQueue(capacity=4, width=2)])
            >>> large = small.with_capacity(100)
            >>> outputs, state = large(torch.randn(1, 5, 3), state=large.adopt(small.init(1)))
        """
        check_count("capacity", capacity)
        twin = copy.copy(self)
        twin.structures = tuple(resized(structure, capacity) for structure in self.structures)
        # Groups stay as they are, also where what they hold becomes equal: each has operands and a state of its own.
        twin.groups = tuple((resized(structure, capacity), heads) for structure, heads in self.groups)
        return twin

    def in_place(self, steps: int) -> "Augmented":
        """The same network for one run of so many steps, whose stacks and queues are written in place.

        It is right where choices are hard, where no gradient is wanted, and where no earlier state is looked at again:
        without a mask, which would need one. A step then takes a time that does not depend on how much is held.

        Args:
            steps: how many steps the run may have.

        Returns:
            A network that shares the parameters.
        """
        twin = self.with_capacity(steps)
        twin.groups = tuple((in_place(structure, steps) or structure, heads) for structure, heads in twin.groups)
        return twin

    def adopt(self, state: AugmentedState) -> AugmentedState:
        """The same content with the room of this network's structures.

        Args:
            state: of this network, or of one with less capacity.

        Raises:
            ArgumentError: if it is of another network, or has more room than there is here.
        """
        self._check_state(state)
        pairs = zip(self.groups, state.memories, strict=True)
        return replace(state, memories=tuple(structure.adopt(memory) for (structure, _), memory in pairs))

    def memory_of(self, state: AugmentedState, head: int) -> Any:
        """What one of the structures holds: its state, as its own `init` and `step` give it.

        Args:
            state: of this network.
            head: the number of the structure in `structures`.

        Raises:
            ArgumentError: if the state is of another network, or there is no such structure.

        Example:
            >>> from neurallambda.structures import SuperpositionQueue
            >>> queue = SuperpositionQueue(capacity=4, width=2)
            >>> model = Augmented(nn.RNNCell(3 + 4, 4), [queue, queue])
            >>> queue.size(model.memory_of(model.init(2), 1))
            tensor([0., 0.])
        """
        self._check_state(state)
        if not isinstance(head, int) or not 0 <= head < len(self.structures):
            raise ArgumentError(f"head: got {head!r}, expected 0 to {len(self.structures) - 1}")
        for (_, heads), memory in zip(self.groups, state.memories, strict=True):
            if head < heads:
                return memory.rows(torch.arange(head, len(memory.overflow), heads, device=state.reads.device))
            head -= heads
        raise AssertionError("each structure is in a group")

    def _reads(self, memories: Sequence[Any], like: Tensor) -> Tensor:
        if not memories:
            return like[:, :0]
        pairs = zip(self.groups, memories, strict=True)
        reads = [structure.read(memory).reshape(len(like), -1) for (structure, _), memory in pairs]
        return reads[0] if len(reads) == 1 else torch.cat(reads, dim=-1)

    def _check(self, inputs: object, mask: object, leading: tuple[str, ...], state: object) -> None:
        ndim = len(leading) + 1
        shape = f"[{', '.join(leading)}, {self.inputs}]"
        if not isinstance(inputs, Tensor) or inputs.ndim != ndim or inputs.shape[-1] != self.inputs:
            came = tuple(inputs.shape) if isinstance(inputs, Tensor) else type(inputs).__name__
            raise ArgumentError(f"inputs: got {came}, expected {shape}")
        if not inputs.is_floating_point() or 0 in inputs.shape[:-1]:
            raise ArgumentError(
                f"inputs: got {shown(inputs)}, expected floating point numbers {shape}, none of them empty"
            )
        if mask is not None:
            check_mask(mask, shape=tuple(inputs.shape[:-1]), like=inputs)
        if state is not None:
            rows = len(self._check_state(state).reads)
            if rows != len(inputs):
                raise ArgumentError(f"state: got {rows} rows, expected {len(inputs)}, as the inputs have")

    def _check_state(self, state: object) -> AugmentedState:
        if not isinstance(state, AugmentedState) or len(state.memories) != len(self.groups):
            raise ArgumentError(
                f"state: got {shown(state)}, expected what `init`, `forward` or `step` of this network gave"
            )
        return state


def _grouped(structures: Sequence[Structure[Any]]) -> tuple[tuple[Any, int], ...]:
    """Each run of equal structures, and how many they are."""
    return tuple((structure, len(list(equal))) for structure, equal in groupby(structures))


def resized(structure: Structure[Any], capacity: int) -> Structure[Any]:
    """A structure with another capacity; one that has none stays as it is.

    Raises:
        ArgumentError: if its operands would change with it, as those of a tape do, which has an address for each cell.
    """
    names = {field.name for field in fields(structure)}  # pyright: ignore[reportArgumentType]
    if "capacity" not in names:
        return structure
    changes: dict[str, int] = {"capacity": capacity}
    if "slots" in names:
        changes["slots"] = -(-getattr(structure, "slots") * capacity // getattr(structure, "capacity"))  # noqa: B009
    other: Structure[Any] = replace(structure, **changes)  # pyright: ignore[reportArgumentType]
    if other.operands != structure.operands:
        raise ArgumentError(
            f"capacity: got {capacity} for a {type(structure).__name__} of {getattr(structure, 'capacity')}, expected "  # noqa: B009
            f"the same: its operands have a number for each place, which are learned"
        )
    return other


def stepped(structure: Any, memory: Any, operands: tuple[Tensor, ...]) -> Any:
    """The memory after an instruction, in the memory's precision."""
    if not autocasts(memory):
        return structure.advance(memory, *operands)
    with without_autocast(memory):
        return structure.advance(memory, *in_the_precision_of(memory, operands))
