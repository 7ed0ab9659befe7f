"""The right answers to the project's own tasks once more, found in another way than in the package."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

Names = Sequence[str]


def latch(given: Names) -> list[str]:
    before = given.index("set") if "set" in given else len(given)
    return ["off"] * before + ["on"] * (len(given) - before)


def resettable_latch(given: Names) -> list[str]:
    text = "".join({"set": "S", "reset": "R"}.get(name, ".") for name in given)
    return [
        "on" if text[: place + 1].rfind("S") > text[: place + 1].rfind("R") else "off" for place in range(len(text))
    ]


def n_back(given: Names) -> list[str]:
    earlier = [None, None, None, *given]
    return ["same" if one == other else "other" for one, other in zip(given, earlier, strict=False)]


def running_sum(given: Names) -> list[str]:
    return [str(sum(map(int, given[: place + 1])))[-1] for place in range(len(given))]


def sliding_window_sum(given: Names) -> list[str]:
    padded = [0, 0, *map(int, given)]
    return [str(sum(window))[-1] for window in zip(padded, padded[1:], padded[2:], strict=False)]


def palindrome(given: Names) -> list[str]:
    halves = range(len(given) // 2)
    return ["yes" if all(given[place] == given[~place] for place in halves) else "no"]


def conditional_lookup(given: Names) -> list[str]:
    asked = given[-1]
    for place in range(len(given) - 4, -1, -2):
        if given[place] == asked:
            return [given[place + 1]]
    return ["none"]


def sorting(given: Names) -> list[str]:
    """By counting, for each digit, how many come before it."""
    answer = [""] * len(given)
    for place, digit in enumerate(given):
        before = sum(other < digit for other in given) + sum(other == digit for other in given[:place])
        answer[before] = digit
    return answer


def insertion(given: Names) -> list[str]:
    ordered, new = given[:-2], given[-1]
    return [*(d for d in ordered if d <= new), new, *(d for d in ordered if d > new)]


def read(given: Sequence[str]) -> Any:
    """Tokens as nested Python lists; a quoted list begins with `'`."""
    stack: list[list[Any]] = [[]]
    for token in given:
        if token in ("(", "[", "'("):
            stack.append(["'"] if token == "'(" else [])
        elif token in (")", "]"):
            inner = stack.pop()
            stack[-1].append(inner)
        else:
            stack[-1].append(int(token) if token.lstrip("-").isdigit() else token)
    ((form,),) = stack
    return form


OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "not": operator.not_,
    "car": lambda items: items[0],
    "cdr": lambda items: items[1:],
    "cons": lambda item, items: [item, *items],
    "empty?": lambda items: items == [],
}


def evaluate(form: Any, names: dict[str, Any]) -> Any:
    """A small evaluator for what the random programs are made of."""
    match form:
        case int():
            return form
        case "true" | "false":
            return form == "true"
        case str():
            return names[form]
        case ["'", *items]:
            return [evaluate(item, names) for item in items]
        case ["if", condition, consequent, alternative]:
            return evaluate(consequent if evaluate(condition, names) else alternative, names)
        case ["let", [name, value], body]:
            return evaluate(body, names | {name: evaluate(value, names)})
        case ["letrec", [name, ["fn", [parameter], body]], call]:
            inner = dict(names)
            inner[name] = lambda argument: evaluate(body, inner | {parameter: argument})
            return evaluate(call, inner)
        case [["fn", [name], body], value]:
            return evaluate(body, names | {name: evaluate(value, names)})
        case [str(name), *operands]:
            function = OPERATIONS.get(name) or names[name]
            return function(*(evaluate(operand, names) for operand in operands))
    raise AssertionError(form)


def written(value: Any) -> list[str]:
    if isinstance(value, list):
        return ["'(", *(token for item in value for token in written(item)), ")"]
    return [str(value).lower()]


def lisp_value(given: Names) -> list[str]:
    return [*written(evaluate(read(given), {})), "end"]


OWN_CHECKERS: dict[str, Callable[[Names], list[str]]] = {
    "latch": latch,
    "resettable-latch": resettable_latch,
    "n-back": n_back,
    "running-sum": running_sum,
    "sliding-window-sum": sliding_window_sum,
    "palindromes": palindrome,
    "palindromes-unseen": palindrome,
    "conditional-lookup": conditional_lookup,
    "conditional-lookup-unseen": conditional_lookup,
    "sorting": sorting,
    "insertion": insertion,
    "lisp-value": lisp_value,
}
