"""Derivations counted by length, and numbered, so that any one of them can be made from its number.

With `c[N][l]` the number of derivations of strings of length `l` from nonterminal `N`, a form that reads one of `k`
letters and leaves `A B` contributes `k * sum(c[A][i] * c[B][l - 1 - i])`. All numbers are exact integers.
"""

from bisect import bisect_right
from itertools import chain

from neurallambda.automata.languages.productions import Forms, evaluation_order, nullable

_REMEMBERED = 4096
"""Pieces of strings are remembered where all those of one nonterminal and length hold at most this many symbols."""


class Derivations:
    """Counts and numbers the derivations of a grammar.

    Args:
        forms: the trimmed forms of the grammar.

    Raises:
        EndlessDerivationsError: some string has infinitely many.
    """

    def __init__(self, forms: Forms) -> None:
        self._forms = forms
        self._empty = nullable(forms)
        self._order = evaluation_order(forms, self._empty)
        self._counts: list[list[int]] = [[] for _ in forms.table]
        self._choices: dict[tuple[int, int], _Choices] = {}
        self._pieces: dict[tuple[int, int, int], tuple[str, ...]] = {}

    def count(self, length: int) -> int:
        """The number of derivations of strings of this length."""
        if self._forms.start is None:
            return 0
        for size in range(len(self._counts[0]), length + 1):
            for head in self._order:
                self._counts[head].append(0)
            for head in self._order:
                self._counts[head][size] = sum(
                    self._ways(form.children, size - bool(form.letters)) * (len(form.letters) or 1)
                    for form in self._forms.table[head]
                )
        return self._counts[self._forms.start][length]

    def _ways(self, children: tuple[int, ...], size: int) -> int:
        if size < 0:
            return 0
        match children:
            case ():
                return int(size == 0)
            case (only,):
                return self._counts[only][size]
            case (one, other):
                left, right = self._counts[one], self._counts[other]
                return sum(a * right[size - i] for i, a in enumerate(left[: size + 1]) if a)
        raise AssertionError(children)

    def unrank(self, length: int, rank: int) -> tuple[str, ...]:
        """The string that derivation number `rank` gives, from 0, among those of strings of this length."""
        assert self._forms.start is not None
        self.count(length)
        pieces: list[tuple[str, ...]] = []
        todo = [(self._forms.start, length, rank)]
        remember, enough = self._pieces, self._small
        while todo:
            head, size, number = key = todo.pop()
            if size == 0:
                continue
            piece = remember.get(key)
            if piece is None:
                if enough(head, size):
                    piece = remember[key] = self._derive(head, size, number)
                else:
                    letters, rest = self._split(head, size, number)
                    if letters:
                        pieces.append(letters)
                    todo.extend(reversed(rest))
                    continue
            pieces.append(piece)
        return tuple(chain.from_iterable(pieces))

    def _small(self, head: int, size: int) -> bool:
        return self._counts[head][size] * size <= _REMEMBERED

    def _derive(self, head: int, size: int, number: int) -> tuple[str, ...]:
        pieces = []
        todo = [(head, size, number)]
        while todo:
            letters, rest = self._split(*todo.pop())
            pieces.append(letters)
            todo.extend(reversed([part for part in rest if part[1]]))
        return tuple(chain.from_iterable(pieces))

    def _split(self, head: int, size: int, number: int) -> tuple[tuple[str, ...], list[tuple[int, int, int]]]:
        """The letter that derivation `number` reads first, and the numbered derivations of the children."""
        found = self._choices.get((head, size))
        if found is None:
            found = self._choices[head, size] = self._list_choices(head, size)
        bounds, entries = found
        index = bisect_right(bounds, number) - 1
        number -= bounds[index]
        letters, children = entries[index]
        if letters:
            number, letter = divmod(number, len(letters))
            letters = letters[letter : letter + 1]
        rest = []
        for child, length in children:
            number, own = divmod(number, self._counts[child][length])
            rest.append((child, length, own))
        return letters, rest

    def _list_choices(self, head: int, size: int) -> "_Choices":
        bounds, entries, total = [], [], 0
        for letters, children in self._forms.table[head]:
            left = size - bool(letters)
            if left < 0:
                continue
            if len(children) == 2:
                splits = [((children[0], i), (children[1], left - i)) for i in range(left + 1)]
            else:
                splits = [tuple((child, left) for child in children)] if children or left == 0 else []
            for parts in splits:
                ways = len(letters) or 1
                for child, length in parts:
                    ways *= self._counts[child][length]
                if ways:
                    bounds.append(total)
                    entries.append((letters, parts))
                    total += ways
        return bounds, entries


_Choices = tuple[list[int], list[tuple[tuple[str, ...], tuple[tuple[int, int], ...]]]]
