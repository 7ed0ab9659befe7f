"""From features to instructions: what turns the numbers of a network into the operands of a structure."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.nn.choice import Choice, Noise, check_noise
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.protocol import Structure

Code = Literal["linear", "symbols"]
"""What a structure's value is made of: the numbers themselves, or a choice among symbols and a constant 1."""


class Operands(nn.Module):
    """Turn logits into the operands of one structure: each ends in the squashing function that its kind asks for.

    Distributions end in a `Choice`, strengths in a sigmoid; vectors and reals are taken as they are. With
    `values="symbols"` the value is a choice among width - 1 symbols followed by a constant 1: the constant is read back
    as "something is there", which a network needs to tell an empty structure from one that holds something.

    Args:
        structure: whose operands.
        values: how a value is coded.
        action_noise: the standard deviation of the noise on the logits of actions and addresses, in training.
        value_noise: that on the logits of symbols.

    Attributes:
        size: how many logits there are.
        noise: their noise; it is apart from `forward` so that it can be drawn for a whole sequence at once.
    """

    def __init__(
        self, structure: Structure[Any], *, values: Code = "linear", action_noise: float = 0.0, value_noise: float = 0.0
    ) -> None:
        super().__init__()
        for name, std in (("action_noise", action_noise), ("value_noise", value_noise)):
            check_noise(name, std)
        self.parts = structure.operands
        self.values = values
        self.choice = Choice()
        if values == "symbols" and not any(_is_value(part) and part.size > 1 for part in self.parts):
            raise ArgumentError(
                f"values: got 'symbols' for a {type(structure).__name__}, expected a structure whose values are at "
                f"least 2 wide: one symbol and the constant"
            )
        self.sizes = tuple(part.size - self._is_symbol(part) for part in self.parts)
        self.size = sum(self.sizes)
        stds = []
        for part, size in zip(self.parts, self.sizes, strict=True):
            std = action_noise if part.kind is Kind.DISTRIBUTION else value_noise if self._is_symbol(part) else 0.0
            stds += [std] * size
        self.noise = Noise(stds)

    def _is_symbol(self, part: Operand) -> bool:
        return self.values == "symbols" and _is_value(part)

    def forward(self, logits: Tensor) -> tuple[Tensor, ...]:
        """The operands, in the structure's order.

        Args:
            logits: [..., size].

        Returns:
            One tensor [..., operand.size] for each operand.
        """
        return tuple(map(self._squashed, self.parts, logits.split(self.sizes, dim=-1)))

    def _squashed(self, part: Operand, logits: Tensor) -> Tensor:
        if part.kind is Kind.DISTRIBUTION:
            return self.choice(logits)
        if part.kind is Kind.STRENGTH:
            return logits.sigmoid()
        if self._is_symbol(part):
            return torch.cat([self.choice(logits), torch.ones_like(logits[..., :1])], dim=-1)
        return logits


class Instruction(nn.Module):
    """A linear map from features to the operands of a structure. Made by `instruction`."""

    def __init__(self, linear: nn.Linear, operands: Operands) -> None:
        super().__init__()
        self.linear = linear
        self.operands = operands

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """The operands for `structure.step` or, with a time axis, for `structure.scan`.

        Args:
            features: [batch, features], or [batch, time, features].

        Returns:
            One tensor for each operand, with the same leading axes.
        """
        return self.operands(self.operands.noise(self.linear(features)))


@checked
def instruction(
    structure: Structure[Any],
    features: int,
    *,
    values: Code = "linear",
    action_noise: float = 0.0,
    value_noise: float = 0.0,
) -> Instruction:
    """A module that turns features into the operands of a structure, whichever structure it is.

    Args:
        structure: what is to be driven.
        features: how many features the network gives.
        values: "linear", any numbers; or "symbols", a softmax over width - 1 symbols and a constant channel of ones.
        action_noise: the standard deviation of normal noise on the logits of actions and addresses, in training only.
        value_noise: the same for the logits of symbols.

    Returns:
        A module from [batch, features] (or [batch, time, features]) to the tuple of operands.

    Raises:
        ArgumentError: if the number of features is not positive, or the values are too narrow for symbols.

    Example:
        >>> from neurallambda.structures import SuperpositionStack
        >>> stack = SuperpositionStack(capacity=8, width=4)
        >>> instruct = instruction(stack, 16)
        >>> state, read = stack.step(stack.init(2), *instruct(torch.randn(2, 16)))
        >>> read.shape
        torch.Size([2, 4])
    """
    check_count("features", features)
    operands = Operands(structure, values=values, action_noise=action_noise, value_noise=value_noise)
    return Instruction(nn.Linear(features, operands.size), operands)


def _is_value(part: Operand) -> bool:
    return part.name == "value" and part.kind is Kind.VECTOR
