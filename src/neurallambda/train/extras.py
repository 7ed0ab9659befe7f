"""Packages that only this room needs: imported when used, with an error that says how to get them."""

from importlib import import_module
from typing import Any

from neurallambda.errors import NeurallambdaError, how_to_install


class MissingExtraError(NeurallambdaError, ImportError):
    """An optional dependency is not installed."""


def extra(module: str, purpose: str) -> Any:
    """Import a module that comes with the extra `train`.

    Args:
        module: its name.
        purpose: what it is needed for, to begin the sentence "... needs it".

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{purpose} needs the package {module.partition('.')[0]}, which is not installed: "
            + ("pip install ray" if module == "ray" else how_to_install("train"))
        ) from error
