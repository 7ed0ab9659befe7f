"""The cellular automaton: a row of cells, one local rule, a symbol that all of them see in each step."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

from neurallambda.arguments import checked, checked_methods
from neurallambda.automata.cells.lookup import Lookup
from neurallambda.automata.cells.rule import CellRule, OutputRule
from neurallambda.automata.cells.run import CellRun, CellStep
from neurallambda.automata.cells.validate import check_cell_rules, check_neighbours, check_outputs
from neurallambda.automata.rules.machine import Document
from neurallambda.automata.rules.problem import MachineError
from neurallambda.automata.rules.strings import longest_first, split, symbols_of
from neurallambda.automata.rules.validate import check_symbols, check_text
from neurallambda.automata.rules.vocabulary import ANY, INITIAL
from neurallambda.automata.runs.limits import DEFAULT_LIMITS, Limits, Outcome, undecided
from neurallambda.errors import ArgumentError, check_count

Text = str | Sequence[str]


@checked_methods("run", "transduce", "compute", "tokens", "text")
@checked
@dataclass(frozen=True, kw_only=True)
class CellularAutomaton:
    """A row of cells with fixed symbols, whose states change all at once, by one rule that sees only what is near.

    One string is written into the cells, from the first cell on; the cells after it are empty. Another is shown to all
    cells, one symbol a step, and then nothing. In a step each cell goes to the state that the rule gives for its own
    symbol, the symbol shown, its own state and those of its neighbours; where no rule fits it stays as it is. Then the
    first cell writes what the outputs say of the symbol shown and of its new state, or nothing.

    It writes, and does not accept: so it is no `Automaton`, and has no language to count.

    Attributes:
        symbols: what may be written in cells, and shown to them.
        rules: the local rule. No two rules say different things of the same situation.
        outputs: what the first cell writes.
        neighbours: the sides that a cell looks at, in the order of a rule's slots: `left`, `right`.
        edge: the state that stands beyond the ends of the row.
        description: what it is for.
        separator: what stands between two symbols of a string written as text.
        document: the rule file it came from; takes no part in comparisons.

    Raises:
        MachineError: a rule, symbol or state cannot be; the message says which and why.

    Example:
        >>> from neurallambda.automata import library
        >>> multiply = library.load("binary_multiplication", CellularAutomaton)
        >>> multiply.compute("011", "11")  # 6 times 3, the lowest digit first
        '01001'
    """

    kind: ClassVar[str] = "ca"
    symbols: tuple[str, ...]
    rules: tuple[CellRule, ...]
    outputs: tuple[OutputRule, ...] = ()
    neighbours: tuple[str, ...] = ("right",)
    edge: str = INITIAL
    description: str | None = None
    separator: str = ""
    document: Document = field(default=Document(), compare=False, repr=False)

    def __post_init__(self) -> None:
        check_symbols(self.symbols, self.separator)
        check_text(self.symbols, self.separator)
        if "" in self.symbols:
            raise MachineError(
                "a symbol without letters; write null where a rule is for cells without a symbol", place="symbols"
            )
        check_neighbours(self.neighbours)
        check_cell_rules(self.rules, symbols=self.symbols, neighbours=self.neighbours)
        check_outputs(self.outputs, symbols=self.symbols, states=self.states)
        if self.edge not in self.states:
            raise MachineError(f"{self.edge!r} is in no rule; the rules have {', '.join(self.states)}", place="edge")

    @cached_property
    def states(self) -> tuple[str, ...]:
        """All states, `INITIAL` first, then in the order of the rules."""
        named = dict.fromkeys([INITIAL])
        for rule in self.rules:
            named.update(dict.fromkeys((rule.state, *rule.neighbours, rule.target)))
        return tuple(state for state in named if state != ANY)

    def tokens(self, string: Text) -> tuple[str, ...]:
        """The symbols of a string.

        Args:
            string: text, or a sequence of symbols.

        Raises:
            ArgumentError: it is neither, or a symbol in it is not one of this machine.
        """
        found = split(string, self._pattern, self.separator) if isinstance(string, str) else symbols_of(string)
        for place, symbol in enumerate(found):
            if symbol not in self.symbols:
                raise ArgumentError(
                    f"string: got {symbol!r} at place {place}, expected symbols of the machine: {' '.join(self.symbols)}"
                )
        return found

    def text(self, symbols: Sequence[str]) -> str:
        """Symbols as text."""
        return self.separator.join(symbols)

    def run(
        self,
        cells: Text,
        shown: Text = (),
        *,
        steps: int | None = None,
        width: int | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> CellRun:
        """Run, keeping every row of cells.

        Args:
            cells: the string in the cells.
            shown: the string that all cells see, a symbol a step.
            steps: how many steps; without it as many as there are symbols in both strings.
            width: how many cells the row has, with the edge beyond the last. Without it the row has no end: the run shows
                the cells of the string, and those that are needed are there.
            limits: how many steps, and how many states to keep.

        Raises:
            ArgumentError: a string has a symbol that is none of the machine, or a number makes no sense.
            ProgramError: the limits do not reach that far.

        Example:
            >>> from neurallambda.automata import library
            >>> run = library.load("rule_110", CellularAutomaton).run("0001", steps=3)
            >>> [" ".join(step.states) for step in run.steps[1:]]
            ['0 0 0 1', '0 0 1 1', '0 1 1 1']
        """
        kept = max(len(self.tokens(cells)), width or 0)
        written, seen = self._prepared(cells, shown, steps, width, limits, looked_at=kept)
        states, rows = (INITIAL,) * len(written), []
        if (kept + 1) * (len(seen) + 1) > limits.storage:
            raise undecided(Outcome.OUT_OF_MEMORY, "keeping all rows of cells")
        rows.append(CellStep(None, states[:kept], None))
        for symbol in seen:
            states = self._after(written, symbol, states)
            rows.append(CellStep(symbol, states[:kept], self._written(symbol, states)))
        return CellRun(written[:kept], tuple(rows))

    def transduce(
        self,
        cells: Text,
        shown: Text = (),
        *,
        steps: int | None = None,
        width: int | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> tuple[str | None, ...]:
        """What the first cell writes in each step, None where it writes nothing; the arguments are those of `run`."""
        written, seen = self._prepared(cells, shown, steps, width, limits)
        states, found = (INITIAL,) * len(written), []
        for left, symbol in zip(range(len(seen), 0, -1), seen, strict=True):
            if width is None:
                states = states[: left + 1]  # what lies further away can no longer reach the first cell
            states = self._after(written, symbol, states)
            found.append(self._written(symbol, states))
        return tuple(found)

    def compute(
        self,
        cells: Text,
        shown: Text = (),
        *,
        steps: int | None = None,
        width: int | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> str:
        """What the first cell writes, as text; the arguments are those of `run`.

        Raises:
            ArgumentError: the machine has no outputs, or an argument cannot be.
        """
        if not self.outputs:
            raise ArgumentError(
                "this machine has no outputs, so it writes nothing; look at the states that `run` gives"
            )
        outputs = self.transduce(cells, shown, steps=steps, width=width, limits=limits)
        return self.text([output for output in outputs if output is not None])

    def _prepared(
        self, cells: Text, shown: Text, steps: int | None, width: int | None, limits: Limits, *, looked_at: int = 1
    ) -> tuple[tuple[str | None, ...], tuple[str | None, ...]]:
        """The symbols of all cells that are needed, and what is seen in each step.

        In a row without end, what stands further than a cell a step from the last one that is looked at never reaches it.
        """
        written, seen = self.tokens(cells), self.tokens(shown)
        count = len(written) + len(seen) if steps is None else steps
        check_count("steps", count, least=0)
        if width is not None:
            check_count("width", width)
            if width < len(written):
                raise ArgumentError(f"width: got {width}, expected room for the {len(written)} symbols in the cells")
        if count > limits.steps:
            raise undecided(Outcome.OUT_OF_STEPS, f"running {count} steps")
        room = width if width is not None else max(len(written), max(looked_at, 1) + count)
        if room > limits.cells:
            raise undecided(Outcome.OUT_OF_MEMORY, f"a row of {room} cells")
        return (*written, *(None,) * (room - len(written))), (*seen, *(None,) * (count - len(seen)))[:count]

    def _after(self, cells: tuple[str | None, ...], seen: str | None, states: tuple[str, ...]) -> tuple[str, ...]:
        """The states of all cells after one step."""
        beside = {"left": (self.edge, *states[:-1]), "right": (*states[1:], self.edge)}
        shown = [beside[side] for side in self.neighbours]
        at = self._rules.at
        found = [at((symbol, seen, *near)) for symbol, *near in zip(cells[: len(states)], states, *shown, strict=True)]
        return tuple([rule.target if rule else state for rule, state in zip(found, states, strict=True)])

    def _written(self, seen: str | None, states: tuple[str, ...]) -> str | None:
        rule = self._outputs.at((seen, states[0])) if states else None
        return rule.output if rule else None

    @cached_property
    def _rules(self) -> Lookup[CellRule]:
        return Lookup(self.rules)

    @cached_property
    def _outputs(self) -> Lookup[OutputRule]:
        return Lookup(self.outputs)

    @cached_property
    def _pattern(self) -> str:
        return longest_first(self.symbols)
