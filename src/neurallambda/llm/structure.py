"""The structure that is put into a language model: it sees hidden states at one place and adds what it reads at another."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from neurallambda.arguments import checked
from neurallambda.errors import check_count
from neurallambda.llm.bank import ProgramKeys, bank_of, program_stack
from neurallambda.llm.calls import ProgramQueue, call_named
from neurallambda.llm.config import GraftConfig
from neurallambda.llm.instructions import GraftState, Instructions, Numbers
from neurallambda.llm.start import (
    PREFER_HOLD,
    PUT,
    USUAL_GATE_SCALE,
    check_tokens,
    fitted_read,
    phase_prior,
    read_start,
    words_start,
)
from neurallambda.nn import Choice, Noise
from neurallambda.structures import Latch, SuperpositionQueue, SuperpositionStack
from neurallambda.structures.latch import LatchState
from neurallambda.structures.protocol import Structure


@checked
class GraftedStructure(nn.Module):
    """Heads that drive structures by what they see in hidden states, and a latch that tells two phases apart.

        latch_t   = latch moved by  choice(L norm(x_t) + l)
        action_t  = latch_t choice(A norm(x_t) + a + p) + (1 - latch_t) choice(A norm(x_t) + a - p)    for each head
        read_t    = what the structure shows after the action, with the value V norm(x_t) + v
        added_t   = |gate| latch_t B read_t

    While the latch is uncertain, the actions are the expected ones. To add (2 latch_t - 1) p to the logits is the same where it
    is certain, but of a latch that is on with 0.2 it makes next to no take, and then nothing tells it that takes are worth it.

    A bank of programs does the same in both phases: p is zero. Which value is put and which program is chosen is

        value_t   = choice(V norm(x_t) + v)
        program_t = choice(keys (Q norm(x_t) + q))                     with the keys of a `neurallambda.nn.ProgramBank`

    Calls have both: phases, and a choice among words and programs. On these there is no noise. With `straight_through`,
    actions and programs have the slopes of the present token alone, and words none.

    The instructions of a token depend on hidden states alone, so a whole sequence is one `scan`. It computes in the
    precision of its parameters, float32, whatever that of the model is. There is no `nn.Linear` in it: tools that adapt
    every linear layer of a model leave it alone.

    Args:
        config: what to make.
        dim: the size of the hidden states.

    Attributes:
        choice: makes every choice; set by `neurallambda.nn.harden`.
        is_straight_through: in training, make each choice and let the gradient of the soft one through
            (Bengio, Léonard and Courville, 2013); set by `straight_through`.

    Raises:
        ArgumentError: if `dim` is not a positive integer.

    Example:
        >>> structure = GraftedStructure(GraftConfig(width=4, depth=8), dim=16)
        >>> added, state = structure(torch.randn(2, 5, 16))
        >>> bool((added == 0).all())  # until its gate opens
        True
    """

    gradient_checkpointing = False
    """Set by the model's own method that turns checkpointing on, as on the modules of the library."""
    _gradient_checkpointing_func: Callable[..., Any]

    def __init__(self, config: GraftConfig, dim: int) -> None:
        super().__init__()
        check_count("dim", dim)
        scale = USUAL_GATE_SCALE if config.gate_scale is None else config.gate_scale
        self.config, self.dim, self.gate_scale = replace(config, gate_scale=scale), dim, scale
        self.latch = Latch()
        self.structure = _structure(config)
        self.choice, self.noise = Choice(), Noise(config.noise)
        self.is_straight_through = False
        heads, width = config.heads, config.width
        if config.has_programs:
            self.query = _Affine(dim, heads * width)
            width = len(config.values)
        if config.structure == "bank":
            self.bank = bank_of(config)
            self.structure = program_stack(config, self.bank)
        elif config.structure == "calls":
            self.bank = ProgramKeys(len(config.programs), config.width)
        self.value = _Affine(dim, heads * width)
        self.read = nn.Parameter(read_start(self.value.weight.detach(), config.read_start))
        self.gate = nn.Parameter(torch.tensor([config.gate / scale]))  # what is sharded must have an axis
        if self.structure is not None:
            actions = self.structure.operands[0].size
            self.action = _Affine(dim, heads * actions, std=0.02)
            if self._has_phases:
                self.phase = nn.Parameter(phase_prior(heads, actions, config.phase_prior, config.phase_start))
        if config.has_latch:
            self.switch = _Affine(dim, 3, std=0.01, bias=PREFER_HOLD)
        if config.initial_values:
            self.initial = nn.Parameter(torch.randn(heads, config.initial_values, width))

    @torch.no_grad()
    def name_values(
        self, embeddings: Float[Tensor, "tokens dim"], seen: Float[Tensor, "values dim"] | None = None
    ) -> None:
        """Let the read of each value begin as the direction in which the model writes it, where its token is known.

        What is read is then a word of the answer from the first step on. If reads are transposed ones, a value is put where
        that is seen too; or, of calls, where what is seen at its token is.

        Args:
            embeddings: those of the model's output.
            seen: of calls, the hidden state at the token of each value.

        Raises:
            ArgumentError: if a token of the configuration is none of the model.
        """
        config, tokens = self.config, list(self.config.value_tokens)
        if not tokens:
            return
        check_tokens(config, len(embeddings))
        named = functional.rms_norm(embeddings[tokens].to(self.read), (self.dim,)).repeat(config.heads, 1)
        self.read.copy_(named.t() * len(named) ** -0.5)
        if config.read_start == "random":
            return
        if seen is None:
            self.value.weight.copy_(named * self.dim**-0.5)
            return
        is_none = torch.tensor([value == "" for value in config.values], device=seen.device)
        weight, bias = words_start(seen.to(self.read), is_none)
        self.value.weight.copy_(weight.repeat(config.heads, 1))
        self.value.bias.copy_(bias.repeat(config.heads))

    @torch.no_grad()
    def fit_reads(self, seen: Float[Tensor, "tokens dim"], written: Float[Tensor, "tokens dim"]) -> None:
        """Let the read of what was put at a token begin as the direction in which the model writes that token, as far as that can be.

        Args:
            seen: the hidden states at some tokens.
            written: the directions in which the model writes them, without what all have in common.
        """
        values = self.value(functional.rms_norm(seen.to(self.read), (self.dim,)))
        self.read.copy_(fitted_read(values.unflatten(-1, (self.config.heads, -1)), written.to(self.read)))

    def init(self, batch: int) -> GraftState:
        """The state before the first token.

        Args:
            batch: how many rows there are, each with a state of its own.
        """
        on = self.gate.new_zeros(batch)
        if self.structure is None:
            return GraftState(on=on, memory=())
        rows = batch * self.config.heads
        memory = self.structure.init(rows, device=self.gate.device, dtype=self.gate.dtype)
        if self.config.initial_values:
            values = (self.initial * self.config.initial_scale).repeat(batch, 1, 1)
            put = torch.zeros(*values.shape[:2], self.structure.operands[0].size).to(values)
            put[..., PUT] = 1.0
            memory, _ = self.structure.scan(memory, put, values)
        return GraftState(on=on, memory=self._apart(memory))

    def forward(self, hidden: Tensor, mask: Tensor | None = None, *tensors: Tensor) -> tuple[Tensor, Numbers]:
        """What is to be added to the hidden states of a sequence.

        Args:
            hidden: [batch, time, dim], of any floating point type.
            mask: [batch, time] booleans; where it is false nothing changes and nothing is added.
            tensors: those of the state before the first token (`GraftState.tensors`); none: the initial one.

        Returns:
            [batch, time, dim], in the precision of the parameters, and the tensors of the state after the last token.
        """
        if self.gradient_checkpointing and self.training and torch.is_grad_enabled():
            return self._gradient_checkpointing_func(self._run, hidden, mask, *tensors)
        return self._run(hidden, mask, *tensors)

    def instructions(self, hidden: Tensor, mask: Tensor | None = None, *tensors: Tensor) -> Instructions:
        """What is done to the structures at each token of a sequence.

        Args:
            hidden: as in `forward`.
            mask: as in `forward`.
            tensors: as in `forward`.
        """
        seen = functional.rms_norm(hidden.to(self.gate.dtype), (self.dim,))
        before = GraftState.of(tensors) if tensors else self.init(len(hidden))
        heads = self.config.heads
        on, latch = self._phases(seen, before, mask)
        actions = None
        if self.structure is not None:
            logits = self.action(seen)
            if latch is not None and self._has_phases:
                actions = self._expected(logits, latch[..., None])
            else:
                actions = self._actions(logits)
        values = self.value(seen).unflatten(-1, (heads, -1))
        given = Instructions(before=before, on=on, latch=latch, actions=actions, values=values)
        if not self.config.has_programs:
            return given
        query = self.query(seen).unflatten(-1, (heads, -1))
        programs = self.bank.weights(query.flatten(0, 2)).unflatten(0, query.shape[:3])
        if self.config.structure == "bank":
            return replace(given, values=self._choose(values), programs=self._choose(programs))
        # The queue itself puts the likeliest word; the others are for slopes. In plain text that is repeated there are none: words
        # that are common there would come to be taken for none in programs too.
        has_slopes = self.training and not self.is_straight_through
        words = self.choice(values) if has_slopes else self._choose(values, is_noisy=False)
        return replace(given, values=words, programs=self._choose(programs, is_noisy=False))

    @property
    def _has_phases(self) -> bool:
        """Whether the latch turns actions; those of a bank are the same in both phases."""
        return self.config.has_latch and self.config.structure != "bank"

    def _run(self, hidden: Tensor, mask: Tensor | None, *tensors: Tensor) -> tuple[Tensor, Numbers]:
        with torch.autocast(hidden.device.type, enabled=False):
            given = self.instructions(hidden, mask, *tensors)
            memory, reads = self._reads(given, mask)
            added = self._gate() * functional.linear(reads, self.read)
            if given.latch is not None:
                added = added * given.latch
            if mask is not None:
                added = added * mask[..., None]
            return added, GraftState(on=given.on, memory=memory).tensors()

    def _gate(self) -> Tensor:
        """How much of the reads is added: the magnitude of the parameter, whose slope at zero is one, not zero.

        Until the structure works, whether more of it is better is a matter of chance. A gate that may be negative goes
        where the first examples send it, and from there every other parameter learns to serve reads that are taken away.
        """
        return self.gate_scale * torch.where(self.gate < 0, -self.gate, self.gate)

    def _phases(
        self, seen: Float[Tensor, "batch time dim"], before: GraftState, mask: Bool[Tensor, "batch time"] | None
    ) -> tuple[Tensor, Tensor | None]:
        """The latch after the last token, and after each: [batch, time, 1]; None without one."""
        if not self.config.has_latch:
            return before.on, None
        started = LatchState(on=before.on, overflow=torch.zeros_like(before.on))
        after, latch = self.latch.scan(started, self._choose(self.switch(seen)), mask=mask)
        return after.on, latch

    def _reads(
        self, given: Instructions, mask: Bool[Tensor, "batch time"] | None
    ) -> tuple[Numbers, Float[Tensor, "batch time reads"]]:
        """The tensors of the structures after the last token, and what all heads read after each."""
        if self.structure is None or given.actions is None:
            return (), given.values.flatten(2)
        heads = self.config.heads
        operands = tuple(map(_by_head, given.operands()))
        every = None if mask is None else mask.repeat_interleave(heads, 0)
        memory, reads = self.structure.scan(self.together(given.before.memory), *operands, mask=every)
        return self._apart(memory), reads.unflatten(0, (-1, heads)).transpose(1, 2).flatten(2)

    def _actions(self, logits: Float[Tensor, "batch time choices"]) -> Float[Tensor, "batch time heads actions"]:
        return self._choose(logits.unflatten(-1, (self.config.heads, -1)))

    def _expected(
        self, logits: Float[Tensor, "batch time choices"], latch: Float[Tensor, "batch time 1 1"]
    ) -> Float[Tensor, "batch time heads actions"]:
        """The actions of both phases, each as far as the latch says so."""
        return latch * self._actions(logits + self.phase) + (1 - latch) * self._actions(logits - self.phase)

    def _choose(self, logits: Tensor, *, is_noisy: bool = True) -> Tensor:
        """The weights of the options along the last axis."""
        is_frozen = self.config.is_frozen
        if is_noisy and not is_frozen:
            logits = self.noise(logits)
        if not self.training and self.config.is_hard:
            return _certain(logits)
        follows_evaluation = self.is_straight_through or (is_frozen and self.config.is_hard)
        if self.training and follows_evaluation and not self.choice.is_hard:
            soft = self.choice(logits)
            return _certain(logits) + (soft - soft.detach())
        return self.choice(logits)

    def _apart(self, memory: Any) -> Numbers:
        """The tensors of a state of the structures, the heads of each row on an axis of their own."""
        tensors = (getattr(memory, field.name) for field in fields(memory))
        return tuple(tensor.unflatten(0, (-1, self.config.heads)) for tensor in tensors)

    def together(self, tensors: Numbers) -> Any:
        """The state of the structures whose tensors these are, each head of each row a row of its own.

        Args:
            tensors: as `GraftState.memory` has them.
        """
        assert self.structure is not None
        empty = self.structure.empty(1, "meta", self.gate.dtype)
        return type(empty)(
            **{field.name: tensor.flatten(0, 1) for field, tensor in zip(fields(empty), tensors, strict=True)}
        )


