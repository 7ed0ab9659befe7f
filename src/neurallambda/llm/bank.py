"""Programs that a language model chooses from: what a bank of them is made of, by its configuration, and keys without a bank."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurallambda.llm.config import GraftConfig
from neurallambda.nn import ProgramBank
from neurallambda.nn.program_bank import weights_by
from neurallambda.structures import ProgramStack

ARGUMENTS = ("x", "y")
"""The holes of the programs, in the order in which their values are put."""
UNDECIDED = 0.1
"""How large keys are at the start: all programs weigh nearly the same, so that none is used because it was likely by chance."""


class ProgramKeys(nn.Module):
    """What programs are chosen by where they are run outside the network: a key for each, as in `neurallambda.nn.ProgramBank`.

    Args:
        programs: how many there are.
        width: how wide queries and keys are.

    Attributes:
        keys: [programs, width].
    """

    def __init__(self, programs: int, width: int) -> None:
        super().__init__()
        self.keys = nn.Parameter(torch.randn(programs, width) * UNDECIDED)

    def weights(self, query: Float[Tensor, "batch width"]) -> Float[Tensor, "batch programs"]:
        """The logarithm of the weight of each program.

        Args:
            query: what they are chosen by.
        """
        return weights_by(self.keys, query)


def bank_of(config: GraftConfig) -> ProgramBank:
    """The programs of a graft, each with a key that is learned.

    Args:
        config: of a graft whose structure is a bank.
    """
    bank = ProgramBank(
        dict(config.programs), output=config.values, width=config.width, generator=torch.default_generator
    )
    with torch.no_grad():
        bank.keys.mul_(UNDECIDED)
    return bank


def program_stack(config: GraftConfig, bank: ProgramBank) -> ProgramStack:
    """What the programs are applied by: all that they can do is worked out here, once.

    Args:
        config: of a graft whose structure is a bank.
        bank: its programs.
    """
    return ProgramStack(capacity=config.depth, results=bank.table(*ARGUMENTS))
