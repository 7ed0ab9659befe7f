"""Context-free grammars, to and from pushdown automata, with strings counted and drawn like those of machines.

Both directions keep ambiguity: the derivations of a string and the runs that accept it are one for one.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from random import Random

from neurallambda.arguments import checked, checked_methods
from neurallambda.automata.languages.chart import count_derivations, derives
from neurallambda.automata.languages.derivations import Derivations
from neurallambda.automata.languages.pda_productions import named_forms
from neurallambda.automata.languages.productions import Form, Forms, trimmed
from neurallambda.automata.pda import PDA
from neurallambda.automata.rules.rule import Operation, Rule
from neurallambda.automata.rules.strings import longest_first, misread, split, symbols_of
from neurallambda.automata.rules.vocabulary import ACCEPT, ANY, EPSILON, INITIAL
from neurallambda.errors import ArgumentError, SourceError, check_count


@dataclass(frozen=True)
class Production:
    """A nonterminal and one body that may stand for it, maybe empty."""

    head: str
    body: tuple[str, ...] = ()


@checked_methods("parse", "accepts", "count_derivations", "count", "sample")
@checked
@dataclass(frozen=True, kw_only=True)
class Grammar:
    """A context-free grammar. Symbols that head no production are terminals.

    Attributes:
        start: the nonterminal to start from.
        productions: the productions.
        separator: what stands between two symbols of a string written as text. Needed where terminals run into one
            another, as `x` and `xx` do: text must be read back as it was written.

    Raises:
        ArgumentError: nothing is produced from the start, or text would not be read back as it was written.

    Example:
        >>> grammar = Grammar.parse("S -> a S b | a b")
        >>> grammar.accepts("aabb"), grammar.count(6), grammar.sample(4, seed=0)
        (True, 1, 'aabb')
    """

    start: str
    productions: tuple[Production, ...]
    separator: str = ""

    def __post_init__(self) -> None:
        if self.start not in self.nonterminals:
            raise ArgumentError(f"no production for the start {self.start!r}; heads: {', '.join(self.nonterminals)}")
        found = misread(self.terminals, self.separator)
        if found:
            raise ArgumentError(
                f"separator: got {self.separator!r}, with which text is not read back as it was written: where "
                f"{found[0]!r} was written, {found[1]!r} may be read; give another, as in separator=' '"
            )

    @classmethod
    def parse(cls, text: str, *, separator: str = "") -> "Grammar":
        """A grammar as text: lines `S -> a S b | ε`, symbols apart by spaces; the first head is the start.

        Args:
            text: the lines.
            separator: what stands between two symbols of its strings.

        Raises:
            SourceError: a line is not of that form.
            ArgumentError: its strings, written as text, would not be read back as they were written.
        """
        productions = []
        for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
            if not line.strip():
                continue
            head, arrow, bodies = line.partition("->")
            if not arrow or len(head.split()) != 1:
                raise SourceError(
                    f"line {number}: expected `S -> a S b | ε`, got {line.strip()!r}", line=number, column=1
                )
            for body in bodies.split("|"):
                symbols = tuple(symbol for symbol in body.split() if symbol != "ε")
                productions.append(Production(head.strip(), symbols))
        if not productions:
            raise SourceError("a grammar has at least one line such as `S -> a S b | ε`", line=1, column=1)
        return cls(start=productions[0].head, productions=tuple(productions), separator=separator)

    def __str__(self) -> str:
        """The text that `parse` reads."""
        lines = []
        heads = dict.fromkeys([self.start, *self.nonterminals])
        for head in heads:
            bodies = [" ".join(p.body) or "ε" for p in self.productions if p.head == head]
            lines.append(f"{head} -> {' | '.join(bodies)}")
        return "\n".join(lines)

    @cached_property
    def nonterminals(self) -> tuple[str, ...]:
        """The heads, in order."""
        return tuple(dict.fromkeys(production.head for production in self.productions))

    @cached_property
    def terminals(self) -> tuple[str, ...]:
        """The symbols of the strings, in order."""
        symbols = dict.fromkeys(symbol for production in self.productions for symbol in production.body)
        return tuple(symbol for symbol in symbols if symbol not in self.nonterminals)

    @cached_property
    def _forms(self) -> Forms:
        """Bodies cut into forms: `A -> B C D` becomes `A -> B X`, `X -> C D`, and a leading terminal is read at once."""
        names: dict[Hashable, int] = {}
        table: list[list[Form]] = []

        def number(name: Hashable) -> int:
            if name not in names:
                names[name] = len(table)
                table.append([])
            return names[name]

        number(self.start)
        terminals = frozenset(self.terminals)
        for production in dict.fromkeys(self.productions):
            head, body, is_new = number(production.head), production.body, True
            while is_new:
                letters = body[:1] if terminals.issuperset(body[:1]) else ()
                children: list[Hashable] = [*body[len(letters) :]]
                is_new = len(children) > 2 or not terminals.isdisjoint(children)
                if is_new:
                    split = 1 - len(letters)
                    body = body[1:]
                    rest = ("rest", body)
                    is_new = rest not in names
                    children = [*children[:split], rest]
                table[head].append(Form(letters, tuple(number(child) for child in children)))
                head = number(children[-1]) if is_new else head
        return trimmed(0, table)

    @cached_property
    def _derivations(self) -> Derivations:
        return Derivations(self._forms)

    def tokens(self, string: str | Sequence[str]) -> tuple[str, ...]:
        """The symbols of a string, text or a sequence of symbols."""
        return split(string, self._pattern, self.separator) if isinstance(string, str) else symbols_of(string)

    @cached_property
    def _pattern(self) -> str:
        return longest_first(self.terminals)

    def accepts(self, string: str | Sequence[str]) -> bool:
        """Does the grammar derive the string?"""
        return derives(self._forms, self.tokens(string))

    def count_derivations(self, string: str | Sequence[str]) -> int:
        """How many (leftmost) derivations a string has. Raises EndlessDerivationsError where they are infinitely many."""
        return count_derivations(self._forms, self.tokens(string))

    def count(self, n: int) -> int:
        """How many derivations there are of strings of length `n`: of strings, if the grammar is unambiguous."""
        check_count("n", n, least=0)
        return self._derivations.count(n)

    def sample(self, n: int, seed: int = 0) -> str:
        """The string of a derivation of length `n`, all derivations equally likely.

        Raises:
            ArgumentError: no string of that length is derived.
        """
        check_count("n", n, least=0)
        total = self.count(n)
        if not total:
            raise ArgumentError(f"no string of length {n} is derived, so none can be drawn")
        return self.separator.join(self._derivations.unrank(n, Random(seed).randrange(total)))


@checked
def to_pda(grammar: Grammar) -> PDA:
    """The pushdown automaton that derives from the left: the stack holds what is still to be produced.

    A nonterminal on top is replaced by a body, silently; a terminal on top is read. The machine has no markers and
    accepts with an empty stack.
    """
    rules = [Rule(EPSILON, INITIAL, (None,), "WORK", (Operation("push", grammar.start),))]
    for number, production in enumerate(dict.fromkeys(grammar.productions)):
        name = f"{production.head}_{number}"
        rules += _replacing(production, name)
    rules += [Rule(symbol, "WORK", (symbol,), "WORK", (Operation("pop"),)) for symbol in grammar.terminals]
    rules.append(Rule(EPSILON, "WORK", (None,), ACCEPT, (Operation("nullop"),)))
    return PDA(symbols=grammar.terminals, rules=tuple(rules), framed=False, separator=grammar.separator)


def _replacing(production: Production, name: str) -> list[Rule]:
    """Silent rules that put a body on the stack in place of its head, its first symbol on top."""
    steps = [Operation("pop"), *(Operation("push", symbol) for symbol in reversed(production.body))]
    places = ["WORK", *(f"{name}.{i}" for i in range(1, len(steps))), "WORK"]
    slots = [production.head, *[ANY] * (len(steps) - 1)]
    return [
        Rule(EPSILON, begin, (slot,), end, (step,))
        for (begin, end), slot, step in zip(pairwise(places), slots, steps, strict=True)
    ]


@checked
def from_pda(machine: PDA) -> Grammar:
    """The grammar of the strings that a machine accepts, between its markers if it has them.

    Nonterminals stand for what is read between a push and its pop, or from a place to acceptance; they are numbered.

    Raises:
        ArgumentError: the machine accepts no string at all.
    """
    forms = trimmed(0, named_forms(machine).table)
    if forms.start is None:
        raise ArgumentError("the machine accepts no string, so there is no grammar with a start that derives one")
    names = _fresh(len(forms.table), machine.alphabet)
    productions = [
        Production(names[head], (*letter, *(names[child] for child in form.children)))
        for head, row in enumerate(forms.table)
        for form in row
        for letter in ([(one,) for one in form.letters] or [()])
    ]
    return Grammar(start=names[0], productions=tuple(productions), separator=machine.separator)


def _fresh(size: int, taken: Sequence[str]) -> list[str]:
    names = (f"N{i}" for i in range(size + len(taken)))
    return ["S" if "S" not in taken else "N", *(name for name in names if name not in taken)][:size]
