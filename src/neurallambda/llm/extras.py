"""Packages that only this room needs: imported when used, with an error that says how to get them."""

from importlib import import_module
from typing import Any

from neurallambda.errors import NeurallambdaError, how_to_install


class MissingExtraError(NeurallambdaError, ImportError):
    """An optional dependency is not installed."""


def extra(module: str) -> Any:
    """Import a module that comes with the extra `llm`.

    Args:
        module: its name.

    Raises:
        MissingExtraError: it is not installed.

    Example:
        >>> extra("a_package_that_is_not_there")
        Traceback (most recent call last):
        neurallambda.llm.extras.MissingExtraError: language models need the package a_package_that_is_not_there, ...
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"language models need the package {module.partition('.')[0]}, which is not installed: {how_to_install('llm')}"
        ) from error
