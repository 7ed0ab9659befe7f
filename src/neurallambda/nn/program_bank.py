"""A bank of programs: a network learns which of them to use."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from neurallambda.arguments import checked_methods, shown
from neurallambda.errors import ArgumentError, check_count
from neurallambda.lang import Outcome, evaluate
from neurallambda.nn.program_layer import ProgramLayer, Values, checked_output
from neurallambda.worlds import Worlds


@checked_methods("__init__", "choose", "run")
class ProgramBank(nn.Module):
    """Programs that stay as they are, each with a key that is learned; a query chooses among them.

        weight = softmax(query . key / sqrt(width))
        probability of an output = sum over programs of weight * probability by this program

    The sum is exact. As the choice becomes sure it becomes the result of one program, and `run` runs only that.

    Attributes:
        names: the programs, in order.
        keys: [programs, width].

    Args:
        programs: the text of each program by its name; all have the same holes.
        inputs: as in `ProgramLayer`; none where the data are certain.
        output: the values that may come out.
        width: how wide queries and keys are.
        generator: the source of randomness for the keys.
        worlds: the engine; None: one with the usual limits.

    Example:
        >>> programs = {"double": "(+ ?x ?x)", "square": "(* ?x ?x)"}
        >>> bank = ProgramBank(programs, output=range(10), width=4, generator=torch.Generator().manual_seed(0))
        >>> query = torch.zeros(2, 4)
        >>> bank(query, x=torch.tensor([2, 3])).exp()[1, [6, 9]]
        tensor([0.5000, 0.5000], grad_fn=...)
    """

    def __init__(
        self,
        programs: Mapping[str, str],
        *,
        inputs: Mapping[str, Values] | None = None,
        output: Sequence[Any],
        width: int,
        generator: Generator,
        worlds: Worlds | None = None,
    ) -> None:
        super().__init__()
        check_count("width", width)
        if not programs:
            raise ArgumentError("programs: got none, expected at least one")
        self.names = tuple(programs)
        self.output = checked_output(output)
        self.programs = nn.ModuleList(
            ProgramLayer(source, inputs=inputs or {}, output=output, worlds=worlds) for source in programs.values()
        )
        self.keys = nn.Parameter(torch.randn(len(programs), width, generator=generator))

    def weights(self, query: Float[Tensor, "batch width"]) -> Float[Tensor, "batch programs"]:
        """The logarithm of the weight of each program."""
        width = self.keys.shape[1]
        if not isinstance(query, Tensor) or query.dim() != 2 or query.shape[1] != width:
            raise ArgumentError(f"query: got {shown(query)}, expected a tensor of shape (batch, {width})")
        if not query.is_floating_point():
            raise ArgumentError(f"query: got {query.dtype}, expected floating point numbers; `.float()` makes them")
        return (query @ self.keys.T / width**0.5).log_softmax(-1)

    def forward(
        self, query: Float[Tensor, "batch width"], *logits: Float[Tensor, "batch *time values"], **holes: Any
    ) -> Float[Tensor, "batch outputs"]:
        """Run all programs, and mix what they give.

        Args:
            query: what the choice is made by, a row for each row of the data.
            logits: as in `ProgramLayer.forward`.
            holes: as in `ProgramLayer.forward`.

        Returns:
            The logarithm of the probability of each output.
        """
        weights = self.weights(query)
        results = torch.stack([program(*logits, **holes) for program in self.programs], 1)
        if len(results) not in (1, len(query)):
            raise ArgumentError(f"query: got {len(query)} rows, and the data have {len(results)}; expected as many")
        return torch.logsumexp(weights[..., None] + results.to(query.dtype), 1)

    def choose(self, query: Float[Tensor, "batch width"]) -> list[str]:
        """The name of the likeliest program of each row."""
        return [self.names[number] for number in self.weights(query).argmax(-1).tolist()]

    def run(self, query: Float[Tensor, " width"], **holes: Any) -> Outcome:
        """Run the likeliest program for one query, on certain data, in plain Python.

        Args:
            query: what the choice is made by.
            holes: what each hole is, as `neurallambda.evaluate` takes it.

        Returns:
            How the program ends.
        """
        (name,) = self.choose(query[None])
        program = self.programs[self.names.index(name)]
        assert isinstance(program, ProgramLayer)
        return evaluate(program.source, holes=holes, integers=program.program.settings.integers)
