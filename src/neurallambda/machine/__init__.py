"""The differentiable Lisp machine, in pipeline order: assemble, encode, step, run, decode."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurallambda.holes import Soft as Soft
    from neurallambda.machine.encode import NeuralLambda as NeuralLambda
    from neurallambda.machine.machine import Machine as Machine
    from neurallambda.machine.result import Distribution as Distribution
    from neurallambda.machine.result import Result as Result

_HOMES = {
    "Distribution": "neurallambda.machine.result",
    "Machine": "neurallambda.machine.machine",
    "NeuralLambda": "neurallambda.machine.encode",
    "Result": "neurallambda.machine.result",
    "Soft": "neurallambda.holes",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: the rules and their discrete stepper need no tensors."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
