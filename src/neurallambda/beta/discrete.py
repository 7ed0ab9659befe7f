"""The discrete stepper: the same micro-steps in plain Python, one program at a time.

It is the judge of the superposed step, and the plainest account of what a step does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from neurallambda.beta.alphabet import (
    BASE,
    POINTS_FIRST,
    POINTS_SECOND,
    REDEXES,
    STUCK,
    Demand,
    Tag,
)
from neurallambda.beta.cells import ROOT, Cell, Cells, Column
from neurallambda.beta.discrete_graph import mentions, reachable
from neurallambda.beta.rules import (
    AT_THE_END,
    CHOICES,
    FRAMES,
    PARTS,
    Ask,
    Move,
    Part,
    Response,
    Wrong,
    respond,
    respond_unary,
)
from neurallambda.beta.strategy import Strategy
from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.core import NIL, Operator
from neurallambda.lang.primitives import apply_binary
from neurallambda.lang.values import Value


@dataclass(frozen=True)
class Flags:
    """What is known of a cell's reduction; see `Flag`."""

    head: bool = False
    ir1: bool = False
    ir2: bool = False
    certain: bool = False
    waits: bool = False
    wrong: bool = False

    def meets(self, demand: Demand) -> bool:
        """Whether the cell is reduced as far as demanded."""
        return {Demand.HEAD: self.head, Demand.NORMAL: self.ir1 and self.ir2, Demand.CERTAIN: self.certain}[demand]


BASE_FLAGS = Flags(head=True, ir1=True, ir2=True, certain=True)


@dataclass(frozen=True)
class State:
    """Memory, and the path from the root to the cell that is visited, each with what is demanded of it."""

    cells: tuple[Cell, ...]
    flags: tuple[Flags, ...]
    stack: tuple[tuple[int, Demand], ...] = ((ROOT, Demand.CERTAIN),)


@dataclass(frozen=True)
class Step:
    """One step: what was done, the state after it, and the error that the program ended in, if any."""

    move: Move
    state: State
    error: ErrorKind | None = None


def initial(program: Cells, capacity: int) -> State:
    """The state before the first step, with free cells up to the capacity."""
    free = (Cell(),) * (capacity - len(program))
    return State((*program.cells, *free), (Flags(),) * capacity)


def run(program: Cells, capacity: int, strategy: Strategy, integers: range) -> Iterator[Step]:
    """Step a program until it is reduced or fails; one that does neither is stepped for ever."""
    state = initial(program, capacity)
    while True:
        step = take_step(state, strategy, integers)
        yield step
        if step.move in (Move.FINISH, Move.FAIL):
            return
        state = step.state


def take_step(state: State, strategy: Strategy, integers: range) -> Step:
    """Free what the root does not reach, then do one move at the cell on top of the stack."""
    return _Stepper(collected(state), strategy, integers).step()


def collected(state: State) -> State:
    """The state with the cells freed that the root does not reach."""
    kept = reachable(state.cells)
    freed = [place for place, cell in enumerate(state.cells) if cell.tag is not Tag.FREE and place not in kept]
    if not freed:
        return state
    cells, flags = list(state.cells), list(state.flags)
    for address in freed:
        cells[address], flags[address] = Cell(), Flags()
    return replace(state, cells=tuple(cells), flags=tuple(flags))


