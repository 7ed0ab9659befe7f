"""One row of a program queue, in plain Python: what was written, what is left of the answer, and what an instruction changes."""

from collections.abc import Callable, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from neurallambda.arguments import shown
from neurallambda.errors import ArgumentError
from neurallambda.llm.calls.programs import Call
from neurallambda.structures.references.reference import Reference, Vector

PUT, TAKE, HOLD = 0, 1, 2
Numbers = tuple[int, ...]


class Row(NamedTuple):
    """What a program queue holds.

    Attributes:
        written: the numbers of the words that were put since the last call.
        answer: those of what is left of the answer.
        lost: how many words were put since the last call that had no room.
        overflow: how many there were in all.
        failed: how many calls had no answer.
    """

    written: Numbers = ()
    answer: Numbers = ()
    lost: int = 0
    overflow: int = 0
    failed: int = 0

    @property
    def is_due(self) -> bool:
        """Whether the next take calls a program."""
        return bool(self.written or self.lost)

    @property
    def front(self) -> int | None:
        """The word that is shown."""
        return self.answer[0] if self.answer else None


@dataclass(frozen=True)
class Caller:
    """What carries out certain instructions.

    Attributes:
        capacity: how many words can be put before a call, and how many an answer can have.
        words: by their numbers; an empty one is none, and to put it changes nothing.
        programs: by theirs.
    """

    capacity: int
    words: tuple[str, ...]
    programs: tuple[Call, ...]

    def after(self, row: Row, action: int, word: int, program: int) -> Row:
        """What is held after an instruction.

        Args:
            row: what is held before it.
            action: put, take or hold.
            word: which is put.
            program: which is called.
        """
        if action == TAKE:
            return self.taken(row, program)
        if action == HOLD or not self.words[word]:
            return row
        if len(row.written) == self.capacity:
            return row._replace(lost=row.lost + 1, overflow=row.overflow + 1)
        return row._replace(written=(*row.written, word))

    def taken(self, row: Row, program: int) -> Row:
        """What is held after a take.

        Args:
            row: what is held before it.
            program: which is called, if one is.
        """
        if not row.is_due:
            return row._replace(answer=row.answer[1:])
        answer = None if row.lost else answer_of(self.programs[program], self.words, row.written)
        if answer is None or len(answer) > self.capacity:
            return row._replace(written=(), answer=(), lost=0, failed=row.failed + 1)
        return row._replace(written=(), answer=answer, lost=0)


@lru_cache(maxsize=2**16)
def answer_of(program: Call, words: tuple[str, ...], written: Numbers) -> Numbers | None:
    """The answer of a program by the numbers of its words; None where it has none, or one with other words.

    Args:
        program: what is called.
        words: by their numbers.
        written: the numbers of those that it is given.

    Raises:
        ArgumentError: if the program raises, or answers with something else than words in an order.
    """
    given, name = tuple(words[number] for number in written), getattr(program, "__name__", str(program))
    try:
        found = program(given)
        answer = found if found is None or isinstance(found, str) else tuple(found)
    except Exception as error:  # whatever is wrong with a program of somebody's own
        problem = f"{type(error).__name__}: {error}"
        raise ArgumentError(
            f"programs: {name} of {shown(given)} raised {problem}; expected words, or None for no answer to any words at all"
        ) from error
    if answer is None:
        return None
    if isinstance(found, (str, Set)) or not all(isinstance(word, str) for word in answer):
        raise ArgumentError(
            f"programs: {name} of {shown(given)} gave {shown(found)}, expected words, as in ('dog', 'cat'), or None"
        )
    known = _places(words)
    return tuple(known[word] for word in answer) if all(word in known for word in answer) else None


@lru_cache(maxsize=64)
def _places(words: tuple[str, ...]) -> dict[str, int]:
    return {word: place for place, word in enumerate(words) if word}


@dataclass
class PlainProgramQueue(Reference):
    """A list of words and what is left of an answer; the judge of the tensor structure.

    The operands are the index of (put, take, hold), the number of the word, and that of the program.

    Attributes:
        capacity: how many words can be put before a call, and how many an answer can have.
        answers: for each program, from the numbers of words to those of its answer, or None.
        words: by their numbers; an empty one is none.
    """

    capacity: int
    answers: tuple[Callable[[Numbers], Numbers | None], ...]
    words: tuple[str, ...]

    def __post_init__(self) -> None:
        self.written = list[int]()
        self.answer = list[int]()
        self.is_spoiled = False
        self.failed = 0

    def step(self, *operands: int | list[float]) -> None:
        action, word, program = operands
        assert isinstance(action, int) and isinstance(word, int) and isinstance(program, int)
        match action:
            case 0 if not self.words[word]:
                pass
            case 0 if len(self.written) < self.capacity:
                self.written.append(word)
            case 0:
                self.is_spoiled = True
                self.overflow += 1
            case 1 if self.written or self.is_spoiled:
                self._call(program)
            case 1:
                del self.answer[:1]
            case _:
                pass

    def _call(self, program: int) -> None:
        found = None if self.is_spoiled else self.answers[program](tuple(self.written))
        has_answer = found is not None and len(found) <= self.capacity
        self.answer = list(found) if found is not None and has_answer else []
        self.failed += not has_answer
        self.written, self.is_spoiled = [], False

    def read(self) -> Vector:
        return [float(self.answer[:1] == [word]) for word in range(len(self.words))]

    def size(self) -> float:
        return float(len(self.written) + len(self.answer))
