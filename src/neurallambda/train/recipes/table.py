"""Learned tables: a finite automaton whose rules are found by descent, and which is run with integers afterwards."""

from neurallambda.tasks import Task
from neurallambda.train.recipe import Recipe, Repair, Stage

TASKS = (
    "parity-check",
    "even-pairs",
    "cycle-navigation",
    "modular-arithmetic-simple",
    "missing-duplicate",
    "latch",
    "resettable-latch",
    "running-sum",
)
"""The tasks it is meant for: the regular ones, and missing duplicate, whose answer is the parity of the ones."""
STATES = {
    "even-pairs": 16,
    "modular-arithmetic-simple": 80,
    "cycle-navigation": 16,
    "running-sum": 24,
    "missing-duplicate": 4,
}
"""How many states a task's table has; 8 where nothing else is said. More than needed do no harm."""
REPAIRS = (
    Repair(lengths=(1, 20), rows=2_000, rounds=100, tries=100),
    Repair(lengths=(1, 40), rows=4_000, rounds=100, tries=100),
    Repair(lengths=(30, 40), rows=20_000, rounds=100, tries=100),
)
"""What finds the few rules that are still wrong where an input in a thousand needs them."""


def table(task: Task) -> Recipe:
    """A learned table of states, repaired at the end: for the regular tasks, and for others that are one in disguise.

    Args:
        task: what is learned.
    """
    common = {"states": STATES.get(task.name, 8)}
    if task.name == "modular-arithmetic-simple":
        # Sums of products modulo 5 need many states, so short expressions come first.
        stages = (
            Stage(lengths=(1, 5), steps=2400, threshold=0.997),
            Stage(lengths=(1, 9), steps=2400, threshold=0.997),
            Stage(lengths=(1, 20), steps=2000),
        )
        return Recipe(
            task=task.name,
            model="table",
            options=common,
            name="table",
            seeds=5,
            rows=32,
            learning_rate=3e-2,
            stages=stages,
            repairs=REPAIRS,
        )
    stages = (Stage(lengths=(1, 8), steps=800, threshold=0.997), Stage(lengths=(1, 20), steps=600))
    return Recipe(
        task=task.name,
        model="table",
        options=common,
        name="table",
        seeds=12,
        rows=32,
        learning_rate=3e-2,
        stages=stages,
        repairs=REPAIRS,
    )