class _Stepper:
    """One step. Paths of columns from the visited cell are written as digits: `at("12")` is column 2 of column 1."""

    def __init__(self, state: State, strategy: Strategy, integers: range) -> None:
        self.state = state
        self.strategy = strategy
        self.integers = integers
        self.address, self.demand = state.stack[-1]
        self.cell = state.cells[self.address]
        self.flags = state.flags[self.address]

    def step(self) -> Step:
        tag = self.cell.tag
        if tag is Tag.ROOT:
            if self.meets("1", Demand.CERTAIN):
                return Step(Move.FINISH, self.state)
            return self.visit("1", Demand.CERTAIN)
        if self.flags.meets(self.demand):
            return Step(Move.REDUCED, self.popped(self.state))
        if tag in BASE:
            return Step(Move.BASE, self.popped(self.marked(BASE_FLAGS)))
        if tag in REDEXES:
            response = self.redex()
            if isinstance(response, Step):
                if not self.flags.head:
                    return response
            elif self.demand is Demand.CERTAIN:
                return self.fail(response.kind)
            elif not self.flags.head:
                return self.stays(waits=tag in CHOICES, wrong=True)
        if not self.flags.head:
            return self.stays()
        if tag is Tag.CALL and self.demand is Demand.CERTAIN and self.flags.wrong:
            return self.move(Move.GO_1)  # what is wrong is met in what the call unfolds to
        return self.parts()

    def redex(self) -> Step | Wrong:
        """What becomes of a redex; where it is stuck, that its head stays."""
        operand = self.strategy.operand
        is_nested = self.cell.tag in FRAMES and self.tag("1") in FRAMES
        if not is_nested and not self.meets("1", operand):
            return self.visit("1", operand)
        response = respond(self.cell.tag, self.tag("1"))
        if response is Move.HEAD:
            return self.stuck("1")
        if response is Ask.CHOICE:
            return self.stays(waits=True, wrong=self.under("1").wrong)
        if response is Ask.DECISION:
            under = self.under("1")
            return self.stays(wrong=under.wrong) if under.waits else self.move(Move.GO_1)
        if isinstance(response, Move) and response in AT_THE_END:
            rest = self.tag("2" if response is Move.ADOPT_2 else "22")
            response = AT_THE_END[response] if rest is Tag.ELSE else response
        if response is Ask.UNARY:
            if not self.meets("2", operand):
                return self.visit("2", operand)
            response = respond_unary(str(self.at("11")), self.tag("2"))
            if response is Move.HEAD:
                return self.stuck("2")
        if response is Ask.BINARY:
            return self.binary(str(self.at("111")), operand)
        argument = self.strategy.argument
        if response is Move.APPLY and argument is not None and not self.meets("2", argument):
            return self.visit("2", argument)
        return response if isinstance(response, Wrong) else self.move(response)

    def binary(self, operator: str, demand: Demand) -> Step | Wrong:
        if operator == "cons":
            return self.move(Move.PAIR)
        for path in ("12", "2"):
            if not self.meets(path, demand):
                return self.visit(path, demand)
            if self.tag(path) in STUCK:
                return self.stuck(path)
        try:
            result = apply_binary(operator, self.value("12"), self.value("2"), self.integers)
        except ProgramError as error:
            if error.kind is ErrorKind.OVERFLOW:
                return self.fail(error.kind)
            return Wrong[error.kind.name]
        if isinstance(result, bool):
            return self.move(Move.TRUE if result else Move.FALSE)
        assert isinstance(result, int)
        return self.move(Move.INTEGER, result)

    def parts(self) -> Step:
        """Reduce the columns, one after the other."""
        flags = self.flags
        for path, part in zip("12", PARTS[self.cell.tag], strict=True):
            demand = self.demand if part is Part.SAME else Demand.NORMAL
            if part is not Part.NOTHING and not self.meets(path, demand):
                return self.visit(path, demand, flags)
            flags = replace(flags, **{f"ir{path}": True})
        flags = replace(flags, certain=flags.certain or self.demand is Demand.CERTAIN)
        return Step(Move.NORMAL, self.popped(self.marked(flags)))

    def stays(self, *, waits: bool = False, wrong: bool = False) -> Step:
        """Mark the head as reduced, and what it waits for."""
        return Step(Move.HEAD, self.marked(replace(self.flags, head=True, waits=waits, wrong=wrong)))

    def stuck(self, path: str) -> Step:
        """The head stays, since it waits for what the path leads to, and for whatever that waits for."""
        under = self.under(path)
        return self.stays(waits=under.waits, wrong=under.wrong)

    def move(self, move: Response, literal: int | None = None) -> Step:
        """Do what a response says."""
        assert isinstance(move, Move)
        match move:
            case Move.PARTIAL:
                return Step(move, self.written(replace(self.cell, tag=Tag.PARTIAL), head=True))
            case Move.PAIR:
                return Step(move, self.written(Cell(Tag.PAIR, self.at("12"), self.at("2"))))
            case Move.TRUE | Move.FALSE:
                return Step(move, self.written(Cell(Tag[move.name])))
            case Move.INTEGER:
                return Step(move, self.written(Cell(Tag.INTEGER, literal)))
            case Move.ADOPT_2 | Move.ADOPT_22:
                path = move.name.removeprefix("ADOPT_")
                return Step(move, self.written(Cell(self.cell.tag, self.at(f"{path}1"), self.at(f"{path}2"))))
            case Move.APPLY:
                return self.apply()
            case _:
                target = self.at(move.name.removeprefix("GO_"))
                return Step(move, self.popped(self.redirected(self.state, target)))

    def apply(self) -> Step:
        """Clone what mentions the variable, and put the body in the place of the application."""
        cells, flags = list(self.state.cells), list(self.state.flags)
        variable, body, argument = self.at("11"), self.at("12"), self.at("2")
        assert isinstance(variable, int)
        cloned = sorted(mentions(self.state.cells, variable))
        free = [address for address, cell in enumerate(cells) if cell.tag is Tag.FREE]
        if len(cloned) > len(free):
            return self.fail(ErrorKind.OUT_OF_MEMORY)
        moved: Mapping[Column, Column] = {**dict(zip(cloned, free, strict=False)), variable: argument}
        for source in cloned:
            cell = cells[source]
            first = moved.get(cell.first, cell.first) if cell.tag in POINTS_FIRST else cell.first
            second = moved.get(cell.second, cell.second) if cell.tag in POINTS_SECOND else cell.second
            target = moved[source]
            assert isinstance(target, int)
            is_called = source == body and cell.tag is Tag.BODY
            cells[target] = Cell(Tag.CALL if is_called else cell.tag, first, second)
            flags[target] = Flags()
        state = replace(self.state, cells=tuple(cells), flags=tuple(flags))
        return Step(Move.APPLY, self.popped(self.redirected(state, moved.get(body, body), only=self.state)))

    def redirected(self, state: State, target: Column, only: State | None = None) -> State:
        """Replace all references to the visited cell; in cells that were free before, none is replaced."""
        before = (only or state).cells
        cells = list(state.cells)
        for place, (cell, old) in enumerate(zip(state.cells, before, strict=True)):
            if self.address not in (cell.first, cell.second) or old.tag is Tag.FREE:
                continue
            first = target if cell.tag in POINTS_FIRST and cell.first == self.address else cell.first
            second = target if cell.tag in POINTS_SECOND and cell.second == self.address else cell.second
            cells[place] = Cell(cell.tag, first, second)
        return replace(state, cells=tuple(cells))

    def visit(self, path: str, demand: Demand, flags: Flags | None = None) -> Step:
        """Push the cell that a path leads to. A path longer than there are cells contains a cell twice: it has no end."""
        target = self.at(path)
        assert isinstance(target, int)
        if len(self.state.stack) > len(self.state.cells):
            return self.fail(ErrorKind.OUT_OF_STEPS)
        state = self.marked(flags or self.flags)
        return Step(Move.VISIT, replace(state, stack=(*state.stack, (target, demand))))

    def fail(self, kind: ErrorKind) -> Step:
        return Step(Move.FAIL, self.state, kind)

    def marked(self, flags: Flags) -> State:
        changed = list(self.state.flags)
        changed[self.address] = flags
        return replace(self.state, flags=tuple(changed))

    def written(self, cell: Cell, *, head: bool = False) -> State:
        cells = list(self.state.cells)
        cells[self.address] = cell
        return replace(self.marked(Flags(head=head)), cells=tuple(cells))

    def popped(self, state: State) -> State:
        return replace(state, stack=state.stack[:-1])

    def at(self, path: str) -> Column:
        """What a path of columns leads to."""
        column: Column = self.address
        for step in path:
            assert isinstance(column, int)
            cell = self.state.cells[column]
            column = cell.first if step == "1" else cell.second
        return column

    def tag(self, path: str) -> Tag:
        address = self.at(path)
        assert isinstance(address, int)
        return self.state.cells[address].tag

    def under(self, path: str) -> Flags:
        """What is known of the cell that a path leads to."""
        address = self.at(path)
        assert isinstance(address, int)
        return self.state.flags[address]

    def meets(self, path: str, demand: Demand) -> bool:
        return self.under(path).meets(demand)

    def value(self, path: str) -> Value:
        """An operand as a primitive sees it; whatever is no atom is only known to be something else."""
        address = self.at(path)
        assert isinstance(address, int)
        cell = self.state.cells[address]
        atoms: dict[Tag, Value] = {Tag.TRUE: True, Tag.FALSE: False, Tag.NIL: NIL}
        if cell.tag is Tag.INTEGER:
            assert isinstance(cell.first, int)
            return cell.first
        return atoms.get(cell.tag, Operator("something else"))
