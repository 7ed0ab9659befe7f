"""The right answers once more, each found in another way than in the package, from the definition of the task.

Inputs and answers are the names of symbols here, not their numbers.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence

Names = Sequence[str]


def even_pairs(given: Names) -> list[str]:
    changes = re.findall("(?=01|10)", "".join(given))
    return ["odd" if len(changes) % 2 else "even"]


def parity_check(given: Names) -> list[str]:
    answer = "even"
    for symbol in given:
        if symbol == "1":
            answer = "odd" if answer == "even" else "even"
    return [answer]


def cycle_navigation(given: Names) -> list[str]:
    count = Counter(given)
    return [str((count["+"] - count["-"]) % 5)]


def arithmetic(given: Names) -> list[str]:
    return [str(eval("".join(given)) % 5)]


def stack_manipulation(given: Names) -> list[str]:
    """A pop cancels the push before it; what is left of the pops, at the start, does nothing."""
    text = "".join({"push0": "0", "push1": "1", "pop": "p"}.get(symbol, symbol) for symbol in given)
    while re.search("[01]p", text):
        text = re.sub("[01]p", "", text)
    return [*reversed(text.lstrip("p")), "end"]


def reverse_string(given: Names) -> list[str]:
    return [given[-place] for place in range(1, len(given) + 1)]


def solve_equation(given: Names) -> list[str]:
    if len(given) < 3:
        return ["0"]
    left, right = "".join(given).split("=")
    (solution,) = [digit for digit in "01234" if (eval(left.replace("x", digit)) - int(right)) % 5 == 0]
    return [solution]


def duplicate_string(given: Names) -> list[str]:
    return [given[place % len(given)] for place in range(2 * len(given))]


def missing_duplicate(given: Names) -> list[str]:
    if list(given) == ["1"]:
        return ["1"]
    text = "".join(given).rstrip(".")
    (symbol,) = [symbol for symbol in "01" if re.fullmatch(r"([01]+)\1", text.replace("?", symbol))]
    return [symbol]


def odds_first(given: Names) -> list[str]:
    places = sorted(range(len(given)), key=lambda place: place % 2 == 0)
    return [given[place] for place in places]


def binary(given: Names) -> int:
    return int("".join(reversed(given)), 2)


def digits(number: int) -> list[str]:
    found = []
    while number or not found:
        number, bit = divmod(number, 2)
        found.append(str(bit))
    return found


def binary_addition(given: Names) -> list[str]:
    numbers = "".join(given).split("+")
    return [*digits(sum(map(binary, numbers))), "end"]


def binary_multiplication(given: Names) -> list[str]:
    if len(given) < 3:
        return [[], ["end"], ["0", "end"]][len(given)]
    left, right = "".join(given).split("*")
    return [*digits(binary(left) * binary(right)), "end"]


def compute_sqrt(given: Names) -> list[str]:
    number, root = int("".join(given), 2), 0
    while (root + 1) * (root + 1) <= number:
        root += 1
    return list(f"{root:b}".zfill(-(-len(given) // 2)))


def bucket_sort(given: Names) -> list[str]:
    count = Counter(given)
    return [symbol for symbol in "01234" for _ in range(count[symbol])]


CHECKERS: dict[str, Callable[[Names], list[str]]] = {
    "even-pairs": even_pairs,
    "modular-arithmetic-simple": arithmetic,
    "parity-check": parity_check,
    "cycle-navigation": cycle_navigation,
    "stack-manipulation": stack_manipulation,
    "reverse-string": reverse_string,
    "modular-arithmetic-brackets": arithmetic,
    "solve-equation": solve_equation,
    "duplicate-string": duplicate_string,
    "missing-duplicate": missing_duplicate,
    "odds-first": odds_first,
    "binary-addition": binary_addition,
    "binary-multiplication": binary_multiplication,
    "compute-sqrt": compute_sqrt,
    "bucket-sort": bucket_sort,
}
