"""What each machine of the library accepts, as plain Python that shares nothing with the machines."""

import re
from collections.abc import Callable
from itertools import pairwise


def anbn(s: str) -> bool:
    n = len(s) // 2
    return n >= 1 and s == "a" * n + "b" * n


def anb2n(s: str) -> bool:
    n = len(s) // 3
    return n >= 1 and s == "a" * n + "b" * 2 * n


def anbmcnm(s: str) -> bool:
    n, m, k = s.count("a"), s.count("b"), s.count("c")
    return n >= 1 and m >= 1 and k == n + m and s == "a" * n + "b" * m + "c" * k


def anbn_plus(s: str) -> bool:
    blocks = re.fullmatch(r"(a+b+)+", s)
    return blocks is not None and all(len(a) == len(b) for a, b in re.findall(r"(a+)(b+)", s))


def anbncn(s: str) -> bool:
    n = len(s) // 3
    return n >= 1 and s == "a" * n + "b" * n + "c" * n


def wcwr(s: str) -> bool:
    left, c, right = s.partition("c")
    return c == "c" and "c" not in right and right == left[::-1]


def ww(s: str) -> bool:
    return len(s) % 2 == 0 and s[: len(s) // 2] == s[len(s) // 2 :]


def balanced(s: str, depth: int = 10**9) -> bool:
    most, now = 0, s
    while True:
        shorter = now.replace("()", "").replace("[]", "").replace("{}", "")
        if shorter == now:
            break
        now = shorter
    level = 0
    for c in s:
        level += 1 if c in "([{" else -1
        most = max(most, level)
    return now == "" and most <= depth


def html_tags(s: str) -> bool:
    now = s.replace("x", "")
    while True:
        shorter = re.sub(r"<([pbi])></\1>", "", now)
        if shorter == now:
            return now == ""
        now = shorter


def even_pairs(s: str) -> bool:
    return sum(a != b for a, b in pairwise(s)) % 2 == 0


def gas_pump(s: str) -> bool:
    return re.fullmatch(r"(lift (squeeze (tick )*release )*hang pay ?)*", s) is not None and not s.endswith(" ")


def vending_machine(s: str) -> bool:
    credit = 0
    for word in s.split():
        match word:
            case "nickel" | "dime":
                credit += {"nickel": 5, "dime": 10}[word] if credit < 15 else 0
            case "press":
                if credit < 15:
                    return False
                credit = 0
            case _:
                if credit == 0:
                    return False
                credit = 0
    return credit == 0


PREDICATES: dict[str, Callable[[str], bool]] = {
    "ab_star": lambda s: re.fullmatch(r"(ab)*", s) is not None,
    "anb2n": anb2n,
    "anbmcnm": anbmcnm,
    "anbn": anbn,
    "anbn_plus": anbn_plus,
    "anbncn": anbncn,
    "anbncn_stacks": anbncn,
    "anbncn_tape": anbncn,
    "angle_tag": lambda s: re.fullmatch(r"<[^>]+>", s) is not None,
    "binary_addition": lambda s: re.fullmatch(r"[01]+\+[01]+", s) is not None,
    "binary_increment": lambda s: re.fullmatch(r"[01]+", s) is not None,
    "busy_beaver_3": lambda s: set(s) <= {"1"},
    "dyck1": balanced,
    "dyck2": balanced,
    "dyck2_depth3": lambda s: balanced(s, 3),
    "dyck3": balanced,
    "even_pairs": even_pairs,
    "gas_pump": gas_pump,
    "html_tags": html_tags,
    "modular_counter_3": lambda s: s.count("a") % 3 == 0,
    "modular_counter_5": lambda s: s.count("a") % 5 == 0,
    "palindromes": lambda s: s == s[::-1],
    "parity": lambda s: s.count("1") % 2 == 1,
    "remainder_3": lambda s: set(s) <= {"0", "1"},
    "vending_machine": vending_machine,
    "wcwr": wcwr,
    "ww": ww,
}
