"""The options that several commands share, and how their values are read."""

from pathlib import Path
from typing import Annotated, Literal

import typer

EngineName = Literal["machine", "reference"]

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
        "for long programs.",
    ),
]
MaxSteps = Annotated[int, typer.Option(min=1, help="More steps than this are the error out-of-steps.")]
Capacity = Annotated[
    int, typer.Option(min=1, help="More addresses than this are the error out-of-memory. The machine only.")
]
Device = Annotated[str | None, typer.Option(help="Where tensors live: cpu, cuda, ... The machine only.")]
Integers = Annotated[
    str,
    typer.Option(metavar="LOW:HIGH", help="The least and the greatest integer; leaving them is the error overflow."),
]
