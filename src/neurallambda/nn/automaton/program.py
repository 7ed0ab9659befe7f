"""A rule table made ready for weighted configurations: for each cell the moves that have any weight, as numbers."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.nn.automaton import ring
from neurallambda.nn.automaton.layout import Layout
from neurallambda.nn.automaton.rule_table import RuleTable
from neurallambda.nn.automaton.weights import is_something
from neurallambda.state import state


@state
class Program:
    """What each cell may do, and what each move does.

    Attributes:
        moves: for each cell its moves by number, those with weight first.
        log_weights: the logarithms of their weights; nothing for those that only fill the row up.
        log_stop: for each cell the logarithm of the weight of stopping there.
        target: for each move the state it enters.
        reads: for each move 1 if it consumes a symbol, else 0.
        verbs: for each move, what it does to each memory.
        symbols: the symbol that it does it with.
        log_accept: for each state the logarithm of the chance of accepting.
        log_decline: for each state the logarithm of the chance of not accepting.
    """

    moves: Int[Tensor, "cells choices"]
    log_weights: Float[Tensor, "cells choices"]
    log_stop: Float[Tensor, " cells"]
    target: Int[Tensor, " moves"]
    reads: Int[Tensor, " moves"]
    verbs: Int[Tensor, "moves memories"]
    symbols: Int[Tensor, "moves memories"]
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
    verbs, symbols = _operations(layout, device)
    return Program(
        moves=moves,
        log_weights=flat[:, :-1].gather(1, moves),
        log_stop=flat[:, -1],
        target=torch.tensor([layout.states.index(move.target) for move in layout.moves], device=device),
        reads=torch.tensor([int(move.reads) for move in layout.moves], device=device),
        verbs=verbs,
        symbols=symbols,
        log_accept=table.log_accept,
        log_decline=table.log_decline,
    )


def _operations(
    layout: Layout, device: torch.device
) -> tuple[Int[Tensor, "moves memories"], Int[Tensor, "moves memories"]]:
    shape = (len(layout.moves), len(layout.shown))
    verbs, symbols = torch.zeros(2, *shape, dtype=torch.long, device=device).unbind(0)
    for number, shown in enumerate(layout.shown):
        one, other = ring.coded([move.operations[number] for move in layout.moves], shown)
        verbs[:, number], symbols[:, number] = torch.tensor(one, device=device), torch.tensor(other, device=device)
    return verbs, symbols
