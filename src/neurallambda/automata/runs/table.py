"""A run as a table."""

from collections.abc import Sequence

from neurallambda.automata.diagram import describe_rule
from neurallambda.automata.runs.run import Run
from neurallambda.automata.runs.trace import show_memories


def table(run: Run) -> str:
    """A run as text, one step a line: number, what was read, the rule, the state after it and the memories.

    Args:
        run: the run.

    Returns:
        Aligned columns under a line of headings; the last line says what became of the string.
    """
    machine = run.machine
    names = [
        f"{kind.name} {i}" if len(machine.memories) > 1 else kind.name for i, kind in enumerate(machine.memories, 1)
    ]
    rows = [["step", "read", "rule", "state", *names]]
    before = 0
    for number, step in enumerate(run.steps):
        position = step.configuration.position
        read = machine.separator.join(run.tokens[before:position])
        rule = describe_rule(step.rule, machine) if step.rule else ""
        memories = show_memories(machine, step.configuration, run.tokens)
        rows.append([str(number), read, rule, step.configuration.state, *memories])
        before = position
    return f"{aligned(rows)}\n{run.outcome}"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of texts as lines with aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
