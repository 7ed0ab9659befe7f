"""The order in which a program's definitions are evaluated."""

from collections.abc import Mapping
from dataclasses import dataclass

from neurallambda.errors import ErrorKind
from neurallambda.lang.places import placed
from neurallambda.lang.substitute import free_names
from neurallambda.lang.terms import Define, Function


@dataclass(frozen=True)
class Order:
    """`values` in evaluation order; each function with the number of those values that it must come after."""

    values: tuple[str, ...]
    functions: tuple[tuple[str, int], ...]


def definition_order(definitions: Mapping[str, Define], text: str = "") -> Order:
    """Sort definitions so that each value comes after the values it needs, itself or through functions.

    Among values that do not need one another the order of the text is kept. `text` is for the message of an error.

    Raises:
        ProgramError: `unbound`, where a value needs itself.
    """
    uses = {name: sorted(free_names(form.value) & definitions.keys()) for name, form in definitions.items()}
    functions = [name for name, form in definitions.items() if isinstance(form.value, Function)]
    values = [name for name in definitions if name not in set(functions)]
    needs = {name: _needed_values(name, uses, frozenset(values)) for name in definitions}
    rank: dict[str, int] = {}
    for start in values:
        path, todo = [], [(start, False)]
        while todo:
            name, is_done = todo.pop()
            if is_done:
                path.pop()
                rank[name] = len(rank)
            elif name in path:
                _refuse_cycle([*path[path.index(name) :], name], definitions[name], text)
            elif name not in rank:
                path.append(name)
                todo.append((name, True))
                todo.extend((need, False) for need in reversed(values) if need in needs[name])
    depths = tuple((name, max((rank[need] + 1 for need in needs[name]), default=0)) for name in functions)
    return Order(tuple(sorted(rank, key=rank.__getitem__)), depths)


def _needed_values(name: str, uses: Mapping[str, list[str]], values: frozenset[str]) -> frozenset[str]:
    """The values that `name` mentions, itself or through functions that it mentions."""
    seen: set[str] = set()
    todo = list(uses[name])
    while todo:
        used = todo.pop()
        if used not in seen:
            seen.add(used)
            if used not in values:
                todo.extend(uses[used])
    return frozenset(seen & values)


def _refuse_cycle(cycle: list[str], form: Define, text: str) -> None:
    needs = f"needs itself, through {' -> '.join(cycle)}" if len(cycle) > 2 else "needs itself"
    message = f"the value of `{form.name}` {needs}; only functions may be recursive: make it a `defn`"
    raise placed(ErrorKind.UNBOUND, message, form.at, text)
