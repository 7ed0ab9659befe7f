"""A rule table made ready for weighted configurations: for each cell the moves that have any weight, as numbers."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.state import state
from neurallambda.twins import ring
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
    layout, weights = table.layout, table.log_weights
    flat = weights.reshape(-1, weights.shape[-1])
    some = is_something(flat[:, :-1])
    choices = max(1, int(some.sum(-1).max()))
    moves = torch.sort((~some).to(torch.int8), stable=True).indices[:, :choices]
    device = flat.device
    effects = [
        [ring.effect_of(move.operations[number], shown) for move in layout.moves]
        for number, shown in enumerate(layout.shown)
    ]
    return Program(
        moves=moves,
        log_weights=flat[:, :-1].gather(1, moves),
        log_stop=flat[:, -1],
        target=torch.tensor([layout.states.index(move.target) for move in layout.moves], device=device),
        reads=torch.tensor([int(move.reads) for move in layout.moves], device=device),
        effects=tuple(torch.tensor(rows, device=device) for rows in effects),
        log_accept=table.log_accept,
        log_decline=table.log_decline,
    )
