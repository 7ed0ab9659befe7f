"""What a task is: how its rows are drawn, what the right answers are, and what is known about it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from jaxtyping import Int, Shaped
from torch import Generator, Tensor

from neurallambda.arguments import check_type, checked_methods
from neurallambda.automata.extras import extra
from neurallambda.errors import ArgumentError, check_count
from neurallambda.tasks.batch import Batch, Score, score

if TYPE_CHECKING:
    from datasets import Dataset

    from neurallambda.tasks.traces.steps import Runs

Level = Literal["regular", "deterministic context-free", "context-free", "context-sensitive", "recursively enumerable"]
"""The classes of the Chomsky hierarchy, and between the first two what one stack can do without guessing."""


@dataclass(frozen=True)
class Rows:
    """Drawn rows, as arrays of NumPy, before they are laid out in time.

    Attributes:
        inputs: the inputs, each from the left; what stands past its length is not looked at.
        lengths: how long each input is.
        answers: the answers, each from the left.
        sizes: how long each answer is.

    Example:
        >>> Rows(np.array([[1, 0]]), lengths=np.array([2]), answers=np.array([[1]]), sizes=np.array([1])).lengths
        array([2])
    """

    inputs: Int[np.ndarray, "rows widest"]
    lengths: Int[np.ndarray, " rows"]
    answers: Int[np.ndarray, "rows longest"]
    sizes: Int[np.ndarray, " rows"]

    @classmethod
    def of(cls, inputs: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]) -> "Rows":
        """Rows that were drawn one by one.

        >>> Rows.of([[1, 2], [3]], [[4], [5, 6]]).inputs
        array([[1, 2],
               [3, 0]])
        """
        return cls(
            inputs=_array(inputs),
            lengths=np.array([len(row) for row in inputs]),
            answers=_array(answers),
            sizes=np.array([len(row) for row in answers]),
        )


def _array(rows: Sequence[Sequence[int]]) -> Int[np.ndarray, "rows widest"]:
    array = np.zeros((len(rows), max(1, *map(len, rows)) if rows else 1), np.int64)
    for line, row in zip(array, rows, strict=True):
        line[: len(row)] = row
    return array


Draw = Callable[[Int[np.ndarray, " rows"], np.random.Generator], Rows]
"""Draws a row of each of the given lengths."""


@dataclass(frozen=True)
class Published:
    """What others report of a task.

    Attributes:
        figures: for each model its accuracy in percent.
        source: where they are from, and how they were measured.
    """

    figures: Mapping[str, float]
    source: str

    @property
    def best(self) -> tuple[str, float]:
        """The model with the highest accuracy, the first of them, and that accuracy."""
        return max(self.figures.items(), key=lambda item: item[1])


@checked_methods("answer", "batch", "dataset", "record", "score", "time")
@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """A task: inputs are strings of symbols, answers are strings of other symbols.

    Attributes:
        name: its name, as the command line has it.
        description: what it is, in one sentence.
        level: which class of the Chomsky hierarchy it is in, where that is known.
        symbols: the names of the input symbols; their numbers are their places.
        answers: the names of the answer's symbols; their numbers are their places.
        draw: draws rows of given lengths.
        reference: the right answer to an input, in plain Python.
        answer_length: how many tokens of a row are left for the answer, for an input length. An answer may be shorter.
        reads: `after`: the answer is read after the input, at empty tokens; `along`: while the input is read, one token of
            the answer at each token of the input.
        shortest: the least input length.
        unseen: the same task, its inputs drawn from symbols that this one never shows: to test with.
        runs: of a task of a single step, the runs that it is learned for: models are judged by those.
        published: what others report.
        notes: what else to know: where the published code differs from the paper, for example.

    Example:
        >>> def draw(lengths, random):
        ...     inputs = [random.integers(0, 2, length).tolist() for length in lengths]
        ...     return Rows.of(inputs, [[one[-1]] for one in inputs])
        >>> last = Task(
        ...     name="last",
        ...     description="the last symbol",
        ...     level="regular",
        ...     symbols=("a", "b"),
        ...     answers=("a", "b"),
        ...     draw=draw,
        ...     reference=lambda input: [input[-1]],
        ...     answer_length=lambda length: 1,
        ... )
        >>> last.record(last.batch(3, 1, generator=torch.Generator().manual_seed(0)), 0)["input"]
        ['a', 'a', 'b']
    """

    name: str
    description: str
    level: Level | None
    symbols: tuple[str, ...]
    answers: tuple[str, ...]
    draw: Draw = field(repr=False)
    reference: Callable[[Sequence[int]], list[int]] = field(repr=False)
    answer_length: Callable[[int], int] = field(repr=False)
    reads: Literal["after", "along"] = "after"
    shortest: int = 1
    unseen: "Task | None" = field(default=None, repr=False)
    runs: "Runs | None" = field(default=None, repr=False)
    published: Published | None = field(default=None, repr=False)
    notes: str = field(default="", repr=False)

    @property
    def inputs(self) -> int:
        """How many input symbols there are, with the empty one, which is the last."""
        return len(self.symbols) + 1

    @property
    def outputs(self) -> int:
        """How many answers a token can have."""
        return len(self.answers)

    @property
    def empty(self) -> int:
        """The empty token, at which answers are read and with which rows are padded."""
        return len(self.symbols)

    def time(self, length: int) -> int:
        """How long a row is, for an input length.

        Args:
            length: how many tokens the input has.
        """
        check_count("length", length, least=0)
        return length + self.answer_length(length) if self.reads == "after" else length

    def answer(self, input: Sequence[int]) -> list[int]:  # noqa: A002
        """The right answer to an input, found in plain Python.

        Args:
            input: the numbers of its symbols, at least `shortest` of them.

        Returns:
            The numbers of the answer's symbols.

        Raises:
            ArgumentError: if the input is too short, has a symbol that is none of the task's, or is none that it asks about.
        """
        wrong = [symbol for symbol in input if not 0 <= symbol < len(self.symbols)]
        if wrong:
            raise ArgumentError(
                f"input: got the symbol {wrong[0]}, expected numbers from 0 to {len(self.symbols) - 1}: "
                f"{self.name} has the symbols {' '.join(self.symbols)}"
            )
        if len(input) < self.shortest:
            raise ArgumentError(f"input: got {len(input)} symbols, expected at least {self.shortest} for {self.name}")
        return self.reference(list(input))

    def batch(self, lengths: int | tuple[int, int], rows: int, *, generator: Generator) -> Batch:
        """Draw rows, the length of each uniformly from a range.

        All batches of a range have the same shape.

        Args:
            lengths: of the inputs: one length, or the shortest and the longest, as in `(1, 40)`.
            rows: how many.
            generator: the source of randomness, on the CPU.

        Returns:
            The rows, on the CPU.

        Raises:
            ArgumentError: if there are no such lengths, or no rows are asked for.

        Example:
            >>> from neurallambda.tasks import task
            >>> reverse = task("reverse-string")
            >>> batch = reverse.batch((1, 8), 24, generator=torch.Generator().manual_seed(0))
            >>> batch.tokens.shape, reverse.time(8)
            (torch.Size([24, 16]), 16)
            >>> reverse.score(batch.targets, batch)
            Score(accuracy=1.0, exact=1.0)
        """
        low, high = self._range(lengths)
        check_count("rows", rows)
        if generator.device.type != "cpu":
            raise ArgumentError(
                f"generator: got one on {generator.device}, expected one on the CPU; move the batch instead"
            )
        # Each batch has a generator of NumPy's, whose seed is drawn from torch's: one seed governs both.
        seed = torch.randint(2**16, (4,), generator=generator).tolist()
        random = np.random.Generator(np.random.SFC64(seed))
        return self._lay_out(self.draw(random.integers(low, high + 1, rows), random), self.time(high))

    def _lay_out(self, rows: Rows, time: int) -> Batch:
        """Put inputs and answers in their places in time."""
        steps = np.arange(time)
        begin = rows.lengths if self.reads == "after" else np.zeros_like(rows.lengths)
        since = steps - begin[:, None]
        mask = (since >= 0) & (since < rows.sizes[:, None])
        tokens = np.where(steps < rows.lengths[:, None], _padded(rows.inputs, time), self.empty)
        found = np.take_along_axis(rows.answers, since.clip(0, rows.answers.shape[1] - 1), 1)
        return Batch(
            tokens=torch.from_numpy(tokens),
            targets=torch.from_numpy(np.where(mask, found, 0)),
            mask=torch.from_numpy(mask),
            lengths=torch.from_numpy(rows.lengths),
        )

    def score(self, predictions: Shaped[Tensor, "batch time"], batch: Batch) -> Score:
        """How many tokens and rows of a batch are answered right: see `neurallambda.tasks.batch.score`."""
        return score(predictions, batch)

    def dataset(self, lengths: int | tuple[int, int], rows: int, *, seed: int = 0) -> "Dataset":
        """Rows as a Hugging Face dataset.

        Args:
            lengths: of the inputs: one length, or the shortest and the longest.
            rows: how many.
            seed: the same seed gives the same rows.

        Returns:
            A dataset with the columns `input` and `answer` (names of symbols), `length`, and `tokens`, `targets` and `mask`
            as in a batch, without padding.

        Raises:
            ArgumentError: if there is no such seed, length or row.
            MissingExtraError: the package `datasets` is not installed.
        """
        package = extra("datasets", "a dataset")
        batch = self.batch(lengths, rows, generator=generator_from(seed))
        return package.Dataset.from_list([self.record(batch, row) for row in range(rows)])

    def record(self, batch: Batch, row: int) -> dict[str, object]:
        """One row of a batch as plain Python, without padding: what a dataset holds.

        Args:
            batch: the batch.
            row: which row.

        Raises:
            ArgumentError: if the batch has no such row.
        """
        if not 0 <= row < len(batch.lengths):
            raise ArgumentError(f"row: got {row}, expected a number from 0 to {len(batch.lengths) - 1}")
        length = int(batch.lengths[row])
        mask = batch.mask[row]
        end = max(length, int(mask.nonzero().max()) + 1)
        tokens, targets = batch.tokens[row, :end].tolist(), batch.targets[row, :end].tolist()
        return {
            "input": [self.symbols[token] for token in tokens[:length]],
            "answer": [self.answers[target] for target in batch.targets[row][mask].tolist()],
            "length": length,
            "tokens": tokens,
            "targets": targets,
            "mask": mask[:end].tolist(),
        }

    def _range(self, lengths: int | tuple[int, int]) -> tuple[int, int]:
        """The shortest and the longest length, checked."""
        low, high = lengths if isinstance(lengths, tuple) else (lengths, lengths)
        check_type("lengths", (low, high), tuple[int, int])
        if not self.shortest <= low <= high:
            raise ArgumentError(
                f"lengths: got {lengths}, expected one of at least {self.shortest}, or the shortest and the longest, "
                f"as in ({self.shortest}, {max(self.shortest, 40)})"
            )
        return low, high


def generator_from(seed: int) -> Generator:
    """A source of randomness on the CPU.

    Raises:
        ArgumentError: if the seed is none that torch takes.
    """
    if not -(2**63) <= seed < 2**64:
        raise ArgumentError(f"seed: got {seed}, expected an integer from -2**63 to 2**64 - 1")
    return Generator().manual_seed(seed)


def _padded(array: Int[np.ndarray, "rows widest"], width: int) -> Int[np.ndarray, "rows width"]:
    """The array with this width; what is added is 0."""
    if array.shape[1] >= width:
        return array[:, :width]
    padded = np.zeros((array.shape[0], width), array.dtype)
    padded[:, : array.shape[1]] = array
    return padded
