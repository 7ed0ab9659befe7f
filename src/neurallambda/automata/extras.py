"""Packages that only some of this room needs: imported when used, with an error that says how to get them."""

from importlib import import_module
from types import ModuleType

from neurallambda.errors import NeurallambdaError, how_to_install


class MissingExtraError(NeurallambdaError, ImportError):
    """An optional dependency is not installed."""


def extra(module: str, purpose: str) -> ModuleType:
    """Import a module that comes with the extra `automata`.

    Args:
        module: its name.
        purpose: what it is needed for, to finish the sentence "... needs it".

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingExtraError(
            f"{purpose} needs the package {_DISTRIBUTIONS.get(package, package)}, which is not installed: "
            f"{how_to_install('automata')}"
        ) from error


_DISTRIBUTIONS = {"automata": "automata-lib"}
