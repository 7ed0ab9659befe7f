"""A step where everything is certain.

Where code is one-hot, so is all that a run makes of it: records, control, continuation; an environment is a set. Then what a
step has to ask is known: the addresses under the registers are carried along beside them, no mass needs to be divided by
another, and each sum has a single term of weight one, so that making the new record and the next registers is one gather. The
tensors are those of the general step, bit for bit.
"""

from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.machine.alphabet import FIELDS_OF, KINDS, NARROW_FIELDS, OPERATORS, Field, Tag
from neurallambda.machine.compute import Computed, Operands, compute
from neurallambda.machine.layout import WIDE, Code, Layout
from neurallambda.machine.memory import Memory
from neurallambda.machine.moves import STAY, Computing, Moved, moves
from neurallambda.machine.rules import RULES, Operand
from neurallambda.machine.step import CONTROL, ENVIRONMENT, Step
from neurallambda.machine.tables import ERRORS, Tables

_COMPUTING = frozenset(index for index, rule in enumerate(RULES) if rule.computes)
_BINDING = frozenset(index for index, rule in enumerate(RULES) if rule.binds)
_HOLDING = frozenset(index for index, rule in enumerate(RULES) if rule.operand is Operand.VALUE)
_ENDING = frozenset(index for index, rule in enumerate(RULES) if rule.halts or rule.error)
_IS_KIND = slice(KINDS[0], KINDS[-1] + 1)
_IS_INTEGER = slice(Tag.INTEGER, Tag.INTEGER + 1)
_UNBOUND, _NO_NAME = -1, -2
"""The parameter of what binds none; a name that nothing binds."""


def can_gather(layout: Layout, code: Code) -> bool:
    """Whether all of some code is certain, where asking is free and no gradient is recorded."""
    narrow = code.narrow
    if narrow.device.type != "cpu" or torch.is_grad_enabled() or torch.compiler.is_compiling():
        return False
    if not torch.equal(narrow.square(), narrow):  # zeros and ones
        return False
    sums, owned = _masses(layout, narrow.dtype)
    if not torch.equal(narrow @ sums, narrow[:, :, : len(Tag)] @ owned):
        return False
    variable = narrow[:, :, Tag.VARIABLE]
    names = variable[:, :, None] * narrow[:, :, layout.slices[Field.FIRST]]
    return torch.equal(code.variables, names) and torch.equal(code.settled, 1 - variable)


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # they are kept, for other runs
def _masses(layout: Layout, dtype: torch.dtype) -> tuple[Float[Tensor, "narrow fields"], Float[Tensor, "tags fields"]]:
    """From the columns of a cell to the mass of each field; from its tags to what that must be."""
    sums = torch.zeros(layout.narrow, len(NARROW_FIELDS), dtype=dtype)
    for index, field in enumerate(NARROW_FIELDS):
        sums[layout.slices[field], index] = 1
    owned = [[name is Field.TAG or name in FIELDS_OF.get(tag, ()) for name in NARROW_FIELDS] for tag in Tag]
    return sums, torch.tensor(owned, dtype=dtype)


