"""A reduction as on paper: the term again and again, the next redex underlined, and the rule beside it."""

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from neurallambda.errors import ArgumentError
from neurallambda.lang.normal.parts import with_part_at
from neurallambda.lang.normal.rewriting import Reduction, reductions
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import Term, Variable

LARGEST = 2_000
"""How many nodes a term may have to be shown."""

PLACE = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands for the redex while the rest of the term is written: no program has such a name."""


def show_reductions(source: str, max_steps: int) -> None:
    """Show a term before each of its reductions, and at the end, on stderr."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    number = 0
    last: Term | None = None
    try:
        for number, reduction in enumerate(reductions(source)):
            if number == max_steps:
                _say(console, f"{number:>3}  …")
                return
            for line in shown(reduction, number, console.width):
                console.print(line)
            last = reduction.result
        if last is not None:
            _say(console, f"{number + 1:>3}  {to_text(last, limit=LARGEST)}\n")
    except ArgumentError:
        _say(console, f"{number:>3}  … more than {LARGEST:,} nodes are not shown")


def shown(reduction: Reduction, number: int, width: int) -> list[Text]:
    """The lines of a reduction: the term before it, and under the redex the rule.

    Where the term is too wide for a line, the redex stands between « and » instead.
    """
    before, redex, after = split(reduction)
    start = f"{number:>3}  "
    marked = Text.assemble(start, before, (redex, "bold yellow"), after)
    if cell_len(marked.plain) > width:
        whole = Text.assemble(start, before, "«", (redex, "bold yellow"), "»", after)
        return [whole, Text.assemble(" " * len(start), (reduction.rule, "cyan"))]
    under = " " * cell_len(start + before) + "^" * cell_len(redex)
    return [marked, Text.assemble((under, "yellow"), "  ", (reduction.rule, "cyan"))]


def split(reduction: Reduction) -> tuple[str, str, str]:
    """The text of a term before its redex, that of the redex, and what comes after it.

    Raises:
        ArgumentError: if the term is too large.
    """
    rest = with_part_at(reduction.term, reduction.path, Variable(PLACE))
    before, after = to_text(rest, limit=LARGEST).split(PLACE)
    return before, to_text(reduction.redex, limit=LARGEST), after


def _say(console: Console, text: str) -> None:
    console.print(Text(text))
