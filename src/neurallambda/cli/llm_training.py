"""The command that teaches a task to a structure in a language model. What it needs is imported when it runs."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurallambda.cli.llm_options import BaseOption, DeviceOption, Seed, changes_argument, check_place, quiet

if TYPE_CHECKING:
    from neurallambda.llm.config import GraftConfig
    from neurallambda.llm.teaching.recipe import TeachingRecipe


def train(
    task: Annotated[
        str | None,
        typer.Argument(metavar="TASK", help="reverse, copy, dyck, lisp, trace or arithmetic."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        changes_argument(
            "of the graft, as in structure=queue, width=32, layers_to_transform=0,-1, and of the training, as in steps=300, "
            "lengths=2-8, learning_rate=0.001"
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FOLDER", help="Where the graft is put.")] = None,
    base: BaseOption = "stories15m",
    seed: Seed = 0,
    device: DeviceOption = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Go on with a training that was interrupted; TASK is not named."),
    ] = None,
    save_every: Annotated[int, typer.Option(min=1, help="After how many steps a checkpoint is written.")] = 50,
) -> None:
    """Teach a task to a structure in a frozen model, plain text beside it, and keep the structure in a folder.

    Ctrl-C keeps what was learned, and says how to go on. Exit code 0: trained. 1: the loss is no finite number. 2: the
    input cannot be used. 130: interrupted.
    """
    from neurallambda.cli.messages import fail, reporting

    with reporting():
        quiet()
        from dataclasses import asdict

        from neurallambda.llm.bases import load_base
        from neurallambda.llm.config import GraftConfig
        from neurallambda.llm.saving import CONFIG
        from neurallambda.llm.teaching.recipe import TeachingRecipe, recipe_of
        from neurallambda.llm.teaching.tasks import graft_for, text_task
        from neurallambda.train.changes import replaced
        from neurallambda.train.run_folder import RunFolder

        if resume is not None:
            if task is not None or changes:
                fail("--resume: the training knows its task; name nothing else")
            if out is not None:
                fail(f"--out: got {out}, expected none: what is resumed stays in its folder, {resume}")
            asked = RunFolder(resume).facts()
            missing = [name for name in ("task", "base", "seed", "graft") if name not in asked]
            if missing:
                fail(f"{RunFolder(resume).config}: this is no training of a language model: it has no {missing[0]}")
            if not RunFolder(resume).checkpoint.exists():
                why = "its training is over" if (resume / CONFIG).exists() else "begin anew"
                fail(f"{resume}: there is no checkpoint to go on from; {why}")
            config, recipe = GraftConfig.from_facts(asked["graft"]), TeachingRecipe.from_facts(asked["recipe"])
            loaded = load_base(asked["base"], device=device)
            _train(loaded, config, recipe, resume, asked, save_every=save_every, is_resumed=True)
            return
        if task is None:
            fail("TASK: none was named; expected reverse, copy, dyck, lisp, trace or arithmetic")
        if out is None:
            fail("--out: expected a folder where the graft is put")
        wanted = text_task(task)
        loaded = load_base(base, device=device)
        config, recipe = replaced([graft_for(wanted, loaded[1]), recipe_of(task)], changes or [])
        check_place(out)
        place = str(Path(base).resolve()) if Path(base).is_dir() else base  # for who goes on from another folder
        asked = {"task": task, "base": place, "seed": seed, "graft": config.facts(), "recipe": asdict(recipe)}
        _train(loaded, config, recipe, out, asked, save_every=save_every, is_resumed=False)


def _train(
    loaded: tuple[Any, Any],
    config: "GraftConfig",
    recipe: "TeachingRecipe",
    out: Path,
    asked: dict[str, Any],
    *,
    save_every: int,
    is_resumed: bool,
) -> None:
    """Train, from the beginning or from the last checkpoint, and put the graft into its folder."""
    from contextlib import ExitStack
    from copy import deepcopy

    import torch

    from neurallambda.cli.messages import ExitCode, answer, fail, remark
    from neurallambda.llm.bases import home_of
    from neurallambda.llm.grafting import graft, parameter_groups
    from neurallambda.llm.saving import save_grafted
    from neurallambda.llm.teaching.replay import replay_of
    from neurallambda.llm.teaching.room import check_length
    from neurallambda.llm.teaching.tasks import text_task
    from neurallambda.llm.teaching.training import teach
    from neurallambda.train.checkpoint import load
    from neurallambda.train.following import NotFiniteError
    from neurallambda.train.progress import shown
    from neurallambda.train.recorders import recorders
    from neurallambda.train.run_folder import RunFolder

    task, seed, run = text_task(asked["task"]), asked["seed"], RunFolder(out)
    model, tokenizer = loaded
    check_length(model, task, tokenizer, recipe.lengths[1], name="lengths")
    _, replay = replay_of(model, home_of(asked["base"]))
    before = deepcopy(model) if config.modules_to_save else None
    torch.manual_seed(seed)
    graft(model, config)
    groups = parameter_groups(model, recipe.learning_rate)
    is_first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun starts, one speaks
    with ExitStack() as stack:
        listeners: list[Any] = []
        if is_first:
            if not is_resumed:
                run.begin(asked)
            count = sum(one.numel() for group in groups for one in group["params"])
            remark(f"{task.name}, {asked['base']}: {recipe.steps} steps, {count:,} parameters that learn; folder {out}")
            after = load(run.checkpoint, needs=["steps"])[1]["steps"] if is_resumed else 0
            listeners.append(stack.enter_context(shown([(task.name, recipe.steps)])))
            listeners += stack.enter_context(recorders(out, asked))
            listeners.append(stack.enter_context(run.logging(after=after)))
        try:
            taught = teach(
                model,
                groups,
                task,
                tokenizer,
                recipe,
                seed=seed,
                replay=replay,
                before=before,
                listeners=listeners,
                look_every=100,
                checkpoint=run.checkpoint,
                save_every=save_every,
                resume=is_resumed,
            )
        except NotFiniteError as error:
            fail(str(error), ExitCode.PROGRAM_ERROR)
    if taught.reason == "interrupted":
        if is_first:
            remark(f"interrupted after step {taught.steps}; go on with: neurallambda llm train --resume {out}")
        raise typer.Exit(130)
    save_grafted(model, out)
    if is_first:
        run.checkpoint.unlink(missing_ok=True)  # the graft is there now
        remark(f"now: neurallambda llm evaluate {out} {task.name}")
        answer(str(out))
