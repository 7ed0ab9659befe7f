"""A controller that sees of names only which are equal: what it learns from some names holds for all."""

import copy
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.functional import pad

from neurallambda.arguments import checked
from neurallambda.errors import check_count
from neurallambda.nn.augmented import stepped
from neurallambda.nn.cells import CategoricalCell
from neurallambda.nn.choice import Choice, Noise
from neurallambda.nn.initial import by_fan_in_, phase_bias_, unit_inputs_
from neurallambda.nn.recurrent import Recurrent
from neurallambda.structures.cell_array.array import certain
from neurallambda.structures.data_latch import DataLatch
from neurallambda.structures.hard.in_place import in_place
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.memory import FIND, HOLD, INSERT, Memory, Similarity
from neurallambda.structures.protocol import Structure
from neurallambda.structures.states import chosen
from neurallambda.structures.superposition.queue import SuperpositionQueue
from neurallambda.structures.superposition.stack import SuperpositionStack

BY_KEY = (HOLD, FIND, INSERT)
"""What a dictionary does."""
INCLINED = {"push": "pop", "put": "get", "set": "hold"}
"""What stacks, queues and latches are inclined to do when a name comes, and at empty tokens, at the start."""
COMING = 0
"""The place of the name that comes among those at hand."""
LEAST_CHANCE = 1e-6
"""Added to the chance of each answer, whose logarithm is taken; more in a precision that holds no such slope as its inverse."""
NameBlindState = tuple[Tensor, tuple[Any, ...], Tensor]
"""The cell's state, the memories, and what they show: [batch, structures, names]."""


