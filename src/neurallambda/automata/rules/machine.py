"""A machine as data: its alphabet, its rules, and when it accepts. Frozen, and checked when built."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

from neurallambda.arguments import checked_methods
from neurallambda.automata.rules.memory import MemoryKind
from neurallambda.automata.rules.problem import MachineError
from neurallambda.automata.rules.rule import Rule
from neurallambda.automata.rules.rule_index import RuleIndex
from neurallambda.automata.rules.strings import longest_first, split, symbols_of
from neurallambda.automata.rules.validate import check_rules, check_symbols, check_text
from neurallambda.automata.rules.vocabulary import ACCEPT, ANY, END, EPSILON, HALTING, INITIAL, KEEP, REJECT, START


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """When a run that has read its whole string accepts: in one of `states`, with any memory or only an empty one.

    `("ANY",)` stands for every state except `REJECT`: such a machine refuses only the strings on which it gets stuck.
    """

    states: tuple[str, ...] = (ACCEPT,)
    empty_memory: bool = False

    def admits(self, state: str) -> bool:
        """Is this an accepting state?"""
        return state in self.states or (ANY in self.states and state != REJECT)


@dataclass(frozen=True, kw_only=True)
class Document:
    """What a rule file said beyond the machine itself, so that writing it gives the file back.

    Attributes:
        spelling: how the file wrote the kind of machine (`PDA`, `pda`), or None where there was no file.
        keys: the top-level keys in the file's order.
        unknown: the values of keys that mean nothing here, as JSON text.
    """

    spelling: str | None = None
    keys: tuple[str, ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()


@checked_methods("tokens", "framed_tokens", "text", "legible")
@dataclass(frozen=True, kw_only=True)
class Machine(ABC):
    """What all machines share. Build one of the final classes: `FSM`, `PDA`, `QueueAutomaton`, `TuringMachine`.

    Attributes:
        symbols: the input symbols as declared; `""` may be among them and means nothing.
        rules: the table. A machine is nondeterministic where several rules match.
        description: what it is for.
        acceptance: which ends of a run accept.
        framed: whether its strings run from `^` to `$`. None: they do when a rule reads `^` in `INITIAL` and one reads `$`.
        separator: what stands between two symbols of a string written as text. Needed where symbols run into one another,
            as `x` and `xx` do: text must be read back as it was written.
        document: the rule file it came from; takes no part in comparisons.

    Raises:
        MachineError: a rule, symbol or state cannot be; the message says which and why.
    """

    kind: ClassVar[str]
    symbols: tuple[str, ...]
    rules: tuple[Rule, ...]
    description: str | None = None
    acceptance: Acceptance = Acceptance()
    framed: bool | None = None
    separator: str = ""
    document: Document = field(default=Document(), compare=False, repr=False)

    def __post_init__(self) -> None:
        check_symbols(self.symbols, self.separator)
        check_rules(self.rules, symbols=self.symbols, memories=self.memories)
        check_text((*self.alphabet, *self._markers), self.separator)
        known = {*self.states, ANY, ACCEPT}
        for index, state in enumerate(self.acceptance.states):
            if state not in known:
                raise MachineError(
                    f"the accepting state {state!r} is in no rule; the rules have {', '.join(self.states)}",
                    place=f"acceptance.states[{index}]",
                )
        if self.acceptance.empty_memory and not self.memories:
            raise MachineError(
                f"a machine of kind {self.kind} has no memory that could be empty", place="acceptance.memory"
            )

    @property
    @abstractmethod
    def memories(self) -> tuple[MemoryKind, ...]:
        """The kinds of its memories, in the order of a rule's slots."""

    @property
    def reads_from_tape(self) -> bool:
        """Is the string written on the first memory, rather than read once from left to right?"""
        return False

    @cached_property
    def states(self) -> tuple[str, ...]:
        """All states, `INITIAL` first, then in the order of the rules."""
        named = dict.fromkeys([INITIAL])
        for rule in self.rules:
            named.update(dict.fromkeys((rule.state, rule.target)))
        return tuple(state for state in named if state != ANY)

    @cached_property
    def alphabet(self) -> tuple[str, ...]:
        """The symbols that a string may hold between its markers, in declared order."""
        return tuple(s for s in dict.fromkeys(self.symbols) if s != EPSILON and s not in self._markers)

    @property
    def _markers(self) -> tuple[str, ...]:
        return (START, END) if self.is_framed else ()

    @cached_property
    def memory_symbols(self) -> tuple[tuple[str, ...], ...]:
        """For each memory, the symbols that can be in it, in the order of the rules."""
        found: list[dict[str, None]] = [{} for _ in self.memories]
        if self.reads_from_tape:
            found[0].update(dict.fromkeys(self.alphabet))
        for rule in self.rules:
            for symbols, slot, operation in zip(found, rule.memory, rule.operations, strict=True):
                symbols.update({s: None for s in (slot, operation.symbol) if s not in (None, ANY, KEEP)})
        return tuple(tuple(symbols) for symbols in found)

    @cached_property
    def is_framed(self) -> bool:
        """Do its strings run from `^` to `$`?"""
        if self.framed is not None:
            return self.framed
        starts = any(rule.input == START and rule.state in (INITIAL, ANY) for rule in self.rules)
        return starts and any(rule.input == END for rule in self.rules)

    @cached_property
    def index(self) -> RuleIndex:
        """The rules, found by state and memory."""
        return RuleIndex(rules=self.rules, symbols=(*self.alphabet, *self._markers))

    @cached_property
    def live_states(self) -> frozenset[str]:
        """The states from which the arrows of the rules lead to an accepting state."""
        before: dict[str, set[str]] = {state: set() for state in self.states}
        for rule in self.rules:
            before[rule.target].update(self._leaving(rule))
        accepting = {state for state in self.states if self.acceptance.admits(state)}
        return frozenset(accepting | _closure(before, accepting))

    def _leaving(self, rule: Rule) -> tuple[str, ...]:
        """The states that a rule leaves: one, or every state in which a run goes on."""
        if rule.state == ANY:
            return tuple(state for state in self.states if state not in HALTING)
        return (rule.state,) if rule.state not in HALTING else ()

    @cached_property
    def is_deterministic(self) -> bool:
        """Does at most one rule apply in every configuration, not counting rules into `REJECT`?"""
        return not self.index.conflicts(frozenset(self.states) - {REJECT})

    @cached_property
    def is_unambiguous(self) -> bool:
        """Is it plain from the rules that no string is accepted by two runs?

        It is when at most one rule that can lead to acceptance applies in every configuration, and none silently after
        a run has accepted. Machines for which this is False may still be unambiguous.
        """
        goes_on = any(
            rule.input == EPSILON and rule.target in self.live_states and rule.state not in HALTING
            for rule in self.rules
            if rule.state == ANY or self.acceptance.admits(rule.state)
        )
        return not (goes_on and not self.reads_from_tape) and not self.index.conflicts(self.live_states)

    @cached_property
    def grows_silently(self) -> bool:
        """Is there a cycle of steps that read nothing and put something into a memory, as far as states can tell?"""
        silent = [rule for rule in self.rules if rule.input == EPSILON and rule.target in self.live_states]
        onward: dict[str, set[str]] = {state: set() for state in self.states}
        for rule in silent:
            for state in self._leaving(rule):
                onward[state].add(rule.target)
        puts = [rule for rule in silent if any(operation.symbol is not None for operation in rule.operations)]
        return any(
            not ({rule.target} | _closure(onward, {rule.target})).isdisjoint(self._leaving(rule)) for rule in puts
        )

    def tokens(self, string: str | Sequence[str]) -> tuple[str, ...]:
        """The symbols that the machine reads for a string, with the markers of a framed machine.

        Args:
            string: text, or a sequence of symbols; with both markers or with neither.

        Returns:
            The symbols. Characters that start no declared symbol stand for themselves, so that they can be rejected.

        Raises:
            ArgumentError: it is neither text nor a sequence of symbols.
        """
        found = split(string, self._pattern, self.separator) if isinstance(string, str) else symbols_of(string)
        if self.is_framed and len(found) >= 2 and found[0] == START and found[-1] == END:
            return found
        return self.framed_tokens(found)

    def framed_tokens(self, string: Sequence[str]) -> tuple[str, ...]:
        """The symbols that the machine reads for a string that is given without markers."""
        return (START, *string, END) if self.is_framed else tuple(string)

    def legible(self, tokens: Sequence[str]) -> int:
        """How many symbols, from the first, are those of a string of this machine.

        Its strings are made of its alphabet, with `^` at the start and `$` at the end where it is framed, and with no
        marker anywhere else. No run reads past what is legible, and a string is accepted only if all of it is.

        Args:
            tokens: the symbols, as `tokens` gives them.
        """
        body = tokens[1:-1] if self.is_framed else tokens
        if self.framed_tokens(body) == tuple(tokens) and self._letters.issuperset(body):
            return len(tokens)
        last = len(tokens) - 1
        for place, symbol in enumerate(tokens):
            is_marked = self.is_framed and place in (0, last)
            if symbol != (START if place == 0 else END) if is_marked else symbol not in self._letters:
                return place
        return len(tokens)

    @cached_property
    def _letters(self) -> frozenset[str]:
        return frozenset(self.alphabet)

    def text(self, tokens: Sequence[str]) -> str:
        """A string of symbols as text, without the markers of a framed machine."""
        if self.is_framed and len(tokens) >= 2 and tokens[0] == START and tokens[-1] == END:
            tokens = tokens[1:-1]
        return self.separator.join(tokens)

    @cached_property
    def _pattern(self) -> str:
        return longest_first((*self.symbols, *self._markers))


def _closure(onward: Mapping[str, set[str]], start: set[str]) -> set[str]:
    """The states that one or more steps lead to."""
    found: set[str] = set()
    todo = list(start)
    while todo:
        fresh = onward[todo.pop()] - found
        found |= fresh
        todo += fresh
    return found
