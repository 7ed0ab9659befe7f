"""Rows of cells with one learned local rule, which is run with integers afterwards."""

from neurallambda.tasks import Task
from neurallambda.train.recipe import Recipe, Stage

TASKS = ("binary-multiplication",)
"""The tasks it is meant for."""


def cells(task: Task) -> Recipe:
    """A row of cells with one learned local rule: for two numbers with an operator between them.

    Few starts find the rule, so many begin at short lengths, and those that are best at training go on. The last stage, at the
    greatest lengths, is gentle: at the full rate it spoils rules that are exact already.

    Args:
        task: what is learned.
    """
    stages = (
        Stage(lengths=(1, 10), steps=1800, threshold=0.99, keep=6),
        Stage(lengths=(1, 18), steps=1200, threshold=0.99, keep=3),
        Stage(lengths=(1, 24), steps=1200, rate=0.5),
    )
    return Recipe(
        task=task.name, model="cells", name="cells", seeds=16, rows=32, learning_rate=3e-2, stages=stages,
        options={"states": 6},
    )  # fmt: skip


def gated_cells(task: Task) -> Recipe:
    """A row of gated cells that computes for as many steps as it is long: for answers that stand in the cells at the end.

    All lengths from the first step on, dropout on what a cell could become, and AdaMax, as with the diagonal neural GPU (Freivalds
    and Liepins, 2017). The answer to two numbers has no more symbols than they have, so half of a row is enough.

    Args:
        task: what is learned.
    """
    is_short = task.time(40) <= 80
    return Recipe(
        task=task.name,
        model="gated-cells",
        name="gated-cells",
        options={"channels": 96, "share": 0.5 if is_short else 1.0},
        seeds=2,
        stages=(Stage(lengths=(1, 40), steps=2000),),
        rows=32,
        optimizer="adamax",
        learning_rate=5e-3,
        betas=(0.9, 0.99),
    )
