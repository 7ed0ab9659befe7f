"""What the commands around language models share."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Any

import typer

BaseOption = Annotated[
    str, typer.Option(metavar="MODEL", help="The base model: stories15m, smollm2, a folder, or a name on a hub.")
]

LAST_SEED = 2**53
"""The last seed, that of `neurallambda.train.recipe`, which would bring torch."""
Seed = Annotated[int, typer.Option(min=0, max=LAST_SEED, help="The same seed gives the same numbers.")]
DeviceOption = Annotated[str | None, typer.Option(help="cpu or cuda; without it, the CPU.")]


ONLY_IN_PYTHON = ("programs", "values", "value_tokens")
"""What of a graft is not written as KEY=VALUE: the task has it."""


def changes_argument(examples: str) -> Any:
    """The argument of a command by which single numbers of what it does are changed.

    Args:
        examples: what may be changed, in words.
    """
    return typer.Argument(metavar="[KEY=VALUE]...", help=f"What shall be otherwise than by default: {examples}.")


def check_place(out: Path, *, is_file: bool = False) -> None:
    """Refuse a place that nothing can be written to, before the work whose result would be lost.

    What has to be made for that is made, and taken away again.

    Args:
        out: what the option `--out` says.
        is_file: whether a file is written there; else it is a folder.
    """
    from neurallambda.cli.messages import fail

    folder = out.parent if is_file else out
    if is_file and out.is_dir():
        fail(f"--out: got {out}, which is a folder; expected a file")
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        kind = "file" if is_file else "folder"
        fail(f"--out: got {out}, expected a {kind} that can be written ({error.filename}: {error.strerror})")
    finally:
        for one in missing:
            with suppress(OSError):  # it was not made, or somebody else has put something into it
                one.rmdir()


def check_free(out: Path) -> None:
    """Refuse a folder that nothing can be written to, or in which a graft lies, which would be lost.

    Args:
        out: what the option `--out` says.
    """
    from neurallambda.cli.messages import fail
    from neurallambda.llm.saving import CONFIG

    check_place(out)
    if (out / CONFIG).exists():
        fail(f"--out: got {out}, in which a graft lies already; name another folder")


def quiet() -> None:
    """Let transformers say nothing about what is as it should be."""
    from neurallambda.llm.extras import extra

    logging = extra("transformers.utils.logging")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
