"""A machine as a picture of its states: as text, as a graph for graphviz, or as SVG."""

from collections.abc import Iterator
from math import atan2, cos, pi, sin
from xml.sax.saxutils import escape

from neurallambda.automata.machine import Machine
from neurallambda.automata.rules import Rule
from neurallambda.automata.vocabulary import EPSILON, INITIAL


def describe_rule(rule: Rule, machine: Machine) -> str:
    """A rule on one line, without its states: what it reads and sees, and after a slash what it does."""
    seen = [] if machine.reads_from_tape else ["ε" if rule.input == EPSILON else rule.input]
    seen += ["∅" if slot is None and not machine.reads_from_tape else slot or "_" for slot in rule.memory]
    done = []
    for operation, kind in zip(rule.operations, machine.memories, strict=True):
        if kind.name == "tape":
            written = "_" if operation.symbol is None else operation.symbol
            done.append(f"{written},{operation.verb}")
        elif operation.symbol is not None:
            done.append(f"{operation.verb} {operation.symbol}")
        elif operation.verb.lower() != "nullop":
            done.append(operation.verb)
    if rule.output is not None:
        done.append(rule.output)
    return " ".join(seen) + (f" / {', '.join(done)}" if done else "")


def to_text(machine: Machine) -> str:
    """The diagram as text: for each state the arrows that leave it."""
    lines = []
    for (state, target), labels in _edges(machine):
        for label in labels:
            lines.append(f"{_mark(machine, state)} --[ {label} ]--> {_mark(machine, target)}")
    return "\n".join(lines)


def to_dot(machine: Machine) -> str:
    """The diagram in graphviz's language."""
    lines = ["digraph machine {", "  rankdir=LR;", '  "" [shape=none];', f'  "" -> {_quoted(INITIAL)};']
    for state in _places(machine):
        shape = "doublecircle" if machine.acceptance.admits(state) else "circle"
        lines.append(f"  {_quoted(state)} [shape={shape}];")
    for (state, target), labels in _edges(machine):
        label = "\\n".join(_escaped(label) for label in labels)
        lines.append(f'  {_quoted(state)} -> {_quoted(target)} [label="{label}"];')
    return "\n".join([*lines, "}"]) + "\n"


def to_svg(machine: Machine) -> str:
    """The diagram as SVG, drawn here: the states on a circle, `INITIAL` to the left. No other program is needed."""
    places = _places(machine)
    radius = max(110.0, 38.0 * len(places))
    middle = radius + 190
    where = {
        state: (
            middle + radius * cos(pi + 2 * pi * i / len(places)),
            middle + radius * sin(pi + 2 * pi * i / len(places)),
        )
        for i, state in enumerate(places)
    }
    edge = 2 * middle
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {edge:.0f} {edge:.0f}" width="{edge:.0f}" height="{edge:.0f}">',
        f"<title>{escape(machine.description or machine.kind)}</title>",
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L10 5L0 10z"/></marker></defs>',
        '<g font-family="sans-serif" font-size="11" text-anchor="middle" fill="black">',
    ]
    x, y = where[INITIAL]
    parts.append(_path(f"M{x - 75:.1f} {y:.1f}L{x - _SIZE - 2:.1f} {y:.1f}"))
    for (state, target), labels in _edges(machine):
        parts += _arrow(where[state], where[target], (middle, middle), labels)
    for state, (x, y) in where.items():
        rings = (_SIZE, _SIZE - 4) if machine.acceptance.admits(state) else (_SIZE,)
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" fill="white" stroke="black"/>' for r in rings]
        size = min(11.0, 78 / max(1, len(state)))
        parts.append(f'<text x="{x:.1f}" y="{y + 4:.1f}" font-size="{size:.1f}">{escape(state)}</text>')
    return "\n".join([*parts, "</g>", "</svg>"]) + "\n"


_SIZE = 28


def _arrow(
    begin: tuple[float, float], end: tuple[float, float], middle: tuple[float, float], labels: list[str]
) -> Iterator[str]:
    """An arrow that bends to its left, so that arrows both ways lie apart; a loop leaves away from the middle."""
    if begin == end:
        angle = atan2(begin[1] - middle[1], begin[0] - middle[0])
        one, other = (_polar(begin, angle + turn, _SIZE + 1) for turn in (-0.45, 0.45))
        a, b = (_polar(begin, angle + turn, _SIZE + 62) for turn in (-0.45, 0.45))
        yield _path(
            f"M{one[0]:.1f} {one[1]:.1f}C{a[0]:.1f} {a[1]:.1f} {b[0]:.1f} {b[1]:.1f} {other[0]:.1f} {other[1]:.1f}"
        )
        at = _polar(begin, angle, _SIZE + 62 + 6 * len(labels))
    else:
        angle = atan2(end[1] - begin[1], end[0] - begin[0])
        one, other = _polar(begin, angle - 0.35, _SIZE + 1), _polar(end, angle + pi + 0.35, _SIZE + 2)
        bend = _polar(((begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2), angle - pi / 2, 34)
        yield _path(f"M{one[0]:.1f} {one[1]:.1f}Q{bend[0]:.1f} {bend[1]:.1f} {other[0]:.1f} {other[1]:.1f}")
        at = _polar(((begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2), angle - pi / 2, 24 + 5 * len(labels))
    for row, label in enumerate(labels):
        y = at[1] + 13 * (row - (len(labels) - 1) / 2) + 4
        yield f'<text x="{at[0]:.1f}" y="{y:.1f}">{escape(label)}</text>'


def _path(drawing: str) -> str:
    return f'<path d="{drawing}" fill="none" stroke="black" marker-end="url(#head)"/>'


def _polar(origin: tuple[float, float], angle: float, distance: float) -> tuple[float, float]:
    return origin[0] + distance * cos(angle), origin[1] + distance * sin(angle)


def _edges(machine: Machine) -> list[tuple[tuple[str, str], list[str]]]:
    found: dict[tuple[str, str], list[str]] = {}
    for rule in dict.fromkeys(machine.rules):
        found.setdefault((rule.state, rule.target), []).append(describe_rule(rule, machine))
    return list(found.items())


def _places(machine: Machine) -> list[str]:
    """The states, and `ANY` where rules apply in every state."""
    return list(dict.fromkeys([*machine.states, *(rule.state for rule in machine.rules)]))


def _mark(machine: Machine, state: str) -> str:
    return f"(({state}))" if machine.acceptance.admits(state) else f"({state})"


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
