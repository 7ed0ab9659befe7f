"""Traces of finite-state machines, pushdown and queue automata, and Turing machines."""

from collections.abc import Sequence

from neurallambda.arguments import checked
from neurallambda.automata import FSM, Automaton, CellularAutomaton, TuringMachine
from neurallambda.automata.rules.memory import STACK, Memory, MemoryKind, Tape, trim
from neurallambda.automata.rules.rule import Operation, Rule
from neurallambda.automata.rules.vocabulary import EPSILON, INITIAL, KEEP, REJECT
from neurallambda.automata.runs.limits import DEFAULT_LIMITS, UNDECIDED, Limits, undecided
from neurallambda.errors import ArgumentError
from neurallambda.tasks.traces.record import Cell, TraceRecord, TraceStep

NOTHING = "_"
"""What is seen in an empty memory, on a blank cell, and where the string has ended."""


@checked
def trace_machine(
    machine: Automaton | CellularAutomaton,
    string: str | Sequence[str],
    *,
    limits: Limits = DEFAULT_LIMITS,
    memory: bool = True,
) -> TraceRecord:
    """The run of a machine on a string.

    A step sees the next symbol of the string, unless the machine reads it from a tape, and what each memory shows. It acts
    in these channels: `state`, the state it enters; `input`, `read` or `stay`; for each memory its operation; and `output`,
    what it writes or `_`, of a machine whose rules have outputs.

    Args:
        machine: the machine. Of one that is not deterministic the shortest accepting run is taken. A cellular automaton
            has two strings, so `trace_cells` traces it.
        string: text or a sequence of symbols.
        limits: how far to go.
        memory: keep what is in the memories at each step; for long runs that is much.

    Returns:
        The record. Its answer is what a machine with tapes leaves on the last one, what a machine with outputs writes, and
        otherwise `accepted` or the way in which the string is not. Cells have a channel `shown`: `yes` where the machine
        sees them.

    Raises:
        ArgumentError: the machine is a cellular automaton.
        ProgramError: the limits were met.

    Example:
        >>> from neurallambda.automata.library import load
        >>> record = trace_machine(load("anbn"), "ab")
        >>> record.actions, [step.actions for step in record.steps]
        (('state', 'input', 'stack'), [('A', 'read', 'nullop'), ('A', 'read', 'push a'), ('B', 'read', 'pop'), ...])
    """
    if isinstance(machine, CellularAutomaton):
        raise _two_strings("trace_cells")
    found = machine.run(string, limits=limits)
    if found.outcome in UNDECIDED:
        raise undecided(found.outcome, f"running {machine.text(found.tokens)!r}")
    rules = [step.rule for step in found.steps if step.rule is not None]
    steps, memories, state, position = [], _begin(machine, found.tokens), INITIAL, 0
    for rule in rules:
        steps.append(
            TraceStep(
                state=state,
                seen=_seen(machine, memories, found.tokens, position),
                actions=_actions(machine, rule),
                memory=tuple(map(_cells, machine.memories, memories)) if memory else (),
            )
        )
        memories = _after(machine, memories, rule.operations)
        state, position = rule.target, position + (rule.input != EPSILON)
    return TraceRecord(
        input=found.tokens,
        seen=seen_channels(machine),
        actions=action_channels(machine),
        memories=tuple((name, ("shown",)) for name in _names(machine)) if memory else (),
        steps=tuple(steps),
        answer=_answer(machine, memories, str(found.outcome), rules),
    )


