"""What has to be known of a core graph before it is compiled: which variables and holes each function needs, and which
functions are called at one place only, so that they can be written there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from neurallambda.lang import core
from neurallambda.lang.core import Delay, Lambda, Node
from neurallambda.lang.substitute import free_names
from neurallambda.lang.values import meaning_of

Callable = Lambda | Delay


@dataclass(frozen=True)
class Analysis:
    """Facts about the functions of a graph.

    Attributes:
        free: the parameters of functions around it that each function needs, in a fixed order.
        sight: the holes that each function may look at, itself or through functions that it names.
        once: the functions that are bound at one place, and mentioned at no other.
        sampled: the holes that are sampled.
        flips: whether there is a coin.
    """

    free: dict[Callable, tuple[Lambda, ...]]
    sight: dict[Callable, frozenset[str]]
    once: frozenset[Lambda]
    sampled: frozenset[str]
    flips: bool


def analyse(roots: list[Node]) -> Analysis:
    """The facts about all functions that can be reached."""
    variables: dict[Callable | None, set[Lambda]] = {}
    holes: dict[Callable | None, set[str]] = {}
    mentions: dict[Callable | None, set[Callable]] = {}
    bound: dict[Callable, int] = {}
    others: set[Callable] = set()
    sampled: set[str] = set()
    flips = False
    todo: list[Callable | None] = [None]
    while todo:
        function = todo.pop()
        if function in mentions:
            continue
        variables[function], holes[function], mentions[function] = set(), set(), set()
        for node, is_bound in _inside(function, roots):
            match node:
                case core.Variable(binder):
                    variables[function].add(binder)
                case core.Unknown(name):
                    holes[function].add(name)
                case core.Sample(name):
                    sampled.add(name)
                case core.Flip():
                    flips = True
                case Lambda() | Delay():
                    mentions[function].add(node)
                    todo.append(node)
                    if is_bound:
                        bound[node] = bound.get(node, 0) + 1
                    else:
                        others.add(node)
                case _:
                    pass
        if function is not None:  # what only its text mentions is needed where it is a result, and is written down
            for name in free_names(function.source):
                meaning = meaning_of(function.scope, name)
                if meaning is None or meaning.binding is core.Binding.DEFINITION:
                    continue
                if meaning.binding is core.Binding.LOCAL:
                    mentions[function].add(meaning.node)
                    todo.append(meaning.node)
                elif isinstance(meaning.node, Lambda):
                    variables[function].add(meaning.node)
    order = {function: index for index, function in enumerate(mentions)}
    free = _closed(variables, mentions, bind=True)
    sight = _closed(holes, mentions, bind=False)
    return Analysis(
        {
            function: tuple(sorted(free[function], key=order.__getitem__))
            for function in mentions
            if function is not None
        },
        {function: frozenset(sight[function]) for function in mentions if function is not None},
        frozenset(
            node
            for node, times in bound.items()
            if times == 1 and node not in others and isinstance(node, Lambda) and not node.is_memo
        ),
        frozenset(sampled),
        flips,
    )


def _inside(function: Callable | None, roots: list[Node]) -> Iterator[tuple[Node, bool]]:
    """The nodes of a function's body, not those of functions in it; with each function whether it is bound here."""
    todo: list[tuple[Node, bool]] = [(root, False) for root in roots] if function is None else [(function.body, False)]
    while todo:
        node, is_bound = todo.pop()
        yield node, is_bound
        match node:
            case core.Bind(called, argument):
                todo += [(argument, False), (called, True)]
            case core.Apply(one, other) | core.Binary(_, one, other):
                todo += [(other, False), (one, False)]
            case core.Force(one) | core.Unary(_, one) | core.Observe(one):
                todo.append((one, False))
            case core.If(condition, consequent, alternative):
                todo += [(alternative, False), (consequent, False), (condition, False)]
            case _:
                pass


def _closed(
    own: dict[Callable | None, set[Any]], mentions: dict[Callable | None, set[Callable]], *, bind: bool
) -> dict[Callable | None, set[Any]]:
    """What each function needs itself or through those that it mentions, until nothing changes."""
    callers: dict[Callable, list[Callable | None]] = {}
    for function, mentioned in mentions.items():
        for one in mentioned:
            callers.setdefault(one, []).append(function)
    needs = {function: set(things) - ({function} if bind else set()) for function, things in own.items()}
    todo = list(needs)
    while todo:
        function = todo.pop()
        if function is None:
            continue
        for caller in callers.get(function, ()):
            new = needs[function] - needs[caller]
            if bind:
                new.discard(caller)
            if new:
                needs[caller] |= new
                todo.append(caller)
    return needs
