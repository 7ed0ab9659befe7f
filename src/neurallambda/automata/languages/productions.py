"""A grammar in the form that counting needs: what each nonterminal may become, in numbers.

Every way to expand a nonterminal reads at most one letter and leaves at most two nonterminals, so a table of all
lengths takes one convolution for each form.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from neurallambda.errors import NeurallambdaError


class EndlessDerivationsError(NeurallambdaError):
    """Some string has infinitely many derivations (or runs), so that they cannot be counted."""


class Form(NamedTuple):
    """One way to expand a nonterminal.

    Attributes:
        letters: one of these comes first; empty where the form reads nothing.
        children: the nonterminals that follow, at most two.
    """

    letters: tuple[str, ...]
    children: tuple[int, ...]


@dataclass(frozen=True)
class Forms:
    """All nonterminals that matter: each can be reached from `start`, and each derives some string.

    Attributes:
        start: the nonterminal to start from; None where no string can be derived.
        table: the forms of each nonterminal.
    """

    start: int | None
    table: tuple[tuple[Form, ...], ...]


def trimmed(start: int, table: Sequence[Sequence[Form]]) -> Forms:
    """Keep what derives a string and can be reached from the start, renumbered."""
    users: list[list[tuple[int, int]]] = [[] for _ in table]
    missing: dict[tuple[int, int], int] = {}
    productive: set[int] = set()
    todo: list[int] = []
    for head, forms in enumerate(table):
        for index, form in enumerate(forms):
            missing[head, index] = len(form.children)
            for child in form.children:
                users[child].append((head, index))
            if not form.children and head not in productive:
                productive.add(head)
                todo.append(head)
    while todo:
        for head, index in users[todo.pop()]:
            missing[head, index] -= 1
            if not missing[head, index] and head not in productive:
                productive.add(head)
                todo.append(head)
    if start not in productive:
        return Forms(None, ())
    numbers = {start: 0}
    order = [start]
    rows: list[tuple[Form, ...]] = []
    for head in order:
        row = []
        for form in table[head]:
            if productive.issuperset(form.children):
                for child in form.children:
                    if child not in numbers:
                        numbers[child] = len(order)
                        order.append(child)
                row.append(Form(form.letters, tuple(numbers[child] for child in form.children)))
        rows.append(tuple(row))
    return Forms(0, tuple(rows))


def nullable(forms: Forms) -> frozenset[int]:
    """The nonterminals that derive the empty string."""
    found: set[int] = set()
    grows = True
    while grows:
        more = {
            head
            for head, row in enumerate(forms.table)
            if any(not form.letters and found.issuperset(form.children) for form in row)
        }
        grows = not more <= found
        found |= more
    return frozenset(found)


def evaluation_order(forms: Forms, empty: frozenset[int]) -> list[int]:
    """The nonterminals ordered so that each comes after those that it may become without any letter being read.

    Args:
        forms: trimmed forms.
        empty: the nonterminals that derive the empty string.

    Raises:
        EndlessDerivationsError: a nonterminal may become itself without reading.
    """
    graph: dict[int, set[int]] = {}
    for head, row in enumerate(forms.table):
        needs = graph[head] = set()
        for form in row:
            if not form.letters:
                for index, child in enumerate(form.children):
                    if empty.issuperset(form.children[:index] + form.children[index + 1 :]):
                        needs.add(child)
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise EndlessDerivationsError(
            "some string has infinitely many derivations: a cycle of steps reads nothing and changes nothing. "
            "Remove the cycle, or ask about single strings"
        ) from error
