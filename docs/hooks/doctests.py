"""Shows the `>>>` sessions of docstrings as code, wherever they stand in the text."""

import re
from typing import Any

import griffe

SESSION = re.compile(r"^(?P<indent> *)>>> .*(?:\n *\S.*)*", re.MULTILINE)


class Doctests(griffe.Extension):
    """A griffe extension: mkdocstrings reads docstrings through it."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rewrite the docstring of one object before it is parsed."""
        if obj.docstring:
            obj.docstring.value = fence(obj.docstring.value)


def fence(docstring: str) -> str:
    """Put a fence around each session: it starts with a prompt and lasts to the next blank line."""
    return SESSION.sub(lambda match: f"{match['indent']}```pycon\n{match[0]}\n{match['indent']}```", docstring)
