"""The command that teaches a task to a structure in a language model. What it needs is imported when it runs."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from neurallambda.cli.llm_options import LAST_SEED, ONLY_IN_PYTHON, DeviceOption, changes_argument, check_free, quiet


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
    base: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="The base model: stories15m, smollm2, a folder, or a name on a hub.  [default: stories15m]",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=LAST_SEED, help="The same seed gives the same numbers.  [default: 0]"),
    ] = None,
    device: DeviceOption = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Go on with a training that was interrupted; nothing else is named then."),
    ] = None,
    save_every: Annotated[int, typer.Option(min=1, help="After how many steps a checkpoint is written.")] = 50,
) -> None:
    """Teach a task to a structure in a frozen model, plain text beside it, and keep the structure in a folder.

    Ctrl-C keeps what was learned, and says how to go on. Exit code 0: trained. 1: the loss is no finite number. 2: the
    input cannot be used. 130: interrupted.
    """
    from neurallambda.cli.messages import fail, reporting

    with reporting():
        if resume is not None:
            others = {"TASK": task, "KEY=VALUE": changes, "--out": out, "--base": base, "--seed": seed}
            named = [name for name, value in others.items() if value not in (None, [])]
            if named:
                fail(f"--resume: the training in {resume} knows {', '.join(named)}; name --resume alone")
            quiet()
            from neurallambda.llm.bases import load_base

            asked = _asked_before(resume)
            asked["device"] = device or asked["device"]
            loaded = load_base(asked["base"], device=_own(asked["device"]))
            _train(loaded, resume, asked, save_every=save_every, is_resumed=True)
            return
        if task is None:
            fail("TASK: none was named; expected reverse, copy, dyck, lisp, trace or arithmetic")
        if out is None:
            fail("--out: expected a folder where the graft is put")
        quiet()
        loaded, asked = _asked(task, changes or [], base or "stories15m", out, device=device)
        _train(loaded, out, asked | {"seed": seed or 0}, save_every=save_every, is_resumed=False)


def _is_first() -> bool:
    """Whether this process speaks and writes for those that `torchrun` started."""
    return os.environ.get("RANK", "0") == "0"


def _asked(
    task: str, changes: list[str], base: str, out: Path, *, device: str | None
) -> tuple[tuple[Any, Any], dict[str, Any]]:
    """The base and its tokenizer, and what is asked for, as the folder keeps it; one that is not free is refused first."""
    from dataclasses import asdict

    from neurallambda.cli.messages import fail
    from neurallambda.llm.bases import PACKAGES, load_base
    from neurallambda.llm.teaching.recipe import recipe_of
    from neurallambda.llm.teaching.tasks import graft_of_kind, text_task
    from neurallambda.train.changes import replaced
    from neurallambda.train.run_folder import RunFolder

    wanted = text_task(task)
    for name in ("seed", "device", "base", "out"):
        if any(change.startswith(f"{name}=") for change in changes):
            fail(f"{name}: it is an option, --{name}, and no KEY=VALUE")
    if _is_first():
        check_free(out)
        RunFolder(out).check_free()
    loaded = load_base(base, device=_own(device))
    kinds = [change.removeprefix("structure=") for change in changes if change.startswith("structure=")]
    meant = graft_of_kind(wanted, kinds[0] if kinds else None, loaded[1])
    config, recipe = replaced([meant, recipe_of(task)], changes, fixed=ONLY_IN_PYTHON)
    is_folder = base not in PACKAGES and Path(base).is_dir()  # its whole name is for who goes on from another folder
    place = str(Path(base).resolve()) if is_folder else base
    facts = {"graft": config.facts(), "recipe": asdict(recipe), "device": device}
    return loaded, {"task": task, "base": place, **facts}


def _asked_before(folder: Path) -> dict[str, Any]:
    """What was asked for when the training in a folder began."""
    from neurallambda.cli.messages import fail
    from neurallambda.llm.saving import CONFIG
    from neurallambda.train.run_folder import RunFolder

    run = RunFolder(folder)
    asked = run.facts()
    kinds = {"task": str, "base": str, "seed": int, "graft": dict, "recipe": dict, "device": (str, type(None))}
    for name, kind in kinds.items():
        if name not in asked:
            fail(f"{run.config}: this is no training of a language model: it has no {name}")
        if not isinstance(asked[name], kind):
            fail(f"{run.config}: {name}: got {asked[name]!r:.80}, which is no {name}")
    if not run.checkpoint.exists():
        why = "its training is over" if (folder / CONFIG).exists() else "begin anew"
        fail(f"{folder}: there is no checkpoint to go on from; {why}")
    return asked


def _train(loaded: tuple[Any, Any], out: Path, asked: dict[str, Any], *, save_every: int, is_resumed: bool) -> None:
    """Train, from the beginning or from the last checkpoint, and put the graft into its folder."""
    import shlex
    from contextlib import ExitStack
    from copy import deepcopy

    import torch

    from neurallambda.cli.messages import answer, remark
    from neurallambda.llm.bases import home_of
    from neurallambda.llm.config import GraftConfig
    from neurallambda.llm.grafting import graft, parameter_groups
    from neurallambda.llm.saving import save_grafted
    from neurallambda.llm.teaching.recipe import TeachingRecipe
    from neurallambda.llm.teaching.replay import replay_of
    from neurallambda.llm.teaching.room import check_length, longest_prompt
    from neurallambda.llm.teaching.tasks import text_task
    from neurallambda.llm.teaching.training import teach
    from neurallambda.train.checkpoint import load
    from neurallambda.train.progress import shown
    from neurallambda.train.recorders import recorders
    from neurallambda.train.run_folder import RunFolder

    task, seed, run = text_task(asked["task"]), asked["seed"], RunFolder(out)
    config, recipe = GraftConfig.from_facts(asked["graft"]), TeachingRecipe.from_facts(asked["recipe"])
    model, tokenizer = loaded
    check_length(model, task, tokenizer, recipe.lengths[1], name="lengths")
    read = longest_prompt(task, tokenizer, recipe.lengths[1])
    if config.structure in ("stack", "queue", "calls") and read > config.depth and _is_first():
        remark(
            f"depth: {config.depth} is less than the {read} tokens that prompts of training have; what has no room is lost"
        )
    _, replay = replay_of(model, tokenizer, home_of(asked["base"]))
    before = deepcopy(model) if config.modules_to_save else None
    torch.manual_seed(seed)
    graft(model, config)
    groups = parameter_groups(model, recipe.learning_rate)
    with ExitStack() as stack:
        listeners: list[Any] = []
        if _is_first():
            if not is_resumed:
                run.begin(asked)
            count = sum(one.numel() for group in groups for one in group["params"])
            remark(f"{task.name}, {asked['base']}: {recipe.steps} steps, {count:,} parameters that learn; folder {out}")
            after = load(run.checkpoint, needs=["steps"])[1]["steps"] if is_resumed else 0
            listeners.append(stack.enter_context(shown([(task.name, recipe.steps)], tell_every=20)))
            listeners += stack.enter_context(recorders(out, asked))
            listeners.append(stack.enter_context(run.logging(after=after)))
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
    if taught.reason == "interrupted":
        if _is_first():
            again = f"neurallambda llm train --resume {shlex.quote(str(out))}"
            remark(f"interrupted after step {taught.steps}; go on with: {again}")
        raise typer.Exit(130)
    save_grafted(model, out)
    if _is_first():
        run.checkpoint.unlink(missing_ok=True)  # the graft is there now
        remark(f"now: neurallambda llm evaluate {shlex.quote(str(out))} {task.name}")
        answer(str(out))


def _own(device: str | None) -> str | None:
    """The device of this process: of several, each has a GPU of its own."""
    if device == "cuda" and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    return device
