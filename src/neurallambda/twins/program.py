"""A rule table made ready for weighted configurations: for each cell the moves that have any weight, as numbers."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.state import state
from neurallambda.twins.rule_table import RuleTable
from neurallambda.weighted import is_something


@state
class Program:
    """What each cell may do, and what each move does.

    Attributes:
        moves: for each cell its moves by number, those with weight first.
        log_weights: the logarithms of their weights; nothing for those that only fill the row up.
        log_stop: for each cell the logarithm of the weight of stopping there.
        target: for each move the state it enters.
        reads: for each move 1 if it consumes a symbol, else 0.
        effects: for each memory what each move does to it, the numbers of a `ring.Effect`.
        log_accept: for each state the logarithm of the chance of accepting.
        log_decline: for each state the logarithm of the chance of not accepting.
    """

    moves: Int[Tensor, "cells choices"]
    log_weights: Float[Tensor, "cells choices"]
    log_stop: Float[Tensor, " cells"]
    target: Int[Tensor, " moves"]
    reads: Int[Tensor, " moves"]
    effects: tuple[Int[Tensor, "moves numbers"], ...]
    log_accept: Float[Tensor, " states"]
    log_decline: Float[Tensor, " states"]


def program(table: RuleTable) -> Program:
    """The program of a rule table; gradients flow back to its weights."""
    weights = table.log_weights
    flat = weights.reshape(-1, weights.shape[-1])
    some = is_something(flat[:, :-1])
    choices = max(1, int(some.sum(-1).max()))
    moves = torch.sort((~some).to(torch.int8), stable=True).indices[:, :choices]
    return Program(
        moves=moves,
        log_weights=flat[:, :-1].gather(1, moves),
        log_stop=flat[:, -1],
        target=table.target,
        reads=table.reads.long(),
        effects=table.effects,
        log_accept=table.log_accept,
        log_decline=table.log_decline,
    )
