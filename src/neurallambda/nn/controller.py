"""The controller: a small network of a discrete state that learns to use stacks and queues."""

import copy
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.nn.augmented import Augmented, AugmentedState
from neurallambda.nn.cells import CategoricalCell, Cell, TanhCell, TorchCell
from neurallambda.nn.initial import by_fan_in_, phase_bias_, unit_inputs_
from neurallambda.nn.recurrent import Recurrent
from neurallambda.structures.priority_queue import PriorityQueue
from neurallambda.structures.protocol import Structure
from neurallambda.structures.superposition.queue import SuperpositionQueue
from neurallambda.structures.superposition.stack import SuperpositionStack

CellKind = Literal["categorical", "tanh", "rnn", "gru", "lstm"]
Phase = Literal["take", "stay"]
"""What a head is inclined to do, at the start of training, once the input has ended: take out, or wait."""

_TORCH_CELLS = {"rnn": nn.RNNCell, "gru": nn.GRUCell, "lstm": nn.LSTMCell}


@checked
class Controller(Recurrent):
    """A recurrent network with stacks and queues that learns algorithms from answers alone, and runs them at any length.

    What makes it learn, in short runs on short strings, and go on to long ones:

    - noise on the discrete state and on every choice, in training, so that nothing is remembered in small numbers;
    - a bias at the start towards putting in while the input comes, and taking out afterwards (`phase_bias`);
    - values that are symbols, beside a constant that says "something is there";
    - choices made hard for use (`harden`): the network then runs as a machine with discrete states and memory.

    It takes tokens, of which the last stands for "no input": the answer is read where it stands.

    Args:
        inputs: how many tokens there are, the empty one, `inputs - 1`, included.
        outputs: how many classes of answers.
        stacks: how many stacks.
        queues: how many queues.
        priority_queues: how many priority queues; the priority of what is put in is learned too.
        symbols: how many different symbols a structure may hold.
        cell: "categorical", "tanh", "rnn", "gru" or "lstm".
        states: how many states the categorical cell has, or units any other.
        units: how many rectified units the layer in the categorical cell has.
        readout: how many rectified units the layer before the answers has.
        state_noise: the standard deviation of the noise on the cell (categorical and tanh), in training.
        action_noise: that on the logits of actions.
        value_noise: that on the logits of symbols.
        action_scale: how far actions depend on the state and the reads at the start.
        phase_bias: how strongly actions are inclined at the start.
        after: what each head, stacks first and priority queues last, is inclined to do after the input: "take" or "stay"; by default in turn.
        capacity: how much the structures hold; by default as much as a sequence of the given length can need.

    Raises:
        ArgumentError: if a number is too small, or a list is not as long as there are heads.

    Example:
        >>> model = Controller(inputs=3, outputs=2, stacks=1, queues=1)
        >>> model(torch.randint(3, (4, 10))).shape
        torch.Size([4, 10, 2])
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        stacks: int = 1,
        queues: int = 1,
        priority_queues: int = 0,
        symbols: int = 3,
        cell: CellKind = "categorical",
        states: int = 6,
        units: int = 32,
        readout: int = 32,
        state_noise: float = 0.5,
        action_noise: float = 1.0,
        value_noise: float = 0.5,
        action_scale: float = 0.3,
        phase_bias: float = 4.0,
        after: Sequence[Phase] | None = None,
        capacity: int | None = None,
    ) -> None:
        super().__init__()
        check_count("inputs", inputs, least=2)
        counts = {"outputs": outputs, "symbols": symbols, "states": states, "units": units, "readout": readout}
        for name, count in counts.items():
            check_count(name, count)
        check_count("stacks", stacks, least=0)
        check_count("queues", queues, least=0)
        check_count("priority_queues", priority_queues, least=0)
        if capacity is not None:
            check_count("capacity", capacity)
        heads = stacks + queues + priority_queues
        phases = ["stay" if head % 2 else "take" for head in range(heads)] if after is None else list(after)
        if len(phases) != heads:
            raise ArgumentError(f"after: got {len(phases)} phases, expected one for each of the {heads} heads")
        self.inputs, self.outputs, self.capacity = inputs, outputs, capacity
        room, width = capacity or 1, symbols + 1
        structures: list[Structure[Any]] = [SuperpositionStack(capacity=room, width=width)] * stacks
        structures += [SuperpositionQueue(capacity=room, width=width)] * queues
        structures += [PriorityQueue(capacity=room, width=width)] * priority_queues
        reads = sum(structure.read_width for structure in structures)
        self.augmented = Augmented(
            _cell(cell, inputs, states, reads, units=units, noise=state_noise),
            structures,
            values="symbols",
            action_noise=action_noise,
            value_noise=value_noise,
        )
        self.hidden = nn.Linear(self.augmented.output_size, readout)
        self.answer = nn.Linear(readout, outputs)
        self._initialise(phases, action_scale=action_scale, phase_bias=phase_bias)

    @torch.no_grad()
    def _initialise(self, phases: Sequence[str], *, action_scale: float, phase_bias: float) -> None:
        augmented, states = self.augmented, self.augmented.cell.hidden_size
        for layer, scale in ((self.hidden, 2**0.5), (self.answer, 0.5)):
            by_fan_in_(layer.weight, scale=scale)
            layer.bias.zero_()
        if isinstance(augmented.cell, (CategoricalCell, TanhCell)):
            unit_inputs_(augmented.cell.layer.weight[:, : self.inputs])
        if not phases:
            return
        blocks = augmented.to_logits.weight.split([states, self.inputs, augmented.read_size], dim=1)
        augmented.to_logits.bias.zero_()
        by_fan_in_(blocks[0])
        unit_inputs_(blocks[1])
        unit_inputs_(blocks[2], scale=0.7)
        put, take, stay = range(3)
        of_heads = zip(*(block.split(augmented.size_of_heads) for block in blocks), strict=True)
        for (of_states, of_inputs, of_reads), phase in zip(of_heads, phases, strict=True):
            of_states[: stay + 1] *= action_scale
            of_reads[: stay + 1] *= action_scale
            of_inputs[stay + 1 :] *= 0.7
            phase_bias_(of_inputs, during=put, after={"take": take, "stay": stay}[phase], size=phase_bias)

    def with_room_for(self, time: int) -> "Controller":
        """The same controller, sharing its parameters, with structures that never lose what could still be read.

        In a stack or a queue an item that lies deeper than there are steps left is never seen again, and none lies deeper
        than there were steps: half the steps, rounded up, are room enough. In a priority queue each item may be the next.
        """
        if self.capacity is not None:
            return self
        any_may_be_next = any(isinstance(one, PriorityQueue) for one in self.augmented.structures)
        room = time if any_may_be_next else (time + 1) // 2
        twin = copy.copy(self)
        twin._modules = self._modules | {"augmented": self.augmented.with_capacity(room)}
        return twin

    def settled(self, time: int) -> "Controller":
        """The same controller for a run of `time` steps without gradients: where choices are hard, writing in place."""
        if self.capacity is not None:
            return self
        twin = copy.copy(self)
        twin._modules = self._modules | {"augmented": self.augmented.in_place(time)}
        return twin

    def prepare(self, tokens: Tensor, mask: Tensor | None) -> tuple[AugmentedState, Any]:
        symbol = torch.arange(self.inputs, device=tokens.device)
        inputs = (tokens[..., None] == symbol).to(self.hidden.weight.dtype)
        return self.augmented.init(len(tokens)), self.augmented.moments(inputs, mask)

    def advance(self, state: AugmentedState, moment: Any) -> tuple[AugmentedState, Tensor]:
        return self.augmented.advance(state, moment)

    def finish(self, outputs: Tensor) -> Tensor:
        return self.answer(functional.relu(self.hidden(outputs)))


def _cell(kind: CellKind, inputs: int, states: int, reads: int, *, units: int, noise: float) -> Cell:
    if kind == "categorical":
        return CategoricalCell(inputs, states, read_size=reads, units=units, noise=noise)
    if kind == "tanh":
        return TanhCell(inputs, states, read_size=reads, noise=noise)
    return TorchCell(_TORCH_CELLS[kind](inputs + reads, states), read_size=reads)
