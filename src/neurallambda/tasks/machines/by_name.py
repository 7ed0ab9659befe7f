"""The tasks of a machine by name: `recognition:dyck2`, or with the path of a rule file."""

from collections.abc import Callable
from pathlib import Path

from neurallambda.arguments import checked
from neurallambda.automata import CellularAutomaton, library
from neurallambda.automata.files.rule_file import any_machine_in
from neurallambda.errors import ArgumentError
from neurallambda.tasks.cellular import cell_transduction
from neurallambda.tasks.machines.continuation import next_symbol, next_symbols
from neurallambda.tasks.machines.recognition import recognition
from neurallambda.tasks.machines.transduction import transduction
from neurallambda.tasks.task import Task
from neurallambda.tasks.traces.sources import machine_steps

KINDS: dict[str, Callable[..., Task]] = {
    "recognition": recognition,
    "next-symbol": next_symbol,
    "next-symbols": next_symbols,
    "transduction": transduction,
    "steps": machine_steps,
}
"""The tasks that every machine makes, by their names."""


@checked
def machine_task(kind: str, rules: str) -> Task:
    """A task of a machine by name.

    Args:
        kind: one of `KINDS`.
        rules: the name of a machine of the library, or the path of a rule file.

    Raises:
        ArgumentError: there is no such kind or machine.
        MachineError: the rule file cannot be used.

    Example:
        >>> machine_task("recognition", "dyck2").name
        'recognition:dyck2'
    """
    if kind not in KINDS:
        raise ArgumentError(f"kind: got {kind!r}, expected one of {', '.join(KINDS)}")
    name = f"{kind}:{rules}"
    if Path(rules).is_file():
        machine = any_machine_in(rules)
    elif rules in library.names():
        machine = library.load(rules)
    elif rules in library.names(CellularAutomaton):
        machine = library.load(rules, CellularAutomaton)
    else:
        known = [*library.names(), *library.names(CellularAutomaton)]
        raise ArgumentError(
            f"rules: there is no file {rules!r}, and no machine of that name in the library, which has {', '.join(known)}"
        )
    if isinstance(machine, CellularAutomaton) and kind != "steps":
        if kind != "transduction":
            raise ArgumentError(
                f"rules: {rules} is a cellular automaton, which accepts nothing; expected transduction:{rules} or "
                f"steps:{rules}"
            )
        return cell_transduction(machine, name=name)
    return KINDS[kind](machine, name=name)
