"""Many trainings, one after another or side by side, that go on where they were when they were stopped."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from neurallambda.errors import ArgumentError, check_count
from neurallambda.train.changes import changed
from neurallambda.train.recipe import Recipe
from neurallambda.train.recipes import recipe_for
from neurallambda.train.run_folder import RunFolder


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One training of a sweep.

    Attributes:
        task: its task.
        recipe: its recipe; None: the one that is meant for the task.
        changes: what is otherwise than in the recipe, each `KEY=VALUE`.
        folder: of the run.
    """

    task: str
    recipe: str | None
    changes: tuple[str, ...]
    folder: Path

    @property
    def is_done(self) -> bool:
        """Whether it was trained and measured."""
        return RunFolder(self.folder).evaluation.exists()

    def commands(self, test: Sequence[str], device: str | None) -> list[list[str]]:
        """The commands that are left to do, for a Python interpreter.

        Args:
            test: options of `neurallambda evaluate`.
            device: where to train and to measure.
        """
        run, where = RunFolder(self.folder), [] if device is None else ["--device", device]
        begin = ["train", self.task, *([self.recipe] if self.recipe else []), *self.changes, "--out", str(self.folder)]
        train = ["train", "--resume", str(self.folder)] if run.checkpoint.exists() else begin
        evaluate = ["evaluate", str(self.folder), *test, *where]
        module = ["-m", "neurallambda"]
        return [[*module, *train, *where], [*module, *evaluate]] if not run.members.exists() else [[*module, *evaluate]]


def cells(
    folder: Path, tasks: Sequence[str], recipes: Sequence[str], seeds: Sequence[int], changes: Sequence[str]
) -> list[Cell]:
    """The trainings of a sweep: every task by every recipe from every first seed.

    Args:
        folder: where the runs are kept.
        tasks: their names.
        recipes: their names; none: the one that is meant for each task.
        seeds: the first seeds of the trainings; none: that of the recipe.
        changes: what is otherwise than in the recipes, each `KEY=VALUE`.

    Raises:
        ArgumentError: if a task, a recipe or a change is none; nothing is begun then.
    """
    if not tasks:
        raise ArgumentError("tasks: none was named")
    found = []
    for task, name, seed in product(tasks, recipes or [None], seeds or [None]):
        own = [*changes, *([] if seed is None else [f"first_seed={seed}"])]
        made = changed(recipe_for(task, name), own)
        last = folder_name(made) if seed is None else f"{folder_name(made)}-{seed}"
        found.append(Cell(task=task, recipe=name, changes=tuple(own), folder=folder / last))
    return found


def folder_name(recipe: Recipe) -> str:
    """What the folder of a run is called: by its task and its recipe.

    Args:
        recipe: what is done.
    """
    task = recipe.task if isinstance(recipe.task, str) else recipe.task.name
    return re.sub(r"[^\w.-]+", "-", f"{task}-{recipe.name}").strip("-.")


def run_cell(commands: Sequence[Sequence[str]], log: Path) -> int:
    """Run commands one after the other in processes of their own; what they print goes to a file.

    Args:
        commands: arguments for the Python interpreter that runs this.
        log: the file.

    Returns:
        0, or the exit code of the first that fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        for command in commands:
            code = subprocess.run(
                [sys.executable, *command], stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False
            ).returncode
            if code:
                return code
    return 0


Run = Callable[[Sequence[Sequence[str]], Path], int]


def sweep(
    todo: Sequence[Cell], *, jobs: int = 1, test: Sequence[str] = (), device: str | None = None, use_ray: bool = False
) -> Iterator[tuple[Cell, int]]:
    """Do what is left of a sweep.

    Args:
        todo: its trainings; those that are done are passed over.
        jobs: how many at a time, each in a process of its own; Ray decides that itself.
        test: options of `neurallambda evaluate`.
        device: where to train and to measure.
        use_ray: whether Ray spreads them over its machines, which must share the folder.

    Yields:
        Each training when it ends, with its exit code.
    """
    check_count("jobs", jobs)
    left = [cell for cell in todo if not cell.is_done]
    work = [(cell, cell.commands(test, device), cell.folder.with_suffix(".log")) for cell in left]
    if use_ray:
        yield from _on_ray(work)
        return
    with ThreadPoolExecutor(jobs) as pool:  # each thread only waits for its process
        running = {pool.submit(run_cell, commands, log): cell for cell, commands, log in work}
        try:
            for future in as_completed(running):
                yield running[future], future.result()
        except BaseException:
            for future in running:
                future.cancel()
            raise


def _on_ray(work: Sequence[tuple[Cell, list[list[str]], Path]]) -> Iterator[tuple[Cell, int]]:
    from neurallambda.train.extras import extra

    ray: Any = extra("ray", "a sweep on Ray")
    ray.init(ignore_reinit_error=True, log_to_driver=False)
    remote = ray.remote(run_cell)
    waiting = {remote.remote(commands, log): cell for cell, commands, log in work}
    while waiting:
        (done,), _ = ray.wait(list(waiting))
        yield waiting.pop(done), ray.get(done)
