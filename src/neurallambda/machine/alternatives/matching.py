"""How far the record at each address is something that each rule asks for."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from neurallambda.arithmetic.masses import inverse
from neurallambda.machine.alphabet import ATOMS, Tag
from neurallambda.machine.memory import Memory
from neurallambda.machine.rules import RULES, Operand, Rule, Take
from neurallambda.machine.tables import Tables


@dataclass(frozen=True)
class Matching:
    """Of each address and each rule.

    Attributes:
        control: how far its record is what the rule asks of control, given that control may stand there.
        frame: how far it is a frame, and holds an operator, that the rule asks for, given that it is a frame.
    """

    control: Float[Tensor, "batch addresses rules"]
    frame: Float[Tensor, "batch addresses rules"]


def match(memory: Memory, tables: Tables) -> Matching:
    """Look at everything that is written; tag and operator of a frame are looked at together."""
    tags, operators = memory.tags, memory.operators
    operator = (operators @ tables.operator) * inverse(operators.sum(-1, keepdim=True))
    per_control, per_frame = memory.per_role[:, :, : memory.written, None].unbind(1)
    return Matching(
        (tags @ tables.control) * per_control,
        (tags @ tables.frame) * (tables.any_operator + operator) * per_frame,
    )


def takes_apart(rule: Rule) -> bool:
    """Whether a rule takes more than one part of the record under control.

    What belongs together there must then come from one address; a rule that takes one part, or only the tag, may read a
    mixture of records.
    """
    sources = {rule.next_control, rule.next_environment, rule.next_continuation, *rule.pointers.values()}
    parts = {source for source in sources if source.value[0] == "control"}
    return len(parts) + (rule.takes_operator is Take.CONTROL) > 1


_TAKES_APART = [takes_apart(rule) for rule in RULES]
_COPIES = [rule.copies for rule in RULES]
_READS_INTEGERS = [rule.computes or rule.operand is Operand.VALUE for rule in RULES]
_HAS_PARTS = [tag not in ATOMS and tag is not Tag.NONE for tag in Tag]


def read_apart(memory: Memory) -> Bool[Tensor, "batch addresses rules"]:
    """Which records each rule must read one by one, and not as a mixture with others.

    Those of which it takes, or copies, parts that belong together; and where it asks for an integer, a partial primitive,
    whose operand lies where an integer has its value.
    """
    tags, device = memory.tags, memory.records.device
    has_parts = (tags[:, :, torch.tensor(_HAS_PARTS, device=device)] > 0).any(-1)
    is_partial = tags[:, :, Tag.PARTIAL] > 0
    takes_several, copies, reads = (
        torch.tensor(flags, device=device) for flags in (_TAKES_APART, _COPIES, _READS_INTEGERS)
    )
    return takes_several | (copies & has_parts[:, :, None]) | (reads & is_partial[:, :, None])
