"""The programs of the gallery, each with the engines that do not run it, and why."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from neurallambda.engines import ENGINES
from neurallambda.engines.protocol import Engine
from neurallambda.lang.random_forms import draws
from neurallambda.lang.scope import subterms
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import Observe, Program


def gallery() -> list[dict[str, Any]]:
    """All examples: name, what it is about, source, and where it needs them engine and holes; `refused` names the engines
    that do not run it, each with the reason.

    Example:
        >>> [one["refused"]["stepper"] for one in gallery() if one["name"] == "A soft choice"]
        ['?c may be several values, and it takes one for each hole']
    """
    found = json.loads(files("neurallambda.viewer.playground").joinpath("gallery.json").read_text("utf-8"))
    return [
        {**one, "refused": {**refusals(one["source"], one.get("holes", {})), **one.get("refused", {})}} for one in found
    ]


def refusals(source: str, holes: Mapping[str, Any]) -> dict[str, str]:
    """The engines that do not run a program with these holes, each with the reason.

    Args:
        source: the program.
        holes: as a request has them.
    """
    program = parse(source)
    reasons = {str(name): _reason(name, program, holes) for name in ENGINES}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def _reason(engine: Engine, program: Program, holes: Mapping[str, Any]) -> str | None:
    if engine is Engine.WORLDS:
        return None
    if draws(program) or any(isinstance(part, Observe) for part in subterms(program)):
        return "the program draws or observes, which is for worlds"
    for name, filling in holes.items():
        if isinstance(filling, Mapping):
            return f"?{name} is a list with uncertain items, which is for worlds"
        if len(filling) > 1 and not ENGINES[engine].has_tensors:
            return f"?{name} may be several values, and it takes one for each hole"
    return None
