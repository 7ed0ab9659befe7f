"""The folder of a run: what was asked for, where it ran, what happened, and what it came to."""

import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neurallambda.errors import ArgumentError
from neurallambda.train import environment
from neurallambda.train.events import Event, Stepped, facts_of
from neurallambda.train.recipe import Recipe, recipe_from

LOG_EVERY = 10
"""Every so many steps, one is written to the log."""


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run.

    `run.json` says what was asked for and where it ran; `log.jsonl` what happened, an event a line; `checkpoint.safetensors`
    is what a run that was interrupted goes on from; `members.safetensors` holds the best parameters of every seed.

    Attributes:
        path: where it is.
    """

    path: Path

    @property
    def config(self) -> Path:
        """What was asked for, with versions, commit and hardware."""
        return self.path / "run.json"

    @property
    def log(self) -> Path:
        """What happened, an event a line."""
        return self.path / "log.jsonl"

    @property
    def checkpoint(self) -> Path:
        """What a run that was interrupted goes on from."""
        return self.path / "checkpoint.safetensors"

    @property
    def members(self) -> Path:
        """The best parameters of every seed, once the training is over."""
        return self.path / "members.safetensors"

    @property
    def evaluation(self) -> Path:
        """How good they are, once that was measured."""
        return self.path / "evaluation.json"

    @property
    def has_run(self) -> bool:
        """Whether a run began here."""
        return self.config.exists()

    def begin(self, asked: Mapping[str, Any]) -> None:
        """Make the folder and write down what is asked for.

        Args:
            asked: for JSON; under `recipe` what the training is.

        Raises:
            ArgumentError: if another run began here, and something of it was kept, or something else lies here.
        """
        self.check_free()
        self.path.mkdir(parents=True, exist_ok=True)
        facts = {
            **asked,
            "command": shlex.join([_program(sys.argv[0]), *sys.argv[1:]]),
            "began": datetime.now(UTC).isoformat(timespec="seconds"),
            **where(),
        }
        self.config.write_text(json.dumps(facts, indent=2) + "\n")

    def check_free(self) -> None:
        """Refuse a folder in which no run can begin.

        Raises:
            ArgumentError: if another run began here, and something of it was kept, or something else lies here.
        """
        if self.checkpoint.exists() or self.members.exists():
            raise ArgumentError(
                f"{self.path}: a run began here already; go on with it by --resume {self.path}, or name another folder"
            )
        self.check_own()

    def check_own(self) -> None:
        """Refuse a folder in which something else than a run lies: a run has a folder of its own.

        Raises:
            ArgumentError: if it is not empty, and no run began here; or if it is a file.
        """
        if self.path.exists() and not self.path.is_dir():
            raise ArgumentError(f"{self.path}: this is a file, expected the folder of a run, which may be new")
        if not self.path.exists() or self.has_run or self.checkpoint.exists() or self.members.exists():
            return
        found = next(self.path.iterdir(), None)
        if found is not None:
            raise ArgumentError(
                f"{self.path}: something else lies in this folder ({found.name}), expected a new or an empty one; name one "
                f"for this run alone, as in {self.path / 'run'}"
            )

    def facts(self) -> dict[str, Any]:
        """What was asked for.

        Raises:
            ArgumentError: if no run began here, or the file is something else.
        """
        if not self.has_run:
            raise ArgumentError(f"{self.path}: this is no folder of a run: it has no {self.config.name}")
        try:
            facts = json.loads(self.config.read_text())
            dict(**facts["recipe"])
        except (ValueError, KeyError, TypeError) as error:
            raise ArgumentError(f"{self.config}: this does not describe a run ({error})") from None
        return facts

    def recipe(self) -> Recipe:
        """The recipe that was asked for.

        Raises:
            ArgumentError: if it is that of a language model, which has commands of its own.
        """
        if "graft" in self.facts():
            raise ArgumentError(
                f"{self.path}: this is a training of a language model; see `neurallambda llm --help` for what can be done with it"
            )
        return recipe_from(self.facts()["recipe"])

    @contextmanager
    def logging(self, *, after: int = 0) -> Iterator["Log"]:
        """A listener that writes events to the log.

        Args:
            after: what the log tells of later steps is forgotten: they will be taken again.
        """
        if self.log.exists():
            lines = [line for line in self.log.read_text().splitlines() if _step(line) <= after]
            self.log.write_text("".join(f"{line}\n" for line in lines))
        with self.log.open("a", buffering=1) as file:
            yield Log(file)

    def events(self) -> list[dict[str, Any]]:
        """What happened so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []


@dataclass(frozen=True)
class Log:
    """A listener that writes events down; of the steps one in `LOG_EVERY`."""

    file: Any

    def __call__(self, event: Event) -> None:
        """Write an event down."""
        if not isinstance(event, Stepped) or event.step % LOG_EVERY == 0:
            self.file.write(json.dumps(facts_of(event)) + "\n")


def where() -> dict[str, Any]:
    """The commit, the versions and the hardware that something is computed with."""
    commit = environment.commit()
    return {
        "commit": commit.hash,
        "dirty": commit.dirty,
        "hardware": dict(environment.hardware()),
        "versions": dict(environment.versions()),
    }


def _step(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):  # the last line of a process that was killed
        return float("inf")


def _program(path: str) -> str:
    """What was called, without the place where it lies on this machine."""
    name = Path(path).name
    return "neurallambda" if name == "__main__.py" else name
