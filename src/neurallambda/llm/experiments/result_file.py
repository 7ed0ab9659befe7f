"""The file of a cell of the matrix of experiments: what is in it, and what must be there."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurallambda.errors import ArgumentError
from neurallambda.llm.experiments.arms import ARMS
from neurallambda.llm.experiments.fields import EACH, NUMBER, TRAINING, check_fields
from neurallambda.llm.teaching.tasks import TASKS

Result = Mapping[str, Any]

FORM = "neurallambda llm result 1"
MULTIPLES = (1, 2, 4, 8)
"""How many times the greatest length of training the test lengths are."""
FIELDS = {
    **dict.fromkeys(("model", "base", "arm", "task"), str),
    "recipe": {"lengths": [int], "steps": int, "rows": int, "learning_rate": NUMBER},
    "rates": [NUMBER],
    "tuning": [dict.fromkeys(("learning_rate", "validation", "loss"), NUMBER)],
    "seeds": [
        dict.fromkeys(("seed", "parameters"), int)
        | dict.fromkeys(("validation", "perplexity_ratio", "seconds", "tokens_per_second"), NUMBER)
        | {"exact": {EACH: NUMBER}}
    ],
    "training": TRAINING,
}
"""What is shown of a result."""
REPEATED = {"replay_every": int, "replay_length": int, "replay_lengths": [int]}
"""What is shown of the texts that are repeated, of which earlier results have one length and later ones two."""

_LENGTH = re.compile("[1-9][0-9]{0,8}")
"""How the lengths are written that a seed was measured at."""


def check_result(path: Path, facts: Result) -> None:
    """Refuse a result that cannot be shown or gone on with, as one that was changed by hand.

    Args:
        path: of its file.
        facts: what the file holds.

    Raises:
        ArgumentError: naming the file, the field, what is there and what was expected.
    """
    check_fields(path, facts, FIELDS)
    for name, known in (("arm", ARMS), ("task", TASKS), ("base", ("pretrained", "random"))):
        if facts[name] not in known:
            raise ArgumentError(f"{path}: {name}: got {facts[name]!r}, expected one of {', '.join(known)}")
    repeated = {name: kind for name, kind in REPEATED.items() if name in facts["recipe"]}
    check_fields(path, facts["recipe"], repeated, "recipe")
    lengths = facts["recipe"]["lengths"]
    if len(lengths) != 2 or not 1 <= lengths[0] <= lengths[1]:
        raise ArgumentError(
            f"{path}: recipe.lengths: got {lengths}, expected two of at least 1, the first not the greater one"
        )
    if not facts["rates"]:
        raise ArgumentError(f"{path}: rates: got none, expected at least one")
    for seed in facts["seeds"]:
        name = f"exact of seed {seed['seed']}"
        check_fields(path, seed["exact"], {str(lengths[1] * multiple): NUMBER for multiple in MULTIPLES}, name)
        for length in seed["exact"]:
            if not _LENGTH.fullmatch(length):
                raise ArgumentError(f"{path}: {name}: got {length!r:.40}, expected a length of inputs, as '16'")
        check_fields(path, seed.get("retention", {}), {EACH: NUMBER}, f"retention of seed {seed['seed']}")
