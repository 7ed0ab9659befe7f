"""What can run a program: one protocol, one file for each engine. Nobody else asks which engine it is.

`make_engine` gives the engine of a name. Tensors are loaded when one that needs them is first used.
"""

from collections.abc import Mapping

from neurallambda.engines.beta import BetaEngine
from neurallambda.engines.beta_stepper import BetaStepperEngine
from neurallambda.engines.machine import MachineEngine
from neurallambda.engines.protocol import Engine, Limits, ProgramEngine
from neurallambda.engines.reference import ReferenceEngine
from neurallambda.engines.stepper import StepperEngine
from neurallambda.engines.worlds import WorldsEngine
from neurallambda.errors import ArgumentError

ENGINES: Mapping[Engine, type[ProgramEngine]] = {
    kind.name: kind
    for kind in (MachineEngine, ReferenceEngine, BetaEngine, WorldsEngine, StepperEngine, BetaStepperEngine)
}


def engine_named(name: str) -> Engine:
    """The engine of a name.

    Raises:
        ArgumentError: if there is none.
    """
    try:
        return Engine(name)
    except ValueError:
        raise ArgumentError(f"engine: got {name!r}; expected {' or '.join(Engine)}") from None


def make_engine(name: str, *, limits: Limits = Limits(), device: str | None = None, **options: object) -> ProgramEngine:
    """An engine, ready to run programs.

    Args:
        name: which engine: `machine`, `reference`, `beta`, `worlds`, `stepper` or `beta-stepper`.
        limits: what a program may use.
        device: where tensors live, for an engine that has them.
        options: what only this engine takes, by the names in its `options`.

    Returns:
        The engine.

    Raises:
        ArgumentError: if there is no such engine, or it does not take an option.

    Example:
        >>> engine = make_engine("reference")
        >>> [str(outcome) for outcome in engine.run_all(["(+ 1 2)", "(car 1)"])]
        ['3', 'not-a-pair: ...']
    """
    engine = ENGINES[engine_named(name)]
    for option in options:
        if option not in engine.options:
            raise ArgumentError(f"{option}: got it for the engine {engine.name}, which takes {_listed(engine.options)}")
    return engine(limits=limits, device=device, **options)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "no options of its own"
