"""The commands that take a trained network: measure it, look at it, write it down. What they need is imported when they run."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, as `neurallambda train` made it.")]
SeedOfMember = Annotated[
    int | None, typer.Option(help="Which seed of the run; without it, the one that is best on validation.")
]
TestDeviceOption = Annotated[str | None, typer.Option(help="cpu or cuda; without it, the CPU.")]
_PICTURE = "picture"


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
    from neurallambda.cli.messages import answer, fail, remark, reporting

    with reporting():
        if out is not None and out.suffix.lower() == ".svg":
            fail(
                f"--out: got {out}, expected a file for the numbers, as in {out.with_suffix('.json')}: the plot goes beside it"
            )
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
        chosen = lengths_between(*range_of(lengths), every)
        if trained.reason == "interrupted":
            remark(f"this run is not over, and is measured as it is after step {trained.steps}; {how_to_go_on(run)}")
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
        form = "" if out is None else _form_of(out)
        from neurallambda.train.inspection import inspect
        from neurallambda.train.loop import load_run

        trained = load_run(run)
        found = inspect(trained.member(seed), trained.task, string, hard=not soft)
        if out is not None and form == _PICTURE:
            found.draw(out)
        elif out is not None:
            from neurallambda.cli.traces import write_trace
            from neurallambda.train.inspection_trace import trace_inspection

            write_trace(trace_inspection(found, name=f"{trained.task.name} {string}"), form, out)
        answer(found.text())  # when all else is done: what cannot be written is told alone
        if out is not None:
            remark(f"written to {out}")


def _form_of(out: Path) -> str:
    """The form of a file, by its name."""
    from neurallambda.cli.messages import fail
    from neurallambda.cli.traces import BY_SUFFIX

    forms = {".svg": _PICTURE, **BY_SUFFIX}
    found = forms.get(out.suffix.lower())
    if found is None:
        fail(f"--out: {out}: the name does not tell the format; expected one that ends in {', '.join(forms)}")
    return found


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


def how_to_go_on(folder: Path) -> str:
    """What to say of a run that is not over."""
    return f"go on with: neurallambda train --resume {shlex.quote(str(folder))}"


def range_of(lengths: str) -> tuple[int, int]:
    """The least and the greatest of lengths that were given as LOW-HIGH."""
    from neurallambda.train.changes import read

    least, greatest = read("--lengths", lengths, tuple[int, int])
    return least, greatest
