"""What a grafted model is taught: a prompt and its answer, both text, of any length."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import torch
from torch import Tensor

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError
from neurallambda.llm.config import GraftConfig
from neurallambda.llm.teaching.lisp_words import DIGITS, END, LISP_WORDS, in_words
from neurallambda.tasks.lisp.programs import tokens, value_of, write_program

# fmt: off
WORDS = (
    "dog", "cat", "ball", "tree", "house", "bird", "fish", "car", "boy", "girl", "sun", "moon", "star", "book",
    "apple", "red", "blue", "green", "big", "small", "happy", "sad", "run", "jump", "play", "sing", "eat",
    "sleep", "look", "door", "box", "hat", "bed", "cup", "rain", "snow", "wind", "bear", "king", "train",
    "park", "lake", "hill", "road", "fire", "ice", "milk", "egg", "day", "mom", "friend", "water", "hand",
    "head", "time", "home",
)
"""Words of short stories; each is one token of most vocabularies."""
# fmt: on
PAIRS = {"in": "out", "up": "down"}
"""The brackets of Dyck-2, as words that a model of stories tells apart: it has never seen `)` or `]`, which are one to it."""

PROGRAMS = {
    "plus": "(let [sum (+ ?x ?y)] (if (< sum 10) sum (- sum 10)))",
    "less": "(let [rest (- ?x ?y)] (if (< rest 0) (+ rest 10) rest))",
    "most": "(if (< ?x ?y) ?y ?x)",
    "least": "(if (< ?x ?y) ?x ?y)",
}
"""What can be done to two digits, so that a digit comes out: to add and to take away go round as hands of a clock do."""

Example = tuple[str, str]


@dataclass(frozen=True)
class TextTask:
    """A task in words.

    Attributes:
        name: what it is called.
        description: what is asked, in words.
        draw: from a length and a source of randomness, a prompt and its answer.
        structure: what a head must drive to solve it at every length.
        programs: what a bank must hold to solve it, by name; none where it is not about programs.
        values: the words for the values 0, 1, ... that the programs are about.
        words: all words that inputs and answers are made of, where a program outside the model may be given them: all
            but what ends an input.
    """

    name: str
    description: str
    draw: Callable[[int, Random], Example]
    structure: str
    programs: Mapping[str, str] = field(default_factory=dict)
    values: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Encoded:
    """Examples as tokens, padded on the right.

    Attributes:
        tokens: [rows, time].
        real: [rows, time], where there is no padding.
        answer: [rows, time], where a token is part of an answer.
    """

    tokens: Tensor
    real: Tensor
    answer: Tensor

    @property
    def start(self) -> int:
        """The first place that an answer begins at, in any row."""
        return int(self.answer.any(0).nonzero()[0])

    def to(self, device: torch.device) -> "Encoded":
        """The same on a device.

        Args:
            device: which.
        """
        return Encoded(self.tokens.to(device), self.real.to(device), self.answer.to(device))


def _reverse(length: int, random: Random) -> Example:
    words = random.choices(WORDS, k=length)
    return " ".join([*words, "|"]), " ".join(reversed(words))


def _copy(length: int, random: Random) -> Example:
    words = random.choices(WORDS, k=length)
    return " ".join([*words, "|"]), " ".join(words)


def _dyck(length: int, random: Random) -> Example:
    """Brackets of two kinds, opened and closed at random, so that some are left open; the answer closes them."""
    while True:
        written, opened = [], []
        for _ in range(length):
            if opened and random.random() < 0.4:
                written.append(PAIRS[opened.pop()])
            else:
                opened.append(random.choice(list(PAIRS)))
                written.append(opened[-1])
        if opened:
            return " ".join([*written, "|"]), " ".join(PAIRS[one] for one in reversed(opened))


def _lisp(length: int, random: Random) -> Example:
    """A program of at most so many tokens, in words. Its value ends with a word too: many models never saw the token of the end."""
    while True:
        program = write_program(length, random)
        outcome = value_of(program)
        if outcome.error is None:
            return " ".join([*in_words(program), "is"]), " ".join([*in_words(tokens(str(outcome.text))), END])


def _trace(length: int, random: Random) -> Example:
    """A stack machine's instructions; the answer is what is left, the top first."""
    while True:
        written, held = [], []
        for _ in range(length):
            if held and random.random() < 0.35:
                held.pop()
                written.append("take")
            else:
                held.append(random.choice(WORDS))
                written.append(held[-1])
        if held:
            return " ".join([*written, "|"]), " ".join(reversed(held))


def _arithmetic(length: int, random: Random) -> Example:
    """A nested expression of so many digits, in words; the answer is its value."""
    words, value = _expression(length, random)
    return " ".join([*words, "is"]), DIGITS[value]


def _expression(numbers: int, random: Random) -> tuple[list[str], int]:
    if numbers == 1:
        value = random.randrange(10)
        return [DIGITS[value]], value
    left = random.randrange(1, numbers)
    name = random.choice(list(PROGRAMS))
    (one, x), (other, y) = _expression(left, random), _expression(numbers - left, random)
    value = {"plus": (x + y) % 10, "less": (x - y) % 10, "most": max(x, y), "least": min(x, y)}[name]
    return ["in", name, *one, *other, "out"], value


TASKS: dict[str, TextTask] = {
    task.name: task
    for task in (
        TextTask("reverse", "Write a list of words backwards", _reverse, "stack", words=WORDS),
        TextTask("copy", "Write a list of words again", _copy, "queue", words=WORDS),
        TextTask("dyck", "Close what is still open among brackets of two kinds, which are words", _dyck, "stack"),
        TextTask("lisp", "Write the value of a small Lisp program, both in words", _lisp, "stack", words=LISP_WORDS),
        TextTask("trace", "Execute a stack machine's instructions, and write what is left", _trace, "stack"),
        TextTask(
            "arithmetic",
            "Write the value of a nested expression of digits, whose brackets are `in` and `out`",
            _arithmetic,
            "stack",
            programs=PROGRAMS,
            values=DIGITS,
        ),
    )
}
"""The tasks by name."""
CALLED = tuple(name for name, task in TASKS.items() if task.words)


