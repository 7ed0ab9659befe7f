"""The commands that train networks and report on all of them. What they need is imported when they run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurallambda.cli.trained import how_to_go_on, range_of

if TYPE_CHECKING:
    from neurallambda.train.recipe import Recipe

DeviceOption = Annotated[str | None, typer.Option(help="cpu or cuda; without it, a GPU if there is one.")]


def train(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TASK [RECIPE] [KEY=VALUE]...",
            help="The task; the recipe, where it shall not be the one that is meant for the task: a name, or "
            "FILE.py:FUNCTION; and what shall be otherwise, as in seeds=12 model.states=16 stages=1-8:200:0.997,1-20:100.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="RUN", help="The folder of the run; runs/TASK-RECIPE without.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on with a run that was interrupted; TASK is not named then.")
    ] = None,
    device: DeviceOption = None,
    save_every: Annotated[int, typer.Option(min=1, help="After how many steps a checkpoint is written.")] = 200,
    show: Annotated[bool, typer.Option("--show", help="Print the recipe and end.")] = False,
) -> None:
    """Train a network on a task, all seeds at once.

    Ctrl-C keeps what was learned, and says how to go on. Exit code 0: trained. 1: no seed is left whose loss is a finite
    number. 2: the input cannot be used. 130: interrupted.
    """
    from neurallambda.cli.messages import fail, reporting

    with reporting():
        if resume is not None:
            if words:
                fail("--resume: the run knows its task; name nothing else")
            if out is not None:
                fail(f"--out: got {out}, expected none: a run that is resumed stays in its folder, {resume}")
            if show:
                fail(
                    "--show: a run that is resumed has its recipe in run.json; name --show with a task, or --resume alone"
                )
            from neurallambda.train.run_folder import RunFolder

            _train(RunFolder(resume).recipe(), resume, device=device, save_every=save_every, is_resumed=True)
            return
        if not words:
            fail("TASK: none was named; `neurallambda tasks` lists them")
        chosen = _recipe(words)
        if show:
            _show(chosen)
            return
        _train(chosen, out or _free_folder(chosen), device=device, save_every=save_every, is_resumed=False)


def _recipe(words: list[str]) -> "Recipe":
    """The recipe that the words ask for."""
    from neurallambda.cli.messages import fail
    from neurallambda.train.changes import changed
    from neurallambda.train.recipes import recipe_for

    task, *rest = words
    names = [word for word in rest if "=" not in word]
    if len(names) > 1:
        fail(f"{names[1]}: expected KEY=VALUE; the recipe is {names[0]} already")
    return changed(recipe_for(task, names[0] if names else None), [word for word in rest if "=" in word])


def _train(recipe: "Recipe", folder: Path, *, device: str | None, save_every: int, is_resumed: bool) -> None:
    import os
    from contextlib import ExitStack

    from neurallambda.cli.messages import answer, remark
    from neurallambda.train.loop import train
    from neurallambda.train.progress import shown, stages_of
    from neurallambda.train.recorders import recorders

    with ExitStack() as stack:
        listeners: list[Any] = []
        is_first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun starts, one speaks
        if is_first:
            remark(
                f"{recipe.task}, {recipe.name}: {recipe.seeds} seeds, at most {recipe.total_steps} steps; run {folder}"
            )
            listeners.append(stack.enter_context(shown(stages_of(recipe))))
            listeners += stack.enter_context(recorders(folder, recipe.facts()))
        trained = train(recipe, folder, resume=is_resumed, listeners=listeners, device=device, save_every=save_every)
    if not is_first:
        return
    if trained.reason == "interrupted":
        remark(f"interrupted after step {trained.steps}; {how_to_go_on(folder)}")
        raise typer.Exit(130)
    answer(str(folder))
    scores = " ".join(
        f"{seed}:{f'{score:.3f}' if score >= 0 else '–'}"
        for seed, score in zip(trained.seeds, trained.scores, strict=True)
    )
    remark(f"validation of all seeds at their best: {scores}\nnow: neurallambda evaluate {folder}")


def _show(recipe: "Recipe") -> None:
    """Print a recipe, a field a line; one that cannot be trained is refused."""
    from neurallambda.cli.messages import answer
    from neurallambda.train.trial import check_recipe

    check_recipe(recipe)
    for name, value in recipe.facts().items():
        if name in ("stages", "repairs"):
            for part in value:
                answer(f"{name.removesuffix('s')}: {', '.join(f'{key} {item}' for key, item in part.items())}")
        elif name == "options":
            for key, item in value.items():
                answer(f"model.{key}: {item}")
        else:
            answer(f"{name}: {value}")


def _free_folder(recipe: "Recipe") -> Path:
    """A folder for a run that is not there yet."""
    from itertools import count

    from neurallambda.train.sweep import folder_name

    name = folder_name(recipe)
    places = (Path("runs") / (name if number == 1 else f"{name}-{number}") for number in count(1))
    return next(place for place in places if not place.exists())


def sweep(
    tasks: Annotated[
        list[str], typer.Argument(metavar="TASK...", help="The tasks, and what shall be otherwise: KEY=VALUE.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the runs are kept.")],
    recipe: Annotated[
        list[str] | None,
        typer.Option(help="A recipe; may be given several times. Without, the one that is meant for each task."),
    ] = None,
    first_seed: Annotated[
        list[int] | None, typer.Option(help="The first seed of a training; may be given several times.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="How many trainings at a time, each in a process of its own.")] = 1,
    lengths: Annotated[str, typer.Option(metavar="LOW-HIGH", help="Lengths of the inputs of the test.")] = "41-500",
    every: Annotated[int, typer.Option(min=1, help="How far these lengths are apart.")] = 10,
    rows: Annotated[int, typer.Option(min=1, help="How many inputs of each length.")] = 128,
    device: Annotated[
        str | None,
        typer.Option(
            help="cpu or cuda; without it, a training takes a GPU if there is one, and its test the CPU.",
        ),
    ] = None,
    ray: Annotated[
        bool, typer.Option("--ray", help="Spread the trainings over the machines of Ray, which must share the folder.")
    ] = False,
) -> None:
    """Train and measure every task by every recipe. Called again, it goes on where it was.

    What each prints is in a file beside the folder of its run. A run that was measured otherwise is measured again; a folder
    that holds a training by another recipe is refused before anything begins. Exit code 1 if one of them failed.
    """
    from neurallambda.cli.messages import ExitCode, answer, complain, remark, reporting

    with reporting():
        from neurallambda.train.sweep import Asked, cells
        from neurallambda.train.sweep import sweep as run_sweep

        names = [word for word in tasks if "=" not in word]
        changes = [word for word in tasks if "=" in word]
        asked = Asked(lengths=range_of(lengths), every=every, rows=rows)
        todo = cells(out, names, recipe or [], first_seed or [], changes)
        done = sum(cell.is_done(asked) for cell in todo)
        remark(f"{len(todo)} trainings, {done} of them done")
        failed = 0
        for cell, code in run_sweep(todo, asked, jobs=jobs, device=device, use_ray=ray):
            done += 1
            if code:
                failed += 1
                complain(f"{cell.folder}: ended with exit code {code}; see {cell.folder.with_suffix('.log')}")
            else:
                remark(f"{done} of {len(todo)}: {cell.folder}")
        answer(f"neurallambda report {out}")
        if failed:
            raise typer.Exit(ExitCode.PROGRAM_ERROR)


def report(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULTS...", help="Files that `evaluate` wrote, or folders that hold some.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            dir_okay=False,
            help="Write Markdown there, with a plot for each task beside it.",
        ),
    ] = None,
) -> None:
    """Put all results into one table, in Markdown."""
    from neurallambda.cli.messages import answer, remark, reporting

    with reporting():
        from neurallambda.train.report import check_result, report
        from neurallambda.train.report_page import write_page
        from neurallambda.train.results import find_results, read_result

        found = []
        for path in find_results(results):
            found.append(read_result(path))
            check_result(found[-1], path)
        if out is None:
            answer(report(found).rstrip())
            return
        for path in write_page(out, found):
            remark(f"written to {path}")


def models() -> None:
    """List the models that a recipe can name, and their options."""
    from neurallambda.cli.messages import answer, reporting

    with reporting():
        from inspect import getdoc, signature

        from neurallambda.train.changes import options_of
        from neurallambda.train.models import MODELS
        from neurallambda.train.recipes import RECIPES

        for name, make in MODELS.items():
            answer(f"{name}: {(getdoc(make) or '').partition(chr(10))[0]}")
            for option in options_of(make):
                answer(f"    model.{option}={signature(make).parameters[option].default}")
        answer("recipes:")
        for name, make in RECIPES.items():
            answer(f"    {name}: {(getdoc(make) or '').partition(chr(10))[0]}")
