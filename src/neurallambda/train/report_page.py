"""A page of results, with a plot for each task."""

from collections.abc import Sequence
from pathlib import Path

from neurallambda.errors import ArgumentError
from neurallambda.train.plots import plot_task
from neurallambda.train.report import Result, by_task, report

HEAD = """\
# Results

Written by `neurallambda report`; each row is a run of `neurallambda train` and `neurallambda evaluate`.
[How to train](training.md) says how to do one again, and [what the results miss](missed.md) where they are short and what was tried.
"""


def page(results: Sequence[Result], plots: str) -> str:
    """The text of the page.

    Args:
        results: what is reported.
        plots: the folder of the plots, as seen from the page.
    """
    pictures = [f"## {task}\n\n![accuracy by length: {task}]({plots}/{_file(task)})" for task in by_task(results)]
    return "\n".join([HEAD, report(results), "\n\n".join(pictures), ""])


def write_page(path: Path, results: Sequence[Result]) -> list[Path]:
    """Write the page, and the plots into a folder of its name beside it.

    Args:
        path: of the page.
        results: what is reported.

    Returns:
        The files written.

    Raises:
        ArgumentError: if the page has no ending, which its folder would need to have another name.
    """
    folder = path.with_suffix("")
    if folder == path:
        raise ArgumentError(f"{path}: got a name without an ending, expected one with it, as in {path.name}.md")
    written = [path]
    for task, found in by_task(results).items():
        plot_task(folder / _file(task), task, found)
        written.append(folder / _file(task))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(results, folder.name))
    return written


def _file(task: str) -> str:
    """The name of a plot; the task of a machine, as in `recognition:dyck2`, has a colon, which not all systems take."""
    return f"{task.replace(':', '-')}.svg"
