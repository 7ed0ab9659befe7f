"""A step backward, where everything is certain. `to_x` is what arrives at `x`."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.machine.adjoint.by_address.computing import ToOperands
from neurallambda.machine.adjoint.by_address.constants import constants
from neurallambda.machine.adjoint.by_address.index import Index
from neurallambda.machine.adjoint.by_address.inverse import inverse
from neurallambda.machine.adjoint.by_address.known import Known
from neurallambda.machine.adjoint.by_address.places import SET_SOURCES, SET_TARGETS, Places
from neurallambda.machine.adjoint.history import End, ToCode
from neurallambda.machine.alphabet import KINDS, OPERATORS, Field, Tag
from neurallambda.machine.layout import WIDE

_BOTH = len(Tag) + len(OPERATORS)


class Carrier:
    """What has arrived so far: at the records, by address; at their literals, by slot; at the registers."""

    def __init__(self, end: End) -> None:
        memory, layout = end.memory, end.memory.layout
        batch, width, code = len(memory.records), memory.width, layout.code
        self.memory, self.tables, self.outcome, self.running = memory, end.tables, end.outcome, end.to_running
        self.places, places = Places(layout, width), Places(layout, width)
        new = memory.records.new_zeros
        no_read = new(batch, 1, width), new(batch, 1, layout.narrow + WIDE * width)
        pointers, gradient = no_read if end.read is None else end.read
        weights, read = pointers.max(-1)
        self.index = Index.of(memory, places, read)
        self.constants = constants(layout, width, end.tables)
        self.inverse = inverse(layout, width)
        self.variables, self.settled = new(batch * (code + 1), code), new(batch * (code + 1))
        self.records = new(batch, width, places.record)
        self.literals = new(batch, int(self.index.slots.max()) + 1, layout.integers)
        self.flat_records, self.flat_literals = self.records.flatten(0, 1), self.literals.flatten(0, 1)
        self.records[:, :, : len(Tag)] += end.to_tags
        self._read(read, gradient * weights[..., None])

        # What arrives at what a step makes, and the parts of that.
        self.arriving = new(batch, places.arriving)
        self.arriving[:, places.one] = 1
        self.record, self.tags = self.arriving[:, : places.record], self.arriving[:, : len(Tag)]
        self.next_code = self.arriving[:, places.next_code : places.sets]
        self.sets = self.arriving[:, places.sets : places.binds].unflatten(1, (SET_TARGETS, SET_SOURCES))
        self.binds, self.share = self.arriving[:, places.binds], self.arriving[:, places.share]

    def _look_as_far_as(self, written: int) -> None:
        """See no more than what was written. What is found at addresses that a step had not yet written is never looked at."""
        places, index, width, code = self.places, self.index, self.memory.width, self.memory.layout.code
        registers = self.arriving[:, places.registers : places.next_code].unflatten(1, (WIDE, width))
        self.control, self.environment, self.continuation = registers[:, :, :written].unbind(1)
        start, stop = places.at[Field.ENVIRONMENT], places.registers + 2 * width
        self.environments = self.arriving[:, start:stop].unfold(1, width, stop - width - start)[:, :, :written]
        third = places.at[Field.THIRD]
        self.parameters = self.records[:, code:written, third : third + code]
        self.bound, self.literal_of = index.bound[:, :written], index.literals[:, :written]
        self.has_literal = index.has_literal[:, :, :written].unbind(1)
        self.is_control, self.is_frame, self.is_value = index.roles[:, :, :written].unbind(1)
        self.answer = self.outcome.answer[:, :written]
        seen = index.seen[:, :, :written]
        self.seen = seen.contiguous()

    def _read(self, addresses: Int[Tensor, "batch read"], gradient: Float[Tensor, "batch read record"]) -> None:
        """Add what arrives at what was read under the answer."""
        programs, width = torch.arange(len(addresses))[:, None], self.memory.width
        rows = addresses + programs * width
        self.flat_records.index_add_(0, rows.flatten(), self.places.without_literal(gradient).flatten(0, 1))
        slots = self.index.slots.gather(1, addresses) + programs * self.literals.shape[1]
        literals = gradient[..., self.memory.layout.slices[Field.LITERAL]]
        self.flat_literals.index_add_(0, slots.flatten(), literals.flatten(0, 1))

    def to_code(self) -> ToCode:
        """What has arrived at the code."""
        layout, batch = self.memory.layout, len(self.records)
        code, literal = layout.code, layout.slices[Field.LITERAL]
        slots = self.index.slots[:, :code]
        literals = self.literals.gather(1, slots[..., None].expand(-1, -1, layout.integers)) * (slots > 0)[..., None]
        narrow = self.records[:, :code, : layout.narrow - layout.integers]
        narrow = torch.cat([narrow[..., : literal.start], literals, narrow[..., literal.start :]], dim=-1)
        variables = self.variables.view(batch, code + 1, code)[:, :code]
        return ToCode(narrow, variables, self.settled.view(batch, code + 1)[:, :code])

    def carry_all(self, steps: list[Known], written: int) -> None:
        """Carry back through some steps, last to first; they had written so many records."""
        self._look_as_far_as(written)
        names = [self.carry(step) for step in reversed(steps)]
        addresses = torch.cat([step.next_code for step in reversed(steps)])
        self.variables.index_add_(0, addresses, torch.cat(names)[:, : self.memory.layout.code])

    def carry(self, step: Known) -> Float[Tensor, "batch names"]:
        """Carry back through one step; gives what arrives at the name that it looked up."""
        constants, here = self.constants, step.here
        self.record.copy_(self.records[:, here])
        literal = None if step.literal is None else self.flat_literals.index_select(0, step.literal)
        to_name, to_named = self._look_up(step)
        on = step.running * self.running
        computation, arrived = step.computation, None
        if computation is not None:
            arrived = computation.arrived(self.tags, literal, step.running * self.outcome.errors - on)
            self.share[computation.rows] = arrived.share[:, 0]

        # From all that could have been selected to the rules, and from what was selected to how it was scaled.
        products = self.arriving.gather(1, step.products)
        if literal is not None:
            taken = literal.gather(1, step.integer).mul_(step.has_integer)
            products.index_add_(1, constants.literals, taken.expand(-1, len(constants.literals)))
        given = (products * step.factors) @ constants.select
        to_rules = given.sub_(given.gather(1, step.rule)).mul_(step.goes_on)
        to_rules.addcmul_(on, constants.ends, value=-1)
        if step.ends is not None:
            to_rules.add_(step.ends)
        to_pairs = products.mul_(step.chosen) @ constants.scaled

        # From what was moved to where it was.
        found, registers = self._move(step)
        to_literals = [literal * step.takes if literal is not None and step.takes is not None else None, None]
        if computation is not None and arrived is not None:
            to_rules[computation.rows] += computation.through_errors(arrived, self.tables) * self.tables.computes
            to = computation.carry(arrived, self.tables)
            self._computed(computation.rows, to, found, to_pairs, to_literals)
            self.share.zero_()
        if step.binds is not None:
            self._rebind(step, found, to_pairs)
        if step.named is not None:
            self._named(step, to_named)
        if step.older is not None:
            self.binds.zero_()
        rules = to_rules.index_select(1, constants.four).mul_(step.fit)
        reasons = torch.cat([rules, to_pairs.mul_(step.coefficients)], dim=1)
        seen = found.view(len(found), 2, -1)[:, :, :_BOTH]
        seen.add_((reasons @ constants.seen).view_as(seen))
        self._point(step, found, seen, registers, to_literals)
        self.running = torch.addcmul(step.ended, step.on, self.running)
        return to_name

    def _look_up(self, step: Known) -> tuple[Tensor, Tensor]:
        """Back through the lookup of variables: what arrives at names, and at what is bound to them."""
        code = self.places.layout.code
        self.control.sub_(self.control.gather(1, step.after))
        if step.named is not None:
            self.environment.addcmul_(self.control, step.named)
        to_named = self.control * step.environment
        to_name = to_named.new_zeros(len(to_named), code + 2).scatter_add_(1, self.bound, to_named)
        torch.mul(self.control[:, :code], self.memory.code.settled, out=self.next_code)
        self.next_code.add_(to_name.gather(1, self.index.names))
        if step.named is not None:  # the new record may bind the variable that is looked up
            third, here = self.places.at[Field.THIRD], to_named[:, step.here, None] * step.named[:, step.here, None]
            self.record.scatter_add_(1, third + step.name.clamp_max(code - 1), here)
        if step.older is not None:
            torch.sum(self.environment * step.older, -1, out=self.binds)
        self.sets.copy_(torch.bmm(self.environments, step.sets))
        return to_name, to_named

    def _move(self, step: Known) -> tuple[Float[Tensor, "batch records"], Float[Tensor, "batch registers"]]:
        """What arrives at the records and the registers by what was moved."""
        if len(step.present) == 1:
            records, registers = self.inverse.of_one(next(iter(step.present)))
            return self.arriving.index_select(1, records), self.arriving.index_select(1, registers)
        rows, split = self.inverse.of(step.present).index_select(0, step.case), self.places.control
        return self.arriving.gather(1, rows[:, :split]), self.arriving.gather(1, rows[:, split:])

    def _computed(
        self,
        rows: Tensor | slice,
        to: ToOperands,
        found: Tensor,
        to_pairs: Tensor,
        to_literals: list[Tensor | None],
    ) -> None:
        """Spread what arrives at the operands: they were read, and scaled."""
        record, at = self.places.record, self.places.at
        operator, kind = record + at[Field.OPERATOR], record + at[Field.KIND]
        found[rows, KINDS[0] : KINDS[-1] + 1] += to.right_kinds
        found[rows, operator : operator + len(OPERATORS)] += to.operator
        found[rows, kind : kind + len(KINDS)] += to.left_kinds
        for side, part in enumerate((to.right, to.left)):
            whole = to_literals[side]
            if isinstance(rows, Tensor):
                whole = part.new_zeros(len(found), part.shape[1]) if whole is None else whole
                to_literals[side] = whole.index_add(0, rows, part)
            else:
                to_literals[side] = part if whole is None else whole + part
        to_pairs[rows] += to.scales @ self.constants.added[:-1]

    def _rebind(self, step: Known, found: Tensor, to_pairs: Tensor) -> None:
        """Back through the new record's taking the place of the older binding of its parameter."""
        assert step.binds is not None
        code, second = self.places.layout.code, self.places.record + self.places.at[Field.SECOND]
        to_older = self.environment * step.frame_set * -step.binds
        to_second = to_older.new_zeros(len(to_older), code + 1).scatter_add_(1, self.bound, to_older)
        found[:, second : second + code].add_(to_second[:, :code])
        to_pairs.addcmul_(to_second.gather(1, step.second), self.constants.added[-1])
        self._bound(step.second, to_older)
        environment = self.places.record + self.places.at[Field.ENVIRONMENT]
        to_environment = self.environment * (step.binds * (self.bound == step.second))
        found[:, environment : environment + to_environment.shape[1]].sub_(to_environment)

    def _named(self, step: Known, to_named: Tensor) -> None:
        """Back to what is bound to the name looked up, and to that there is something to look up at all."""
        code = self.places.layout.code
        looks = step.name < code
        self._bound(torch.where(looks, step.name, 0), to_named * looks)
        address = (step.next_code % (code + 1)).clamp_max(code - 1)
        settled = self.control.gather(1, address[:, None]) * looks
        self.settled.index_add_(0, step.next_code, settled[:, 0])

    def _bound(self, parameter: Tensor, arriving: Tensor) -> None:
        """Add what arrives at a parameter of all records."""
        arriving = arriving[:, self.places.layout.code :, None]
        self.parameters.scatter_add_(2, parameter[:, None].expand(-1, arriving.shape[1], 1), arriving)

    def _point(
        self, step: Known, found: Tensor, seen: Tensor, registers: Tensor, to_literals: list[Tensor | None]
    ) -> None:
        """Back to the registers that were read under, and to the records that were read."""
        under = found[:, None].expand(-1, self.seen.shape[1], -1).gather(2, self.seen).sum(1)
        for part, has_literal in zip(to_literals, self.has_literal, strict=True):
            if part is not None:
                under.addcmul_(part.gather(1, self.literal_of), has_literal)
        moved = registers.view(len(registers), 4, -1)[:, :, : under.shape[1]]
        control, environment, again, continuation = moved.unbind(1)
        value = control if step.stays is None else control * (1 - step.stays)
        if step.answers is not None:
            value = torch.addcmul(value, step.answers, self.answer)
        under.addcmul_(value, self.is_value)
        along = [under.gather(1, step.control), under.gather(1, step.frame), value.gather(1, step.control)]
        under.addcmul_(self.is_control, along[0], value=-1).addcmul_(self.is_frame, along[1], value=-1)
        seen.add_((torch.cat(along, dim=1) @ self.constants.roles).view_as(seen))
        torch.mul(under, self.is_control, out=self.control)
        if step.stays is not None:
            self.control.addcmul_(control, step.stays)
        torch.add(environment, again, out=self.environment)
        torch.addcmul(continuation, under, self.is_frame, out=self.continuation)
        self.flat_records.index_add_(0, step.both, found.view(2 * len(found), -1))
        for slots, part in zip(step.literals, to_literals, strict=True):
            if part is not None:
                self.flat_literals.index_add_(0, slots, part)
