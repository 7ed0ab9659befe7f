"""The program queue: what was put is handed to a program outside the network, and its answer is read word by word."""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from neurallambda.arguments import checked, shown
from neurallambda.errors import ArgumentError, check_count
from neurallambda.llm.calls.history import Step, through_history
from neurallambda.llm.calls.programs import Call
from neurallambda.llm.calls.rows import HOLD, TAKE, Caller, PlainProgramQueue, Row, answer_of
from neurallambda.state import Batched, state
from neurallambda.structures.form import Form, anywhere
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.protocol import Structure
from neurallambda.structures.references.reference import Reference


@state
class ProgramQueueState(Batched):
    """Words by their numbers from 1 on; 0 is no word.

    Attributes:
        written: the words that were put since the last call, the first one first.
        answer: what is left of the answer, the front first.
        shown: how probable each word is to be read.
        lost: how many words were put since the last call that had no room.
        overflow: how many there were in all.
        failed: how many calls had no answer.
    """

    written: Float[Tensor, "batch capacity"]
    answer: Float[Tensor, "batch capacity"]
    shown: Float[Tensor, "batch words"]
    lost: Float[Tensor, " batch"]
    overflow: Float[Tensor, " batch"]
    failed: Float[Tensor, " batch"]


@checked
@dataclass(frozen=True)
class ProgramQueue(Structure[ProgramQueueState]):
    """A queue of words with a program in its middle: put a word, take, or hold, each with its weight.

    The first take after a put calls a program with all words that were put since the last call, and what it answers stands in
    the place of what was left of the answer before; every other take goes on to the next word of the answer. The word in front is
    shown. A call that has no answer leaves nothing to be read, and so does one with words for which there was no room.

    The programs are conventional ones, and are run on words that are certain: of a distribution the likeliest entry counts.
    The present instruction is a mixture all the same, of what would be shown after each action and with each program:

        shown'  =  hold * shown + put * front + take * sum over program p of program[p] * front after p was called

    Gradients of earlier instructions are those of the expectation, one instruction at a time (local expectation gradients:
    Titsias and Lazaro-Gredilla, 2015): what would be shown if this action, word or program had been another one, all others
    being the likeliest. Near certain instructions that is nearly the slope of the expectation over independent instructions. Options
    that are less likely than one percent are not looked at, nor words where another action than to put is the likeliest. Slopes
    go as far back as the beginning of a `scan`, and cost time that grows with its square and with how many options are likely.

    Attributes:
        capacity: how many words can be put before a call, and how many an answer can have.
        words: the words, by which programs know them. An empty one is none: to put it changes nothing.
        programs: what can be called: the same words must always have the same answer.

    Example:
        >>> queue = ProgramQueue(capacity=8, words=("one", "two"), programs=(lambda words: words[::-1],))
        >>> state, only = queue.init(1), torch.ones(1, 1)
        >>> for action, word in ((0, 0), (0, 1), (1, 0)):  # put "one", put "two", take
        ...     state, shown = queue.step(state, torch.eye(3)[[action]], torch.eye(2)[[word]], only)
        >>> shown
        tensor([[0., 1.]])
    """

    capacity: int
    words: tuple[str, ...]
    programs: tuple[Call, ...]

    def __post_init__(self) -> None:
        check_count("capacity", self.capacity)
        for name, given in (("words", self.words), ("programs", self.programs)):
            if not given:
                raise ArgumentError(f"{name}: there is none; expected at least one")
        if len(set(self.words)) < len(self.words):
            raise ArgumentError("words: one of them is there twice; expected each once")
        for program in self.programs:
            if not isinstance(program, Hashable):
                raise ArgumentError(
                    f"programs: got {shown(program)}, which has no hash; expected functions from words to words"
                )

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("action", 3, Kind.DISTRIBUTION, ("put", "take", "hold"), idle=HOLD),
            Operand("word", len(self.words), Kind.DISTRIBUTION),
            Operand("program", len(self.programs), Kind.DISTRIBUTION),
        )

    @property
    def read_width(self) -> int:
        return len(self.words)

    @property
    def forms(self) -> dict[str, Form[ProgramQueueState]]:
        return {"calls": Form(run=self._run, available=anywhere)}

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> ProgramQueueState:
        exact = round(2 / torch.finfo(dtype).eps)
        if max(len(self.words), self.capacity) > exact:
            raise ArgumentError(
                f"dtype: {dtype} counts to {exact}, and there are {len(self.words)} words and {self.capacity} cells; expected float32"
            )
        row = torch.zeros(batch, device=device, dtype=dtype)
        cells = row[:, None].expand(batch, self.capacity)
        return ProgramQueueState(
            written=cells.clone(),
            answer=cells.clone(),
            shown=torch.zeros(batch, len(self.words), device=device, dtype=dtype),
            lost=row,
            overflow=row,
            failed=row,
        )

    def advance(self, state: ProgramQueueState, *operands: Tensor) -> ProgramQueueState:
        return self._run(state, *(operand[:, None] for operand in operands))[0]

    def read(self, state: ProgramQueueState) -> Tensor:
        """The word in front."""
        return state.shown

    def size(self, state: ProgramQueueState) -> Tensor:
        """How many words were put since the last call, or are left of the answer."""
        return ((state.written > 0).sum(1) + (state.answer > 0).sum(1)).to(state.shown.dtype)

    def contents(self, state: ProgramQueueState) -> Tensor:
        """What was written, and then what is left of the answer."""
        cells = torch.cat([state.written, state.answer], 1).long()
        return functional.one_hot(cells, len(self.words) + 1)[..., 1:].to(state.shown.dtype)

    @torch.no_grad()
    def called(
        self,
        state: ProgramQueueState,
        action: Float[Tensor, "batch actions"],
        word: Float[Tensor, "batch words"],
        program: Float[Tensor, "batch programs"],
    ) -> list[int | None]:
        """Which program an instruction calls in each row; None where it calls none.

        Args:
            state: what is held before it.
            action: how much of each action is done.
            word: how probable each word is to be put.
            program: how probable each program is.
        """
        rows, chosen = _rows(state), zip(action.argmax(-1).tolist(), program.argmax(-1).tolist(), strict=True)
        return [
            number if kind == TAKE and row.is_due else None for row, (kind, number) in zip(rows, chosen, strict=True)
        ]

    def reference(self) -> Reference:
        answers = tuple(partial(answer_of, program, self.words) for program in self.programs)
        return PlainProgramQueue(self.capacity, answers, self.words)

    def _run(self, state: ProgramQueueState, *operands: Tensor) -> tuple[ProgramQueueState, Tensor]:
        # `torch.compile` would follow plain Python into the programs.
        carried_out: Any = torch.compiler.disable(self._carried_out)
        return carried_out(state, *operands)

    def _carried_out(self, state: ProgramQueueState, *operands: Tensor) -> tuple[ProgramQueueState, Tensor]:
        caller = Caller(self.capacity, self.words, self.programs)
        has_slopes = torch.is_grad_enabled() and any(operand.requires_grad for operand in operands)
        steps = _steps(operands, with_words=has_slopes)
        histories = [_history(caller, row, its) for row, its in zip(_rows(state), steps, strict=True)]
        last = [history[-1] for history in histories]
        added = self._added(operands, histories, steps, caller, everywhere=has_slopes)
        if has_slopes:
            added = through_history(added, operands, caller, histories, steps)
        shown, reads = state.shown, list[Tensor]()
        for now, hold in zip(added.unbind(1), operands[0][..., HOLD].unbind(1), strict=True):
            shown = hold[:, None] * shown + now
            reads.append(shown)
        numbers = state.lost.new_tensor([[row.lost, row.overflow, row.failed] for row in last])
        after = ProgramQueueState(
            written=self._cells([row.written for row in last], state.written),
            answer=self._cells([row.answer for row in last], state.answer),
            shown=shown,
            lost=numbers[:, 0],
            overflow=numbers[:, 1],
            failed=numbers[:, 2],
        )
        return after, torch.stack(reads, 1)

    def _added(
        self,
        operands: tuple[Tensor, ...],
        histories: list[list[Row]],
        steps: list[list[Step]],
        caller: Caller,
        *,
        everywhere: bool,
    ) -> Tensor:
        """What every put and every take adds to what is shown: [batch, time, words].

        Programs are called where that weighs something; for the sake of slopes, everywhere.
        """
        action, _, program = operands

        def fronts(row: Row, step: Step) -> list[int]:
            weights = [step.action[TAKE] * weight for weight in step.program]
            return [
                _number(caller.taken(row, number)) if everywhere or weight else 0
                for number, weight in enumerate(weights)
            ]

        before = [[_number(row) for row in history[:-1]] for history in histories]
        called = [list(map(fronts, history[:-1], its)) for history, its in zip(histories, steps, strict=True)]
        put, take, _ = action[..., None].unbind(2)
        answers = (program[..., None, :] @ self._one_hot(called, action)).squeeze(2)
        return put * self._one_hot(before, action) + take * answers

    def _one_hot(self, numbers: Any, like: Tensor) -> Tensor:
        """Words by their numbers from 1 on, as zeros and ones; no word is nothing but zeros."""
        given = torch.tensor(numbers, device=like.device)
        return functional.one_hot(given, len(self.words) + 1)[..., 1:].to(like.dtype)

    def _cells(self, words: list[tuple[int, ...]], like: Tensor) -> Tensor:
        """The words of each row by their numbers from 1 on, and zeros in the cells that are left."""
        cells = [[number + 1 for number in row] + [0] * (self.capacity - len(row)) for row in words]
        return like.new_tensor(cells)


