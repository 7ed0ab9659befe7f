"""A network that decides one step: from what is seen now to what is done, with nothing remembered."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.nn.initial import by_fan_in_, unit_inputs_
from neurallambda.nn.recurrent import check_tokens
from neurallambda.nn.token_range import check_range


@checked
class StepModel(nn.Module):
    """One hidden layer from what a step sees, a token in each channel, to what it does, an action in each channel.

    All that is remembered lies elsewhere: in the tapes, stacks or registers that the actions are done on. So a network that is
    right in each situation is right in runs of any length.

    Args:
        inputs: how many tokens there are; the last is the empty one, at which actions are read.
        outputs: how many actions there are.
        seen: how many channels a step sees: the first tokens of a row.
        hidden: how many rectified units there are.
        actions: in how many channels a step acts, at most.

    Raises:
        ArgumentError: if a number is too small.

    Example:
        >>> model = StepModel(5, 3, seen=2)
        >>> model(torch.tensor([[0, 3, 4], [1, 2, 4]])).shape
        torch.Size([2, 3, 3])
    """

    def __init__(self, inputs: int, outputs: int, *, seen: int, hidden: int = 128, actions: int = 4) -> None:
        super().__init__()
        check_count("inputs", inputs, least=2)
        for name, count in (("outputs", outputs), ("seen", seen), ("hidden", hidden), ("actions", actions)):
            check_count(name, count)
        self.inputs, self.outputs, self.seen, self.actions = inputs, outputs, seen, actions
        self.look = nn.Linear(seen * inputs, hidden)
        self.act = nn.Linear(hidden, actions * outputs)
        unit_inputs_(self.look.weight, scale=seen**-0.5)
        by_fan_in_(self.act.weight)

    def forward(
        self, tokens: Int[Tensor, "batch time"], mask: Bool[Tensor, "batch time"] | None = None
    ) -> Float[Tensor, "batch time outputs"]:
        """Logits of the actions; they mean something at the tokens after those that are seen.

        Args:
            tokens: what is seen, and then an empty token for each action.
            mask: not looked at: all rows are alike long.

        Raises:
            ArgumentError: if there are fewer tokens than are seen, or more than are seen and acted on.
        """
        check_tokens(tokens, mask)
        if not 0 <= tokens.shape[1] - self.seen <= self.actions:
            raise ArgumentError(
                f"tokens: got {tokens.shape[1]} in a row, expected the {self.seen} that are seen and at most {self.actions} "
                f"empty ones, one for each action"
            )
        check_range(tokens, self.inputs)
        symbol = torch.arange(self.inputs, device=tokens.device)
        seen = (tokens[:, : self.seen, None] == symbol).to(self.look.weight.dtype).flatten(1)
        actions = self.act(functional.relu(self.look(seen))).unflatten(-1, (-1, self.outputs))
        empty = actions.new_zeros(len(tokens), self.seen, self.outputs)
        return torch.cat([empty, actions], 1)[:, : tokens.shape[1]]
