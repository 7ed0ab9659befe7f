"""Shortcuts are counted as by trying every relabelling."""

from itertools import permutations, product

import pytest
import torch

import neurallambda as nl
from neurallambda.worlds import Worlds

WORLDS = Worlds()


@pytest.mark.parametrize("are_permutations", [True, False])
@pytest.mark.parametrize(
    ("source", "rows"),
    [
        ("(observe (= (+ ?a ?b) ?total))", [(0, 1, 1), (2, 2, 4)]),
        ("(observe (= (mod (* ?a ?b) 3) ?total))", [(0, 1, 0), (2, 2, 1)]),
        ("(observe (= (< ?a ?b) (= ?total 1)))", [(0, 1, 1), (1, 2, 1), (2, 0, 0)]),
        ("(observe (if (flip 1 3) (= ?a ?b) (= ?a ?total)))", [(0, 1, 0), (1, 1, 1)]),
    ],
)
def test_it_counts_what_trying_all_counts(
    source: str, rows: list[tuple[int, int, int]], are_permutations: bool
) -> None:
    program = WORLDS.compile(source)
    a, b, total = (list(column) for column in zip(*rows, strict=True))

    def evidence(image: tuple[int, ...]) -> list[float]:
        given = [torch.tensor([image[one] for one in column]) for column in (a, b)]
        return program.infer(a=given[0], b=given[1], total=torch.tensor(total)).log_evidence.tolist()

    right = evidence((0, 1, 2))
    images = permutations(range(3)) if are_permutations else product(range(3), repeat=3)
    same = [image for image in images if evidence(image) == pytest.approx(right)]
    found = program.shortcuts(
        symbols={"a": a, "b": b}, values=range(3), total=torch.tensor(total), permutations=are_permutations
    )
    assert found.count == len(same) - 1
    if found.example is None:
        assert len(same) == 1
    else:
        assert tuple(found.example[symbol] for symbol in range(3)) in set(same) - {(0, 1, 2)}


def test_sums_of_all_pairs_leave_nothing_open() -> None:
    pairs = torch.cartesian_prod(torch.arange(10), torch.arange(10))
    found = WORLDS.compile("(observe (= (+ ?a ?b) ?total))").shortcuts(
        symbols={"a": pairs[:, 0].tolist(), "b": pairs[:, 1].tolist()}, values=range(10), total=pairs.sum(1)
    )
    assert (found.count, found.example) == (0, None)


def test_lists_of_symbols_and_parity() -> None:
    """What is seen is whether the sum of a list is even: 2 must stay even, and 0 and 3 must stay apart."""
    lists = [[0, 1, 2, 3], [1, 1, 2], [3, 0]]
    even = [sum(one) % 2 == 0 for one in lists]
    found = WORLDS.compile("(observe (= ?even (= 0 (mod (sum ?xs) 2))))").shortcuts(
        symbols={"xs": lists}, values=range(4), even=torch.tensor(even)
    )
    assert found.count == 7
    assert found.example is not None


def test_what_cannot_be_counted() -> None:
    program = WORLDS.compile("(observe (= (+ ?a ?b) ?total))")
    with pytest.raises(nl.ArgumentError, match=r"symbols\['a'\]: row 0 has 7, which is not among the values"):
        program.shortcuts(symbols={"a": [7], "b": [1]}, values=range(3), total=8)
    with pytest.raises(nl.ArgumentError, match=r"symbols: got .1, 2. rows"):
        program.shortcuts(symbols={"a": [1], "b": [1, 2]}, values=range(3), total=2)
    with pytest.raises(nl.ArgumentError, match="most: there are 12 relabellings of 2 symbols"):
        program.shortcuts(symbols={"a": [1], "b": [2]}, values=range(4), total=3, most=5)


def test_symbols_may_be_tensors() -> None:
    a, b = torch.tensor([0, 1]), torch.tensor([2, 1])
    program = WORLDS.compile("(observe (= (+ ?a ?b) ?total))")
    given = [
        program.shortcuts(symbols=one, values=range(3), total=a + b)
        for one in ({"a": a, "b": b}, {"a": [0, 1], "b": [2, 1]})
    ]
    assert given[0] == given[1]
    assert given[0].count == 1
    lists = torch.tensor([[0, 1], [2, 2]])
    summed = WORLDS.compile("(observe (= (sum ?xs) ?total))")
    found = summed.shortcuts(symbols={"xs": lists}, values=range(3), total=lists.sum(1))
    assert (found.count, found.example) == (1, {0: 1, 1: 0, 2: 2})


def test_symbols_of_all_kinds() -> None:
    seen = {"xs": [[[True], [], False]]}
    same = WORLDS.compile("(observe (equal? ?xs ?seen))")
    assert same.shortcuts(symbols=seen, values=(True, False), seen=nl.Rows(seen["xs"])).count == 0
    operators = {"ops": [["+", ["*"]], ["*", ["+"]]]}
    once = WORLDS.compile("(observe (= ?value ((first ?ops) ((first (second ?ops)) 2 3) 2)))")
    found = once.shortcuts(symbols=operators, values=("+", "*", "-"), value=torch.tensor([8, 10]))
    assert found.count == 0
    twice = once.shortcuts(symbols={"ops": [["+", ["+"]]]}, values=("+", "*", "-"), value=7)
    assert (twice.count, twice.example) == (1, {"+": "+", "*": "-", "-": "*"})


def test_rows_that_say_nothing_are_told() -> None:
    program = WORLDS.compile("(observe (= (+ ?a ?b) ?total))")
    a_and_b = {"a": [0, 1], "b": [2, 1]}
    with pytest.raises(
        nl.ArgumentError, match="symbols: row 1 tells nothing, as what is really seen there ends in impossible"
    ):
        program.shortcuts(symbols=a_and_b, values=range(3), total=torch.tensor([2, 3]))
    with pytest.raises(nl.ArgumentError, match=r"symbols: row 0 tells nothing, as .* ends in not-an-integer"):
        program.shortcuts(symbols=a_and_b, values=range(3), total=[2, 2])
    for total in (torch.tensor([2]), nl.Rows([2])):
        with pytest.raises(nl.ArgumentError, match=r"holes\['total'\]: it has 1 rows, and the symbols have 2"):
            program.shortcuts(symbols=a_and_b, values=range(3), total=total)
    with pytest.raises(nl.ArgumentError, match=r"symbols: the program has no hole \?c; its holes are: a, b, total"):
        program.shortcuts(symbols={"c": [1]}, values=range(3), total=2)
    with pytest.raises(nl.ArgumentError, match="values: got the text"):
        program.shortcuts(symbols=a_and_b, values="012", total=2)
