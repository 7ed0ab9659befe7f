"""The commands that train networks, measure them and report. What they need is imported when they run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from neurallambda.train.recipe import Recipe

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, as `neurallambda train` made it.")]
SeedOfMember = Annotated[
    int | None, typer.Option(help="Which seed of the run; without it, the one that is best on validation.")
]
DeviceOption = Annotated[str | None, typer.Option(help="cpu or cuda; without it, a GPU if there is one.")]
TestDeviceOption = Annotated[str | None, typer.Option(help="cpu or cuda; without it, the CPU.")]


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

    from neurallambda.cli.messages import ExitCode, answer, fail, remark
    from neurallambda.train.loop import NotFiniteError, train
    from neurallambda.train.progress import shown
    from neurallambda.train.recorders import recorders

    with ExitStack() as stack:
        listeners: list[Any] = []
        is_first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun starts, one speaks
        if is_first:
            remark(
                f"{recipe.task}, {recipe.name}: {recipe.seeds} seeds, at most {recipe.total_steps} steps; run {folder}"
            )
            listeners.append(stack.enter_context(shown(recipe)))
            listeners += stack.enter_context(recorders(folder, recipe))
        try:
            trained = train(
                recipe, folder, resume=is_resumed, listeners=listeners, device=device, save_every=save_every
            )
        except NotFiniteError as error:
            fail(str(error), ExitCode.PROGRAM_ERROR)
    if not is_first:
        return
    if trained.reason == "interrupted":
        remark(f"interrupted after step {trained.steps}; {_how_to_go_on(folder)}")
        raise typer.Exit(130)
    answer(str(folder))
    scores = " ".join(
        f"{seed}:{f'{score:.3f}' if score >= 0 else '–'}"
        for seed, score in zip(trained.seeds, trained.scores, strict=True)
    )
    remark(f"validation of all seeds at their best: {scores}\nnow: neurallambda evaluate {folder}")


def _how_to_go_on(folder: Path) -> str:
    return f"go on with: neurallambda train --resume {folder}"


def _show(recipe: "Recipe") -> None:
    """Print a recipe, a field a line."""
    from neurallambda.cli.messages import answer

    for name, value in recipe.facts().items():
        if name == "stages":
            for stage in value:
                answer(f"stage: {', '.join(f'{key} {item}' for key, item in stage.items())}")
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


def evaluate(
    run: Run,
    lengths: Annotated[str, typer.Option(metavar="LOW-HIGH", help="Lengths of the inputs.")] = "41-500",
    every: Annotated[int, typer.Option(min=1, help="How far the lengths are apart.")] = 10,
    rows: Annotated[int, typer.Option(min=1, help="How many inputs of each length.")] = 128,
    seed: Annotated[
        int | None, typer.Option(help="The seed of the inputs; without it, one that no training uses.")
    ] = None,
    soft: Annotated[bool, typer.Option("--soft", help="Leave soft choices soft, as in training.")] = False,
    kept_only: Annotated[
        bool,
        typer.Option(
            "--kept-only",
            help="Measure only the seeds that were not taken out on the way; the others count as not solved.",
        ),
    ] = False,
    on_seen: Annotated[
        bool,
        typer.Option(
            "--on-seen", help="Where a task keeps symbols for tests: ask with those of the training all the same."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", dir_okay=False, help="The result; RUN/evaluation.json without."),
    ] = None,
    device: TestDeviceOption = None,
) -> None:
    """Measure a trained network on fresh inputs, by their length.

    Prints a line for each seed, and writes a JSON file and a plot beside it.
    """
    from neurallambda.cli.messages import answer, remark, reporting

    with reporting():
        from neurallambda.device import check_device
        from neurallambda.train.evaluation import FRESH, lengths_between
        from neurallambda.train.extras import MissingExtraError
        from neurallambda.train.loop import load_run
        from neurallambda.train.measuring import measure
        from neurallambda.train.plots import plot_result
        from neurallambda.train.report import summary
        from neurallambda.train.results import write_result
        from neurallambda.train.run_folder import RunFolder

        check_device(device)
        folder = RunFolder(run)
        facts, trained = folder.facts(), load_run(run)
        chosen = lengths_between(*_range(lengths), every)
        if trained.reason == "interrupted":
            remark(f"this run is not over, and is measured as it is after step {trained.steps}; {_how_to_go_on(run)}")
        found = measure(
            trained,
            facts,
            lengths=chosen,
            rows=rows,
            seed=FRESH if seed is None else seed,
            hard=not soft,
            kept_only=kept_only,
            on_seen=on_seen,
            device=device,
        )
        path = out or folder.evaluation
        write_result(path, found)
        answer(summary(found))
        try:
            plot_result(path.with_suffix(".svg"), found)
        except MissingExtraError as error:
            remark(f"no plot was drawn: {error}")
        remark(f"written to {path}")


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
        asked = Asked(lengths=_range(lengths), every=every, rows=rows)
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


def _range(lengths: str) -> tuple[int, int]:
    from neurallambda.train.changes import read

    least, greatest = read("--lengths", lengths, tuple[int, int])
    return least, greatest


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


def inspect(
    run: Run,
    string: Annotated[
        str,
        typer.Argument(metavar="STRING", help="The input, as in 0110; with spaces between symbols of several letters."),
    ],
    seed: SeedOfMember = None,
    soft: Annotated[bool, typer.Option("--soft", help="Leave soft choices soft, as in training.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            dir_okay=False,
            help="Write it there too: a picture, .svg; a page that shows each step, .html; or its record, .json or .jsonl.",
        ),
    ] = None,
) -> None:
    """Show what a trained network does on one input: its states, its instructions, what its structures hold."""
    from neurallambda.cli.messages import answer, remark, reporting

    with reporting():
        from neurallambda.train.inspection import inspect
        from neurallambda.train.loop import load_run

        trained = load_run(run)
        found = inspect(trained.member(seed), trained.task, string, hard=not soft)
        answer(found.text())
        if out is None:
            return
        if out.suffix.lower() != ".svg":
            from neurallambda.cli.traces import form_of, write_trace
            from neurallambda.train.inspection_trace import trace_inspection

            write_trace(trace_inspection(found, name=f"{trained.task.name} {string}"), form_of(None, out), out)
        else:
            found.draw(out)
        remark(f"written to {out}")


def export(
    run: Run,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", dir_okay=False, help="The rule file; RUN/rules.json without."),
    ] = None,
    seed: SeedOfMember = None,
    rows: Annotated[int, typer.Option(min=1, help="How many inputs of each length the machine is judged by.")] = 16,
) -> None:
    """Write what was learned as a rule file, and let the exact machine answer inputs of lengths that no training showed.

    Exit code 0: every answer is right. 1: some are wrong; the file is written all the same.
    """
    from neurallambda.cli.messages import ExitCode, answer, complain, reporting

    with reporting():
        from neurallambda.automata import save
        from neurallambda.train.exporting import export, verify
        from neurallambda.train.loop import load_run
        from neurallambda.train.run_folder import RunFolder

        folder = RunFolder(run)
        trained = load_run(run)
        model = trained.member(seed)
        machine = export(model, trained.task)
        path = out or folder.path / "rules.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        save(machine, path)
        found = verify(machine, trained.task, rows=rows, model=model)
        answer(f"{path}: {len(machine.states)} states, {len(machine.rules)} rules; exact answers by length: {found}")
        if not found.is_right:
            complain("some answers are wrong")
            raise typer.Exit(ExitCode.PROGRAM_ERROR)


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