def _rows(state: ProgramQueueState) -> list[Row]:
    """What each row holds."""
    columns = (state.written, state.answer, state.lost, state.overflow, state.failed)
    return [
        Row(_words(written), _words(answer), *map(int, counts))
        for written, answer, *counts in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _words(cells: list[float]) -> tuple[int, ...]:
    return tuple(int(cell) - 1 for cell in cells if cell)


def _steps(operands: tuple[Tensor, ...], *, with_words: bool) -> list[list[Step]]:
    """The instructions of each row, with the likeliest entry of each operand; without slopes only the likeliest word counts."""
    action, word, program = (operand.detach() for operand in operands)
    weights = [one.tolist() for one in (action, word if with_words else word[..., :0], program)]
    chosen = torch.stack([operand.argmax(-1) for operand in operands], -1).tolist()
    return [
        [Step(action, word, program, tuple(numbers)) for action, word, program, numbers in zip(*row, strict=True)]
        for row in zip(*weights, chosen, strict=True)
    ]


def _history(caller: Caller, row: Row, steps: list[Step]) -> list[Row]:
    """What is held before each instruction, and after the last one."""
    return list(accumulate(steps, lambda held, step: caller.after(held, *step.chosen), initial=row))


def _number(row: Row) -> int:
    """The word in front by its number from 1 on; 0 is none."""
    return 0 if row.front is None else row.front + 1
