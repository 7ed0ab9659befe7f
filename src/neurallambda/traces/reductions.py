"""The tracer of `normalize`: a term, one reduction after another, as it is done on paper."""

from collections.abc import Iterator

from neurallambda.errors import ArgumentError
from neurallambda.lang.expressions import expressions_of
from neurallambda.lang.normal.parts import with_part_at
from neurallambda.lang.normal.rewriting import Reduction, reductions
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import Program, Term
from neurallambda.traces.contexts import AWAITED, LARGEST, MARK
from neurallambda.traces.pictures import Lane, Picture, Seen, certain


class ReductionTracer:
    """Reduces a term and sees it before the first reduction, and after each.

    Args:
        source: the text of a program, or a program; its last expression counts.
        max_steps: how many reductions to make at most.
    """

    def __init__(self, source: str | Program, max_steps: int) -> None:
        self.program = parse(source) if isinstance(source, str) else source
        self.max_steps = max_steps
        self.last: Term | None = expressions_of(self.program.forms)[-1]
        self.has_ended = False

    def seen(self) -> Iterator[Seen]:
        """The term before the first reduction, and after each."""
        rule = ""
        for number, reduction in enumerate(reductions(self.program)):
            yield _seen(rule, _picture(reduction))
            self.last = reduction.result
            if number == self.max_steps:
                return
            rule = reduction.rule
        self.has_ended = True
        assert self.last is not None
        found = _whole(self.last)
        ends = ({"lane": 0, "value": found.text, "weight": 1},) if found.text is not None else ()
        yield Seen((Lane(rules=certain(rule) if rule else (), term=found),), ends=ends)


def _seen(rule: str, picture: Picture) -> Seen:
    return Seen((Lane(rules=certain(rule) if rule else (), term=picture),))


def _picture(reduction: Reduction) -> Picture:
    """The term before a reduction, its redex marked."""
    try:
        before, _, after = to_text(with_part_at(reduction.term, reduction.path, AWAITED), limit=LARGEST).partition(MARK)
        inner = to_text(reduction.redex, limit=LARGEST)
    except ArgumentError:
        return Picture(None)
    return Picture(before + inner + after, (len(before), len(before) + len(inner)))


def _whole(term: Term) -> Picture:
    try:
        return Picture(to_text(term, limit=LARGEST))
    except ArgumentError:
        return Picture(None)
