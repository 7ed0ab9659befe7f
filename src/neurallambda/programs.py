"""Running programs by any engine: one, several, or a stream of thousands."""

from collections.abc import Iterable, Iterator
from typing import overload

from neurallambda.engines import make_engine
from neurallambda.engines.machine import WINDOW as WINDOW
from neurallambda.engines.protocol import MAX_STEPS as MAX_STEPS
from neurallambda.engines.protocol import Engine as Engine
from neurallambda.engines.protocol import Limits as Limits
from neurallambda.errors import SourceError
from neurallambda.lang.outcome import Outcome


@overload
def run(source: str, *, engine: Engine | str = ..., limits: Limits = ..., device: str | None = ...) -> str: ...
@overload
def run(
    source: list[str] | tuple[str, ...], *, engine: Engine | str = ..., limits: Limits = ..., device: str | None = ...
) -> list[Outcome]: ...
def run(
    source: str | list[str] | tuple[str, ...],
    *,
    engine: Engine | str = Engine.MACHINE,
    limits: Limits = Limits(),
    device: str | None = None,
) -> str | list[Outcome]:
    """Run a program, or a batch of programs.

    Args:
        source: the text of one program, or of several.
        engine: what runs them.
        limits: the integers, steps and memory they may use.
        device: where the machine's tensors live.

    Returns:
        Of one program its value as text; of several, how each of them ended: a value or a named error, with its steps.

    Raises:
        SourceError: where a text is not a program.
        ProgramError: where the one program ends in an error.

    >>> run("((fn [x] '(x x x)) 42)")
    "'(42 42 42)"
    >>> for outcome in run(["(+ 1 2)", "(car '())"]):
    ...     print(outcome.text if outcome.term else outcome.error, outcome.steps)
    3 4
    not-a-pair 2
    """
    sources = [source] if isinstance(source, str) else list(source)
    outcomes: list[Outcome] = []
    for number, outcome in enumerate(run_all(sources, engine=engine, limits=limits, device=device)):
        if isinstance(outcome, SourceError):
            if not isinstance(source, str):
                outcome.add_note(f"in program {number} of the batch, counted from 0")
            raise outcome
        outcomes.append(outcome)
    return outcomes[0].text if isinstance(source, str) else outcomes


def run_all(
    sources: Iterable[str],
    *,
    engine: Engine | str = Engine.MACHINE,
    limits: Limits = Limits(),
    device: str | None = None,
) -> Iterator[Outcome | SourceError]:
    """Run a stream of programs, and give how each of them ended, in order; text that is no program gives its error."""
    yield from make_engine(engine, limits=limits, device=device).run_all(sources)
