"""Rows of cells with one learned local rule, which is run with integers afterwards."""

from neurallambda.tasks import Task
from neurallambda.train.recipe import Option, Recipe, Repair, Stage

TASKS = ("binary-multiplication", "binary-addition")
"""The tasks that one learned rule is meant for."""
GATED_TASKS = ("compute-sqrt",)
"""The tasks that gated cells are meant for."""


def cells(task: Task) -> Recipe:
    """A row of cells with one learned local rule: for two numbers with an operator between them.

    Many starts begin at short lengths, and those that are best at training go on to longer ones, where rules that are seldom
    wrong are wrong more often, and so are learned. With twice as many states as are needed more of them get there. A product
    needs six. A sum needs ten: a cell must know the digit that its neighbour takes from it, or that there is none, the digit
    that it says, and what it carries.

    The longer of the two numbers lies in the cells, and a pause before the first digit tells them where it ends: else no rule
    knows where the answer ends if that number ends in zeros. Four steps are enough for a product, which ends late; a sum
    ends where the longer number does, and has eight.

    One or two symbols are no two numbers, and are left out. A repair then finds single rules that are still wrong: first few
    rows, by which much is changed quickly, then more and longer ones, in which rules that are seldom wrong show.

    Args:
        task: what is learned.
    """
    is_sum = task.name == "binary-addition"
    lengths = ((3, 8), (3, 12), (3, 18), (3, 26), (3, 36))
    steps = (300, 300, 400, 500, 800) if is_sum else (400, 400, 500, 700, 3000)
    kept = (None, 12, 6, 3, None) if is_sum else (None, 16, 8, 4, None)
    options: dict[str, Option] = {"states": 20, "pause": 8} if is_sum else {"states": 12, "pause": 4}
    repairs = (
        Repair(lengths=(6, 36), rows=2_000, rounds=300, tries=100),
        Repair(lengths=(3, 40), rows=8_000, rounds=400, tries=60),
        Repair(lengths=(20, 40), rows=20_000, rounds=150, tries=60),
        Repair(lengths=(36, 40), rows=40_000, rounds=100, tries=60),
    )
    return Recipe(
        task=task.name,
        model="cells",
        name="cells",
        seeds=24 if is_sum else 32,
        rows=32,
        learning_rate=3e-2,
        stages=tuple(
            Stage(lengths=one, steps=many, keep=keep) for one, many, keep in zip(lengths, steps, kept, strict=True)
        ),
        validation_lengths=(30, 40),
        validation_rows=128,
        options=options | {"longer_first": True},
        repairs=repairs,
    )


def gated_cells(task: Task) -> Recipe:
    """A row of gated cells that computes for as many steps as it is long: for answers that stand in the cells at the end.

    All lengths from the first step on, dropout on what a cell could become, and AdaMax, as with the diagonal neural GPU (Freivalds
    and Liepins, 2017). The answer to two numbers has no more symbols than they have, so half of a row is enough.

    Args:
        task: what is learned.
    """
    is_short = task.time(40) <= 80
    steps = 500 if task.name in GATED_TASKS else 2000  # square roots were tried with so many: each takes a second
    return Recipe(
        task=task.name,
        model="gated-cells",
        name="gated-cells",
        options={"channels": 96, "share": 0.5 if is_short else 1.0},
        seeds=2,
        stages=(Stage(lengths=(1, 40), steps=steps),),
        rows=32,
        optimizer="adamax",
        learning_rate=5e-3,
        betas=(0.9, 0.99),
    )
