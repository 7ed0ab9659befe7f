"""A machine as a picture of its states: as text, as a graph for graphviz, or as SVG."""

from math import atan2, cos, pi, sin
from xml.sax.saxutils import escape

from neurallambda.automata.cells.automaton import CellularAutomaton
from neurallambda.automata.cells.rule import CellRule
from neurallambda.automata.rules.machine import Machine
from neurallambda.automata.rules.rule import Rule
from neurallambda.automata.rules.vocabulary import EPSILON, INITIAL


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


Drawn = Machine | CellularAutomaton
"""What can be drawn: all that has states, and rules that lead from one to another."""


def describe_cell_rule(rule: CellRule, machine: CellularAutomaton) -> str:
    """A rule on one line, without the states of its cell: its symbol, the symbol shown, and the neighbours' states."""
    symbols = ["_" if slot is None else slot for slot in (rule.symbol, rule.seen)]
    beside = [f"{side} {state}" for side, state in zip(machine.neighbours, rule.neighbours, strict=True)]
    return " ".join([*symbols, *beside])


def to_text(machine: Drawn) -> str:
    """The diagram as text: for each state the arrows that leave it."""
    lines = []
    for (state, target), labels in _edges(machine):
        for label in labels:
            lines.append(f"{_mark(machine, state)} --[ {label} ]--> {_mark(machine, target)}")
    return "\n".join(lines)


def to_dot(machine: Drawn) -> str:
    """The diagram in graphviz's language."""
    lines = [
        "digraph machine {",
        "  rankdir=LR;",
        '  node [fontname="sans-serif"]; edge [fontname="sans-serif", fontsize=11];',
        '  "" [shape=point, width=0];',
        f'  "" -> {_quoted(INITIAL)};',
    ]
    for state in _places(machine):
        shape = "doublecircle" if _accepts(machine, state) else "circle"
        lines.append(f"  {_quoted(state)} [shape={shape}];")
    for (state, target), labels in _edges(machine):
        label = "\\n".join(_escaped(label) for label in labels)
        lines.append(f'  {_quoted(state)} -> {_quoted(target)} [label="{label}"];')
    return "\n".join([*lines, "}"]) + "\n"


def to_svg(machine: Drawn) -> str:
    """The diagram as SVG, drawn here: the states on a circle, `INITIAL` to the left. No other program is needed."""
    places = _places(machine)
    longest = max(_half_width(labels) for _, labels in _edges(machine))
    radius = max(110.0, 42.0 * len(places), (_SIZE + 1.6 * longest) / sin(pi / max(2, len(places))))
    where = {state: _polar((0.0, 0.0), pi + 2 * pi * i / len(places), radius) for i, state in enumerate(places)}
    drawing = _Drawing()
    x, y = where[INITIAL]
    drawing.path(f"M{x - 2 * _SIZE:.1f} {y:.1f}L{x - _SIZE - 2:.1f} {y:.1f}", (x - 2 * _SIZE, y))
    labels = [_arrow(drawing, where[state], where[target], labels) for (state, target), labels in _edges(machine)]
    for state, at in where.items():
        drawing.state(at, state, is_accepting=_accepts(machine, state))
    for at, lines in labels:
        drawing.label(at, lines)
    return drawing.render(machine.description or machine.kind)


_SIZE = 33
"""The radius of a state."""
_LETTER = 6.2
"""About how wide a letter is."""
_LINE = 13
"""How high a line of text is."""

_Point = tuple[float, float]


