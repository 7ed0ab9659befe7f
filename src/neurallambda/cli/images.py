"""The commands that learn to see symbols in images. What they need is imported when they run."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Learn what images show, from what a program makes of them alone.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.command()
def learn(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="PROBLEM... [KEY=VALUE]...",
            help="The problems: addition-N, sorting-N, expressions-N with a number of digits for N; and what of their "
            "recipe shall be otherwise, as in epochs=3.",
        ),
    ],
    data: Annotated[
        Path, typer.Option(metavar="FOLDER", help="The files of MNIST; without them, it is said where to get them.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where results are written, a file a problem.")
    ],
    seeds: Annotated[str, typer.Option(metavar="LOW-HIGH", help="The seeds, one after another.")] = "200-204",
    held_out: Annotated[
        int,
        typer.Option(
            min=0,
            help="Hold so many of the training images out of training, and measure on them instead of on the test.",
        ),
    ] = 0,
    threads: Annotated[int, typer.Option(min=1, help="How many threads compute.")] = 1,
) -> None:
    """Train with each seed, measure, and write the result. Called again, it goes on with the seeds that are not there yet."""
    from neurallambda.cli.messages import answer, fail, remark, reporting

    with reporting():
        import torch

        from neurallambda.train.changes import read
        from neurallambda.train.images.evidence import add_seeds, images_for
        from neurallambda.train.images.recipe import changed_recipe

        problems = [word for word in words if "=" not in word]
        if not problems:
            fail("PROBLEM: none was named; for example addition-4, sorting-3 or expressions-3")
        recipes = [changed_recipe(name, [word for word in words if "=" in word]) for name in problems]
        low, high = read("--seeds", seeds, tuple[int, int])
        if not 0 <= low <= high:
            fail(f"--seeds: got {seeds}, expected two numbers, of which the first is not the greater one")
        torch.set_num_threads(threads)
        for seed in range(low, high + 1):
            for recipe in recipes:
                images = images_for(data, recipe.problem, held_out=held_out)
                path = out / f"{recipe.problem}.json"
                add_seeds(path, recipe, [seed], images, held_out=held_out, listener=remark)
        answer(f"neurallambda images report {out}")


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What `learn` wrote.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write a page of Markdown there.")
    ] = None,
) -> None:
    """Put all results with images into one table, in Markdown."""
    from neurallambda.cli.messages import answer, remark, reporting

    with reporting():
        from neurallambda.train.images.evidence import find_evidence
        from neurallambda.train.images.report import evidence_page, evidence_report

        found = find_evidence(folder)
        if out is None:
            answer(evidence_report(found))
            return
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(evidence_page(found))
        remark(f"written to {out}")