class Certain:
    """The addresses of a run that is certain, beside its registers.

    Args:
        memory: what is written so far.
        registers: control, environment, continuation.
        tables: the rules as tensors.
    """

    def __init__(self, memory: Memory, registers: Float[Tensor, "batch 3 addresses"], tables: Tables) -> None:
        self.tables, self.layout = tables, memory.layout
        self.addresses: Int[Tensor, "batch 2"] = registers[:, ::2].argmax(-1)
        self.names: list[list[int]] = _index(memory.code.variables, _NO_NAME).tolist()
        self.bound: Int[Tensor, "batch addresses"] = _index(memory.parameters, _UNBOUND)
        self.bound[:, : memory.layout.code] = _UNBOUND
        self.bound[:, memory.written :] = _UNBOUND
        self.matching = torch.cat([tables.frame, tables.operator])
        self.bias = tables.any_operator - 2
        batch = len(registers)
        self.ones, self.none = registers.new_ones(batch, 1), registers.new_zeros(batch, len(ERRORS))
        self.constants = torch.cat([0 * self.ones, self.ones], dim=1)
        self._fit(memory.width)

    def _fit(self, width: int) -> None:
        """Make room for more addresses."""
        self.width = width
        batch, old = self.bound.shape
        if old < width:
            more = self.bound.new_full((batch, width - old), _UNBOUND)
            self.bound = torch.cat([self.bound, more], dim=1)
        self.moves = moves(self.layout, width)
        self.rows = torch.arange(0, batch * width, width)[:, None]
        self.ends_nowhere = self.none.new_zeros(batch, width)

    def step(
        self, memory: Memory, registers: Float[Tensor, "batch 3 addresses"], here: Float[Tensor, " addresses"]
    ) -> Step | None:
        """Take one step; none where no rule applies, or a name is not bound: that is for the general step to say."""
        if memory.width != self.width:
            self._fit(memory.width)
        batch, record, addresses = len(registers), self.moves.record, self.addresses
        read = memory.records.view(-1, record).index_select(0, (self.addresses + self.rows).view(-1)).view(batch, -1)

        # Match. A rule has a point for each of the three that it asks for, less two.
        rules = torch.addmm(self.bias, read[:, : len(Tag)], self.tables.control)
        rules.addmm_(read[:, record : record + len(Tag) + len(OPERATORS)], self.matching).clamp_min_(0)
        weight, rule = rules.max(-1)
        found, rule_list = weight.tolist(), rule.tolist()
        if min(found) < 1:
            return None
        present = set(rule_list)
        computed = rows = None
        ends = not present.isdisjoint(_ENDING)
        if not present.isdisjoint(_COMPUTING):
            rows = None if len(present) == 1 else _rows(rule_list, _COMPUTING)
            computed = self._compute(read if rows is None else read.index_select(0, rows))
            if bool(computed.errors.any()):
                ends = True
                failed = (computed.errors.sum(-1) > 0).nonzero()[:, 0]
                failed = failed if rows is None else rows[failed]
                rule = rule.index_fill(0, failed, STAY)
                present = set(rule.tolist())

        # Select: one gather.
        sources = torch.cat([read, registers.flatten(1), here.expand(batch, -1), self.constants], dim=1)
        table = self.moves.of(present)
        if len(present) == 1:
            made = sources.index_select(1, table[next(iter(present))])
        else:
            made = sources.gather(1, table.index_select(0, rule))
        new_record, next_registers = made[:, :record], made[:, record:].view(batch, WIDE, -1)
        if not present.isdisjoint(_HOLDING):
            literal = new_record[:, self.layout.slices[Field.LITERAL]]
            held = rule if len(present) > 1 else None
            literal.mul_(self._may_hold(read, held))
        if computed is not None:
            self._write_computed(new_record, computed, rows)
        if not present.isdisjoint(_BINDING):
            mixed = None if len(present) == 1 else [number in _BINDING for number in rule_list]
            self._bind(memory.written, new_record, next_registers[:, ENVIRONMENT], mixed)
        if not self._settle(next_registers):
            return None
        halts, errors, goes_on = self.ends_nowhere, self.none, self.ones[:, 0]
        if ends:
            halts, errors, goes_on = self._end(rules, registers[:, CONTROL], computed, rows)
        computing = computed and Computing(rows, computed.results, computed.errors, computed.cases)
        moved = Moved(addresses, rule, errors, goes_on, computing)
        return Step(next_registers, new_record, self.ones, rules, goes_on, halts, errors, ends=ends, moved=moved)

    def _compute(self, read: Float[Tensor, "some records"]) -> Computed:
        """What the frames' operators make of what they hold and of the values under control."""
        at, record = self.layout.slices, self.moves.record
        control, frame = read[:, :record], read[:, record:]
        operands = Operands(
            frame[:, at[Field.OPERATOR]],
            frame[:, at[Field.LITERAL]],
            frame[:, at[Field.KIND]],
            control[:, at[Field.LITERAL]] * control[:, _IS_INTEGER],
            control[:, _IS_KIND],
        )
        return compute(operands, self.tables.operations)

    def _write_computed(self, record: Tensor, computed: Computed, rows: Tensor | None) -> None:
        """Write what was computed into the new records of the programs that computed; failures have no mass."""
        tags, literals = record[:, : len(Tag)], record[:, self.layout.slices[Field.LITERAL]]
        results = computed.results @ self.tables.results
        if rows is None:
            tags.copy_(results)
            literals.copy_(computed.integers)
        else:
            tags.index_copy_(0, rows, results)
            literals.index_copy_(0, rows, computed.integers)

    def _may_hold(self, read: Tensor, rule: Tensor | None) -> Float[Tensor, "batch 1"]:
        """Where the new record holds the value under control, whether that is an integer; one elsewhere."""
        integer = read[:, _IS_INTEGER]
        if rule is None:
            return integer
        holds = torch.tensor([index in _HOLDING for index in range(STAY + 1)])[rule]
        return torch.where(holds[:, None], integer, self.ones)

    def _bind(self, here: int, record: Tensor, environment: Tensor, binds: list[bool] | None) -> None:
        """The new record joins the environment in place of the older binding of its parameter."""
        parameter = record[:, self.layout.slices[Field.THIRD]].argmax(-1)
        joins: Tensor | float = 1.0
        if binds is not None:
            mask = torch.tensor(binds)
            parameter = torch.where(mask, parameter, _NO_NAME)
            joins = mask.to(record.dtype)
        environment.mul_(self.bound != parameter[:, None])
        environment[:, here] = joins
        self.bound[:, here] = parameter

    def _settle(self, registers: Float[Tensor, "batch 3 addresses"]) -> bool:
        """Find the next addresses; a variable that control would stand on is looked up. Whether all were found."""
        self.addresses = addresses = registers[:, ::2].argmax(-1)
        code = self.layout.code
        names = [
            row[control] if control < code else _NO_NAME
            for row, control in zip(self.names, addresses[:, 0].tolist(), strict=True)
        ]
        if max(names) == _NO_NAME:
            return True
        matches = self.bound == torch.tensor(names)[:, None]
        visible, place = (registers[:, ENVIRONMENT] * matches).max(-1)
        if any(name != _NO_NAME and weight < 1 for name, weight in zip(names, visible.tolist(), strict=True)):
            return False
        if min(names) == _NO_NAME:
            place = torch.where(torch.tensor(names) == _NO_NAME, addresses[:, 0], place)
        addresses[:, 0] = place
        registers[:, CONTROL].zero_().scatter_(1, place[:, None], 1.0)
        return True

    def _end(
        self, rules: Tensor, control: Tensor, computed: Computed | None, rows: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What ends here: in values, in errors; and what goes on."""
        _, halted, errors = (rules @ self.tables.ends).split((1, 1, len(ERRORS)), dim=-1)
        if computed is not None:
            failed = computed.errors @ self.tables.computed_errors
            errors = errors + failed if rows is None else errors.index_add(0, rows, failed)
        return control * halted, errors, (1 - halted[:, 0] - errors.sum(-1)).clamp_min(0)


def _rows(rules: list[int], among: frozenset[int]) -> Int[Tensor, " rows"]:
    """The programs whose rule is one of some."""
    return torch.tensor([row for row, rule in enumerate(rules) if rule in among])


def _index(ones: Float[Tensor, "batch n letters"], none: int) -> Int[Tensor, "batch n"]:
    """Where each one-hot vector is one, or another number where it is nothing."""
    weight, index = ones.max(-1)
    return torch.where(weight > 0, index, none)
