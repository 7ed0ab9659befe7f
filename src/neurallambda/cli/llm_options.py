"""What the commands around language models share."""

from typing import Annotated, Any

import typer

BaseOption = Annotated[
    str, typer.Option(metavar="MODEL", help="The base model: stories15m, smollm2, a folder, or a name on a hub.")
]


def changes_argument(examples: str) -> Any:
    """The argument of a command by which single numbers of what it does are changed.

    Args:
        examples: what may be changed, in words.
    """
    return typer.Argument(metavar="[KEY=VALUE]...", help=f"What shall be otherwise than it is meant: {examples}.")


def quiet() -> None:
    """Let transformers say nothing about what is as it should be."""
    from neurallambda.llm.extras import extra

    logging = extra("transformers.utils.logging")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
