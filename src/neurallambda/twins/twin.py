"""The neural twins of automata: modules whose parameters are a rule table, in three forms.

`NeuralFSM` multiplies matrices, `NeuralAutomaton` follows weighted configurations, `SuperposedAutomaton` keeps state and
memories as mixtures. All read the same table: built from a machine each of them *is* that machine, and each can be trained.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from neurallambda.arguments import checked, checked_methods, shown
from neurallambda.automata.automaton import Automaton
from neurallambda.automata.fsm import FSM
from neurallambda.automata.runs.configuration import Configuration
from neurallambda.automata.runs.limits import UNDECIDED, Outcome
from neurallambda.device import check_device
from neurallambda.errors import ArgumentError, ErrorKind, ProgramError, check_count
from neurallambda.twins.axes import Strings
from neurallambda.twins.configurations import Worlds
from neurallambda.twins.ending import Mass, outcomes
from neurallambda.twins.extraction import rules_of
from neurallambda.twins.follow import Room, configurations, follow
from neurallambda.twins.fsm_matrices import Matrices, is_accepted, log_mass_by_scan, log_mass_by_steps, matrices
from neurallambda.twins.program import program
from neurallambda.twins.rule_table import RuleTable
from neurallambda.twins.superposed import Superposed, Superposition, Weights
from neurallambda.weighted import is_something, safe_log

Text = str | Sequence[str]


def check_strings(strings: object) -> None:
    """Refuse anything but strings as numbers.

    Raises:
        ArgumentError: what came; `encode` makes them.
    """
    if not isinstance(strings, Strings):
        raise ArgumentError(
            f"strings: got {shown(strings)}, expected what the twin's `encode` makes of a list of texts"
        )


@checked_methods("encode", "accepts", "believes", "decide", "extract")
class Twin(nn.Module, ABC):
    """What all twins share. Abstract.

    Args:
        machine: the machine to be.
        weigh: "chances" or "runs", as for `RuleTable`.
        device: where it lies.
        dtype: the type of its numbers.
    """

    def __init__(
        self,
        machine: Automaton,
        *,
        weigh: str = "chances",
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        check_device(device)
        self.table = RuleTable(machine, weigh=weigh, device=device, dtype=dtype)

    def encode(self, strings: Sequence[Text]) -> Strings:
        """A batch of strings, texts or sequences of symbols, as numbers on the twin's device."""
        return self.table.layout.encode(strings, device=self.table.scores.device)

    @abstractmethod
    def forward(self, strings: Strings) -> Float[Tensor, " batch"]:
        """The logarithm of the total weight of the runs that accept each string."""

    @abstractmethod
    def has_run(self, strings: Strings) -> Bool[Tensor, " batch"]:
        """Whether a run of any weight accepts each string: the verdict of a machine that is certain."""

    @abstractmethod
    def outcomes(self, strings: Strings) -> list[Outcome]:
        """What becomes of each string: accepted by a run of any weight, not accepted, or undecided for want of room."""

    @abstractmethod
    def bounds(self, strings: Strings) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
        """The least and the most that the accepting weight of each string can be, where some was lost or still runs."""

    def decide(self, strings: Sequence[Text]) -> list[Outcome]:
        """What becomes of each string, by name; two of the names say that there was not room enough to know.

        Args:
            strings: texts or sequences of symbols.

        Raises:
            ArgumentError: it is one text instead of several, or something in it is no string.
        """
        with torch.no_grad():
            return self.outcomes(self.encode(strings))

    def accepts(self, strings: Sequence[Text]) -> list[bool]:
        """Which strings are accepted: those with an accepting run of any weight.

        Args:
            strings: texts or sequences of symbols.

        Raises:
            ArgumentError: it is one text instead of several, or something in it is no string.
            ProgramError: a string is undecided, since runs were lost for want of room or are still running. `decide` says
                which, and answers for the others.
        """
        found = self.decide(strings)
        for string, outcome in zip(strings, found, strict=True):
            if outcome in UNDECIDED:
                raise _undecided(string, outcome)
        return [outcome is Outcome.ACCEPTED for outcome in found]

    def believes(self, strings: Sequence[Text]) -> list[bool]:
        """Which strings are accepted with more than half of the weight: the verdict of a table that is not certain.

        Args:
            strings: texts or sequences of symbols.

        Raises:
            ArgumentError: it is one text instead of several, or something in it is no string.
            ProgramError: so much weight of a string was lost or still runs that it might be more than half or less.
        """
        with torch.no_grad():
            least, most = self.bounds(self.encode(strings))
        for string, unsure in zip(strings, ((least <= 0.5) & (most > 0.5)).tolist(), strict=True):
            if unsure:
                raise _undecided(string, Outcome.OUT_OF_MEMORY)
        return (least > 0.5).tolist()

    def extract(self, *, keep: float = 1.0) -> Automaton:
        """The exact machine with the likeliest move in each cell, and the likelier answer in each state.

        Args:
            keep: moves with at least this share of the weight of the likeliest are kept too. With 1 only its equals are;
                with little, a nondeterministic machine whose rules share their cells unevenly comes back whole.

        Raises:
            ArgumentError: `keep` is no share, or no machine has such a table: it stops at once, or what it does silently
                depends on the symbol that follows.
        """
        if not 0 < keep <= 1:
            raise ArgumentError(f"keep: got {keep}, expected a share above 0 and at most 1")
        return rules_of(self.table, keep=keep)


