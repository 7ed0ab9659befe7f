"""Data, names and questions that cannot be used are refused by their name."""

import pytest
import torch

import neurallambda as nl
from neurallambda.worlds import Worlds
from tests.worlds.test_edges import WORLDS, ends

NUMBERS = torch.zeros(2, 3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (2.5, r"holes\['a'\]: got 2.5"),
        (None, r"holes\['a'\]: got None"),
        ("plus", "is not a primitive"),
        ([1, 2.5], r"holes\['a'\]: got 2.5"),
        (NUMBERS, "expected integers or booleans, one for each row"),
        (nl.Rows([1, 2, 3]), "it has 3 rows, and batch has 2"),
        ([nl.Rows([1])], "got Rows in a list"),
        (nl.Soft((1, 2), torch.tensor([float("nan"), 0.0])), "logits that are NaN"),
        (nl.Soft((1, 2), torch.zeros(3, 2)), "it has 3 rows, and batch has 2"),
        (nl.Soft((1, 2), torch.zeros(2, 1, 1, 2)), "expected .values,., .batch, values. or"),
        (torch.zeros(3, dtype=torch.long), "it has 3 rows, and batch has 2"),
    ],
    ids=str,
)
def test_data_that_cannot_be_used(given: object, message: str) -> None:
    with pytest.raises(nl.ArgumentError, match=message):
        WORLDS.compile("?a").infer(a=given, batch=2)


@pytest.mark.parametrize("lengths", [torch.tensor([1]), torch.tensor([4, 1]), torch.tensor([-1, 0])])
def test_lengths_that_do_not_fit(lengths: torch.Tensor) -> None:
    with pytest.raises(nl.ArgumentError, match="lengths: got"):
        nl.Soft((1, 2), torch.zeros(2, 3, 2), lengths)
    with pytest.raises(nl.ArgumentError, match="lengths: they go with logits"):
        nl.Soft((1, 2), torch.zeros(2, 2), torch.tensor([1, 1]))


def test_what_is_missing_or_asked_for_in_vain() -> None:
    program = WORLDS.compile("(+ ?a 1)")
    with pytest.raises(nl.SourceError, match=r"the hole .a is not filled"):
        program.infer()
    found = program.infer(a=1)
    with pytest.raises(nl.ArgumentError, match="name: got 'a'; the uncertain holes of this program are: none"):
        found.posterior("a")
    with pytest.raises(nl.ArgumentError, match=r"value: got 2.5"):
        found.probability(2.5)
    with pytest.raises(nl.ArgumentError, match="value: expected one for each of 1 rows"):
        found.probability([1, 2], each=True)
    with pytest.raises(nl.ArgumentError, match="row: got 3"):
        found.error(3)
    with pytest.raises(nl.ProgramError, match="unbound"):
        WORLDS.compile("(f 1)")
    with pytest.raises(nl.ArgumentError, match="integers: got"):
        Worlds(integers=range(2**40))


def test_names_that_are_no_holes() -> None:
    """By name each is a hole, as a misspelt option would be one otherwise; a mapping may serve many programs."""
    program = WORLDS.compile("(+ ?my-a 1)")
    assert ends(program.infer({"my-a": 1, "other": 2})) == {"2": 1.0}
    for ask in (program.infer, program.record):
        with pytest.raises(nl.ArgumentError, match=r"wich: the program has no hole \?wich; its holes are: my-a$"):
            ask({"my-a": 1}, wich=[0])
        with pytest.raises(
            nl.ArgumentError, match=r"'my-a' is no name in Python, so give it in a dict, \{'my-a': ...\}"
        ):
            ask(my_a=1)


def test_tensors_that_hold_no_numbers() -> None:
    for given in (torch.zeros(2, dtype=torch.long, device="meta"), nl.Soft((1, 2), torch.zeros(2, device="meta"))):
        with pytest.raises(nl.ArgumentError, match=r"holes\['a'\]: got a tensor on the device meta"):
            WORLDS.compile("?a").infer(a=given)


def test_values_that_are_asked_for_wrongly() -> None:
    found = WORLDS.compile("(/ 6 ?a)").infer(a=nl.Chances((0, 3), (1, 1)))
    assert found.probability(torch.tensor(2)).tolist() == pytest.approx([0.5])
    with pytest.raises(nl.ArgumentError, match=r"is a name and no value; the error is ErrorKind\.DIVISION_BY_ZERO"):
        found.probability("division-by-zero")
    with pytest.raises(nl.ArgumentError, match=r"got 'x', which is a name and no value$"):
        found.probability("x")
    with pytest.raises(nl.ArgumentError, match="values: got the text '23', expected a sequence"):
        found.log_probabilities("23")
