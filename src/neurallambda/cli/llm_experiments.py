"""The commands of experiments with language models. What they need is imported when they run."""

from pathlib import Path
from typing import Annotated

import typer

from neurallambda.cli.llm_options import BaseOption, DeviceOption, changes_argument, check_place, quiet


def matrix(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the results are kept.")],
    changes: Annotated[
        list[str] | None,
        changes_argument("of the training, as in steps=300"),
    ] = None,
    base: BaseOption = "stories15m",
    starts: Annotated[str, typer.Option(help="pretrained, random, or both with a comma.")] = "pretrained",
    arms: Annotated[
        str, typer.Option(help="What learns, as in structure,lora; all of them are in the guide.")
    ] = "structure,lora",
    tasks: Annotated[str, typer.Option(help="As in reverse,copy.")] = "reverse,copy",
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds of each cell count.")] = 5,
    text: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Plain text to measure perplexity on too; may be given several times."),
    ] = None,
    device: DeviceOption = None,
) -> None:
    """Run a matrix of experiments; what is done already is left as it is, so it may be interrupted."""
    from neurallambda.cli.messages import fail, remark, reporting

    with reporting():
        quiet()
        from neurallambda.device import check_device
        from neurallambda.llm.bases import load_base
        from neurallambda.llm.experiments.matrix import cells, run_cell
        from neurallambda.llm.teaching.texts import texts_of, time_for
        from neurallambda.train.changes import replaced

        if any(change.startswith("learning_rate=") for change in changes or []):
            fail("learning_rate: the matrix chooses it itself, for each arm; expected other keys")
        chosen = list(cells(base, starts.split(","), arms.split(","), tasks.split(",")))
        recipes = [replaced([cell.recipe], changes or [], fixed=["learning_rate"])[0] for cell in chosen]
        check_place(out)
        check_device(device)
        if text:  # else what cannot be read would be refused after all the runs that choose the learning rate
            model, tokenizer = load_base(base)
            texts_of(text, tokenizer, time=time_for(model))
        for cell, recipe in zip(chosen, recipes, strict=True):
            run_cell(cell, out, seeds=seeds, recipe=recipe, texts=text or [], device=device, say=remark)


def window(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The result, as JSON.")],
    changes: Annotated[
        list[str] | None,
        changes_argument("as in window=16, steps=200"),
    ] = None,
    base: BaseOption = "stories15m",
    arms: Annotated[str, typer.Option(help="What is added: structure, lora, or both with a comma.")] = "structure,lora",
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds of each count.")] = 3,
    device: DeviceOption = None,
) -> None:
    """Cut a model's attention to a short window, and see what a structure gives back; goes on where it was."""
    from neurallambda.cli.messages import answer, remark, reporting

    with reporting():
        quiet()
        from neurallambda.llm.experiments.window import WindowRecipe, measure_window
        from neurallambda.llm.experiments.window_table import window_table
        from neurallambda.train.changes import replaced

        (recipe,) = replaced([WindowRecipe()], changes or [])
        check_place(out, is_file=True)
        answer(
            window_table(
                measure_window(base, out, recipe, arms=arms.split(","), seeds=seeds, device=device, say=remark)
            )
        )


def stories(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where the texts are kept, as JSONL.")],
    changes: Annotated[
        list[str] | None,
        changes_argument(
            "as in tokens=1000000, temperature=1; at least so many tokens are written, in batches of rows=192 texts of time=256 tokens"
        ),
    ] = None,
    base: BaseOption = "stories15m",
) -> None:
    """Let a model write texts to train another one on; a file that has some goes on, so it may be interrupted."""
    from neurallambda.cli.messages import answer, remark, reporting

    with reporting():
        quiet()
        from neurallambda.llm.bases import load_base
        from neurallambda.llm.pretraining.stories import StoryRecipe, write_stories
        from neurallambda.train.changes import replaced

        (recipe,) = replaced([StoryRecipe()], changes or [])
        check_place(out, is_file=True)
        answer(str(write_stories(*load_base(base), out, recipe, say=remark)))


def pretrain(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Texts that `stories` wrote.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the model is put.")],
    changes: Annotated[
        list[str] | None,
        changes_argument("as in steps=500, layers=2, width=128"),
    ] = None,
    beside: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Measure another model too on the texts held out.")
    ] = None,
) -> None:
    """Train a small RWKV-7 on texts, as a base model; what was interrupted goes on."""
    from neurallambda.cli.messages import answer, remark, reporting

    with reporting():
        quiet()
        from neurallambda.llm.bases import load_base
        from neurallambda.llm.pretraining.description import describe
        from neurallambda.llm.pretraining.recipe import PretrainingRecipe
        from neurallambda.llm.pretraining.training import pretrain
        from neurallambda.train.changes import replaced

        (recipe,) = replaced([PretrainingRecipe()], changes or [])
        check_place(out)
        if beside is not None:
            load_base(beside)  # else a model that cannot be loaded would be refused after the training
        progress = pretrain(file, out, recipe, say=remark)
        answer(str(describe(out, file, recipe, progress, beside=beside)))


def report(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where `matrix` and `window` kept their results.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write a page of Markdown there.")
    ] = None,
) -> None:
    """Put the results of a matrix into one table, in Markdown; as a page, with all seeds and what is missed."""
    from neurallambda.cli.messages import answer, remark, reporting

    with reporting():
        from neurallambda.llm.experiments.page import page
        from neurallambda.llm.experiments.report import read, table
        from neurallambda.llm.experiments.window_table import find_windows

        found = read(folder)
        if out is None:
            answer(table(found).rstrip())
            return
        text = page(found, find_windows(folder))
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text)
        remark(f"written to {out}")


def register(app: typer.Typer) -> None:
    """Add them to the commands around language models."""
    for command in (matrix, window, stories, pretrain, report):
        app.command()(command)