@checked
def replay_machine(
    machine: Automaton | CellularAutomaton, string: str | Sequence[str], actions: Sequence[Sequence[str]]
) -> tuple[tuple[str, ...], ...]:
    """What the memories hold after actions, such as a model has predicted.

    Args:
        machine: the machine whose memories are acted on; its rules play no part. For a cellular automaton there is
            `replay_cells`.
        string: what stands on the first tape at the start, for a machine that reads from it.
        actions: for each step its actions, as in `TraceRecord.actions`.

    Returns:
        For each memory its tokens: of a tape from the first cell to the last that is not blank.

    Raises:
        ArgumentError: an action is none of a memory's, or the machine is a cellular automaton.

    Example:
        >>> from neurallambda.automata.library import load
        >>> adder = load("binary_addition")
        >>> record = trace_machine(adder, "11+1")
        >>> replay_machine(adder, "11+1", [step.actions for step in record.steps])[2]
        ('1', '0', '0')
    """
    if isinstance(machine, CellularAutomaton):
        raise _two_strings("replay_cells")
    memories = _begin(machine, machine.tokens(string))
    for number, step in enumerate(actions):
        try:
            memories = _after(machine, memories, operations_of(machine, step))
        except ArgumentError as error:
            raise ArgumentError(f"actions: step {number} has {error}") from None
    return tuple(map(_content, memories))


def exact_actions(machine: Automaton, situation: Sequence[str]) -> tuple[str, ...]:
    """What a deterministic machine does in a situation; where no rule applies, it goes to `REJECT` and does nothing else.

    Args:
        machine: the machine; none of its symbols is `_`, which says that nothing is there.
        situation: the state, and what is seen, as in a step of `trace_machine`.

    Example:
        >>> from neurallambda.automata.library import load
        >>> exact_actions(load("anbn"), ("A", "b", "a")), exact_actions(load("anbn"), ("A", "b", "_"))
        (('B', 'read', 'pop'), ('REJECT', 'stay', 'nullop'))
    """
    state, *seen = situation
    slots = [None if token == NOTHING else token for token in seen]
    following = None if machine.reads_from_tape else slots.pop(0)
    moves = machine.index.at(state, tuple(slots))
    rules = [*moves.silent, *(() if following is None else moves.reading.get(following, ()))]
    # A rule into REJECT gives way to others: it only says what the lack of a rule says too.
    rule = min(rules, key=lambda one: one.target == REJECT, default=None)
    return _actions(machine, _rejection(machine, state) if rule is None else rule)


def _rejection(machine: Automaton, state: str) -> Rule:
    """The rule that is meant where there is none."""
    idle = [Operation("S", KEEP) if not kind.bare else Operation(kind.bare[0]) for kind in machine.memories]
    return Rule(EPSILON, state, (None,) * len(idle), REJECT, tuple(idle))


def _two_strings(instead: str) -> ArgumentError:
    """The error of a cellular automaton where a machine that reads one string is expected."""
    return ArgumentError(
        f"machine: got a cellular automaton, expected a machine that reads one string: one string is in its cells and "
        f"another is shown to them, so it needs {instead}"
    )


def operations_of(machine: Automaton, actions: Sequence[str]) -> list[Operation]:
    """What actions do to the memories of a machine.

    Args:
        machine: the machine.
        actions: of one step, as in `TraceRecord.actions`.

    Raises:
        ArgumentError: there are not as many as there are memories, or one is none of its memory's; what there is.
    """
    words = list(actions[1 if machine.reads_from_tape else 2 :])
    if has_outputs(machine):
        words = words[:-1]
    if len(words) != len(machine.memories):
        raise ArgumentError(f"{len(words)} operations, expected {len(machine.memories)}: one for each memory")
    operations = [_operation(text, on_tape=machine.reads_from_tape) for text in words]
    for kind, operation, text in zip(machine.memories, operations, words, strict=True):
        if operation.verb not in (kind.bare if operation.symbol is None and kind.bare else kind.loaded):
            raise ArgumentError(f"{text!r}, which is no operation of a {kind.name}")
    return operations


def has_outputs(machine: Automaton) -> bool:
    """Whether rules of a machine write something as they are applied."""
    return any(rule.output is not None for rule in machine.rules)


def seen_channels(machine: Automaton) -> tuple[str, ...]:
    """The names of the channels in which a step of a machine sees something."""
    return (*(() if machine.reads_from_tape else ("input",)), *_names(machine))


