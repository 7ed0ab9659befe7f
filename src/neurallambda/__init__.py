"""Programs and data structures that run inside neural networks.

>>> import neurallambda as nl
>>> nl.run("((fn [x] '(x x x)) 42)")
"'(42 42 42)"
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurallambda.errors import ArgumentError, ErrorKind, NeurallambdaError, ProgramError, SourceError
    from neurallambda.holes import Soft
    from neurallambda.lang.chances import Chances
    from neurallambda.lang.evaluate import evaluate
    from neurallambda.lang.normalize import normalize
    from neurallambda.lang.outcome import Outcome
    from neurallambda.machine.encode import NeuralLambda
    from neurallambda.machine.machine import Machine
    from neurallambda.machine.result import Distribution, Result
    from neurallambda.programs import Engine, Limits, run, run_all
    from neurallambda.traces.running import trace
    from neurallambda.traces.traced import Trace
    from neurallambda.worlds.engine import Worlds
    from neurallambda.worlds.given import Rows

__version__ = version("neurallambda")

_HOMES = {
    "ArgumentError": "errors",
    "Chances": "lang.chances",
    "Distribution": "machine.result",
    "Engine": "engines.protocol",
    "ErrorKind": "errors",
    "Limits": "engines.protocol",
    "Machine": "machine.machine",
    "NeuralLambda": "machine.encode",
    "NeurallambdaError": "errors",
    "Outcome": "lang.outcome",
    "ProgramError": "errors",
    "Result": "machine.result",
    "Rows": "worlds.given",
    "Soft": "holes",
    "SourceError": "errors",
    "Trace": "traces.traced",
    "Worlds": "worlds.engine",
    "evaluate": "lang.evaluate",
    "normalize": "lang.normalize",
    "run": "programs",
    "run_all": "programs",
    "trace": "traces.running",
}

__all__ = [
    "ArgumentError",
    "Chances",
    "Distribution",
    "Engine",
    "ErrorKind",
    "Limits",
    "Machine",
    "NeuralLambda",
    "NeurallambdaError",
    "Outcome",
    "ProgramError",
    "Result",
    "Rows",
    "Soft",
    "SourceError",
    "Trace",
    "Worlds",
    "__version__",
    "evaluate",
    "normalize",
    "run",
    "run_all",
    "trace",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: the exact rooms start without loading torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
