"""A learned table beside a queue of the last tokens: for what depends on a window of them."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from neurallambda.arguments import checked
from neurallambda.errors import check_count
from neurallambda.nn.choice import Choice, Noise
from neurallambda.nn.recurrent import check_tokens
from neurallambda.nn.table_automaton import TableAutomaton, read_token
from neurallambda.nn.token_range import check_range
from neurallambda.structures.cell_array.array import certain


@checked
class WindowAutomaton(nn.Module):
    """A finite automaton that reads, at each step, first the token that came some steps ago and then the one that comes.

    The tokens pass through a queue; how far back in it the automaton looks is a choice, the same at each step, and is learned
    with the table. So a sum over a window needs no more states than a running sum: what enters is added, and what left the window is
    taken away. A table alone would need a state for each content of the window. Where nothing came yet, the automaton reads the
    empty token.

        old_t   = sum over d of choice(places)_d token_{t-d}
        state_t = table(table(state_{t-1}, old_t), token_t)

    Args:
        inputs: how many tokens there are, the empty one, `inputs - 1`, included.
        outputs: how many classes of answers.
        states: how many states; all rows start in the first.
        places: how many tokens back the automaton can look.
        noise: the standard deviation of the noise on the table's logits in training.
        place_noise: that on the logits of the places.

    Attributes:
        table: the automaton; its tokens are those that come and, counted on from these, those that come out of the queue.
        places: logits of how far back it looks; the first is one step.

    Raises:
        ArgumentError: if a number is too small.

    Example:
        >>> model = WindowAutomaton(11, 10, states=16)
        >>> model(torch.randint(10, (4, 12))).shape
        torch.Size([4, 12, 10])
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        states: int = 16,
        places: int = 8,
        noise: float = 0.7,
        place_noise: float = 0.5,
    ) -> None:
        super().__init__()
        check_count("inputs", inputs)
        check_count("places", places)
        self.inputs = inputs
        self.table = TableAutomaton(2 * inputs, outputs, states=states, noise=noise)
        self.places = nn.Parameter(torch.zeros(places))
        self.noise, self.choice = Noise(place_noise), Choice()

    def forward(
        self, tokens: Int[Tensor, "batch time"], mask: Bool[Tensor, "batch time"] | None = None
    ) -> Float[Tensor, "batch time outputs"]:
        """Logits of the answer after each token.

        Args:
            tokens: what is read.
            mask: which tokens are real; the others do not enter the queue, and change no state.
        """
        check_tokens(tokens, mask)
        order = None if mask is None else torch.argsort(~mask, dim=1, stable=True)
        if order is not None:  # what counts comes first, in its order, so that no padding is in the queue
            tokens = torch.gather(tokens, 1, order)
        answers = self.states(tokens) @ self.table.readout
        if order is None:
            return answers
        return torch.zeros_like(answers).scatter(1, order[..., None].expand(answers.shape), answers)

    def states(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time states"]:
        """The distribution over states after each token.

        Args:
            tokens: what is read.
        """
        check_range(tokens, self.inputs)
        reads_new, reads_old = self.table.matrix().chunk(2, dim=1)
        coming = certain(tokens, self.inputs, reads_new.dtype)
        state = certain(torch.zeros_like(tokens[:, 0]), len(reads_new), reads_new.dtype)
        after = []
        for new, old in zip(coming.unbind(1), self._leaving(coming).unbind(1), strict=True):
            state = read_token(read_token(state, old, reads_old), new, reads_new)
            after.append(state)
        return torch.stack(after, 1)

    def looks(self) -> Float[Tensor, " places"]:
        """How likely it is to look one step back, two, and so on."""
        return self.choice(self.noise(self.places))

    def _leaving(self, coming: Float[Tensor, "batch time tokens"]) -> Float[Tensor, "batch time tokens"]:
        """How likely each token is to be the one that comes out of the queue at each step."""
        weights = self.looks()
        count, time = len(weights), coming.shape[1]
        nothing = certain(
            torch.full_like(coming[:, :1, 0], self.inputs - 1, dtype=torch.long), self.inputs, coming.dtype
        )
        past = torch.cat([nothing.expand(-1, count, -1), coming], 1)
        before = [past[:, count - 1 - place : count - 1 - place + time] for place in range(count)]
        return torch.einsum("p,pbts->bts", weights, torch.stack(before))