@checked
def text_task(name: str) -> TextTask:
    """The task of a name.

    Args:
        name: one of `TASKS`.

    Raises:
        ArgumentError: if there is none.
    """
    if name not in TASKS:
        raise ArgumentError(f"task: there is no task {name!r}; the tasks are {', '.join(TASKS)}")
    return TASKS[name]


@checked
def graft_for(task: TextTask, tokenizer: Any = None) -> GraftConfig:
    """The graft that is meant for a task, with room for its longest tests: a bank, where the task is about programs.

    Args:
        task: what is taught.
        tokenizer: of the base model, which says how it writes the values of a bank; None: that is to be learned.

    Raises:
        ArgumentError: if the model has no token of its own for one of the values.
    """
    kind: Any = task.structure
    config = GraftConfig(structure=kind, depth=128)
    if not task.programs:
        return config
    tokens = () if tokenizer is None else tuple(_token_of(word, tokenizer) for word in task.values)
    programs, values = tuple(task.programs.items()), tuple(range(len(task.values)))
    return replace(
        config,
        structure="bank",
        width=16,
        depth=64,
        programs=programs,
        values=values,
        value_tokens=tokens,
        learning_rate_scale=0.3,  # at the rates of others, one seed of five finds all programs before expressions grow
    )


def without_bank(config: GraftConfig) -> GraftConfig:
    """A stack of vectors in the place of a bank, as deep as both of its stacks together; any other graft as it is.

    Args:
        config: that is meant for a task.
    """
    return GraftConfig(structure="stack", depth=2 * config.depth) if config.structure == "bank" else config


@checked
def graft_of_kind(task: TextTask, kind: str | None, tokenizer: Any = None) -> GraftConfig:
    """The graft that is meant for a task where its kind is asked for; another kind of vectors than a stack is left to `replace`.

    Args:
        task: what is taught.
        kind: as in `GraftConfig.structure`; None: what is meant for the task.
        tokenizer: of the base model, as in `graft_for`.

    Raises:
        ArgumentError: if the task has no bank, or its words are not known, or the model has no token of its own for one of them.
    """
    if kind == "calls":
        return calls_for(task, tokenizer)
    if kind == "bank" and not task.programs:
        raise ArgumentError(f"structure: the task {task.name} has no bank of programs; the task arithmetic has one")
    return graft_for(task, tokenizer) if kind in (None, "bank") else without_bank(graft_for(task))


@checked
def calls_for(task: TextTask, tokenizer: Any = None) -> GraftConfig:
    """A graft for a task by which a model can call programs outside it: those that `neurallambda.llm.calls.CALLS` has by itself, one of which solves it.

    Args:
        task: what is taught, whose words are known.
        tokenizer: of the base model, which says how it writes the words, and which token begins a text; None: that is to be learned.

    Raises:
        ArgumentError: if its words are not known, or the model has no token of its own for one of them.
    """
    if not task.words:
        raise ArgumentError(f"task: the words of {task.name!r} are not known; expected {', '.join(CALLED)}")
    words, tokens = task.words, tuple[int, ...]()
    if tokenizer is not None:
        tokens = tuple(_token_of(word, tokenizer) for word in words)
        if tokenizer.bos_token_id is not None:
            words, tokens = ("", *words), (tokenizer.bos_token_id, *tokens)
    programs = tuple((name, name) for name in ("evaluate", "again", "backwards"))
    return GraftConfig(
        structure="calls",
        width=16,
        depth=192,
        programs=programs,
        values=words,
        value_tokens=tokens,
        learning_rate_scale=0.3,  # at the rates of others, words that are rare in training come to be misread
    )


def _token_of(word: str, tokenizer: Any) -> int:
    """The one token that a word is, after another word."""
    alone, doubled = (tokenizer(text).input_ids for text in (word, f"{word} {word}"))
    if len(doubled) != len(alone) + 1:
        raise ArgumentError(f"tokenizer: {word!r} is more than one token; expected one")
    return doubled[-1]


def encode(task: TextTask, examples: list[Example], tokenizer: Any) -> Encoded:
    """Examples as tokens.

    Args:
        task: theirs.
        examples: at least one.
        tokenizer: of the base model.

    Raises:
        ArgumentError: if a prompt is read otherwise alone than before its answer.
    """
    rows, starts = [], []
    for prompt, answer in examples:
        before, whole = (tokenizer(text).input_ids for text in (prompt, f"{prompt} {answer}"))
        if whole[: len(before)] != before:
            raise ArgumentError(f"tokenizer: it reads {prompt!r} otherwise where {answer!r} follows")
        rows.append(whole)
        starts.append(len(before))
    time = max(map(len, rows))
    place = torch.arange(time)
    lengths = torch.tensor([len(row) for row in rows])[:, None]
    return Encoded(
        tokens=torch.tensor([row + [tokenizer.pad_token_id] * (time - len(row)) for row in rows]),
        real=place < lengths,
        answer=(place < lengths) & (place >= torch.tensor(starts)[:, None]),
    )


def draw(task: TextTask, length: int, rows: int, random: Random, tokenizer: Any) -> Encoded:
    """Fresh examples of one length, as tokens.

    Args:
        task: whose.
        length: of each input.
        rows: how many.
        random: the source of randomness.
        tokenizer: of the base model.
    """
    return encode(task, [task.draw(length, random) for _ in range(rows)], tokenizer)
