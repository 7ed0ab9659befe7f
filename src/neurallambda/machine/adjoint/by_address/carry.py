"""A step backward, where everything is certain. `to_x` is what arrives at `x`."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.machine.adjoint.by_address.computing import Arrived, Computation
from neurallambda.machine.adjoint.by_address.constants import ANY, FRAME, INTEGER, LITERAL, constants
from neurallambda.machine.adjoint.by_address.index import AS, Index
from neurallambda.machine.adjoint.by_address.inverse import inverse
from neurallambda.machine.adjoint.by_address.known import Known
from neurallambda.machine.adjoint.by_address.places import SET_SOURCES, SET_TARGETS, Places
from neurallambda.machine.adjoint.history import End, ToCode
from neurallambda.machine.alphabet import KINDS, OPERATORS, Field, Tag
from neurallambda.machine.compute import Operands
from neurallambda.machine.layout import WIDE
from neurallambda.machine.selection import OWNED, SCALED_SIZES, TAKES_LITERAL

_BEFORE_TAKES = sum(SCALED_SIZES[:2])
_TAKES_LITERAL = slice(_BEFORE_TAKES + TAKES_LITERAL.start, _BEFORE_TAKES + TAKES_LITERAL.stop)
_SECOND = FRAME + OWNED.index(Field.SECOND)
_BOTH = len(Tag) + len(OPERATORS)


class Carrier:
    """What has arrived so far: at the records, by address; at their literals, by slot; at the registers."""

    def __init__(self, end: End) -> None:
        self.end = end
        self.memory, self.tables, self.outcome = end.memory, end.tables, end.outcome
        memory, layout = end.memory, end.memory.layout
        batch, width, code = len(memory.records), memory.width, layout.code
        self.places = Places(layout, width)
        weights, read = (end.outcome.answer[:, None] if end.read is None else end.read[0]).max(-1)
        self.index = Index.of(memory, self.places, read)
        self.constants = constants(layout, width, end.tables)
        self.inverse = inverse(layout, width)
        new = memory.records.new_zeros
        self.records = new(batch, width, self.places.record)
        self.literals = new(batch, int(self.index.slots.max()) + 1, layout.integers)
        self.arriving = new(batch, self.places.arriving)
        self.variables, self.settled = new(batch * (code + 1), code), new(batch * (code + 1))
        self.running = end.to_running
        self.records[:, :, : len(Tag)] += end.to_tags
        if end.read is not None:
            self._read(read, end.read[1] * weights[..., None])

    def _read(self, addresses: Int[Tensor, "batch 5"], gradient: Float[Tensor, "batch 5 record"]) -> None:
        """Add what arrives at what was read under the answer."""
        rows, width = torch.arange(len(addresses))[:, None], self.memory.width
        self.records.flatten(0, 1).index_add_(0, (addresses + rows * width).flatten(), self.places.without_literal(gradient).flatten(0, 1))  # fmt: skip
        slots = self.index.slots.gather(1, addresses) + rows * self.literals.shape[1]
        literal = gradient[..., self.memory.layout.slices[Field.LITERAL]]
        self.literals.flatten(0, 1).index_add_(0, slots.flatten(), literal.flatten(0, 1))

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

    def carry_all(self, steps: list[Known]) -> None:
        """Carry back through some steps, last to first."""
        names = [self.carry(step) for step in reversed(steps)]
        addresses = torch.cat([step.next_code for step in reversed(steps)])
        self.variables.index_add_(0, addresses, torch.cat(names)[:, : self.memory.layout.code])

    def carry(self, step: Known) -> Float[Tensor, "batch names"]:
        """Carry back through one step; gives what arrives at the name that it looked up."""
        places, arriving, here = self.places, self.arriving, step.here
        arriving[:, : places.record] = self.records[:, here]
        literal = None if step.literal is None else self.literals.flatten(0, 1).index_select(0, step.literal)
        to_name, to_replaced, to_named = self._look_up(step)
        on = step.running * self.running

        computation = None
        arriving[:, places.share] = 0
        if step.computing is not None:
            result = self.index.fields[:, here, AS[Field.LITERAL]]
            computation = Computation.of(self.memory, step.computing, *step.rows, result)
            arrived = Arrived(arriving[:, : len(Tag)], literal, self.running)
            share = computation.share(arrived)
            arriving[computation.rows, places.share] = share

        # From all that could have been selected to the rules, and from what was selected to how it was scaled.
        products = arriving.gather(1, step.products)
        if literal is not None:
            taken = literal.gather(1, step.integer.clamp_min(0)) * (step.integer >= 0)
            products[:, _TAKES_LITERAL] += taken
        given = (products * step.factors) @ self.constants.select
        to_rules = (given - given.gather(1, step.rule)).mul_(step.goes_on).add_(step.ends)
        to_rules.addcmul_(on, self.constants.ends, value=-1)
        to_scales = (products * step.chosen) @ self.constants.scaled

        # From what was moved to where it was.
        table = self.inverse.of(set(step.present))
        if len(step.present) == 1:
            found = arriving.index_select(1, table[next(iter(step.present))])
        else:
            found = arriving.gather(1, table.index_select(0, step.case))
        to_literals = [None, None]
        if literal is not None and step.takes is not None:
            to_literals[0] = literal * step.takes
        if computation is not None:
            rows = computation.rows
            to_rules[rows] += computation.through_errors(self.outcome, step.running, on, self.tables) * self.tables.computes
            to = computation.carry(arrived, share, self.outcome, step.running, on, self.tables)
            self._computed(computation, to, found, to_scales, to_literals)
        if step.binds is not None:
            self._rebind(step, to_replaced, found, to_scales)
        if step.named is not None:
            self._named(step, to_named)
        reasons = torch.cat(
            [
                (to_rules[:, None] * step.fit).flatten(1),
                to_scales.index_select(1, self.constants.pairs).mul_(step.coefficients),
                step.halting,
            ],
            dim=1,
        )
        seen = found[:, : 2 * places.record].unflatten(1, (2, -1))[:, :, :_BOTH]
        seen += (reasons @ self.constants.seen).unflatten(1, (2, -1))
        self._point(step, found, to_literals)
        self.running = torch.addcmul(step.ended, step.on, self.running)
        return to_name

    def _look_up(self, step: Known) -> tuple[Tensor, Tensor, Tensor]:
        """Back through the lookup of variables: what arrives at names, at older bindings, and at what is bound to names."""
        places, arriving, here = self.places, self.arriving, step.here
        width, code = places.width, places.layout.code
        to_next, to_environment, _ = self._registers()
        to_next -= to_next.gather(1, step.after)
        if step.named is not None:
            to_environment.addcmul_(to_next, step.named)
        to_named = to_next[:, : here + 1] * step.environment[:, : here + 1]
        to_name = to_named.new_zeros(len(to_named), code + 2)
        to_name.scatter_add_(1, self.index.bound[:, : here + 1], to_named)
        next_code = arriving[:, places.next_code : places.next_code + code]
        torch.mul(to_next[:, :code], self.memory.code.settled, out=next_code)
        next_code += to_name.gather(1, self.index.names)
        to_replaced = to_environment[:, :here] * step.sets[:, 1, :here]
        arriving[:, places.binds] = -(to_replaced * step.older[:, :here]).sum(-1)
        environment = places.at[Field.ENVIRONMENT]
        environments = arriving[:, environment : places.registers + 2 * width].unfold(1, width, places.registers + width - environment)  # fmt: skip
        products = environments[:, :, : here + 1] @ step.sets[:, :, : here + 1].transpose(1, 2)
        arriving[:, places.sets : places.sets + SET_TARGETS * SET_SOURCES] = products.flatten(1)
        return to_name, to_replaced, to_named

    def _registers(self) -> tuple[Tensor, ...]:
        start, size = self.places.registers, self.places.width
        return self.arriving[:, start : start + WIDE * size].unflatten(1, (WIDE, size)).unbind(1)

    def _computed(
        self, computation: Computation, to: Operands, found: Tensor, to_scales: Tensor, to_literals: list[Tensor | None]
    ) -> None:
        """Spread what arrives at the operands: they were read, and scaled."""
        places, rows, operands = self.places, computation.rows, computation.operands
        kinds, operator = slice(KINDS[0], KINDS[-1] + 1), places.record + places.at[Field.OPERATOR]
        kind = places.record + places.at[Field.KIND]
        found[rows, kinds] += to.right_kinds
        found[rows, operator : operator + len(OPERATORS)] += to.operator
        found[rows, kind : kind + len(KINDS)] += to.left_kinds
        for side, part in enumerate((to.right, to.left)):
            whole = to_literals[side]
            if whole is None:
                whole = part.new_zeros(len(found), part.shape[1])
            to_literals[side] = whole.index_add(0, rows, part)
        to_scales[rows, FRAME + LITERAL] += (to.left * operands.left).sum(-1) + (to.left_kinds * operands.left_kinds).sum(-1)  # fmt: skip
        to_scales[rows, ANY] += (to.right_kinds * operands.right_kinds).sum(-1)
        to_scales[rows, INTEGER] += (to.right * operands.right).sum(-1)

    def _rebind(self, step: Known, to_replaced: Tensor, found: Tensor, to_scales: Tensor) -> None:
        """Back through the new record's taking the place of the older binding of its parameter."""
        assert step.binds is not None
        here, code = step.here, self.places.layout.code
        to_older = to_replaced * -step.binds
        to_second = to_older.new_zeros(len(to_older), code + 1)
        to_second.scatter_add_(1, self.index.bound[:, :here], to_older)
        second = self.places.record + self.places.at[Field.SECOND]
        found[:, second : second + code] += to_second[:, :code]
        parameter = step.second.clamp_min(0)
        to_scales[:, _SECOND, None] += to_second.gather(1, parameter)
        environment = self.places.record + self.places.at[Field.ENVIRONMENT]
        to_environment = self._registers()[1][:, :here]
        found[:, environment : environment + here] -= to_environment * (step.binds * step.older[:, :here])
        self._bound(here, parameter, to_older)

    def _named(self, step: Known, to_named: Tensor) -> None:
        """Back to what is bound to the name looked up, and to that there is something to look up at all."""
        code = self.places.layout.code
        looks = step.name < code
        name = torch.where(looks, step.name, 0)
        self._bound(step.here, name, to_named[:, : step.here] * looks)
        to_next = self._registers()[0]
        address = step.next_code % (code + 1)
        settled = to_next.gather(1, address[:, None].clamp_max(code - 1)) * looks
        self.settled.index_add_(0, step.next_code, settled[:, 0])

    def _bound(self, here: int, parameter: Tensor, arriving: Tensor) -> None:
        """Add what arrives at a parameter of all records."""
        code, third = self.places.layout.code, self.places.at[Field.THIRD]
        bound = self.records[:, code:here, third : third + code]
        bound.scatter_add_(2, parameter[:, None].expand(-1, here - code, 1), arriving[:, code:, None])

    def _point(self, step: Known, found: Tensor, to_literals: list[Tensor | None]) -> None:
        """Back to the registers that were read under, and to the records that were read."""
        places, index, here = self.places, self.index, step.here
        record, width, integers = places.record, places.width, places.layout.integers
        seen = index.seen[:, :, :here]
        under = found[:, None].expand(-1, seen.shape[1], -1).gather(2, seen).sum(1)
        if to_literals != [None, None]:
            none = found.new_zeros(len(found), integers)
            both = [none if part is None else part for part in to_literals]
            under += torch.cat([*both, none[:, :1]], dim=1).gather(1, index.literals[:, :here])
        is_control, is_frame, is_value = index.roles[:, :, :here].unbind(1)
        control, environment, again, continuation = found[:, 2 * record : -1].unflatten(1, (4, width)).unbind(1)
        control = control[:, :here]
        value = control if step.stays is None else control * (1 - step.stays)
        if step.answers is not None:
            value = torch.addcmul(value, step.answers, self.outcome.answer[:, :here])
        under.addcmul_(value, is_value)
        along = torch.cat([under.gather(1, step.control), under.gather(1, step.frame), value.gather(1, step.control)], dim=1)
        found[:, : 2 * record].unflatten(1, (2, -1))[:, :, :_BOTH] += (along @ self.constants.roles).unflatten(1, (2, -1))
        under.addcmul_(is_control, along[:, :1], value=-1).addcmul_(is_frame, along[:, 1:2], value=-1)
        to_control, to_environment, to_continuation = self._registers()
        torch.mul(under, is_control, out=to_control[:, :here])
        if step.stays is not None:
            to_control[:, :here].addcmul_(control, step.stays)
        torch.add(environment, again, out=to_environment)
        torch.addcmul(continuation[:, :here], under, is_frame, out=to_continuation[:, :here])
        records, literals = self.records.flatten(0, 1), self.literals.flatten(0, 1)
        for side, (rows, part) in enumerate(zip(step.rows, to_literals, strict=True)):
            records.index_add_(0, rows, found[:, side * record : (side + 1) * record])
            if part is not None:
                literals.index_add_(0, step.literals[side], part)
