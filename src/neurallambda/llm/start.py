"""How the parameters of a graft begin: phases, reads, and the words of calls."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from neurallambda.errors import ArgumentError
from neurallambda.llm.config import GraftConfig, PhaseStart, ReadStart

PUT, TAKE = 0, 1
"""The actions that the phase prior is about: the first two of a stack and of a queue."""
USUAL_GATE_SCALE = 10.0
"""How many times faster than other parameters a gate learns where nothing is known of the model."""
RIDGE = 0.01
"""How much a fit of reads is held back, as a share of the mean square of what is put."""
PREFER_HOLD = (0.0, -2.0, 4.0)
"""How the latch is inclined at first: to be set rarely, to be reset more rarely, to hold."""
SURE = 4.0
"""How much surer of words calls begin than a bank is of values: one word that is misread makes another program, or none."""
KNOWN = 0.25
"""How much nearer a hidden state must be at first to what is seen at a word than to what is seen where a text begins to be taken for
that word, and not for none: the difference of cosines with both, without what all of these have in common. In stories15m the
cosines of the words themselves are 0.34 or more in programs of 64 tokens, and those of most other tokens less than 0.22."""


def read_start(value: Float[Tensor, "values dim"], start: ReadStart) -> Float[Tensor, "dim values"]:
    """The matrix of reads at the start: entries of variance 1 / values, so that sums keep the size of what is summed."""
    values, dim = value.shape  # fitted ones begin transposed until a model is known
    if start == "random":
        return torch.randn(dim, values) * values**-0.5
    return (value.t() * (dim / values) ** 0.5).contiguous()  # else it could not be sharded


def fitted_read(
    values: Float[Tensor, "tokens heads width"], written: Float[Tensor, "tokens dim"]
) -> Float[Tensor, "dim values"]:
    """The matrix by which the read of each value is, by least squares, the direction in which its token is written.

    As that of `read_start` it keeps the size of what is summed: the reads of all heads together have entries of variance one.

    Args:
        values: what would be put at each token.
        written: the direction in which a model writes the token, without what all of these have in common.
    """
    wanted, found = functional.rms_norm(written, written.shape[-1:]).double(), list[Tensor]()
    for given in values.double().unbind(1):
        moments = given.t() @ given
        ridge = RIDGE * moments.diagonal().mean().clamp_min(1e-12) * torch.eye(len(moments), device=moments.device)
        fitted = torch.linalg.solve(moments + ridge, given.t() @ wanted).t()
        size = (given @ fitted.t()).square().mean().sqrt()
        found.append(fitted / (size.clamp_min(1e-12) * values.shape[1] ** 0.5))
    return torch.cat(found, 1).to(values).contiguous()


def phase_prior(heads: int, actions: int, size: float, start: PhaseStart) -> Float[Tensor, " choices"]:
    """What is added to the logits of actions while the latch is on, and taken from them while it is off."""
    if start == "random":
        return torch.randn(heads * actions) * size
    one = torch.zeros(actions)
    one[PUT], one[TAKE] = -size, size
    return one.repeat(heads)


def words_start(
    seen: Float[Tensor, "words dim"], is_none: Bool[Tensor, " words"]
) -> tuple[Float[Tensor, "words dim"], Float[Tensor, " words"]]:
    """The matrix and the offset by which words of calls are known at the start: by what is seen at each.

    Args:
        seen: the hidden state at the token of each word.
        is_none: which of them are no word; what is not clearly more like another one is taken for these.
    """
    near = functional.normalize(seen, dim=-1)
    near = functional.normalize(near - near.mean(0), dim=-1) if len(near) > 1 else near
    return SURE * near, SURE * KNOWN * seen.shape[1] ** 0.5 * is_none


def check_tokens(config: GraftConfig, vocabulary: int) -> None:
    """Refuse tokens of values that a model has not.

    Args:
        config: of the graft.
        vocabulary: how many tokens the model has.

    Raises:
        ArgumentError: which were given.
    """
    if not all(0 <= token < vocabulary for token in config.value_tokens):
        raise ArgumentError(
            f"value_tokens: got {list(config.value_tokens)}, expected tokens of the model, from 0 to {vocabulary - 1}"
        )
