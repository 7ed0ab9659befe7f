"""A step that is taken again: all that its derivative needs of it."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.machine.alphabet import Field
from neurallambda.machine.selection import ANY_VALUE, AT, PER


@dataclass(frozen=True)
class Retaken:
    """A step, taken again.

    Attributes:
        computing, takes_literals: whether it may have computed anything; taken a literal, or computed.
        few: the addresses under its pointers, with their weights, where they are few.
        records, pointers, per_pointer: what it saw, as in `Sight`.
        sources: what points anywhere, as `WIDE_SOURCES` names it; the registers before the step are the last three.
        at_code: the next control as far as it is code, and the record's pointers at code.
        asked, matched: the parameters it matched, and the addresses that bind them.
        integers, computed, cases: what it computed: the integers; the results and the errors; the cases.
        code, wide, takes, operator, kind, binds: its selection.
        factors, chosen: the scales of that, and the mixture of the rules that they scaled.
        share, per_success, per_success_derivative: how much of the record is computed, over how much succeeds.
        given, per_going: the rules, given that one goes on; one over how much does.
        rules, rules_go_on: the rules; how much each goes on.
        but_control, but_frame, but_operator: the rules but for one of their factors.
        computes, computed_errors: how much is computed, and to which `ERRORS` it leads.
        scales, scale_derivatives: of control and of the frame, in the order of `PER`; the derivatives of these by the masses.
        owned_by_value, kinds, integer: as in `Sight`.
        kept_per_owned: the derivatives of how much is kept, by `owned_by_value`.
        running, running_under_halt, running_if_any: how much of the program had not ended before; the same under the frame that
            halts; and where anything goes on.
        answered, ended: what arrives at the value pointer's outcome; what arrives at `running` from all that ended here.
        goes_on: how much goes on.
        per_settled: one over what settled.
        settles, goes, points: whether anything settled; whether any rule goes on; whether control and continuation point at
            anything.
    """

    computing: bool
    takes_literals: bool
    few: tuple[Float[Tensor, "batch 2 few"] | None, Int[Tensor, "batch 2 few"]] | None
    records: Float[Tensor, "batch 2 record"]
    pointers: Float[Tensor, "batch 2 addresses"]
    per_pointer: Float[Tensor, "batch 2 1"]
    sources: Float[Tensor, "batch 10 addresses"]
    at_code: Float[Tensor, "batch 4 code"]
    asked: Float[Tensor, "batch 2 code"]
    matched: Float[Tensor, "batch 2 addresses"]
    integers: Float[Tensor, "batch integers"]
    code: Float[Tensor, "batch 24"]
    wide: Float[Tensor, "batch 60"]
    takes: Float[Tensor, "batch taken"]
    operator: Float[Tensor, "batch 1"]
    kind: Float[Tensor, "batch 1"]
    binds: Float[Tensor, "batch 1"]
    factors: Float[Tensor, "batch scaled"]
    chosen: Float[Tensor, "batch scaled"]
    share: Float[Tensor, "batch 1"]
    per_success: Float[Tensor, "batch 1"]
    per_success_derivative: Float[Tensor, "batch 1"]
    given: Float[Tensor, "batch rules"]
    per_going: Float[Tensor, "batch 1"]
    rules: Float[Tensor, "batch rules"]
    rules_go_on: Float[Tensor, "batch rules"]
    but_control: Float[Tensor, "batch rules"]
    but_frame: Float[Tensor, "batch rules"]
    but_operator: Float[Tensor, "batch rules"]
    computes: Float[Tensor, "batch 1"]
    computed_errors: Float[Tensor, "batch errors"]
    computed: Float[Tensor, "batch 6"]
    cases: Float[Tensor, "batch cases"]
    scales: Float[Tensor, "batch scales"]
    scale_derivatives: Float[Tensor, "batch scales"]
    owned_by_value: Float[Tensor, "batch owned"]
    kept_per_owned: Float[Tensor, "batch owned"]
    kinds: Float[Tensor, "batch kinds"]
    integer: Float[Tensor, "batch 1"]
    running: Float[Tensor, "batch 1"]
    running_under_halt: Float[Tensor, "batch 1"]
    running_if_any: Float[Tensor, "batch 1"]
    answered: Float[Tensor, "batch 1"]
    ended: Float[Tensor, "batch 1"]
    goes_on: Float[Tensor, "batch 1"]
    per_settled: Float[Tensor, "batch 1"]
    settles: Float[Tensor, "batch 1"]
    goes: Float[Tensor, "batch 1"]
    points: Float[Tensor, "batch 2"]

    @property
    def registers(self) -> Float[Tensor, "batch 3 addresses"]:
        """The registers before the step."""
        return self.sources[:, -3:]

    @property
    def per_value(self) -> Float[Tensor, "batch 1"]:
        """One over how much of control is a value."""
        return self.scales[:, AT[ANY_VALUE]]

    @property
    def per_literal(self) -> Float[Tensor, "batch 1"]:
        """One over how much of control has a literal."""
        return self.scales[:, AT[Field.LITERAL]]

    @property
    def per_operator(self) -> Float[Tensor, "batch 1"]:
        """One over how much of the frame has an operator."""
        return self.scales[:, len(PER) :][:, AT[Field.OPERATOR]]

    @property
    def per_second(self) -> Float[Tensor, "batch 1"]:
        """One over how much of the frame has a second pointer at code."""
        return self.scales[:, len(PER) :][:, AT[Field.SECOND]]
