"""Checks of arguments by their annotations, at the doors of the package: a wrong type is an `ArgumentError` of its own."""

import functools
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from neurallambda.errors import ArgumentError

Door = TypeVar("Door", bound=Callable[..., Any])
Kind = TypeVar("Kind")

OWN = frozenset({"holes"})
"""Parameters whose check says more than an annotation can: which hole it is, for example."""

_WORDS = {
    int: "an integer",
    float: "a number",
    bool: "true or false",
    str: "text",
    range: "a range",
    NoneType: "None",
    object: "anything",
}


def checked(door: Door) -> Door:
    """Let a public function, or the constructor of a class, refuse arguments that are not what their annotations say.

    What an annotation cannot say (how shapes fit together, which numbers make sense) the function checks itself. Meant for
    what callers call once, not for what runs in every step: a check takes some microseconds.

    Args:
        door: the function or class.

    Returns:
        The same, with the check.

    Raises:
        ArgumentError: when it is called with an argument of another type; which, what came, and what was expected.

    >>> @checked
    ... def double(number: int) -> int:
    ...     return 2 * number
    >>> double("two")
    Traceback (most recent call last):
    neurallambda.errors.ArgumentError: number: got 'two', expected an integer
    """
    if inspect.isclass(door):
        door.__init__ = _checked(door.__init__)
        return door  # pyright: ignore[reportReturnType]
    return _checked(door)


def checked_methods(*names: str) -> Callable[[type[Kind]], type[Kind]]:
    """Let these methods of a class refuse arguments as `checked` functions do.

    >>> @checked_methods("add")
    ... class Total:
    ...     def add(self, number: int) -> None: ...
    >>> Total().add("two")
    Traceback (most recent call last):
    neurallambda.errors.ArgumentError: number: got 'two', expected an integer
    """

    def decorate(kind: type[Kind]) -> type[Kind]:
        for name in names:
            method = vars(kind)[name]
            is_bound_to_class = isinstance(method, classmethod)
            wrapped = _checked(method.__func__ if is_bound_to_class else method)
            setattr(kind, name, classmethod(wrapped) if is_bound_to_class else wrapped)
        return kind

    return decorate


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(function)
    hints: dict[str, Any] = {}

    @functools.wraps(function)
    def door(*args: Any, **kwargs: Any) -> Any:
        if not hints:
            hints.update(_hints(function))
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError:
            return function(*args, **kwargs)  # a wrong number of arguments: Python says so itself
        for name, value in given.items():
            kind = signature.parameters[name].kind
            if (
                name in hints
                and name not in OWN
                and kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
            ):
                check_type(name, value, hints[name])
        return function(*args, **kwargs)

    return door


def check_type(name: str, value: object, expected: Any) -> None:
    """Refuse a value that is not what an annotation says.

    Raises:
        ArgumentError: which argument, what came, what was expected.
    """
    if not fits(value, expected):
        raise ArgumentError(f"{name}: got {shown(value)}, expected {described(expected)}")


def fits(value: object, expected: Any) -> bool:
    """Whether a value is what an annotation says, as far as that can be known without the other arguments.

    >>> fits((1, 2), tuple[int, ...]), fits([1, "2"], list[int]), fits(True, int)
    (True, False, False)
    """
    origin, parts = get_origin(expected), get_args(expected)
    if origin in (Union, UnionType):
        return any(fits(value, part) for part in parts)
    if origin is Literal:
        return any(type(value) is type(part) and value == part for part in parts)
    if expected is None:
        return value is None
    if expected in (int, float):
        return isinstance(value, (int, expected)) and not isinstance(value, bool)
    if origin is None:
        return not inspect.isclass(expected) or _is_instance(value, expected)
    if not inspect.isclass(origin) or not _is_instance(value, origin):
        return not inspect.isclass(origin)
    if isinstance(value, Mapping) and len(parts) == 2:
        return all(fits(key, parts[0]) and fits(item, parts[1]) for key, item in value.items())
    if origin is tuple and Ellipsis not in parts:
        assert isinstance(value, tuple)
        return len(value) == len(parts) and all(map(fits, value, parts))
    if isinstance(value, (str, bytes)):
        return not value or not parts or fits(value[:1], parts[0])
    if isinstance(value, Collection) and parts:
        return all(fits(item, parts[0]) for item in _each_kind(value, parts[0]))
    return True


def _each_kind(items: Collection[Any], expected: Any) -> Iterable[Any]:
    """The items to look at: one of each type where types decide, since a long string is checked as often as a short one."""
    kinds = get_args(expected) if get_origin(expected) in (Union, UnionType) else (expected,)
    is_by_type = all(kind is None or inspect.isclass(kind) for kind in kinds)
    return {type(item): item for item in items}.values() if is_by_type else items


def _is_instance(value: object, expected: type) -> bool:
    if getattr(value, "ndim", None) == 0 and issubclass(expected, Iterable):
        return False  # torch and NumPy say that such an array can be gone through, and it cannot
    try:
        return isinstance(value, expected)
    except TypeError:  # a protocol that cannot be asked
        return True


def described(expected: Any) -> str:
    """What an annotation says, in words.

    >>> described(int | None), described(tuple[str, ...]), described(list[Any])
    ('an integer or None', 'a tuple of text', 'a list')
    """
    origin, parts = get_origin(expected), get_args(expected)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(described(part) for part in parts))
    if origin is Literal:
        return " or ".join(map(repr, parts))
    if origin is Callable:
        return "a function"
    if expected in _WORDS:
        return _WORDS[expected]
    if expected is Any:
        return "anything"
    named = getattr(origin or expected, "__name__", str(expected))
    if origin is None:
        return f"{'an' if named[0] in 'AEIOU' else 'a'} {named}"
    if len(parts) == 2 and issubclass(origin, Mapping):
        return f"a mapping from {described(parts[0])} to {described(parts[1])}"
    items = [described(part) for part in parts if part not in (Ellipsis, Any)]
    name = f"{'an' if named[0] in 'AEIOUaeiou' else 'a'} {named.lower()}"
    return f"{name} of {' and '.join(items)}" if items else name


def shown(value: object) -> str:
    """A value as a message shows it: short, on one line, a tensor by its kind."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"a tensor of {getattr(value, 'dtype')} and shape {tuple(getattr(value, 'shape'))}"  # noqa: B009
    text = repr(value)
    return text if len(text) <= 60 and "\n" not in text else f"an object of type {type(value).__name__}"


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations that can be resolved here; those of what is only imported for type checkers cannot."""
    try:
        return get_type_hints(function)
    except (NameError, TypeError):
        return {name: hint for name, hint in function.__annotations__.items() if not isinstance(hint, str)} or {"": Any}
