"""What may certainly stand for a hole: an integer, a boolean, or the name of a primitive."""

from collections.abc import Mapping
from typing import Any

from neurallambda.errors import ArgumentError
from neurallambda.lang.chances import Chances
from neurallambda.lang.terms import PRIMITIVES

DEEPEST = 100
"""So deep may lists be nested that stand for a hole."""


def check_names(holes: object) -> Mapping[str, Any]:
    """What a caller gave as `holes`, with every hole named as it is in a program without its `?`.

    Raises:
        ArgumentError: where it is no mapping from names.
    """
    if holes is None:
        return {}
    if not isinstance(holes, Mapping):
        raise ArgumentError(f"holes: got {_shown(holes)}, expected a dict from names of holes to what they stand for")
    for name in holes:
        if not isinstance(name, str):
            raise ArgumentError(f"holes: got the name {_shown(name)}, expected the text of one, as in {{'a': 1}}")
        if name.startswith("?"):
            raise ArgumentError(f"holes: got the name {name!r}; write it without the question mark, {name[1:]!r}")
    return holes


def check_certain(holes: object) -> Mapping[str, int | bool | str]:
    """What a caller gave as `holes`, where every one stands for a single value.

    Raises:
        ArgumentError: naming the hole that does not.
    """
    for name, value in check_names(holes).items():
        if type(value).__name__ in ("Soft", "Tensor", "Parameter"):  # asked by name, for torch may not be there
            raise ArgumentError(
                f"holes[{name!r}]: got a distribution, and an engine without tensors runs certain programs only; give one "
                f"value, or choose the engine machine, beta or worlds"
            )
        check_atom(name, value)
    return check_names(holes)


def check_given(holes: object) -> Mapping[str, Any]:
    """What a caller gave as `holes`, where each stands for an atom, for `Chances`, or for a list of such.

    Raises:
        ArgumentError: naming the hole that does not.
    """
    for name, value in check_names(holes).items():
        check_depth(f"holes[{name!r}]", value)
        todo = [value]
        while todo:
            part = todo.pop()
            if isinstance(part, (list, tuple)):
                todo += part
            elif isinstance(part, Chances):
                todo += part.values
            elif type(part).__name__ in ("Soft", "Tensor", "Parameter"):
                check_certain({name: part})
            else:
                check_atom(name, part)
    return check_names(holes)


def check_depth(name: str, value: object) -> None:
    """Refuse lists that are nested too deep.

    Raises:
        ArgumentError: naming what is.
    """
    inside, depth = [value], 0
    while inside := [item for part in inside if isinstance(part, (list, tuple)) for item in part]:
        depth += 1
        if depth > DEEPEST:
            raise ArgumentError(f"{name}: got lists nested more than {DEEPEST} deep; expected fewer")


def check_atom(name: str, value: object) -> None:
    """Refuse what no hole may stand for.

    Raises:
        ArgumentError: naming the hole and what came.
    """
    if isinstance(value, str):
        if value not in PRIMITIVES:
            raise ArgumentError(f"holes[{name!r}]: {value!r} is not a primitive; those are {' '.join(PRIMITIVES)}")
    elif not isinstance(value, int):
        raise ArgumentError(
            f"holes[{name!r}]: got {_shown(value)}, expected an integer, a boolean or the name of a primitive"
            f"{_advice(value)}"
        )


def _advice(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return f"; the integer is {int(value)}"
    if isinstance(value, (list, tuple)):
        return "; a list is written in the program, '(?a ?b), with a hole for each part"
    return ""


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"a {type(value).__name__}"
