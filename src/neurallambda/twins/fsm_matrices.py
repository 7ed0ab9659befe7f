"""A finite-state machine as matrices: one step is a product, and a string the product of its symbols' matrices.

Every symbol has a matrix over states: the weight of reading it from one state and arriving in another, over all silent
steps that may come before. Weights of runs add and multiply, so the total over all runs is a chain of products, exactly.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from neurallambda.state import state
from neurallambda.twins.rule_table import RuleTable
from neurallambda.weighted import NOTHING, safe_log


@state
class Matrices:
    """The matrices of a rule table, as weights.

    A run takes at most as many silent steps in a row as there are states; what goes on beyond that goes in circles.

    Attributes:
        read: for each input symbol, the weight of being in one state and, some silent steps later, reading into another.
        rest: for each input, the weight of being in one state and, some silent steps later, standing in another and
            having no silent step to take; at the end, also of having accepted there.
        accept: the weight of accepting at the end, from each state.
    """

    read: Float[Tensor, "symbols states states"]
    rest: Float[Tensor, "inputs states states"]
    accept: Float[Tensor, " states"]


def matrices(table: RuleTable) -> Matrices:
    """The matrices of the rule table of a finite-state machine."""
    weights, accept = table.log_weights[..., :-1].exp(), table.log_accept.exp()
    targets, reads = functional.one_hot(table.target, len(accept)).to(weights), table.reads
    by_input = weights.movedim(1, 0)
    silent, reading = by_input @ (targets * ~reads[:, None]), by_input @ (targets * reads[:, None])
    goes_on = silent[:-1]
    # At the end a run stops where it accepts.
    end = (1 - accept)[:, None] * silent[-1:]
    rounds = len(accept)
    closure = _closure(torch.cat([goes_on, end]), rounds)
    standing = (1 - silent[:-1].sum(-1)).clamp_min(0.0)
    standing_at_end = (accept + (1 - accept) * (1 - silent[-1].sum(-1))).clamp(0.0)
    return Matrices(
        read=closure[:-1] @ reading[:-1],
        rest=closure * torch.cat([standing, standing_at_end[None]])[:, None],
        accept=closure[-1] @ accept,
    )


def _closure(step: Float[Tensor, "inputs states states"], rounds: int) -> Float[Tensor, "inputs states states"]:
    """1 + step + step^2 + ... up to `rounds` terms."""
    one = torch.eye(step.shape[-1], device=step.device, dtype=step.dtype).expand_as(step)
    total = one
    for _ in range(rounds - 1):
        total = one + step @ total
    return total


def log_mass_by_steps(
    held: Matrices, tokens: Int[Tensor, "batch places"], lengths: Int[Tensor, " batch"]
) -> tuple[Float[Tensor, " batch"], Float[Tensor, "batch places states"]]:
    """The logarithm of the total weight of accepting runs, symbol by symbol, in logarithms, so that nothing underflows.

    Returns:
        The logarithms, and those of the weights of the states after 0, 1, 2, ... symbols; past the end of a string they
        stay as they were.
    """
    log_read, states = safe_log(held.read), held.accept.shape[0]
    first = torch.eye(states, device=tokens.device, dtype=log_read.dtype)[0]
    now = safe_log(first).expand(len(tokens), states)
    seen = [now]
    for place in range(tokens.shape[1] - 1):
        moves = log_read[tokens[:, place].clamp(max=len(log_read) - 1)]
        after = torch.logsumexp(now[:, :, None] + moves, 1)
        now = torch.where((place < lengths)[:, None], after, now)
        seen.append(now)
    return torch.logsumexp(now + safe_log(held.accept), -1), torch.stack(seen, 1)


def is_accepted(
    held: Matrices, tokens: Int[Tensor, "batch places"], lengths: Int[Tensor, " batch"]
) -> Bool[Tensor, " batch"]:
    """Whether any run of any weight accepts: the states that can be reached, without their weights, which may underflow.

    A row of ones and zeros times the matrices of all symbols at once, of which the one that comes is taken.
    """
    states = held.accept.shape[0]
    leads = (held.read > 0).to(held.read.dtype).movedim(0, 1).reshape(states, -1)
    reached = torch.eye(states, device=tokens.device, dtype=leads.dtype)[0].expand(len(tokens), states)
    for place in range(tokens.shape[1] - 1):
        symbol = tokens[:, place].clamp(max=len(held.read) - 1)[:, None, None].expand(-1, 1, states)
        after = (reached @ leads).reshape(len(tokens), -1, states).gather(1, symbol)[:, 0].clamp(max=1.0)
        reached = torch.where((place < lengths)[:, None], after, reached)
    return reached @ (held.accept > 0).to(leads.dtype) > 0


def log_mass_by_scan(
    held: Matrices, tokens: Int[Tensor, "batch places"], lengths: Int[Tensor, " batch"]
) -> Float[Tensor, " batch"]:
    """The logarithm of the total weight of accepting runs, by a product in pairs: as deep as the logarithm of the length.

    Every product is divided by its largest entry, whose logarithm is kept, so that the weights of long strings do not
    vanish. Only what is smaller than its neighbours by more than numbers can be does.
    """
    states = held.accept.shape[0]
    one = torch.eye(states, device=tokens.device, dtype=held.read.dtype)
    padded = torch.cat([held.read, one[None]])
    places = torch.arange(tokens.shape[1], device=tokens.device)
    product = padded[torch.where(places < lengths[:, None], tokens, len(held.read))]
    scale = torch.zeros_like(product[:, 0, 0, 0])
    while product.shape[1] > 1:
        if product.shape[1] % 2:
            product = torch.cat([product, one.expand(len(product), 1, states, states)], 1)
        product = product[:, 0::2] @ product[:, 1::2]
        largest = product.detach().amax((2, 3), keepdim=True)
        largest = torch.where(largest > 0, largest, 1.0)
        product = product / largest
        scale = scale + largest[:, :, 0, 0].log().sum(1)
    weight = product[:, 0, 0] @ held.accept
    return torch.where(weight > 0, safe_log(weight) + scale, NOTHING)
