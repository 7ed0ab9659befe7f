"""A result: what a run came to on fresh inputs, with all that is needed to judge it or to do it again."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neurallambda.errors import ArgumentError
from neurallambda.train.evaluation import SOLVED, Evaluation
from neurallambda.train.loop import Trained
from neurallambda.train.run_folder import where

FORM = "neurallambda result 1"
"""What says that a JSON file is a result."""


def result(trained: Trained, evaluation: Evaluation, members: tuple[int, ...], run: dict[str, Any]) -> dict[str, Any]:
    """A result, for JSON.

    Args:
        trained: what the run came to.
        evaluation: of some of its members.
        members: which: the place of each among all seeds that started. The score of the others is unknown, None.
        run: the facts of the run: commit, hardware and versions of the training.

    Returns:
        Every seed that started has its place in it; one without a score counts as not solved.
    """
    scores = dict(zip(members, evaluation.scores, strict=True))
    exact = {member: sum(one) / len(one) for member, one in zip(members, evaluation.exact, strict=True)}
    seeds = []
    for member, seed in enumerate(trained.seeds):
        fate = trained.fates.get(seed, {"after": None, "why": None})
        score = scores.get(member)
        seeds.append(
            {
                "seed": seed,
                "score": None if score is None else round(score, 4),
                "exact": None if score is None else round(exact[member], 4),
                "solved": score is not None and score >= SOLVED,
                "validation": round(trained.scores[member], 4),
                "left_after": fate["after"],
                "why": fate["why"],
            }
        )
    known = [one["score"] for one in seeds if one["score"] is not None]
    one = trained.population.members()[0]
    return {
        "form": FORM,
        "task": trained.task.name,
        "recipe_name": trained.recipe.name,
        "recipe": trained.recipe.facts(),
        "parameters": sum(parameter.numel() for parameter in one.parameters()),
        "started": len(seeds),
        "kept": len(seeds) - len(trained.fates),
        "solved": sum(one["solved"] for one in seeds),
        "mean": round(sum(known) / len(known), 4) if known else None,
        "min": min(known, default=None),
        "max": max(known, default=None),
        "scored": len(known),
        "seeds": seeds,
        "steps": trained.steps,
        "seconds": round(trained.seconds, 1),
        "ended": trained.reason,
        "evaluation": evaluation.facts() | {"members": list(members)},
        "training": {name: run.get(name) for name in ("commit", "dirty", "hardware", "versions", "began", "command")},
        "test": {"date": datetime.now(UTC).isoformat(timespec="seconds"), **where()},
    }


def write_result(path: Path, facts: dict[str, Any]) -> None:
    """Write a result; numbers of one list stand in one line. Whoever reads it at the same time finds the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(_lines(facts) + "\n")
    unfinished.replace(path)


def read_result(path: Path) -> dict[str, Any]:
    """Read a result.

    Raises:
        ArgumentError: if the file holds none.
    """
    return read_facts(path, FORM, "neurallambda evaluate")


def read_facts(path: Path, form: str, command: str) -> dict[str, Any]:
    """Read a result of any form.

    Args:
        path: of the file.
        form: what its field `form` must be.
        command: what writes such files, for the message.

    Raises:
        ArgumentError: if the file holds none.
    """
    facts = _json(path)
    if not isinstance(facts, dict) or facts.get("form") != form:
        raise ArgumentError(f"{path}: this is no result of `{command}`")
    return facts


def facts_in(folder: Path, form: str) -> list[dict[str, Any]]:
    """All results of a form that lie in a folder, by the names of their files; there may be none.

    Args:
        folder: where they lie.
        form: what their field `form` is.

    Raises:
        ArgumentError: if a file there is no JSON: a result that was not written to its end is not left out unsaid.
    """
    return list(files_in(folder, form).values())


def files_in(folder: Path, form: str) -> dict[Path, dict[str, Any]]:
    """The same by file.

    Args:
        folder: where they lie.
        form: what their field `form` is.

    Raises:
        ArgumentError: if a file there is no JSON.
    """
    read = {path: _json(path) for path in sorted(folder.glob("*.json"))}
    return {path: facts for path, facts in read.items() if isinstance(facts, dict) and facts.get("form") == form}


def find_results(places: list[Path]) -> list[Path]:
    """The files of results: those named, those in folders named, and the evaluation of each folder of a run.

    Raises:
        ArgumentError: if there is none at a place.
    """
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            inside = sorted(path for path in place.rglob("*.json") if _is_result(path))
            if not inside:
                raise ArgumentError(
                    f"{place}: there is no result in this folder; `neurallambda evaluate RUN` makes one"
                )
            found += inside
        else:
            found.append(place)
    return list(dict.fromkeys(found))


def _json(path: Path) -> Any:
    if not path.is_file():
        reason = "this is a folder, expected a file" if path.is_dir() else "there is no such file"
        raise ArgumentError(f"{path}: {reason}")
    try:
        return json.loads(path.read_text())
    except OSError as error:
        raise ArgumentError(f"{path}: it cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"{path}: this is no JSON ({error}); remove it, or make it again") from None


def _is_result(path: Path) -> bool:
    try:
        read_result(path)
    except ArgumentError:
        return False
    return True


def _lines(value: Any, indent: str = "") -> str:
    """JSON with a line for each field, and lists and small records in one line."""
    if isinstance(value, dict) and value and len(json.dumps(value)) > 100:
        inside = indent + " "
        fields = ",\n".join(f"{inside}{json.dumps(str(key))}: {_lines(item, inside)}" for key, item in value.items())
        return f"{{\n{fields}\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], (dict, list)):
        inside = indent + " "
        return "[\n" + ",\n".join(inside + json.dumps(item) for item in value) + f"\n{indent}]"
    return json.dumps(value)
