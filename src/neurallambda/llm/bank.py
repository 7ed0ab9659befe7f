"""A bank of programs that a language model chooses from: what it is made of, by its configuration."""

import torch

from neurallambda.llm.config import GraftConfig
from neurallambda.nn import ProgramBank
from neurallambda.structures import ProgramStack

ARGUMENTS = ("x", "y")
"""The holes of the programs, in the order in which their values are put."""
UNDECIDED = 0.1
"""How large keys are at the start: all programs weigh nearly the same, so that none is used because it was likely by chance."""


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
