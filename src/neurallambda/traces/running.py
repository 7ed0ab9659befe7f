"""Tracing programs by any engine, as a stream of events."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from neurallambda.arguments import checked
from neurallambda.engines import make_engine
from neurallambda.engines.protocol import Engine, Limits
from neurallambda.engines.stepper import certain_cells
from neurallambda.errors import ArgumentError, ErrorKind, ProgramError
from neurallambda.lang.cek import out_of_steps
from neurallambda.lang.chances import Chances
from neurallambda.lang.draws import settled
from neurallambda.lang.fillings import check_given
from neurallambda.lang.given_values import parts_of
from neurallambda.lang.lower import lower
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.random_forms import refuse_random_forms
from neurallambda.lang.syntax.parser import parse
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import Program
from neurallambda.traces.pictures import Json, Seen
from neurallambda.traces.recording import Recorder, rounded
from neurallambda.traces.traced import Trace

TRACED = (*Engine, "normalize")
"""What can be traced: the engines, and reduction as on paper."""
MAX_STEPS = 2_000
"""How many steps are traced where no number is given."""


@checked
def trace(
    source: str | Program,
    *,
    engine: Engine | str = Engine.MACHINE,
    limits: Limits = Limits(),
    device: str | None = None,
    holes: Mapping[str, Any] | None = None,
    gradient: bool = False,
    free: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Trace:
    """Run a program and tell every step: a header, an event for each step, an end.

    The events are those of the [trace record](trace.md): a step tells what became other in it, and among it the term that
    the state stands for.

    Args:
        source: the program.
        engine: any that runs programs; or `normalize`: reduction one step at a time, with free variables.
        limits: what it may use; without a number of steps, 2,000 are traced.
        device: where tensors live.
        holes: what each `?name` stands for, as in `run`; for worlds all that `neurallambda.worlds.WorldsProgram.infer`
            takes, lists too, for one row.
        gradient: whether the end says how the logarithm of the likeliest end's probability changes with each cell of the
            code. The machine only.
        free: whether names may be free that are not defined, as in `normalize`. NeuralBeta and its stepper only.
        options: what only this engine takes, as in `make_engine`.

    Returns:
        The events, as JSON has them, one after another while the program runs. In a notebook, the last line of a cell shows
        them with the viewer.

    Raises:
        SourceError: where the text is not a program, or has a hole that is not filled.
        ArgumentError: where an argument cannot be used.

    Example:
        >>> events = list(trace("((fn [x] (+ x 1)) 2)"))
        >>> [event["event"] for event in events]
        ['header', 'step', 'step', 'step', 'step', 'step', 'step', 'end']
        >>> events[-1]["outcome"]
        {'value': '3'}
    """
    if engine not in TRACED:
        raise ArgumentError(f"engine: got {str(engine)!r}, expected one of {', '.join(TRACED)} to be traced")
    if gradient and engine != "machine":
        raise ArgumentError(f"gradient: got it for {engine}; only the machine has one")
    program = parse(source) if isinstance(source, str) else source
    text = source if isinstance(source, str) else source.text or to_text(source)
    steps = limits.max_steps or MAX_STEPS
    tracer = _TRACERS[str(engine)]
    facts: Json = {"source": text, "limits": {"max_steps": steps}}
    given = {} if holes is None else holes
    _check(str(engine), given, limits)
    filled = {name: plain(name, filling, limits.integers) for name, filling in given.items()}
    if filled:
        facts["holes"] = {name: _hole(filling) for name, filling in filled.items()}
    asked = _Asked(limits, steps, device, given, filled, gradient, free, options or {})
    return Trace(str(engine), text, tracer(program, facts, asked))


def _check(engine: str, holes: Mapping[str, Any], limits: Limits) -> None:
    """Refuse what the engine does not take for a hole."""
    if engine == "worlds":
        make_engine(engine, limits=limits).check(holes)
    elif engine in ("machine", "beta"):
        import_module("neurallambda.holes").fillings(holes, limits.integers, 1)
    else:
        check_given(holes)


def plain(name: str, filling: Any, integers: range) -> Any:
    """A filling of one program without tensors: an atom, `Chances`, or a list of such."""
    parts = parts_of(filling)
    if all(isinstance(part, (int, str, Chances)) for part in parts):
        return filling
    return import_module("neurallambda.traces.tensors").without_tensors(name, filling, integers)


_Events = Generator[Json, None, None]


@dataclass(frozen=True)
class _Asked:
    """How a program shall be traced: the arguments of `trace`, checked; `plain` are the holes without tensors."""

    limits: Limits
    steps: int
    device: str | None
    holes: Mapping[str, Any]
    plain: Mapping[str, Any]
    gradient: bool
    free: bool
    options: Mapping[str, Any]

    def make(self, name: str) -> Any:
        """The engine of a name."""
        return make_engine(name, limits=replace(self.limits, max_steps=self.steps), device=self.device, **self.options)


def _machine(program: Program, facts: Json, asked: _Asked) -> _Events:
    tracers = import_module("neurallambda.traces.machine")
    machine = asked.make("machine").machine()
    refuse_random_forms(program, "machine")
    recorder = Recorder("machine", **facts)
    try:
        encoded = machine.encode(program, holes=asked.holes)
    except ProgramError as error:
        yield from _refused(recorder, error)
        return
    tracer = tracers.MachineTracer(machine, encoded, asked.steps)
    yield from _events(recorder, tracer.seen())
    result = tracer.result()
    outcome = machine.decode(result)[0]
    found = import_module("neurallambda.machine.ends").ends(result)
    distribution = [{**_named(text), "weight": rounded(weight)} for weight, text in found]
    extra: Json = {"distribution": [one for one in distribution if len(one) == 2]}
    if asked.gradient:
        extra["gradient"] = import_module("neurallambda.traces.gradient").gradient_of(
            machine, encoded, outcome, asked.steps
        )
    yield recorder.end(**_outcome(outcome, extra))


def _beta(program: Program, facts: Json, asked: _Asked) -> _Events:
    tracers = import_module("neurallambda.traces.beta")
    beta = asked.make("beta").beta()
    recorder = Recorder("beta", **facts)
    try:
        if not asked.free:
            import_module("neurallambda.beta.assemble").check_closed(program, asked.holes)
        encoded = beta.encode(program, holes=asked.holes)
    except ProgramError as error:
        yield from _refused(recorder, error)
        return
    tracer = tracers.BetaTracer(beta, encoded, asked.steps)
    yield from _events(recorder, tracer.seen())
    yield recorder.end(**_outcome(beta.decode(tracer.result)[0], {}))


def _stepper(program: Program, facts: Json, asked: _Asked) -> _Events:
    recorder = Recorder("stepper", **facts)
    given = asked.make("stepper").check(asked.holes)
    try:
        cells = certain_cells(program, given)
    except ProgramError as error:
        yield from _refused(recorder, error)
        return
    tracer = import_module("neurallambda.traces.stepper").StepperTracer(
        cells, asked.limits.integers, given, asked.steps
    )
    yield from _events(recorder, tracer.seen())
    yield recorder.end(**_outcome(tracer.outcome, {}))


def _beta_stepper(program: Program, facts: Json, asked: _Asked) -> _Events:
    engine = asked.make("beta-stepper")
    recorder = Recorder("beta-stepper", **facts)
    try:
        if not asked.free:
            import_module("neurallambda.beta.assemble").check_closed(program, asked.holes)
        cells = engine.cells(program, asked.holes)
    except ProgramError as error:
        yield from _refused(recorder, error)
        return
    tracer = import_module("neurallambda.traces.beta_stepper").BetaStepperTracer(engine, cells)
    yield from _events(recorder, tracer.seen())
    yield recorder.end(**_outcome(tracer.outcome, {}))


def _reference(program: Program, facts: Json, asked: _Asked) -> _Events:
    tracers = import_module("neurallambda.traces.reference")
    recorder = Recorder("reference", **facts)
    try:
        root = lower(program)
    except ProgramError as error:
        yield from _refused(recorder, error)
        return
    filled = settled(check_given(asked.holes), None)
    tracer = tracers.ReferenceTracer(root, filled, asked.limits.integers)
    try:
        yield from _events(recorder, tracer.seen(asked.steps))
    except ProgramError as error:
        told = import_module("neurallambda.lang.blame").explain(
            root, error.steps, text=program.text, holes=filled, integers=asked.limits.integers
        )
        outcome = Outcome.of(told or error)
        if error.kind is not ErrorKind.OUT_OF_STEPS:
            ends = ({"lane": 0, "error": str(error.kind), "weight": 1},)
            yield recorder.step(Seen((tracer.lane("error"),), ends=ends))
        yield recorder.end(**_outcome(outcome, {}))
        return
    yield recorder.end(**_outcome(Outcome(term=tracer.unlowering.value(tracer.value)), {}))


def _worlds(program: Program, facts: Json, asked: _Asked) -> _Events:
    tracers = import_module("neurallambda.traces.worlds")
    recorder = Recorder("worlds", **facts)
    try:
        root = lower(program)
    except ProgramError as error:
        yield from _refused(recorder, error)
        return
    tracer = tracers.WorldsTracer(root, _declared(asked.plain, asked.limits.integers), asked.limits.integers)
    yield from _events(recorder, tracer.seen(asked.steps))
    distribution = tracer.distribution()
    if tracer.problem is not None:
        yield recorder.end(**_outcome(Outcome.of(tracer.problem), {"distribution": distribution}))
        return
    if not distribution:
        told = {"error": str(ErrorKind.IMPOSSIBLE), "message": "what was observed is false in every world"}
        yield recorder.end(outcome=told)
        return
    likeliest = {name: value for name, value in distribution[0].items() if name != "weight"}
    yield recorder.end(outcome=likeliest, distribution=distribution)


def _declared(holes: Mapping[str, Any], integers: range) -> Mapping[str, Any]:
    """What fills the holes, where uncertain items of lists are integers that are declared, as the engine wants them."""
    for name, filling in holes.items():
        parts = [part for part in parts_of(filling) if isinstance(part, Chances)]
        beyond = [one for part in parts for one in part.values if type(one) is int and one not in integers]
        if beyond and isinstance(filling, (list, tuple)):
            raise ArgumentError(
                f"holes[{name!r}]: got {beyond[0]} in a list, expected integers from {integers[0]} to {integers[-1]}"
            )
    return holes


def _normalize(program: Program, facts: Json, asked: _Asked) -> _Events:
    if asked.holes:
        raise ArgumentError("holes: got some for normalize, which leaves holes as they are")
    refuse_random_forms(program, "normalize")
    tracer = import_module("neurallambda.traces.reductions").ReductionTracer(program, asked.steps)
    recorder = Recorder("normalize", **facts)
    yield from _events(recorder, tracer.seen())
    if tracer.has_ended:
        yield recorder.end(**_outcome(Outcome(term=tracer.last), {}))
    else:
        yield recorder.end(**_outcome(Outcome(error=ErrorKind.OUT_OF_STEPS, message=out_of_steps(asked.steps)), {}))


_TRACERS = {
    "machine": _machine,
    "beta": _beta,
    "reference": _reference,
    "worlds": _worlds,
    "stepper": _stepper,
    "beta-stepper": _beta_stepper,
    "normalize": _normalize,
}


def _events(recorder: Recorder, seen: Iterator[Seen]) -> _Events:
    yield recorder.header(next(seen))
    for one in seen:
        yield recorder.step(one)


def _refused(recorder: Recorder, error: ProgramError) -> _Events:
    """A program that has an error before it runs."""
    yield recorder.header(Seen(()))
    yield recorder.end(**_outcome(Outcome.of(error), {}))


def _outcome(outcome: Outcome, extra: Json) -> Json:
    if outcome.error is None:
        assert outcome.term is not None
        return {"outcome": {"value": to_text(outcome.term)}, **extra}
    told: Json = {"error": str(outcome.error), "message": outcome.message}
    if outcome.line:
        told |= {"line": outcome.line, "column": outcome.column}
    if outcome.error in (ErrorKind.OUT_OF_STEPS, ErrorKind.OUT_OF_MEMORY):
        extra = {**extra, "truncated": outcome.message}
    return {"outcome": told, **extra}


def _named(text: str) -> Json:
    """An end as the record has it."""
    if text.startswith("error "):
        return {"error": text.removeprefix("error ")}
    return {} if text == "no end within the limits" else {"value": text}


def _hole(filling: Any) -> Any:
    """What fills a hole, as the header has it."""
    if isinstance(filling, (list, tuple)):
        return {"items": [_hole(one) for one in filling]}
    if not isinstance(filling, Chances):
        return [[_atom(filling), 1]]
    parts = zip(filling.values, filling.probabilities, strict=True)
    return [[_atom(value), rounded(float(chance))] for value, chance in parts]


def _atom(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def document(events: Iterable[Json]) -> Json:
    """All events of one run as one document: `header`, `steps`, `end`."""
    header, *rest = events
    return {"header": header, "steps": rest[:-1], "end": rest[-1]}
