"""`neurallambda infer`: the ends of a program with uncertain data, and what its holes are."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from neurallambda.cli.holes import MOST, exactly, read_holes
from neurallambda.cli.json_text import write_json
from neurallambda.cli.messages import ExitCode, answer, complain, reporting
from neurallambda.cli.reading import read_program
from neurallambda.cli.setup import read_integers
from neurallambda.errors import ErrorKind
from neurallambda.lang import chances as exact
from neurallambda.lang.given_values import value_of
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.values import to_term

if TYPE_CHECKING:
    from neurallambda.worlds import Found


ROUNDING = 1e-15
"""Posteriors are sums and differences of probabilities: so little is what rounding leaves."""


def infer_program(
    source: str | None,
    file: Path | None,
    holes: Iterable[str],
    *,
    integers: str,
    max_steps: int,
    max_worlds: int,
    keep: int | None,
    as_json: bool,
) -> None:
    """Print what can be known about an uncertain program."""
    with reporting(file):
        from neurallambda.worlds import Worlds

        program = read_program(source, file)
        given = read_given(holes)
        worlds = Worlds(integers=read_integers(integers), max_steps=max_steps, max_worlds=max_worlds, keep=keep)
        found = worlds.compile(program).infer(given, batch=1)
        lines = list(_json(found)) if as_json else list(_table(found))
        if lines:
            answer("\n".join(lines))
        if not bool(found.log_evidence[0].isfinite()):
            error = found.error()
            assert error is not None
            raise error
        _complain_of_errors(found)


def _complain_of_errors(found: "Found") -> None:
    """Say of each error where it is; where there is nothing but errors, that is how the program ends."""
    ends = found.distribution()[0]
    kinds = [end for end, _ in ends if isinstance(end, ErrorKind)]
    for kind in kinds:
        error = found.error(0, kind)
        if error is not None:
            complain(str(error))
    if len(kinds) == len(ends):
        raise typer.Exit(ExitCode.PROGRAM_ERROR)


def read_given(texts: Iterable[str]) -> dict[str, Any]:
    """What each hole stands for, lists too.

    >>> read_given(["a=1:1,2:3", "xs='(1 true:0.5,false:0.5 '())"])["xs"][0]
    1
    """
    return {name: exactly(hole) for name, hole in read_holes(texts).items()}


def _shown(end: Any) -> str:
    return f"error {end}" if isinstance(end, ErrorKind) else to_text(end)


def _value(value: Any) -> str:
    return to_text(to_term(value_of(value)))


def _rows(pairs: list[tuple[float, str]], title: str) -> list[str]:
    shown = [f"{_chance(chance):>11}  {text}" for chance, text in pairs[:MOST]]
    if pairs[MOST:]:
        shown.append(f"{_chance(sum(chance for chance, _ in pairs[MOST:])):>11}  {len(pairs) - MOST} others")
    return [f"probability  {title}", *shown]


def _chance(chance: float) -> str:
    """A probability in six decimals, one that would be zero in them by its size."""
    return f"{chance:.6f}" if chance == 0 or chance >= 1e-6 else f"{chance:.3g}"


def _ends(found: "Found") -> list[tuple[float, str]]:
    return [(float(chance), _shown(end)) for end, chance in found.distribution()[0]]


def _table(found: "Found") -> Iterator[str]:
    """What was found, for people."""
    if not bool(found.log_evidence[0].isfinite()):
        return
    yield from _rows(_ends(found), "end")
    evidence = float(found.log_evidence[0])
    if abs(evidence) > 1e-12:
        yield f"evidence {math.exp(evidence):.6g} (logarithm {evidence:.6f})"
    if float(found.lost[0]):
        yield f"left out {float(found.lost[0]):.6g}: by as much the evidence may be more"
    for place, values in _posteriors(found):
        yield from _rows(values, place)
    likeliest = found.likeliest()[0]
    if likeliest is not None and (likeliest.holes or likeliest.draws):
        holes = ", ".join(f"?{name} = {_value(value)}" for name, value in likeliest.holes.items())
        yield f"likeliest case ({_chance(likeliest.probability)}): {_shown(likeliest.end)}" + (
            f" with {holes}" if holes else ""
        )


def _posteriors(found: "Found") -> Iterator[tuple[str, list[tuple[float, str]]]]:
    """Each uncertain part of each hole, with its values, the likeliest first."""
    given = found.run.holes.given
    for name in found.run.holes.names:
        if name in found.run.named:
            yield from _parts(f"?{name}", given[name], found.posterior(name))


def _parts(place: str, given: Any, posterior: Any) -> Iterator[tuple[str, list[tuple[float, str]]]]:
    if isinstance(given, exact.Chances):
        chances = [chance if chance > ROUNDING else 0.0 for chance in posterior[0].tolist()]
        pairs = list(zip(chances, map(_value, given.values), strict=True))
        yield place, sorted(pairs, key=lambda pair: -pair[0])
    elif isinstance(given, list):
        for index, (item, part) in enumerate(zip(given, posterior, strict=True)):
            yield from _parts(f"{place} item {index}", item, part)


def _json(found: "Found") -> Iterator[str]:
    """What was found, for programs."""
    for chance, text in _ends(found):
        kind, _, name = text.partition(" ")
        end = {"error": name} if kind == "error" else {"value": text}
        yield write_json({**end, "probability": chance})
    if not bool(found.log_evidence[0].isfinite()):
        yield write_json({"error": str(ErrorKind.IMPOSSIBLE), "evidence": 0.0})
        return
    lost = {"lost": float(found.lost[0])} if float(found.lost[0]) else {}
    yield write_json({"evidence": math.exp(float(found.log_evidence[0])), **lost})
    for place, values in _posteriors(found):
        yield write_json({"hole": place, "posterior": {text: chance for chance, text in values}})
    likeliest = found.likeliest()[0]
    if likeliest is not None:
        holes = {name: _value(value) for name, value in likeliest.holes.items()}
        yield write_json({"likeliest": _shown(likeliest.end), "holes": holes, "probability": likeliest.probability})