def _undecided(string: Text, outcome: Outcome) -> ProgramError:
    """The error for a question that more room would answer."""
    kind = ErrorKind.OUT_OF_STEPS if outcome is Outcome.OUT_OF_STEPS else ErrorKind.OUT_OF_MEMORY
    more = "steps" if outcome is Outcome.OUT_OF_STEPS else "worlds or cells, or a larger capacity"
    text = string if isinstance(string, str) else list(string)
    return ProgramError(
        kind,
        f"{text!r} is undecided; build the twin with room for more {more}, or see `decide` for what became of each",
    )


@checked
class NeuralFSM(Twin):
    """A finite-state machine as a chain of matrix products; exact for nondeterministic machines too.

    Example:
        >>> from neurallambda.automata import library
        >>> twin = NeuralFSM(library.load("parity"))
        >>> twin.accepts(["1", "1010", "10101"])
        [True, False, True]
    """

    def __init__(
        self,
        machine: Automaton,
        *,
        weigh: str = "chances",
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if not isinstance(machine, FSM):
            raise ArgumentError(
                f"machine: got one of kind {machine.kind!r}, which has a memory; NeuralAutomaton is the twin of those"
            )
        super().__init__(machine, weigh=weigh, device=device, dtype=dtype)

    def matrices(self) -> Matrices:
        """The matrices of its symbols."""
        return matrices(self.table)

    def forward(self, strings: Strings) -> Float[Tensor, " batch"]:
        """The logarithm of the total weight of the runs that accept each string, step by step: nothing underflows."""
        check_strings(strings)
        return log_mass_by_steps(self.matrices(), strings.tokens, strings.lengths)[0]

    def has_run(self, strings: Strings) -> Bool[Tensor, " batch"]:
        """Whether a run of any weight accepts each string, without the weights, and so quicker."""
        check_strings(strings)
        return is_accepted(self.matrices(), strings.tokens, strings.lengths)

    def outcomes(self, strings: Strings) -> list[Outcome]:
        """Accepted or rejected."""
        return [Outcome.ACCEPTED if accepted else Outcome.REJECTED for accepted in self.has_run(strings).tolist()]

    def bounds(self, strings: Strings) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
        """The weight itself, twice: nothing is ever lost."""
        weight = self(strings).exp()
        return weight, weight

    def scan(self, strings: Strings) -> Float[Tensor, " batch"]:
        """The same logarithm as by `forward`, by products in pairs: fewer and larger operations, for training."""
        check_strings(strings)
        return log_mass_by_scan(self.matrices(), strings.tokens, strings.lengths)

    def states(self, strings: Strings) -> Float[Tensor, "batch places states"]:
        """The distribution over states after 0, 1, 2, ... symbols and the silent steps that follow.

        Past the end of a string the last one stays. What is missing from a sum of one has stopped.
        """
        check_strings(strings)
        held = self.matrices()
        _, arrived = log_mass_by_steps(held, strings.tokens, strings.lengths)
        return (arrived.exp()[:, :, None] @ held.rest[strings.tokens])[:, :, 0]


@checked_methods("runs")
@checked
class NeuralAutomaton(Twin):
    """Any machine as weighted configurations: exact, for nondeterministic machines too.

    Args:
        machine: the machine to be.
        room: how much a run may use.
        weigh: "chances" or "runs", as for `RuleTable`.
        device: where it lies.
        dtype: the type of its numbers.

    Example:
        >>> from neurallambda.automata import library
        >>> twin = NeuralAutomaton(library.load("palindromes"), weigh="runs")
        >>> twin.accepts(["abba", "abab"])
        [True, False]
        >>> twin(twin.encode(["abba"])).exp()  # one run accepts
        tensor([1.], grad_fn=<ExpBackward0>)
    """

    def __init__(
        self,
        machine: Automaton,
        *,
        room: Room = Room(),  # noqa: B008
        weigh: str = "chances",
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(machine, weigh=weigh, device=device, dtype=dtype)
        self.room = room

    def mass(self, strings: Strings) -> Mass:
        """The weights of all runs by how they ended."""
        check_strings(strings)
        return follow(self.table.layout, program(self.table), strings, room=self.room)

    def forward(self, strings: Strings) -> Float[Tensor, " batch"]:
        """The logarithm of the total weight of the runs that accept each string."""
        return self.mass(strings).accepted

    def has_run(self, strings: Strings) -> Bool[Tensor, " batch"]:
        """Whether a run of any weight was found that accepts each string, in the room there is."""
        return is_something(self(strings))

    def outcomes(self, strings: Strings) -> list[Outcome]:
        """What becomes of each string. A run that goes in circles is `out-of-steps`."""
        return outcomes(self.mass(strings))

    def bounds(self, strings: Strings) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
        """The weight that accepted, and that with what was lost or still runs."""
        mass = self.mass(strings)
        return mass.accepted.exp(), (mass.total - mass.refused.exp())

    def runs(self, strings: Sequence[Text]) -> list[list[dict[Configuration, float]]]:
        """What the machine goes through on each string, without gradients.

        Returns:
            For each string, at the start and after each step, its configurations and the logarithms of their weights.
            Those that accept or stop are in no later entry. On a tape the whole string is written from the start.
        """
        history: list[Worlds] = []
        with torch.no_grad():
            encoded = self.encode(strings)
            follow(self.table.layout, program(self.table), encoded, room=self.room, history=history)
        steps = [[configurations(self.table.layout, worlds, row) for worlds in history] for row in range(len(strings))]
        return [[step for step in row if step] for row in steps]


@checked
class SuperposedAutomaton(Twin):
    """Any machine on the data structures, with its state and each memory a mixture: exact where the machine is certain.

    Args:
        machine: the machine to be.
        capacity: how many cells each memory has.
        steps: how many steps to take; None: one for each symbol and one more, enough if every rule reads a symbol.
        device: where it lies.
        dtype: the type of its numbers.

    Example:
        >>> from neurallambda.automata import library
        >>> twin = SuperposedAutomaton(library.load("dyck1"), capacity=8)
        >>> twin.accepts(["(())", "())("])
        [True, False]
    """

    def __init__(
        self,
        machine: Automaton,
        *,
        capacity: int,
        steps: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(machine, device=device, dtype=dtype)
        check_count("capacity", capacity)
        if steps is not None:
            check_count("steps", steps)
        self.superposed = Superposed(self.table.layout, capacity, device=device, dtype=dtype)
        self.steps = steps

    def weights(self) -> Weights:
        """Its rule table as weights, not logarithms."""
        return Weights(moves=self.table.log_weights.exp(), accept=self.table.log_accept.exp())

    def run(self, strings: Strings) -> list[Superposition]:
        """Where the machine stands at the start and after each step."""
        check_strings(strings)
        weights = self.weights()
        seen = [self.superposed.start(strings, weights.accept)]
        for _ in range(strings.tokens.shape[1] if self.steps is None else self.steps):
            seen.append(self.superposed.step(weights, strings, seen[-1]))
        return seen

    def prospects(self, strings: Strings) -> Float[Tensor, "batch places prospects"]:
        """For each prefix of each string the chance that each symbol can be read next, and that the string may end.

        For machines whose rules all read a symbol.
        """
        weights = self.weights()
        return torch.stack([self.superposed.prospects(weights, now) for now in self.run(strings)[:-1]], 1)

    def forward(self, strings: Strings) -> Float[Tensor, " batch"]:
        """The logarithm of the weight that accepts each string."""
        return safe_log(self.run(strings)[-1].accepted)

    def has_run(self, strings: Strings) -> Bool[Tensor, " batch"]:
        """Whether any weight accepts each string."""
        return is_something(self(strings))

    def outcomes(self, strings: Strings) -> list[Outcome]:
        """What becomes of each string. Where a memory lost something on the way, its verdict would mean nothing."""
        last = self.run(strings)[-1]
        lost, accepted, running = ((one > 0).tolist() for one in (last.lost, last.accepted, last.control.sum(1)))
        return [
            Outcome.OUT_OF_MEMORY
            if is_lost
            else Outcome.ACCEPTED
            if is_accepted
            else Outcome.OUT_OF_STEPS
            if is_running
            else Outcome.REJECTED
            for is_lost, is_accepted, is_running in zip(lost, accepted, running, strict=True)
        ]

    def bounds(self, strings: Strings) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
        """The weight that accepted, less or more by what a memory lost, and more by what still runs."""
        last = self.run(strings)[-1]
        return last.accepted - last.lost, last.accepted + last.lost + last.control.sum(1)


@checked
def twin(
    machine: Automaton, *, weigh: str = "chances", dtype: torch.dtype = torch.float32
) -> NeuralFSM | NeuralAutomaton:
    """The exact twin of a machine: matrices for one without memory, weighted configurations for the others."""
    if isinstance(machine, FSM):
        return NeuralFSM(machine, weigh=weigh, dtype=dtype)
    return NeuralAutomaton(machine, weigh=weigh, dtype=dtype)
