"""Controllers that are told of names only which are equal: what they learn holds for names that training never shows."""

from neurallambda.tasks import Task
from neurallambda.train.recipe import Option, Recipe, Stage

_OPTIONS: dict[str, dict[str, Option]] = {
    # With a phase bias of 4 most seeds learn to wait after the input, so that the outermost pair is still there when the answer
    # is due, and never look at another: three of eight were right after 900 steps. With 8 all take out, and remember.
    "palindromes": {"stacks": 1, "queues": 1, "pause": True, "phase_bias": 8.0, "choice_bias": 4.0},
    # Where what is put into the dictionary is not inclined to be the name that comes, five of twelve seeds enter a value with the
    # key that follows it, and stay there.
    "conditional-lookup": {"latches": 1, "dictionaries": 1, "choice_bias": 4.0},
    # One latch takes what the one before it shows, so a chain of three remembers three tokens.
    "n-back": {"names": 8, "latches": 3},
}
_STAGES = {
    # One seed of twelve remembers a pair in the soft part of its state alone, and is right in training: so validation says who
    # goes on, where every choice is made.
    "palindromes": (
        Stage(lengths=(2, 6), steps=300, keep=6, keep_by="validation"),
        Stage(lengths=(2, 12), steps=300),
    ),
    # To the end of its steps: where the median seed is right, the other half of the seeds is still on its way.
    "conditional-lookup": (
        Stage(lengths=(4, 10), steps=1600, keep=6, keep_by="validation"),
        Stage(lengths=(4, 20), steps=300),
    ),
    "n-back": (Stage(lengths=(1, 8), steps=600, threshold=0.997), Stage(lengths=(1, 16), steps=200)),
}
TASKS = tuple(_OPTIONS)
"""The tasks it is meant for."""


def name_blind(task: Task) -> Recipe:
    """A controller that sees of names only which are equal: for rules about names, whichever these are.

    Args:
        task: what is learned.
    """
    return Recipe(
        task=task.name,
        model="name-blind",
        options=_OPTIONS.get(task.name, {"stacks": 1, "queues": 1}),
        name="name-blind",
        seeds=12,
        rows=24,
        learning_rate=1e-2,
        stages=_STAGES.get(
            task.name, (Stage(lengths=(1, 6), steps=1000, threshold=0.997), Stage(lengths=(1, 12), steps=300))
        ),
    )
