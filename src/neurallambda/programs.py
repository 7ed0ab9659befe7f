"""Running programs by any engine: one, several, or a stream of thousands."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, overload

from neurallambda.arguments import checked
from neurallambda.engines import make_engine
from neurallambda.engines.machine import WINDOW as WINDOW
from neurallambda.engines.protocol import MAX_STEPS as MAX_STEPS
from neurallambda.engines.protocol import Engine as Engine
from neurallambda.engines.protocol import Limits as Limits
from neurallambda.errors import ArgumentError, SourceError
from neurallambda.lang.outcome import Outcome


@overload
def run(
    source: str,
    *,
    engine: Engine | str = ...,
    limits: Limits = ...,
    device: str | None = ...,
    holes: Mapping[str, Any] | None = ...,
) -> str: ...
@overload
def run(
    source: list[str] | tuple[str, ...],
    *,
    engine: Engine | str = ...,
    limits: Limits = ...,
    device: str | None = ...,
    holes: Mapping[str, Any] | None = ...,
) -> list[Outcome]: ...
@checked
def run(
    source: str | list[str] | tuple[str, ...],
    *,
    engine: Engine | str = Engine.MACHINE,
    limits: Limits = Limits(),
    device: str | None = None,
    holes: Mapping[str, Any] | None = None,
) -> str | list[Outcome]:
    """Run a program, or a batch of programs.

    Args:
        source: the text of one program, or of several.
        engine: what runs them.
        limits: the integers, steps and memory they may use.
        device: where the machine's tensors live.
        holes: what each `?name` stands for: an integer, a boolean, the name of a primitive; or, but for the reference
            evaluator, a distribution, as `Soft` or as logits over all declared integers; for worlds also `Chances`, and lists
            of all these. The answer of a soft program is its likeliest end; `Machine` gives the probabilities of all of them.

    Returns:
        Of one program its value as text; of several, how each of them ended: a value or a named error, with its steps.

    Raises:
        SourceError: where a text is not a program, or has a hole that `holes` does not fill.
        ProgramError: where the one program ends in an error.
        ArgumentError: where an argument cannot be used.

    >>> run("((fn [x] '(x x x)) 42)")
    "'(42 42 42)"
    >>> for outcome in run(["(+ 1 2)", "(car '())"]):
    ...     print(outcome.text if outcome.term else outcome.error, outcome.steps)
    3 4
    not-a-pair 2
    >>> run("(?op 3 ?n)", holes={"op": "*", "n": 5})
    '15'
    """
    sources = [source] if isinstance(source, str) else _texts(source)
    outcomes: list[Outcome] = []
    for number, outcome in enumerate(run_all(sources, engine=engine, limits=limits, device=device, holes=holes)):
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
    holes: Mapping[str, Any] | None = None,
) -> Iterator[Outcome | SourceError]:
    """Run a stream of programs, and give how each of them ended, in order; text that is no program gives its error.

    Args:
        sources: the texts of the programs.
        engine: as in `run`.
        limits: as in `run`.
        device: as in `run`.
        holes: as in `run`, the same for all programs; a program need not have them.

    Raises:
        ArgumentError: where an argument cannot be used.
    """
    return make_engine(engine, limits=limits, device=device).run_all(sources, holes=holes)


def _texts(source: object) -> list[str]:
    if not isinstance(source, (list, tuple)):
        raise ArgumentError(f"source: got {source!r:.60}, expected the text of a program, or a list of such texts")
    return list(source)
