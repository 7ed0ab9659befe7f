"""How many derivations one given string has, by a chart over its substrings. Exact, and cubic in the length.

Where some substring has endlessly many derivations the question can still be whether there is one at all.
"""

from collections.abc import Sequence

from neurallambda.automata.languages.productions import Form, Forms, evaluation_order, nullable


def derives(forms: Forms, string: Sequence[str]) -> bool:
    """Does the grammar derive the string? Exact even where a derivation may go round in circles."""
    if forms.start is None:
        return False
    empty = nullable(forms)
    heads = range(len(forms.table))
    chart: dict[tuple[int, int], set[int]] = {(i, i): set(empty) for i in range(len(string) + 1)}
    for size in range(1, len(string) + 1):
        for begin in range(len(string) - size + 1):
            end = begin + size
            found = chart[begin, end] = set[int]()
            grows = True
            while grows:
                more = {
                    head
                    for head in heads
                    if head not in found and any(_fits(form, chart, string, begin, end) for form in forms.table[head])
                }
                grows = bool(more)
                found |= more
    return forms.start in chart[0, len(string)]


def _fits(form: Form, chart: dict[tuple[int, int], set[int]], string: Sequence[str], begin: int, end: int) -> bool:
    if form.letters:
        if string[begin] not in form.letters:
            return False
        begin += 1
    match form.children:
        case ():
            return begin == end
        case (only,):
            return only in chart[begin, end]
        case (one, other):
            return any(one in chart[begin, cut] and other in chart[cut, end] for cut in range(begin, end + 1))
    raise AssertionError(form)


def count_derivations(forms: Forms, string: Sequence[str]) -> int:
    """The number of derivations of the string.

    Raises:
        EndlessDerivationsError: the grammar lets some string have infinitely many.
    """
    if forms.start is None:
        return 0
    order = evaluation_order(forms, nullable(forms))
    chart: dict[tuple[int, int], dict[int, int]] = {}
    for size in range(len(string) + 1):
        for begin in range(len(string) - size + 1):
            here = chart[begin, begin + size] = {}
            for head in order:
                ways = sum(_ways(form, chart, string, begin, begin + size) for form in forms.table[head])
                if ways:
                    here[head] = ways
    return chart[0, len(string)].get(forms.start, 0)


def _ways(form: Form, chart: dict[tuple[int, int], dict[int, int]], string: Sequence[str], begin: int, end: int) -> int:
    if form.letters:
        if begin == end or string[begin] not in form.letters:
            return 0
        begin += 1
    match form.children:
        case ():
            return int(begin == end)
        case (only,):
            return chart[begin, end].get(only, 0)
        case (one, other):
            ways = 0
            for cut in range(begin, end + 1):
                left = chart[begin, cut].get(one)
                if left:
                    ways += left * chart[cut, end].get(other, 0)
            return ways
    raise AssertionError(form)
