"""Programs and data structures that run inside neural networks."""

from importlib.metadata import version

from neurallambda.errors import ArgumentError, ErrorKind, NeurallambdaError, ProgramError, SourceError

__version__ = version("neurallambda")

__all__ = [
    "ArgumentError",
    "ErrorKind",
    "NeurallambdaError",
    "ProgramError",
    "SourceError",
    "__version__",
]
