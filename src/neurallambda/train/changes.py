"""Changing a recipe by `key=value`, as the command line does."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from difflib import get_close_matches
from functools import partial
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from neurallambda.arguments import checked, described
from neurallambda.errors import ArgumentError
from neurallambda.train.models import model_named
from neurallambda.train.recipe import Option, Recipe, Repair, Stage

_WORDS = {"true": True, "false": False, "yes": True, "no": False}
_FIXED = ("task", "options", "source")
"""Fields of a recipe that are not changed by `key=value`: the task is named before, options by their own keys, and where it
came from it knows."""


@checked
def changed(recipe: Recipe, changes: Iterable[str]) -> Recipe:
    """A recipe with some of its values replaced.

    Args:
        recipe: the recipe.
        changes: each `KEY=VALUE`, where the key is a field of `Recipe`, or `model.OPTION`, an option of its model. Lengths are
            written `1-40`, pairs `0.9,0.99`, nothing `none`, and a stage `1-6:450:0.997:4:1.0`: lengths, steps, and if need
            be the threshold, how many are kept, and the part of the learning rate. A repair is written `3-40:2000:300:100`:
            lengths, rows, rounds, tries and what is judged; `repairs=none` leaves all out. Another model takes over
            neither options nor repairs.

    Raises:
        ArgumentError: if a key is unknown, with the nearest there is, or comes twice, or a value cannot be read.

    Example:
        >>> from neurallambda.train.recipes import recipe_for
        >>> parity = changed(recipe_for("parity-check"), ["seeds=3", "stages=1-8:200:0.997,1-20:100"])
        >>> parity.seeds, parity.stages[1]
        (3, Stage(lengths=(1, 20), steps=100, threshold=None, keep=None, rate=1.0, keep_by='training'))
    """
    given = _given(changes, like="seeds=12")
    kinds = {
        name: kind for name, kind in get_type_hints(Recipe).items() if name not in _FIXED and name in _field_names()
    }
    model = given.get("model", recipe.model)
    options = dict(recipe.options) if model == recipe.model else {}
    option_kinds = {f"model.{name}": kind for name, kind in options_of(model_named(model)).items()}
    values: dict[str, Any] = {}
    for key, text in given.items():
        kind = _known(key, {**kinds, **option_kinds})
        value = text if key == "model" else read(key, text, kind)
        if key in option_kinds:
            options[key.removeprefix("model.")] = value
        else:
            values[key] = value
    if model != recipe.model:
        values.setdefault("name", "")  # that of the new model: reports must not call it by the old one
        values.setdefault("repairs", ())  # those of the old one: most models have no table of rules
    return replace(recipe, **values, options=options)


@checked
def replaced(objects: Sequence[Any], changes: Iterable[str], *, fixed: Sequence[str] = ()) -> tuple[Any, ...]:
    """Frozen dataclasses with some of their fields replaced.

    Args:
        objects: the dataclasses; a key that several have is that of the first of them.
        changes: each `KEY=VALUE`, where the key is a field.
        fixed: fields that are not changed so.

    Raises:
        ArgumentError: if a key is unknown, with the nearest there is, or a value cannot be read.

    Example:
        >>> from neurallambda.train.recipe import Stage
        >>> replaced([Stage(lengths=(1, 4), steps=10)], ["steps=30"])[0].steps
        30
    """
    kinds: dict[str, Any] = {}
    owner: dict[str, int] = {}
    for place, one in enumerate(objects):
        hints = get_type_hints(type(one))
        for name in (field.name for field in fields(one) if field.name not in (*fixed, *kinds)):
            kinds[name], owner[name] = hints[name], place
    values: list[dict[str, Any]] = [{} for _ in objects]
    for key, text in _given(changes, like=_example(objects)).items():
        kind = _known(key, kinds)
        values[owner[key]][key] = read(key, text, kind)
    return tuple(replace(one, **given) for one, given in zip(objects, values, strict=True))


def options_of(make: Callable[..., Any]) -> dict[str, Any]:
    """The options of a function that makes a model, each with its annotation: its keyword-only parameters.

    Of a parameter without an annotation, or with one that cannot be resolved, it is that of any option.
    """
    hints = _hints(make)
    return {
        name: hints.get(name, Option)
        for name, parameter in inspect.signature(make).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }


def _hints(make: Callable[..., Any]) -> dict[str, Any]:
    while isinstance(make, partial):
        make = make.func
    try:
        return get_type_hints(make.__init__ if inspect.isclass(make) else make)
    except (NameError, TypeError):  # an annotation that only type checkers see, or an object that is called
        return {}


def read(key: str, text: str, kind: Any) -> Any:
    """A value from its text, as its annotation says it is written.

    Raises:
        ArgumentError: which key, what came, what was expected.

    Example:
        >>> read("rows", "24", int), read("clip", "none", float | None), read("lengths", "1-40", tuple[int, int])
        (24, None, (1, 40))
    """
    try:
        return _read(text, kind)
    except ArgumentError:  # it was read, and makes no sense
        raise
    except (ValueError, TypeError):
        raise ArgumentError(f"{key}: got {text!r}, expected {_expected(key, kind)}") from None


def _read(text: str, kind: Any) -> Any:
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if NoneType in parts and text.lower() == "none":
            return None
        return _first(text, [part for part in parts if part is not NoneType])
    if origin is Literal:
        if text not in parts:
            raise ValueError
        return text
    if kind is bool:
        return _WORDS[text.lower()] if text.lower() in _WORDS else _refuse()
    if kind == tuple[int, int]:
        if "," in text:
            first, second = text.split(",")
            return int(first), int(second)
        least, dash, greatest = text.partition("-")
        return int(least), int(greatest if dash else least)
    if kind == tuple[str, ...]:
        return () if text.lower() == "none" else tuple(text.split(","))
    if kind == tuple[float, float]:
        first, second = text.split(",")
        return float(first), float(second)
    if kind == tuple[Stage, ...]:
        return tuple(_stage(one) for one in text.split(","))
    if kind == tuple[Repair, ...]:
        return () if text.lower() == "none" else tuple(map(_repair, text.split(",")))
    return kind(text) if kind in (int, float, str) else text


def _first(text: str, kinds: list[Any]) -> Any:
    """By the first of several annotations that can read it: an integer before a number before text."""
    order = [bool, int, float]
    for kind in sorted(kinds, key=lambda kind: order.index(kind) if kind in order else len(order)):
        try:
            return _read(text, kind)
        except (ValueError, TypeError):
            continue
    return _refuse()


def _refuse() -> Any:
    raise ValueError


def _stage(text: str) -> Stage:
    lengths, steps, *more = text.split(":")
    names = ("threshold", "keep", "rate", "keep_by")
    if len(more) > len(names):
        raise ValueError
    kinds: Mapping[str, Any] = get_type_hints(Stage)
    rest = {name: _read(part, kinds[name]) for name, part in zip(names, more, strict=False) if part}
    return Stage(lengths=_read(lengths, tuple[int, int]), steps=int(steps), **rest)


def _repair(text: str) -> Repair:
    lengths, rows, *more = text.split(":")
    names = ("rounds", "tries", "judge")
    if len(more) > len(names):
        raise ValueError
    kinds: Mapping[str, Any] = get_type_hints(Repair)
    rest = {name: _read(part, kinds[name]) for name, part in zip(names, more, strict=False) if part}
    return Repair(lengths=_read(lengths, tuple[int, int]), rows=int(rows), **rest)


def _given(changes: Iterable[str], *, like: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for change in changes:
        key, text = _split(change, like)
        if key in given:
            raise ArgumentError(f"{key}: got {key}={given[key]} and {key}={text}, expected it once")
        given[key] = text
    return given


def _example(objects: Sequence[Any]) -> str:
    """A key with a value: the first field of the first object."""
    name = fields(objects[0])[0].name
    return f"{name}={getattr(objects[0], name)}"


def _split(change: str, like: str) -> tuple[str, str]:
    key, sign, value = change.partition("=")
    if not sign or not key:
        raise ArgumentError(f"{change!r}: expected KEY=VALUE, as in {like}")
    return key, value


def _known(key: str, kinds: Mapping[str, Any]) -> Any:
    if key in kinds:
        return kinds[key]
    by_last = {name.removeprefix("model."): name for name in kinds}
    near = get_close_matches(key, [*kinds, *by_last], n=1, cutoff=0.5)
    hint = f"; did you mean {by_last.get(near[0], near[0])}?" if near else "."
    raise ArgumentError(f"{key}: there is no such key{hint} Keys: {', '.join(kinds)}")


def _expected(key: str, kind: Any) -> str:
    if kind == tuple[Stage, ...]:
        return (
            "stages as LENGTHS:STEPS:THRESHOLD:KEEP:RATE:KEEP_BY with commas between them, as in 1-6:450:0.997,1-12:150"
        )
    if kind == tuple[Repair, ...]:
        return "repairs as LENGTHS:ROWS:ROUNDS:TRIES:JUDGE with commas between them, as in 3-40:2000:300:100:answers, or none"
    if kind == tuple[int, int]:
        if "lengths" in key:
            return "a length, as in 5, or the least and the greatest, as in 1-40"
        return "two whole numbers, as in 1-40 or, where one is negative, 0,-1"
    if kind == tuple[float, float]:
        return "two numbers, as in 0.9,0.99"
    return described(kind)


def _field_names() -> set[str]:
    return {one.name for one in fields(Recipe)}
