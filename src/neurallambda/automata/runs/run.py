"""Running a machine on a string: the verdict, one run in full, or all the runs that accept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from neurallambda.automata.rules.machine import Machine
from neurallambda.automata.rules.rule import Rule
from neurallambda.automata.runs.configuration import Configuration
from neurallambda.automata.runs.exploration import Exploration, explore
from neurallambda.automata.runs.limits import DEFAULT_LIMITS, Limits, Outcome


@dataclass(frozen=True)
class Step:
    """One row of a run.

    Attributes:
        rule: the rule that led here; None in the first row.
        configuration: where the machine stands after it.
    """

    rule: Rule | None
    configuration: Configuration


@dataclass(frozen=True)
class Run:
    """A run of a machine on a string.

    Attributes:
        machine: the machine.
        tokens: the symbols it read.
        outcome: what became of the string, over all runs.
        steps: the rows of one run: the shortest that accepts, or else the one that read the most.
        exploration: every configuration that any run reaches.
    """

    machine: Machine
    tokens: tuple[str, ...]
    outcome: Outcome
    steps: tuple[Step, ...]
    exploration: Exploration

    @property
    def accepted(self) -> bool:
        """Does a run accept?"""
        return self.outcome is Outcome.ACCEPTED

    def with_steps(self, steps: tuple[Step, ...]) -> "Run":
        """The same exploration with the rows of another of its runs."""
        return replace(self, steps=steps)


def run(machine: Machine, string: str | Sequence[str], *, limits: Limits = DEFAULT_LIMITS) -> Run:
    """Run a machine on a string, keeping every configuration.

    Args:
        machine: the machine.
        string: text or a sequence of symbols.
        limits: how far to go.

    Returns:
        One run in full, and everything that was explored to find it.
    """
    tokens = machine.tokens(string)
    found = explore(machine, tokens, limits=limits)
    if found.accepting:
        last = found.accepting[0]
    else:
        far = max(node.configuration.position for node in found.nodes)
        last = next(n for n in reversed(range(len(found.nodes))) if found.nodes[n].configuration.position == far)
    return Run(
        machine, tokens, found.outcome, _rows([(node.configuration, node.rule) for node in found.path(last)]), found
    )


def accepting_runs(
    machine: Machine, string: str | Sequence[str], *, limits: Limits = DEFAULT_LIMITS
) -> Iterator[tuple[Step, ...]]:
    """Every run that accepts a string, as far as the limits reach; of runs that go round in circles, those that do not.

    Args:
        machine: the machine.
        string: text or a sequence of symbols.
        limits: how far to go.

    Yields:
        The rows of each run, in no particular order.
    """
    found = explore(machine, machine.tokens(string), limits=limits, first=False)
    ends = set(found.accepting)
    useful = _leading_to(found, ends)
    if 0 not in useful:
        return
    path: list[tuple[int, Rule | None]] = [(0, None)]
    choices = [iter(found.arrows[0])]
    on_path = {0}
    if 0 in ends:
        yield _rows([(found.nodes[number].configuration, rule) for number, rule in path])
    while choices:
        number, rule = next(choices[-1], (-1, None))
        if number < 0:
            choices.pop()
            on_path.discard(path.pop()[0])
        elif number in useful and number not in on_path:
            path.append((number, rule))
            choices.append(iter(found.arrows[number]))
            on_path.add(number)
            if number in ends:
                yield _rows([(found.nodes[number].configuration, rule) for number, rule in path])


def _leading_to(found: Exploration, ends: set[int]) -> set[int]:
    before: dict[int, list[int]] = {}
    for number, arrows in enumerate(found.arrows):
        for following, _ in arrows:
            before.setdefault(following, []).append(number)
    useful, todo = set(ends), list(ends)
    while todo:
        fresh = [number for number in before.get(todo.pop(), ()) if number not in useful]
        useful.update(fresh)
        todo.extend(fresh)
    return useful


def _rows(path: Sequence[tuple[Configuration, Rule | None]]) -> tuple[Step, ...]:
    """A path as rows; reading a symbol in is part of the row before it."""
    rows = [Step(None, path[0][0])]
    for configuration, rule in path[1:]:
        if rule is None:
            rows[-1] = Step(rows[-1].rule, configuration)
        else:
            rows.append(Step(rule, configuration))
    return tuple(rows)
