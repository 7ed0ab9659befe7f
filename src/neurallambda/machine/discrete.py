"""The discrete stepper: the same rules, read with integers, one program at a time.

It is the test of the superposed machine, step by step and rule by rule, and the plainest account of what a rule means.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from types import MappingProxyType
from typing import Any

from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.core import NIL, Operator
from neurallambda.lang.primitives import apply_binary
from neurallambda.lang.values import Value
from neurallambda.machine.alphabet import KINDS, Tag
from neurallambda.machine.assemble import HALT_ADDRESS, ROOT_ADDRESS, Cell, Cells
from neurallambda.machine.explain import explain_cells
from neurallambda.machine.rules import RULES, From, Operand, Rule, Take, applies


@dataclass(frozen=True)
class Record:
    """One record of memory; a field that its tag does not have is None, and its environment empty."""

    tag: Tag = Tag.NONE
    operator: str | None = None
    kind: Tag | None = None
    literal: int | None = None
    first: int | None = None
    second: int | None = None
    third: int | None = None
    environment: frozenset[int] = frozenset()
    link: int | None = None
    value: int | None = None


@dataclass(frozen=True)
class State:
    """Memory and registers. Memory only ever grows: record t of a run stands at address `len(cells) + t`."""

    memory: tuple[Record, ...]
    control: int = ROOT_ADDRESS
    environment: frozenset[int] = frozenset()
    continuation: int = HALT_ADDRESS


@dataclass(frozen=True)
class Step:
    """One step: the rule that fired, the state after it, and the error it ended in, if any.

    Of the last step of a `run`, `problem` is that error with its message and its place.
    """

    rule: Rule
    state: State
    error: ErrorKind | None = None
    problem: ProgramError | None = None


def run(cells: Cells, integers: range, holes: Mapping[str, int | bool | str] = MappingProxyType({})) -> Iterator[Step]:
    """Step a program until it halts or fails; a program that does neither is stepped for ever.

    Args:
        cells: the program.
        integers: the declared range.
        holes: what each hole stands for.

    Raises:
        ValueError: where a hole stands for nothing.
    """
    state = initial(cells, integers, holes)
    for number in count(1):
        step = take_step(state, integers)
        yield replace(step, problem=explain_cells(cells, integers, number, holes)) if step.error else step
        if step.rule.halts or step.error:
            return
        state = step.state


def initial(cells: Cells, integers: range, holes: Mapping[str, int | bool | str] = MappingProxyType({})) -> State:
    """The state before the first step; see `run`."""
    cells = cells.filled(holes)
    if cells.holes:
        raise ValueError(f"the discrete stepper runs no holes, and the program has ?{', ?'.join(cells.holes)}")
    return State(tuple(_record(cell, integers) for cell in cells.cells))


def take_step(state: State, integers: range) -> Step:
    """Find the rule that applies and do what its row says."""
    control, frame = state.memory[state.control], state.memory[state.continuation]
    (rule,) = (rule for rule in RULES if applies(rule, control.tag, frame.tag, frame.operator))
    if rule.error or rule.halts:
        return Step(rule, state, rule.error)
    here = len(state.memory)
    pointers: dict[str, Any] = {
        field.value: _source(source, state, control, frame, here) for field, source in rule.pointers.items()
    }
    record = replace(control, **pointers) if rule.copies else Record(rule.writes, **pointers)
    if rule.takes_operator:
        record = replace(record, operator=(control if rule.takes_operator is Take.CONTROL else frame).operator)
    if rule.operand is Operand.HELD:
        record = replace(record, literal=control.literal, kind=control.kind)
    elif rule.operand is Operand.VALUE:
        literal = control.literal if control.tag is Tag.INTEGER else None
        record = replace(record, literal=literal, kind=control.tag if control.tag in KINDS else None)
    if rule.computes:
        try:
            record = _computed(frame, control, integers)
        except ProgramError as error:
            return Step(rule, state, error.kind)
    environment = _source(rule.next_environment, state, control, frame, here)
    assert isinstance(environment, frozenset)
    if rule.binds:
        environment = frozenset(a for a in environment if state.memory[a].third != record.third) | {here}
    memory = (*state.memory, record)
    control_address = _source(rule.next_control, state, control, frame, here)
    assert isinstance(control_address, int)
    if memory[control_address].tag is Tag.VARIABLE:
        name = memory[control_address].first
        (control_address,) = (a for a in environment if memory[a].third == name)
    continuation = _source(rule.next_continuation, state, control, frame, here)
    assert isinstance(continuation, int)
    return Step(rule, State(memory, control_address, environment, continuation))


def _source(source: From, state: State, control: Record, frame: Record, here: int) -> int | frozenset[int] | None:
    owner, name = source.value
    if owner == "here":
        return here
    return getattr({"control": control, "frame": frame, "register": state}[owner], name)


def _computed(frame: Record, control: Record, integers: range) -> Record:
    assert frame.operator is not None
    left = _operand(frame.kind, frame.literal)
    right = _operand(control.tag, control.literal if control.tag is Tag.INTEGER else None)
    result = apply_binary(frame.operator, left, right, integers)
    if isinstance(result, bool):
        return Record(tag=Tag.TRUE if result else Tag.FALSE)
    assert isinstance(result, int)
    return Record(tag=Tag.INTEGER, literal=result)


def _operand(kind: Tag | None, literal: int | None) -> Value:
    """An operand as a primitive sees it; whatever is no atom is only known to be something else."""
    if literal is not None:
        return literal
    atoms: dict[Tag | None, Value] = {Tag.TRUE: True, Tag.FALSE: False, Tag.NIL: NIL}
    return atoms.get(kind, Operator("something else"))


def _record(cell: Cell, integers: range) -> Record:
    if cell.tag is Tag.INTEGER and cell.literal not in integers:
        return Record(tag=Tag.OVERSIZED)
    return Record(cell.tag, cell.operator, None, cell.literal, cell.first, cell.second, cell.third)