def action_channels(machine: Automaton) -> tuple[str, ...]:
    """The names of the channels in which a step of a machine acts."""
    return ("state", *seen_channels(machine), *(("output",) if has_outputs(machine) else ()))


def _names(machine: Automaton) -> tuple[str, ...]:
    names = [kind.name for kind in machine.memories]
    return tuple(names if len(names) == 1 else [f"{name} {number}" for number, name in enumerate(names, 1)])


def _begin(machine: Automaton, tokens: tuple[str, ...]) -> tuple[Memory, ...]:
    first: tuple[Memory, ...] = (Tape((), tokens),) if machine.reads_from_tape else ()
    return (*first, *(kind.empty for kind in machine.memories[len(first) :]))


def _after(machine: Automaton, memories: Sequence[Memory], operations: Sequence[Operation]) -> tuple[Memory, ...]:
    changed = zip(machine.memories, memories, operations, strict=True)
    found = [kind.apply(memory, operation) for kind, memory, operation in changed]
    return tuple(trim(memory) if isinstance(memory, Tape) else memory for memory in found)


def _seen(machine: Automaton, memories: Sequence[Memory], tokens: Sequence[str], position: int) -> tuple[str, ...]:
    shown = [kind.read(memory) or NOTHING for kind, memory in zip(machine.memories, memories, strict=True)]
    if machine.reads_from_tape:
        return tuple(shown)
    return (tokens[position] if position < len(tokens) else NOTHING, *shown)


def _actions(machine: Automaton, rule: Rule) -> tuple[str, ...]:
    reading = () if machine.reads_from_tape else ("stay" if rule.input == EPSILON else "read",)
    writing = (NOTHING if rule.output is None else rule.output,) if has_outputs(machine) else ()
    return (rule.target, *reading, *(_text(machine, operation) for operation in rule.operations), *writing)


def _text(machine: Automaton, operation: Operation) -> str:
    """An operation as a token; on a tape a blank is written `_`."""
    if operation.symbol is None:
        return f"{operation.verb} {NOTHING}" if machine.reads_from_tape else operation.verb
    return f"{operation.verb} {operation.symbol}"


def _operation(text: str, *, on_tape: bool) -> Operation:
    verb, _, symbol = text.partition(" ")
    return Operation(verb, None if symbol == "" or (on_tape and symbol == NOTHING) else symbol)


def _cells(kind: MemoryKind, memory: Memory) -> tuple[Cell, ...]:
    """The cells, and which of them is shown: the top of a stack, the left end of a deque, the cell under a head."""
    if isinstance(memory, Tape):
        tokens, shown = (*memory.left, *(memory.right or (None,))), len(memory.left)
    else:
        tokens, shown = memory, len(memory) - 1 if kind is STACK else 0
    return tuple(Cell(token or NOTHING, ("yes" if place == shown else "no",)) for place, token in enumerate(tokens))


def _content(memory: Memory) -> tuple[str, ...]:
    tokens = [*memory.left, *memory.right] if isinstance(memory, Tape) else list(memory)
    while tokens and tokens[-1] is None:
        tokens.pop()
    while tokens and tokens[0] is None:
        tokens.pop(0)
    return tuple(token or NOTHING for token in tokens)


def _answer(machine: Automaton, memories: Sequence[Memory], outcome: str, rules: Sequence[Rule]) -> tuple[str, ...]:
    if outcome != "accepted":
        return (outcome,)
    if isinstance(machine, TuringMachine) and machine.tapes:
        return _content(memories[-1])
    if has_outputs(machine):
        return tuple(rule.output for rule in rules if rule.output is not None)
    if isinstance(machine, FSM) and machine.outputs:
        outputs = dict(machine.outputs)
        states = [INITIAL, *(rule.target for rule in rules)]
        return tuple(outputs[state] for state in states if state in outputs)
    return (outcome,)
