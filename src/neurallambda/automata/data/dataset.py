"""Labelled strings with traces as a Hugging Face dataset."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from neurallambda.arguments import checked
from neurallambda.automata.automaton import Automaton
from neurallambda.automata.data.generate import Recipe, generate
from neurallambda.automata.data.records import records
from neurallambda.automata.extras import extra
from neurallambda.automata.runs.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict


@checked
def to_dataset(
    machine: Automaton, recipe: Recipe, *, traces: bool = True, limits: Limits = DEFAULT_LIMITS
) -> "Dataset":
    """A `datasets.Dataset` of labelled strings.

    Args:
        machine: the machine.
        recipe: what to draw.
        traces: add what the machine goes through on each string: `symbols`, `states` and `memories`.
        limits: how far counting, searching and each verdict may go.

    Returns:
        A dataset with the columns of `neurallambda.automata.data.records.records`.

    Raises:
        MissingExtraError: the package `datasets` is not installed.
    """
    return _build(list(records(machine, generate(machine, recipe, limits=limits), traces=traces)))


@checked
def to_splits(
    machine: Automaton, recipes: dict[str, Recipe], *, traces: bool = True, limits: Limits = DEFAULT_LIMITS
) -> "DatasetDict":
    """A `datasets.DatasetDict` with one split for each recipe, as for training on short strings and testing on long ones.

    Args:
        machine: the machine.
        recipes: for each split, what to draw. Give splits different seeds.
        traces: as in `to_dataset`.
        limits: as in `to_dataset`.

    Returns:
        The splits.

    Raises:
        MissingExtraError: the package `datasets` is not installed.
    """
    package = extra("datasets", "a dataset")
    return package.DatasetDict(
        {name: to_dataset(machine, recipe, traces=traces, limits=limits) for name, recipe in recipes.items()}
    )


def _build(rows: list[dict[str, Any]]) -> "Dataset":
    package = extra("datasets", "a dataset")
    columns: Iterator[str] = iter(rows[0]) if rows else iter(("string", "label", "length", "kind"))
    return package.Dataset.from_dict({column: [row[column] for row in rows] for column in columns})
