"""All tasks by name."""

from difflib import get_close_matches

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError
from neurallambda.tasks.chomsky.context_free import CONTEXT_FREE
from neurallambda.tasks.chomsky.context_sensitive import CONTEXT_SENSITIVE
from neurallambda.tasks.chomsky.regular import REGULAR
from neurallambda.tasks.lisp.reduction import LISP_STEP, LISP_VALUE
from neurallambda.tasks.lookup import LOOKUP, LOOKUP_UNSEEN
from neurallambda.tasks.machines.by_name import KINDS, machine_task
from neurallambda.tasks.palindromes import PALINDROMES, PALINDROMES_UNSEEN
from neurallambda.tasks.remembering import REMEMBERING
from neurallambda.tasks.sorting import INSERTION, SORTING
from neurallambda.tasks.sums import SUMS
from neurallambda.tasks.task import Task
from neurallambda.tasks.traces.steps import STEPS
from neurallambda.tasks.traces.traced import ADDITION_TRACED, MEMBER_TRACED, REVERSE_TRACED

CHOMSKY = (*REGULAR, *CONTEXT_FREE, *CONTEXT_SENSITIVE)
"""The fifteen tasks of Delétang et al., in the order of the paper."""
OWN = (
    *REMEMBERING,
    *SUMS,
    PALINDROMES,
    PALINDROMES_UNSEEN,
    LOOKUP,
    LOOKUP_UNSEEN,
    SORTING,
    INSERTION,
    LISP_VALUE,
    LISP_STEP,
    ADDITION_TRACED,
    REVERSE_TRACED,
    MEMBER_TRACED,
)
"""The tasks of this project."""
TASKS = {one.name: one for one in (*CHOMSKY, *OWN)}
"""All tasks, by name."""


@checked
def task(name: str) -> Task:
    """The task of a name.

    Args:
        name: one of `TASKS` or `STEPS`; small letters or capitals, and `_` for `-`, are alike. Or one of `recognition`, `next-symbol`,
            `next-symbols`, `transduction` and `steps`, a colon, and a machine: its name in the library, or the path of a rule
            file.

    Raises:
        ArgumentError: if there is none; the message names those that are spelled nearly so.
        MachineError: if a rule file cannot be used.

    Example:
        >>> task("reverse-string").answer([0, 1, 1])
        [1, 1, 0]
        >>> task("recognition:dyck2").symbols
        ('(', ')', '[', ']')
        >>> task("revers-string")
        Traceback (most recent call last):
        neurallambda.errors.ArgumentError: name: there is no task 'revers-string'; did you mean reverse-string?
    """
    kind, colon, rules = name.strip().partition(":")
    known = kind.lower().replace("_", "-")
    if colon and known in KINDS:
        return machine_task(known, rules)
    if known in TASKS and not colon:
        return TASKS[known]
    if known in STEPS and not colon:
        return STEPS[known]()
    if known in KINDS:
        raise ArgumentError(
            f"name: got {name!r}, expected a machine after it, as in {known}:dyck2 or {known}:rules.json"
        )
    names = [*TASKS, *STEPS, *KINDS]
    longer = [name for name in names if known and name.startswith(known)]
    close = longer[:3] or get_close_matches(known, names, n=3, cutoff=0.75)
    hint = f"did you mean {' or '.join(close)}?" if close else f"the tasks are {', '.join(names)}"
    raise ArgumentError(f"name: there is no task {name!r}; {hint}")
