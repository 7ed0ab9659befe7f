"""What a trace is: the same record for every kind of machine, and its tokens as numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from neurallambda.errors import ArgumentError


class Cell(NamedTuple):
    """A cell of a memory.

    Attributes:
        token: what it holds.
        channels: what else is known of it, in the order of the record's channels of that memory: whether the head is on it,
            for example.
    """

    token: str
    channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class TraceStep:
    """One step.

    Attributes:
        state: where the control stands before it; of a cellular automaton, the state of the cell whose part it is.
        seen: what the step can see, a token for each channel of `TraceRecord.seen`.
        actions: what it does, a token for each channel of `TraceRecord.actions`.
        memory: what each memory holds before the step, from its bottom or left end.
    """

    state: str
    seen: tuple[str, ...]
    actions: tuple[str, ...]
    memory: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class TraceRecord:
    """A run, step by step.

    State and seen tokens determine the actions of a deterministic machine, and there are finitely many of both: whoever
    learns them from short runs can take long ones. The actions alone are enough to do the run again.

    Attributes:
        input: the tokens of the input.
        seen: the names of the channels in which a step sees something.
        actions: the names of the channels in which it acts.
        memories: for each memory its name, and the names of the channels of its cells.
        steps: the steps.
        answer: the tokens of the answer.
    """

    input: tuple[str, ...]
    seen: tuple[str, ...]
    actions: tuple[str, ...]
    memories: tuple[tuple[str, tuple[str, ...]], ...]
    steps: tuple[TraceStep, ...]
    answer: tuple[str, ...]

    def channels(self) -> dict[str, list[str]]:
        """The tokens of each channel, step by step: `state`, `seen NAME`, `action NAME`."""
        found = {"state": [step.state for step in self.steps]}
        for place, name in enumerate(self.seen):
            found[f"seen {name}"] = [step.seen[place] for step in self.steps]
        for place, name in enumerate(self.actions):
            found[f"action {name}"] = [step.actions[place] for step in self.steps]
        return found

    def as_data(self) -> dict[str, Any]:
        """The record as plain data, for JSON."""
        return {
            "input": list(self.input),
            "answer": list(self.answer),
            "steps": [
                {
                    "state": step.state,
                    "seen": dict(zip(self.seen, step.seen, strict=True)),
                    "actions": dict(zip(self.actions, step.actions, strict=True)),
                    "memory": {
                        name: [
                            {"token": cell.token, **dict(zip(channels, cell.channels, strict=True))} for cell in cells
                        ]
                        for (name, channels), cells in zip(self.memories, step.memory, strict=True)
                    },
                }
                for step in self.steps
            ],
        }


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of each channel, numbered: to give records to a model, and to read what it says.

    Attributes:
        tokens: for each channel its tokens; their numbers are their places.
    """

    tokens: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, records: Iterable[TraceRecord]) -> "Vocabulary":
        """The tokens that some records use, sorted."""
        found: dict[str, set[str]] = {}
        for record in records:
            for channel, tokens in record.channels().items():
                found.setdefault(channel, set()).update(tokens)
        return cls({channel: tuple(sorted(tokens)) for channel, tokens in found.items()})

    def encode(self, record: TraceRecord) -> dict[str, Int[np.ndarray, " steps"]]:
        """A record as numbers, for each channel one a step.

        Raises:
            ArgumentError: if it has a token that is not in the vocabulary.
        """
        return {channel: self._numbers(channel, tokens) for channel, tokens in record.channels().items()}

    def _numbers(self, channel: str, tokens: list[str]) -> Int[np.ndarray, " steps"]:
        places = {token: place for place, token in enumerate(self.tokens.get(channel, ()))}
        unknown = [token for token in tokens if token not in places]
        if unknown:
            raise ArgumentError(
                f"record: the channel {channel!r} has the token {unknown[0]!r}, which the vocabulary lacks"
            )
        return np.array([places[token] for token in tokens], np.int64)

    def decode(self, channel: str, numbers: Sequence[int] | Int[np.ndarray, " steps"]) -> list[str]:
        """The tokens that numbers stand for.

        Raises:
            ArgumentError: if there is no such channel, or a number is none of its.
        """
        if channel not in self.tokens:
            raise ArgumentError(f"channel: got {channel!r}, expected one of {', '.join(self.tokens)}")
        tokens = self.tokens[channel]
        wrong = [int(number) for number in numbers if not 0 <= number < len(tokens)]
        if wrong:
            raise ArgumentError(f"numbers: got {wrong[0]}, expected numbers from 0 to {len(tokens) - 1}")
        return [tokens[int(number)] for number in numbers]