@checked
class NameBlindController(Recurrent):
    """A network with stacks, queues, latches and dictionaries that is told of names only which of them are equal.

    Some tokens are names. At each step the network has some at hand: the one that comes, and the one that each structure
    shows. It is told what kind of token comes (a name, or which of the others), where a name is at hand, and which two
    of those are the same one; never which name it is. What is put into a structure, or looked for, or answered, is one of
    the names at hand, by choice. So there is nothing in the network that could tell one name from another, and a rule that it
    learned from some names holds for all.

    An answer that needs the whole input is not there when the input ends. With `pause`, the answer to a row is read after as
    many empty steps as its input is long, and stands at each of the row's tokens.

    Args:
        inputs: how many tokens there are: names first, then others, and the empty token last.
        outputs: how many classes of answers; where `answers_names`, names first, as in the input.
        names: how many of the tokens are names.
        answers_names: whether a name can be the answer.
        stacks: how many stacks.
        queues: how many queues.
        latches: how many latches, which hold one name each.
        dictionaries: how many memories by key, which hold one name for each name.
        pause: whether the network takes as many steps again after the input before it answers.
        states: how many states the cell has.
        units: how many rectified units the layer in the cell has.
        readout: how many rectified units the layer before the answers has.
        state_noise: the standard deviation of the noise on the cell's state in training.
        action_noise: that on the logits of actions.
        choice_noise: that on the logits of choices among names.
        action_scale: how far actions depend on the state and on what is equal at the start.
        phase_bias: how strongly, at the start, stacks, queues and latches are inclined to take in names, and stacks and queues to
            give them out at empty tokens.
        choice_bias: how strongly, at the start, what is put into a structure is inclined to be the name that comes.

    Raises:
        ArgumentError: if a number is too small, or the tokens do not suffice.

    Example:
        >>> model = NameBlindController(10, 2, names=8, stacks=1, queues=1, pause=True)
        >>> model(torch.randint(8, (4, 6))).shape
        torch.Size([4, 6, 2])
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        names: int,
        answers_names: bool = False,
        stacks: int = 0,
        queues: int = 0,
        latches: int = 0,
        dictionaries: int = 0,
        pause: bool = False,
        states: int = 6,
        units: int = 32,
        readout: int = 32,
        state_noise: float = 0.5,
        action_noise: float = 1.0,
        choice_noise: float = 0.5,
        action_scale: float = 0.3,
        phase_bias: float = 4.0,
        choice_bias: float = 0.0,
    ) -> None:
        super().__init__()
        for name, count in (("names", names), ("states", states), ("units", units), ("readout", readout)):
            check_count(name, count)
        counts = {"stacks": stacks, "queues": queues, "latches": latches, "dictionaries": dictionaries}
        for name, count in counts.items():
            check_count(name, count, least=0)
        check_count("inputs", inputs, least=names + 1)
        check_count("outputs", outputs, least=names if answers_names else 1)
        self.inputs, self.outputs, self.names, self.pause = inputs, outputs, names, pause
        room: list[Structure[Any]] = [SuperpositionStack(capacity=1, width=names)] * stacks
        room += [SuperpositionQueue(capacity=1, width=names)] * queues
        room += [DataLatch(width=names)] * latches
        # As many slots as there are names: a name has one value.
        slots = Memory(capacity=names, width=names, key_width=names, similarity=Similarity.DOT)
        self.structures = (*room, *[slots] * dictionaries)
        self.kinds, self.at_hand = inputs - names + 1, 1 + len(self.structures)
        self.seen = self.at_hand + self.at_hand * (self.at_hand - 1) // 2
        self.cell = CategoricalCell(self.kinds, states, read_size=self.seen, units=units, noise=state_noise)
        chosen_of = [_chosen_of(structure) for structure in self.structures]
        self.counts = tuple(map(len, chosen_of))
        self.parts = tuple(part for parts in chosen_of for part in parts)
        self.sizes = tuple(part.size if part.kind is Kind.DISTRIBUTION else self.at_hand for part in self.parts)
        stds = [action_noise if part.kind is Kind.DISTRIBUTION else choice_noise for part in self.parts]
        self.to_logits = nn.Linear(states + self.kinds + self.seen, sum(self.sizes))
        self.noise, self.choice = (
            Noise([std for std, size in zip(stds, self.sizes, strict=True) for _ in range(size)]),
            Choice(),
        )
        self.others = outputs - names if answers_names else outputs
        self.answered = self.at_hand if answers_names else 0
        self.hidden = nn.Linear(states + 2 * self.seen, readout)
        self.answer = nn.Linear(readout, self.answered + self.others)
        self._initialise(states, action_scale=action_scale, phase_bias=phase_bias, choice_bias=choice_bias)

    @torch.no_grad()
    def _initialise(self, states: int, *, action_scale: float, phase_bias: float, choice_bias: float) -> None:
        for layer, scale in ((self.hidden, 2**0.5), (self.answer, 0.5)):
            by_fan_in_(layer.weight, scale=scale)
            layer.bias.zero_()
        unit_inputs_(self.cell.layer.weight[:, : self.kinds])
        self.to_logits.bias.zero_()
        of_state, of_kind, of_seen = self.to_logits.weight.split([states, self.kinds, self.seen], dim=1)
        by_fan_in_(of_state, scale=action_scale)
        unit_inputs_(of_kind, scale=0.7)
        unit_inputs_(of_seen, scale=action_scale)
        biases = self.to_logits.bias.split(self.sizes)
        for part, of_part, bias in zip(self.parts, of_kind.split(self.sizes), biases, strict=True):
            first, *_ = (*part.labels, "")
            if first in INCLINED:
                phase_bias_(of_part, during=0, after=part.labels.index(INCLINED[first]), size=phase_bias)
            if part.name == "value":
                bias[COMING] += choice_bias

    def with_room_for(self, time: int) -> "NameBlindController":
        """The same controller, sharing its parameters, whose stacks and queues never lose what could still be read."""
        room = (self._steps(time) + 1) // 2
        return self._with(
            {kind: kind(capacity=room, width=self.names) for kind in (SuperpositionStack, SuperpositionQueue)}
        )

    def settled(self, time: int) -> "NameBlindController":
        """The same controller for a run without gradients whose choices are hard, writing in place."""
        fast = {type(one): in_place(one, self._steps(time)) for one in self.structures}
        return self._with({kind: one for kind, one in fast.items() if one is not None})

    def _with(self, others: Mapping[type, Any]) -> "NameBlindController":
        twin = copy.copy(self)
        twin.structures = tuple(others.get(type(one), one) for one in self.structures)
        return twin

    def _steps(self, time: int) -> int:
        """How many steps are taken for so many tokens."""
        return 2 * time + 1 if self.pause else time

    def prepare(self, tokens: Tensor, mask: Tensor | None) -> tuple[NameBlindState, Any]:
        dtype = self.to_logits.weight.dtype
        more = self._steps(tokens.shape[1]) - tokens.shape[1]
        tokens = pad(tokens, (0, more), value=self.inputs - 1)
        real = None if mask is None else pad(mask, (0, more), value=True)
        which = certain(tokens, self.inputs, dtype)
        names = which[..., : self.names]
        kinds = torch.cat([names.sum(-1, keepdim=True), which[..., self.names :]], -1)
        noise = self.noise.drawn(self.to_logits.bias.expand(*tokens.shape, -1))
        marks = (self._answering(tokens, real),) if self.pause else ()
        memories = tuple(one.empty(len(tokens), tokens.device, dtype) for one in self.structures)
        hidden = self.cell.begin()[0].expand(len(tokens), -1)
        moments = (kinds, names, self.cell.noise_of(kinds), noise, marks, () if real is None else (real,))
        return (hidden, memories, self._shown(memories, names[:, 0])), moments

    def _answering(self, tokens: Tensor, real: Tensor | None) -> Tensor:
        """The step at which a row is answered: after one more empty token than its input has tokens."""
        counts = torch.ones_like(tokens) if real is None else real.long()
        given = ((tokens != self.inputs - 1) * counts).sum(1, keepdim=True)
        return (counts.cumsum(1) == 2 * given + 1) & (counts == 1)

    def advance(self, state: NameBlindState, moment: Any) -> tuple[NameBlindState, Tensor]:
        kind, name, cell_noise, noise, marks, masks = moment
        hidden, memories, shown = state
        at_hand = torch.cat([name[:, None], shown], 1)
        seen = _seen(at_hand)
        (now,) = self.cell.advance(kind, seen, (hidden,), cell_noise)
        logits = self.to_logits(torch.cat([now, kind, seen], -1))
        for one in noise:
            logits = logits + one
        operands = [
            self.choice(one) if part.kind is Kind.DISTRIBUTION else self._one_of(at_hand, one)
            for part, one in zip(self.parts, logits.split(self.sizes, -1), strict=True)
        ]
        after: list[Any] = []
        for structure, memory, count in zip(self.structures, memories, self.counts, strict=True):
            after.append(stepped(structure, memory, _instruction(structure, operands[:count])))
            operands = operands[count:]
        if masks:
            (mask,) = masks
            now = torch.where(mask[:, None], now, hidden)
            after = [chosen(mask, new, old) for new, old in zip(after, memories, strict=True)]
        now = now.to(hidden.dtype)
        shown = self._shown(after, name)
        answers = self._answers(now, seen, torch.cat([name[:, None], shown], 1))
        return (now, tuple(after), shown), torch.cat(
            [answers, *[mark[:, None].to(answers.dtype) for mark in marks]], -1
        )

    def finish(self, outputs: Tensor) -> Tensor:
        if not self.pause:
            return outputs
        time = outputs.shape[1] // 2
        answer = (outputs[..., :-1] * outputs[..., -1:]).sum(1, keepdim=True)
        return answer.expand(-1, time, -1)

    def _answers(self, now: Tensor, seen: Tensor, at_hand: Tensor) -> Tensor:
        """Logits of the answers; where a name can be the answer, logarithms of chances."""
        logits = self.answer(functional.relu(self.hidden(torch.cat([now, seen, _seen(at_hand)], -1))))
        if not self.answered:
            return logits
        chances = self.choice(logits)
        names = (chances[:, None, : self.answered] @ at_hand)[:, 0]
        least = max(LEAST_CHANCE, torch.finfo(chances.dtype).tiny)
        return (torch.cat([names, chances[:, self.answered :]], -1) + least).log()

    def _one_of(self, at_hand: Tensor, logits: Tensor) -> Tensor:
        return (self.choice(logits)[:, None] @ at_hand)[:, 0]

    def _shown(self, memories: Sequence[Any], like: Tensor) -> Tensor:
        reads = [one.read(memory) for one, memory in zip(self.structures, memories, strict=True)]
        return torch.stack(reads, 1) if reads else like[:, None][:, :0]


def _seen(at_hand: Tensor) -> Tensor:
    """What is told of the names at hand: where there is one, and which two are equal."""
    left, right = zip(*combinations(range(at_hand.shape[1]), 2), strict=True)
    return torch.cat([at_hand.sum(-1), (at_hand[:, left] * at_hand[:, right]).sum(-1)], -1)


def _chosen_of(structure: Structure[Any]) -> tuple[Operand, ...]:
    """The operands that are chosen; of a dictionary only what concerns its keys."""
    if not isinstance(structure, Memory):
        return structure.operands
    action, value, _, key, _ = structure.operands
    return (Operand("action", len(BY_KEY), action.kind, tuple(action.labels[one] for one in BY_KEY)), value, key)


def _instruction(structure: object, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The instruction that the operands that were chosen make."""
    if not isinstance(structure, Memory):
        return tuple(operands)
    action, value, key = operands
    nothing = torch.zeros_like(value)
    hold, find, insert = action.unbind(-1)
    # What is entered under no name could never be found, and would take the slot of a name.
    entered = insert * key.sum(-1)
    by_name = {HOLD: hold + insert - entered, FIND: find, INSERT: entered}
    actions = [by_name.get(one, nothing[:, 0]) for one in range(7)]
    return torch.stack(actions, -1), value, nothing[:, :1].expand(-1, structure.capacity), key, nothing
