"""A run symbol by symbol: the state and the memories each time the machine is about to read on."""

from dataclasses import dataclass

from neurallambda.arguments import checked
from neurallambda.automata.rules.machine import Machine
from neurallambda.automata.rules.vocabulary import REJECT
from neurallambda.automata.runs.configuration import Configuration
from neurallambda.automata.runs.run import Run


@dataclass(frozen=True)
class Trace:
    """What a machine goes through.

    For a machine that reads its string once, entry `i` is where it stands when it has read `i` symbols (markers count)
    and taken all silent steps, so there is one entry more than symbols. Past the point where a run got stuck the state
    is `REJECT` and the memories are empty. For a machine with tapes there is one entry for each step of the run.

    Attributes:
        states: the states.
        memories: the memories as text, each entry a tuple with one text for each memory.
    """

    states: tuple[str, ...]
    memories: tuple[tuple[str, ...], ...]


@checked
def trace(run: Run) -> Trace:
    """The trace of a run."""
    machine = run.machine
    if machine.reads_from_tape:
        seen = [step.configuration for step in run.steps]
        return Trace(tuple(c.state for c in seen), tuple(show_memories(machine, c, run.tokens) for c in seen))
    last = {step.configuration.position: step.configuration for step in run.steps}
    states, memories = [], []
    for position in range(len(run.tokens) + 1):
        configuration = last.get(position)
        states.append(configuration.state if configuration else REJECT)
        memories.append(
            show_memories(machine, configuration, run.tokens) if configuration else ("",) * len(machine.memories)
        )
    return Trace(tuple(states), tuple(memories))


def show_memories(machine: Machine, configuration: Configuration, tokens: tuple[str, ...]) -> tuple[str, ...]:
    """The memories as text; on the first tape, with the part of the string that the head has not met yet."""
    texts = [kind.show(memory) for kind, memory in zip(machine.memories, configuration.memories, strict=True)]
    if machine.reads_from_tape:
        unread = " ".join(tokens[configuration.position :])
        waits = texts[0].endswith("[_]") and unread
        first = texts[0].removesuffix("[_]") + f"[{tokens[configuration.position]}]" if waits else texts[0]
        rest = " ".join(tokens[configuration.position + 1 :]) if waits else unread
        texts[0] = f"{first} {rest}".rstrip()
    return tuple(texts)
