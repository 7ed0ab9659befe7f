"""What networks with structures are compared with: PyTorch's own recurrent networks over tokens."""

import torch
from torch import Tensor, nn

from neurallambda.arguments import checked
from neurallambda.errors import check_count
from neurallambda.nn.recurrent import check_tokens


class _Baseline(nn.Module):
    """An embedding, a recurrent network of PyTorch, and a linear layer that answers at each token."""

    kind: type[nn.RNN] | type[nn.LSTM]

    def __init__(self, inputs: int, outputs: int, *, hidden: int = 256, layers: int = 1) -> None:
        super().__init__()
        for name, count in (("inputs", inputs), ("outputs", outputs), ("hidden", hidden), ("layers", layers)):
            check_count(name, count)
        self.inputs = inputs
        self.recurrent = self.kind(inputs, hidden, num_layers=layers, batch_first=True)
        self.answer = nn.Linear(hidden, outputs)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """The answers to a batch of sequences.

        Args:
            tokens: [batch, time] integers.
            mask: [batch, time] booleans, true at a row's own tokens; the others change no state.

        Returns:
            [batch, time, outputs].

        Raises:
            ArgumentError: if a shape or a type does not fit.
        """
        check_tokens(tokens, mask, count=self.inputs)
        order = None if mask is None else torch.argsort(~mask, dim=1, stable=True)
        if order is not None:  # what counts comes first, in its order, so that no padding stands before it
            tokens = torch.gather(tokens, 1, order)
        symbol = torch.arange(self.inputs, device=tokens.device)
        seen, _ = self.recurrent((tokens[..., None] == symbol).to(self.answer.weight.dtype))
        answers = self.answer(seen)
        if order is None:
            return answers
        return torch.zeros_like(answers).scatter(1, order[..., None].expand(answers.shape), answers)


@checked
class RNNModel(_Baseline):
    """The simple recurrent network (Elman, 1990) over tokens, which answers at each of them.

    Args:
        inputs: how many tokens there are.
        outputs: how many classes of answers.
        hidden: how many units a layer has.
        layers: how many layers.

    Raises:
        ArgumentError: if a number is not a positive integer.

    Example:
        >>> RNNModel(inputs=3, outputs=2, hidden=16)(torch.randint(3, (4, 10))).shape
        torch.Size([4, 10, 2])
    """

    kind = nn.RNN


@checked
class LSTMModel(_Baseline):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997) over tokens, which answers at each of them.

    Args:
        inputs: how many tokens there are.
        outputs: how many classes of answers.
        hidden: how many units a layer has.
        layers: how many layers.

    Raises:
        ArgumentError: if a number is not a positive integer.

    Example:
        >>> LSTMModel(inputs=3, outputs=2, hidden=16)(torch.randint(3, (4, 10))).shape
        torch.Size([4, 10, 2])
    """

    kind = nn.LSTM