class _Affine(nn.Module):
    """A x + b, as a module that is no `nn.Linear`."""

    def __init__(self, dim: int, size: int, *, std: float | None = None, bias: tuple[float, ...] | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(size, dim) * (dim**-0.5 if std is None else std))
        self.bias = nn.Parameter(torch.zeros(size) if bias is None else torch.tensor(bias))

    def forward(self, numbers: Tensor) -> Tensor:
        return functional.linear(numbers, self.weight, self.bias)


@checked
@contextmanager
def straight_through(structure: nn.Module) -> Iterator[None]:
    """In training, make every choice, and let the gradient of the soft one through, for as long as the block lasts.

    Args:
        structure: a model; every `GraftedStructure` in it is set.

    Example:
        >>> structure = GraftedStructure(GraftConfig(), dim=8)
        >>> with straight_through(structure):
        ...     structure.is_straight_through
        True
    """
    found = [module for module in structure.modules() if isinstance(module, GraftedStructure)]
    for module in found:
        module.is_straight_through = True
    try:
        yield
    finally:
        for module in found:
            module.is_straight_through = False


def _structure(config: GraftConfig) -> Structure[Any] | None:
    match config.structure:
        case "stack":
            return SuperpositionStack(capacity=config.depth, width=config.width)
        case "queue":
            return SuperpositionQueue(capacity=config.depth, width=config.width)
        case "calls":
            programs = tuple(call_named(call) for _, call in config.programs)
            return ProgramQueue(capacity=config.depth, words=tuple(map(str, config.values)), programs=programs)
        case _:
            return None


def _by_head(operand: Float[Tensor, "batch time heads size"]) -> Float[Tensor, "rows time size"]:
    """All heads of all rows as rows of their own."""
    return operand.transpose(1, 2).flatten(0, 1)


def _certain(logits: Tensor) -> Tensor:
    option = torch.arange(logits.shape[-1], device=logits.device)
    return (logits.argmax(-1, keepdim=True) == option).to(logits.dtype)
