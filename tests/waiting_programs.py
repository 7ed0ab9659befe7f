"""Programs whose recursive calls may wait for a free variable: as they unfold, decide, pass on what they were given, or not."""

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.terms import Program

_FREE = ("u", "v", "us")
_FUNCTIONS = {"f": ("x", "y"), "g": ("x",), "h": ("k", "x"), "t": ()}
"""The functions that call one another; the first parameter of `h` is a function."""


@st.composite
def waiting_programs(draw: DrawFn) -> Program:
    """A few functions, by `defn` or in a `letrec`, and a value that calls them; most come to an end."""
    chosen = draw(st.lists(st.sampled_from(list(_FUNCTIONS)), min_size=1, max_size=3, unique=True))
    writer = _Writer(draw, chosen)
    bodies = {name: writer.value(_FUNCTIONS[name], 3) for name in chosen}
    locals_ = {name for name in chosen if draw(st.booleans())} if draw(st.booleans()) else set()
    definitions = [f"(defn {name} {_list(_FUNCTIONS[name])} {bodies[name]})" for name in chosen if name not in locals_]
    result = draw(st.sampled_from(["'({} {})", "{}", "(fn [u] {})", "(let [f {}] {})", "((fn [z] '(z {})) {})"]))
    result = result.format(writer.value((), 1, calls=True), writer.value((), 1, calls=True))
    if locals_:
        functions = " ".join(f"{name} (fn {_list(_FUNCTIONS[name])} {bodies[name]})" for name in sorted(locals_))
        result = f"(letrec [{functions}] {result})"
        if draw(st.booleans()):
            result = f"((fn [v] {result}) {draw(st.sampled_from(['1', 'w', 'true']))})"
    return parse("\n".join([*definitions, result]))


def _list(names: tuple[str, ...]) -> str:
    return f"[{' '.join(names)}]"


class _Writer:
    """Draws the text of expressions. Numbers go down in calls, and lists get shorter, more often than not."""

    def __init__(self, draw: DrawFn, functions: list[str]) -> None:
        self.draw = draw
        self.functions = functions

    def pick(self, *choices: str) -> str:
        return self.draw(st.sampled_from(choices))

    def atom(self, names: tuple[str, ...]) -> str:
        return self.pick(*names, *names, *_FREE, "0", "1", "2", "'()", "'(1)", "'(1 u)", "true")

    def value(self, names: tuple[str, ...], depth: int, *, calls: bool = False) -> str:
        if calls:
            return self.call(names, depth)
        if depth == 0:
            return self.atom(names)
        kind = self.pick(
            "if", "if", "if", "cond", "and", "or", "call", "call", "operation", "let", "cons", "part", "apply", "atom"
        )

        def inner() -> str:
            return self.value(names, depth - 1)

        match kind:
            case "if":
                return f"(if {self.condition(names, depth - 1)} {inner()} {inner()})"
            case "cond":
                return f"(cond {self.condition(names, depth - 1)} {inner()} else {inner()})"
            case "and" | "or":
                return f"({kind} {self.condition(names, depth - 1)} {inner()})"
            case "call":
                return self.call(names, depth - 1)
            case "operation":
                return f"({self.pick('+', '-', '<', '=')} {inner()} {self.pick('1', inner())})"
            case "let":
                return f"(let [z {inner()}] {self.value((*names, 'z'), depth - 1)})"
            case "cons":
                return f"(cons {self.atom(names)} {inner()})"
            case "part":
                return f"({self.pick('car', 'cdr')} {inner()})"
            case "apply":
                function = f"(fn [z] {self.value((*names, 'z'), depth - 1)})"
                return f"({self.pick(*(names or _FREE), function)} {inner()})"
        return self.atom(names)

    def condition(self, names: tuple[str, ...], depth: int) -> str:
        of = self.pick(*(names or _FREE), *_FREE)
        return self.pick(
            f"(= {of} 0)", f"(< {of} 1)", f"(empty? {of})", of, f"(not (listp {of}))", self.value(names, depth)
        )

    def call(self, names: tuple[str, ...], depth: int) -> str:
        name = self.pick(*self.functions)
        arguments = [self.argument(names, depth, is_function=parameter == "k") for parameter in _FUNCTIONS[name]]
        return f"({' '.join([name, *arguments])})"

    def argument(self, names: tuple[str, ...], depth: int, *, is_function: bool) -> str:
        if is_function:
            return self.pick(
                f"(fn [z] {self.value((*names, 'z'), max(depth, 1))})", *self.functions, "k" if "k" in names else "car"
            )
        of = self.pick(*(names or _FREE), *_FREE)
        return self.pick(f"(- {of} 1)", f"(cdr {of})", f"(- {of} 1)", of, self.value(names, depth))
