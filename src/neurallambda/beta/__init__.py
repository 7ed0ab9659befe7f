"""NeuralBeta: a program in cells becomes another program by substitution, all of it in tensors."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from neurallambda.beta.alphabet import Alphabet as Alphabet
from neurallambda.beta.strategy import APPLICATIVE as APPLICATIVE
from neurallambda.beta.strategy import BY_VALUE as BY_VALUE
from neurallambda.beta.strategy import NORMAL as NORMAL
from neurallambda.beta.strategy import STRATEGIES as STRATEGIES
from neurallambda.beta.strategy import Strategy as Strategy

if TYPE_CHECKING:
    from neurallambda.beta.encode import NeuralLambda as NeuralLambda
    from neurallambda.beta.module import NeuralBeta as NeuralBeta
    from neurallambda.beta.module import Result as Result
    from neurallambda.beta.reading import Reading as Reading

_HOMES = {"NeuralBeta": "module", "NeuralLambda": "encode", "Reading": "reading", "Result": "module"}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: the discrete stepper needs no tensors."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
