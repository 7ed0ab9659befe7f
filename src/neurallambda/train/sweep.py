"""Many trainings, one after another or side by side, that go on where they were when they were stopped."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from neurallambda.device import check_device
from neurallambda.errors import ArgumentError, check_count
from neurallambda.train.acceleration import check_name
from neurallambda.train.changes import changed
from neurallambda.train.evaluation import FRESH, lengths_between
from neurallambda.train.making import task_of
from neurallambda.train.recipe import Recipe
from neurallambda.train.recipes import recipe_for
from neurallambda.train.results import read_result
from neurallambda.train.run_folder import RunFolder
from neurallambda.train.trial import check_recipe


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the runs of a sweep are measured with.

    Attributes:
        lengths: the least and the greatest length of the inputs.
        every: how far lengths are apart.
        rows: how many inputs of each length.

    Raises:
        ArgumentError: if there are no such lengths or rows.
    """

    lengths: tuple[int, int]
    every: int = 10
    rows: int = 128

    def __post_init__(self) -> None:
        lengths_between(*self.lengths, self.every)
        check_count("rows", self.rows)

    @property
    def options(self) -> list[str]:
        """The same as options of `neurallambda evaluate`."""
        least, greatest = self.lengths
        return ["--lengths", f"{least}-{greatest}", "--every", str(self.every), "--rows", str(self.rows)]

    def facts(self, seeds: int) -> dict[str, Any]:
        """What the evaluation of so many seeds then says of itself."""
        lengths = list(lengths_between(*self.lengths, self.every))
        return {"lengths": lengths, "rows": self.rows, "seed": FRESH, "hard": True, "members": list(range(seeds))}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One training of a sweep.

    Attributes:
        task: its task.
        recipe: its recipe; None: the one that is meant for the task.
        changes: what is otherwise than in the recipe, each `KEY=VALUE`.
        made: the recipe with these changes.
        folder: of the run.
    """

    task: str
    recipe: str | None
    changes: tuple[str, ...]
    made: Recipe
    folder: Path

    def check(self, asked: Asked) -> None:
        """Refuse a folder in which another training was begun or something else lies, a recipe that cannot be followed, and a
        test with inputs that the task does not have.

        Args:
            asked: what it shall be measured with.

        Raises:
            ArgumentError: which folder, what the task or the model refuses, or what length.
        """
        run, learned = RunFolder(self.folder), task_of(self.made)
        if run.has_run and run.recipe().facts() != self.made.facts():
            raise ArgumentError(
                f"{self.folder}: the run there has another recipe than the one that is asked for; name another folder, or "
                f"take that one away"
            )
        run.check_own()
        if not run.has_run:
            check_recipe(self.made)
        if learned.runs is None and asked.lengths[0] < learned.shortest:
            raise ArgumentError(
                f"lengths: got {asked.lengths[0]}, expected at least {learned.shortest} for {self.task}"
            )

    def is_done(self, asked: Asked) -> bool:
        """Whether it was trained to its end, and measured so.

        Args:
            asked: what it shall be measured with.
        """
        run = RunFolder(self.folder)
        try:
            found = read_result(run.evaluation)
        except ArgumentError:  # there is none, or not all of it was written
            return False
        measured, expected = found.get("evaluation") or {}, asked.facts(self.made.seeds)
        is_measured_so = {name: measured.get(name) for name in expected} == expected
        return run.has_run and found.get("ended") != "interrupted" and is_measured_so

    def commands(self, asked: Asked, device: str | None) -> list[list[str]]:
        """The commands that are left to do, for a Python interpreter.

        Args:
            asked: what it shall be measured with.
            device: where to train and to measure.
        """
        run, where = RunFolder(self.folder), [] if device is None else ["--device", device]
        begin = ["train", self.task, *([self.recipe] if self.recipe else []), *self.changes, "--out", str(self.folder)]
        train = ["train", "--resume", str(self.folder)] if run.checkpoint.exists() else begin
        evaluate = ["evaluate", str(self.folder), *asked.options, *where]
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
        ArgumentError: if a task, a recipe or a change is none, or two trainings would have one folder; nothing is begun then.
    """
    if not tasks:
        raise ArgumentError("tasks: none was named")
    found = []
    for task, name, seed in product(tasks, recipes or [None], seeds or [None]):
        own = [*changes, *([] if seed is None else [f"first_seed={seed}"])]
        made = changed(recipe_for(task, name), own)
        last = folder_name(made) if seed is None else f"{folder_name(made)}-{seed}"
        place = folder / last
        if any(one.folder == place for one in found):
            raise ArgumentError(
                f"{place}: two trainings of the sweep would have this folder; name each task, recipe and first seed once, "
                f"and give each recipe a name of its own"
            )
        found.append(Cell(task=task, recipe=name, changes=tuple(own), made=made, folder=place))
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
    todo: Sequence[Cell], asked: Asked, *, jobs: int = 1, device: str | None = None, use_ray: bool = False
) -> Iterator[tuple[Cell, int]]:
    """Do what is left of a sweep.

    Args:
        todo: its trainings; those that are done are passed over.
        asked: what they are measured with.
        jobs: how many at a time, each in a process of its own; Ray decides that itself.
        device: where to train and to measure.
        use_ray: whether Ray spreads them over its machines, which must share the folder.

    Yields:
        Each training when it ends, with its exit code.

    Raises:
        ArgumentError: if there is no such device, or a training cannot be done in its folder; nothing is begun then.
    """
    check_count("jobs", jobs)
    check_name(device)
    if not use_ray:  # whose machines may have what this one has not
        check_device(device)
    for cell in todo:
        cell.check(asked)
    left = [cell for cell in todo if not cell.is_done(asked)]
    if use_ray:
        left = [_from_anywhere(cell) for cell in left]
    work = [(cell, cell.commands(asked, device), cell.folder.with_suffix(".log")) for cell in left]
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


def _from_anywhere(cell: Cell) -> Cell:
    """The same with whole paths: processes on other machines begin in folders of their own."""
    file, colon, function = (cell.recipe or "").rpartition(":")
    recipe = f"{Path(file).resolve()}:{function}" if colon else cell.recipe
    return replace(cell, recipe=recipe, folder=cell.folder.resolve())


def _on_ray(work: Sequence[tuple[Cell, list[list[str]], Path]]) -> Iterator[tuple[Cell, int]]:
    from neurallambda.train.extras import extra

    ray: Any = extra("ray", "a sweep on Ray")
    ray.init(ignore_reinit_error=True, log_to_driver=False)
    remote = ray.remote(run_cell)
    waiting = {remote.remote(commands, log): cell for cell, commands, log in work}
    while waiting:
        (done,), _ = ray.wait(list(waiting))
        yield waiting.pop(done), ray.get(done)