class _Drawing:
    """What has been drawn, and how far it reaches."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._points: list[_Point] = []

    def path(self, drawing: str, *reaches: _Point) -> None:
        self._parts.append(f'<path d="{drawing}" fill="none" stroke="black" marker-end="url(#head)"/>')
        self._points += reaches

    def state(self, at: _Point, name: str, *, is_accepting: bool) -> None:
        x, y = at
        for ring in (_SIZE, _SIZE - 4) if is_accepting else (_SIZE,):
            self._parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{ring}" fill="white" stroke="black"/>')
        size = min(11.0, 76 / max(1, len(name)))
        self._parts.append(f'<text x="{x:.1f}" y="{y + size / 3:.1f}" font-size="{size:.1f}">{escape(name)}</text>')
        self._points += [(x - _SIZE, y - _SIZE), (x + _SIZE, y + _SIZE)]

    def label(self, at: _Point, lines: list[str]) -> None:
        """Lines of text around a point, with a white edge that keeps them apart from what they cross."""
        for row, line in enumerate(lines):
            y = at[1] + _LINE * (row - (len(lines) - 1) / 2)
            halo = 'stroke="white" stroke-width="4" stroke-linejoin="round" paint-order="stroke"'
            self._parts.append(f'<text x="{at[0]:.1f}" y="{y + 4:.1f}" {halo}>{escape(line)}</text>')
            half = _half_width([line])
            self._points += [(at[0] - half, y - _LINE / 2), (at[0] + half, y + _LINE / 2)]

    def render(self, title: str) -> str:
        xs, ys = zip(*self._points, strict=True)
        left, top = min(xs) - 12, min(ys) - 12
        width, height = max(xs) + 12 - left, max(ys) + 12 - top
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.0f} {top:.0f} {width:.0f} {height:.0f}" '
                f'width="{width:.0f}" height="{height:.0f}">',
                f"<title>{escape(title)}</title>",
                '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
                'orient="auto"><path d="M0 0L10 5L0 10z"/></marker></defs>',
                f'<rect x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{height:.0f}" fill="white"/>',
                '<g font-family="sans-serif" font-size="11" text-anchor="middle" fill="black">',
                *self._parts,
                "</g>",
                "</svg>\n",
            ]
        )


def _arrow(drawing: _Drawing, begin: _Point, end: _Point, lines: list[str]) -> tuple[_Point, list[str]]:
    """Draw an arrow that bends to its left, so that arrows both ways lie apart; a loop leaves away from the middle.

    Returns:
        Where its label goes: on the arrow, nearer to where it begins; beyond a loop.
    """
    if begin == end:
        angle = atan2(begin[1], begin[0])
        one, other = (_polar(begin, angle + turn, _SIZE + 1) for turn in (-0.4, 0.4))
        a, b = (_polar(begin, angle + turn, _SIZE + 56) for turn in (-0.45, 0.45))
        drawing.path(f"M{_xy(one)}C{_xy(a)} {_xy(b)} {_xy(other)}")
        across, up = max(abs(cos(angle)), 1e-9), max(abs(sin(angle)), 1e-9)
        beyond = min(_half_width(lines) / across, _LINE * len(lines) / 2 / up)
        return _polar(begin, angle, _SIZE + 48 + beyond), lines
    angle = atan2(end[1] - begin[1], end[0] - begin[0])
    one, other = _polar(begin, angle - 0.35, _SIZE + 1), _polar(end, angle + pi + 0.35, _SIZE + 2)
    bend = _polar(((begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2), angle - pi / 2, 34)
    drawing.path(f"M{_xy(one)}Q{_xy(bend)} {_xy(other)}", bend)
    return _on_curve(one, bend, other, 0.3), lines


def _on_curve(one: _Point, bend: _Point, other: _Point, part: float) -> _Point:
    """A point of a quadratic curve."""
    weights = ((1 - part) ** 2, 2 * part * (1 - part), part**2)
    x, y = (sum(w * p[axis] for w, p in zip(weights, (one, bend, other), strict=True)) for axis in (0, 1))
    return x, y


def _half_width(lines: list[str]) -> float:
    return _LETTER * max(map(len, lines)) / 2


def _xy(point: _Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


def _polar(origin: _Point, angle: float, distance: float) -> _Point:
    return origin[0] + distance * cos(angle), origin[1] + distance * sin(angle)


def _edges(machine: Drawn) -> list[tuple[tuple[str, str], list[str]]]:
    found: dict[tuple[str, str], list[str]] = {}
    if isinstance(machine, CellularAutomaton):
        for rule in dict.fromkeys(machine.rules):
            found.setdefault((rule.state, rule.target), []).append(describe_cell_rule(rule, machine))
    else:
        for rule in dict.fromkeys(machine.rules):
            found.setdefault((rule.state, rule.target), []).append(describe_rule(rule, machine))
    return list(found.items())


def _places(machine: Drawn) -> list[str]:
    """The states, and `ANY` where rules apply in every state."""
    return list(dict.fromkeys([*machine.states, *(rule.state for rule in machine.rules)]))


def _accepts(machine: Drawn, state: str) -> bool:
    return not isinstance(machine, CellularAutomaton) and machine.acceptance.admits(state)


def _mark(machine: Drawn, state: str) -> str:
    return f"(({state}))" if _accepts(machine, state) else f"({state})"


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
