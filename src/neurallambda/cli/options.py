"""The options that several commands share, and how their values are read."""

from pathlib import Path
from typing import Annotated, Literal

import typer

EngineName = Literal["machine", "reference", "beta", "worlds", "stepper", "beta-stepper"]
NormalizerName = Literal["reference", "beta", "beta-stepper"]
CodebookName = Literal["onehot", "orthonormal", "gaussian", "bipolar"]
StrategyName = Literal["normal", "applicative", "by-value"]

Source = Annotated[
    str | None,
    typer.Argument(help="A program; `-` reads it from standard input. Before one that starts with a dash, put `--`."),
]
File = Annotated[Path | None, typer.Option("--file", "-f", help="Read the program from this file.")]
EngineOption = Annotated[
    EngineName,
    typer.Option(
        "--engine",
        help="`machine`: the differentiable machine, on tensors. `reference`: the evaluator in plain Python, "
        "for long programs. `beta`: substitution in cells, on tensors, to the normal form. `worlds`: every way that a program "
        "with uncertain data can go, exactly. `stepper`, `beta-stepper`: the discrete steppers of the machine and of beta, in "
        "plain Python.",
    ),
]
NormalizerOption = Annotated[
    NormalizerName,
    typer.Option(
        "--engine",
        help="`reference`: plain Python. `beta`: substitution in cells, on tensors. `beta-stepper`: the same, in plain Python.",
    ),
]
MaxSteps = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="More steps than this are the error out-of-steps. Without it, 10,000; with beta and beta-stepper, 2,000.",
    ),
]
Capacity = Annotated[
    int, typer.Option(min=1, help="More addresses than this are the error out-of-memory. The machine only.")
]
Device = Annotated[str | None, typer.Option(help="Where tensors live: cpu, cuda, ... The machine and beta only.")]
Integers = Annotated[
    str,
    typer.Option(metavar="LOW:HIGH", help="The least and the greatest integer; leaving them is the error overflow."),
]
Cells = Annotated[
    int | None,
    typer.Option(
        min=2, help="More cells than this are the error out-of-memory. Beta and beta-stepper only; 128 without it."
    ),
]
CodebookOption = Annotated[
    CodebookName | None,
    typer.Option("--codebook", help="The kind of the vectors that symbols are. Beta only; onehot without it."),
]
VecSize = Annotated[
    int | None,
    typer.Option(min=1, help="How wide these vectors are. Beta only; without it, as many as there are symbols."),
]
MaxWorlds = Annotated[
    int | None,
    typer.Option(
        min=1, help="More worlds than this at one place are the error out-of-memory. Worlds only; 100,000 without it."
    ),
]
Seed = Annotated[int | None, typer.Option(help="The seed of a random codebook. Beta only; 0 without it.")]
StrategyOption = Annotated[
    StrategyName | None,
    typer.Option("--strategy", help="Which redex is reduced first. Beta and beta-stepper only; normal without it."),
]
