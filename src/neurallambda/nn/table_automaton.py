"""A finite automaton whose table is learned, from answers alone, and written down as a rule file."""

from collections.abc import Sequence
from itertools import product

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from neurallambda.arguments import checked, checked_methods
from neurallambda.automata.fsm import FSM
from neurallambda.automata.rules.machine import Acceptance
from neurallambda.automata.rules.rule import Rule
from neurallambda.automata.rules.vocabulary import ANY, INITIAL
from neurallambda.errors import ArgumentError, check_count
from neurallambda.nn.choice import Choice, Noise
from neurallambda.nn.recurrent import check_tokens
from neurallambda.nn.token_range import check_range
from neurallambda.structures.cell_array.array import certain


@checked_methods("export")
@checked
class TableAutomaton(nn.Module):
    """A finite automaton whose state is a distribution, and whose table of rules is learned.

    For each token and state the table has logits of the next state; their softmax is a matrix of chances, and reading a
    token is one product with the matrix of that token. The answer is read from the state by one linear map.

    What makes it learn: all logits start at random and wide apart, so that a start is an automaton, not a blur; and in
    training there is noise on the table, new at each step, so that only rules that are nearly certain survive. With more
    states than are needed it learns no worse. Made hard (`harden`), it is a plain automaton, at any length; `export`
    writes it as one.

    A step costs `rows · tokens · states²` multiplications: the product of all tokens' matrices, of which each row takes its
    own, is one large product, and faster than to gather a matrix for each row. `NeuralFSM` computes with the table of an
    acceptor, in logarithms; this one answers with any number of classes after each token, and so needs neither.

    Args:
        inputs: how many tokens there are, the empty one included.
        outputs: how many classes of answers.
        states: how many states; all rows start in the first.
        noise: the standard deviation of the noise on the table's logits in training.
        spread: the standard deviation of the table's logits at the start.

    Attributes:
        table: logits of the next state, by token and state.
        readout: logits of the answer, by state.

    Raises:
        ArgumentError: if a number is too small.

    Example:
        >>> model = TableAutomaton(3, 2, states=4)
        >>> model(torch.tensor([[0, 1, 1, 2]])).shape
        torch.Size([1, 4, 2])
    """

    def __init__(self, inputs: int, outputs: int, *, states: int = 8, noise: float = 0.7, spread: float = 2.0) -> None:
        super().__init__()
        for name, value in (("inputs", inputs), ("outputs", outputs), ("states", states)):
            check_count(name, value)
        self.table = nn.Parameter(spread * torch.randn(inputs, states, states))
        self.readout = nn.Parameter(torch.randn(states, outputs))
        self.noise = Noise(noise)
        self.choice = Choice()

    def forward(
        self, tokens: Int[Tensor, "batch time"], mask: Bool[Tensor, "batch time"] | None = None
    ) -> Float[Tensor, "batch time outputs"]:
        """Logits of the answer after each token.

        Args:
            tokens: what is read.
            mask: which tokens are real; at others the state stays as it is.
        """
        return self.states(tokens, mask) @ self.readout

    def states(
        self, tokens: Int[Tensor, "batch time"], mask: Bool[Tensor, "batch time"] | None = None
    ) -> Float[Tensor, "batch time states"]:
        """The distribution over states after each token; the arguments are those of `forward`."""
        inputs, count, _ = self.table.shape
        check_tokens(tokens, mask)
        check_range(tokens, inputs)
        matrix = self.matrix()
        chosen = certain(tokens, inputs, matrix.dtype)
        real = None if mask is None else mask[..., None]
        state = certain(torch.zeros_like(tokens[:, 0]), count, matrix.dtype)
        after = []
        for time in range(tokens.shape[1]):
            following = read_token(state, chosen[:, time], matrix)
            state = following if real is None else torch.where(real[:, time], following, state)
            after.append(state)
        return torch.stack(after, 1)

    def matrix(self) -> Float[Tensor, "states tokens_and_next"]:
        """What each state leads to, for all tokens at once; in training with new noise at each call."""
        return self.choice(self.noise(self.table)).transpose(0, 1).flatten(1)

    def export(self, *, symbols: Sequence[str], answers: Sequence[str], description: str | None = None) -> FSM:
        """The likeliest rules as a Moore machine, which the exact room runs: its outputs are the answers.

        Only states that can be reached from the first are kept.

        Args:
            symbols: the names of the tokens, in order, the empty one included.
            answers: the names of the answers, in order.
            description: what the machine is for.

        Raises:
            ArgumentError: if there are not as many names as tokens, or as answers.

        Example:
            >>> model = TableAutomaton(2, 2, states=2)
            >>> with torch.no_grad():
            ...     _ = model.table.copy_(torch.tensor([[[1, 0], [0, 1]], [[0, 1], [1, 0]]]))
            ...     _ = model.readout.copy_(torch.eye(2))
            >>> model.export(symbols=["0", "1"], answers=["even", "odd"]).transduce("101")
            ('even', 'odd', 'odd', 'even')
        """
        inputs, outputs = self.table.shape[0], self.readout.shape[1]
        if len(symbols) != inputs or len(answers) != outputs:
            raise ArgumentError(
                f"symbols: got {len(symbols)}, and {len(answers)} answers; expected {inputs} names of tokens and {outputs} "
                f"names of answers"
            )
        following, said = self.table.detach().argmax(-1).tolist(), self.readout.detach().argmax(-1)
        names, order = {0: INITIAL}, [0]
        for state in order:
            for token in range(inputs):
                target = following[token][state]
                if target not in names:
                    names[target] = f"Q{len(names)}"
                    order.append(target)
        return FSM(
            symbols=tuple(symbols),
            rules=tuple(
                Rule(symbols[token], names[state], (), names[following[token][state]], ())
                for state, token in product(order, range(inputs))
            ),
            acceptance=Acceptance(states=(ANY,)),
            framed=False,
            separator="" if all(len(symbol) == 1 for symbol in symbols) else " ",
            outputs=tuple((names[state], answers[int(said[state])]) for state in order),
            description=description,
        )


def read_token(
    state: Float[Tensor, "batch states"],
    token: Float[Tensor, "batch tokens"],
    matrix: Float[Tensor, "states tokens_and_next"],
) -> Float[Tensor, "batch states"]:
    """The distribution over states after a token, of which there may be doubt too.

    Args:
        state: the distribution before it.
        token: how likely it is each of the tokens.
        matrix: what `TableAutomaton.matrix` gives.
    """
    return ((state @ matrix).unflatten(-1, (token.shape[-1], state.shape[-1])) * token[..., None]).sum(-2)
