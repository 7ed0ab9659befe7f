"""A bank of programs: a network learns which of them to use."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn

from neurallambda.arguments import check_type, checked_methods, shown
from neurallambda.errors import ArgumentError, ProgramError, SourceError, check_count
from neurallambda.lang import Outcome, evaluate
from neurallambda.nn.program_layer import ProgramLayer, Values, checked_output
from neurallambda.worlds import Rows, Worlds


def weights_by(
    keys: Float[Tensor, "programs width"], query: Float[Tensor, "batch width"]
) -> Float[Tensor, "batch programs"]:
    """The logarithm of the weight of each program.

    Args:
        keys: of the programs.
        query: what they are chosen by.
    """
    return (query @ keys.T / keys.shape[1] ** 0.5).log_softmax(-1)


@checked_methods("__init__", "choose", "run", "table")
class ProgramBank(nn.Module):
    """Programs that stay as they are, each with a key that is learned; a query chooses among them.

        weight = softmax(query . key / sqrt(width))
        probability of an output = sum over programs of weight * probability by this program

    The sum is exact. As the choice becomes sure it becomes the result of one program, and `run` runs only that.

    Attributes:
        names: the programs, in order.
        keys: [programs, width].

    Args:
        programs: the text of each program by its name. They have the same holes, of which one may leave out some.
        inputs: as in `ProgramLayer`; none where the data are certain.
        output: the values that may come out.
        width: how wide queries and keys are.
        generator: the source of randomness for the keys.
        worlds: the engine; None: one with the usual limits.

    Raises:
        ArgumentError: if there is no program, or none has a hole of such a name, or a width or a value is none.
        SourceError: where a text is no program.

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
        self.inputs = tuple(inputs or {})
        self.output = checked_output(output)
        found = {name: _layer(name, source, inputs or {}, output, worlds) for name, source in programs.items()}
        self.programs = nn.ModuleList(found.values())
        self.holes = tuple(dict.fromkeys(hole for layer in found.values() for hole in layer.program.holes))
        for name in self.inputs:
            if name not in self.holes:
                raise ArgumentError(f"inputs: no program has a hole ?{name}; their holes are: {self._known()}")
        self.keys = nn.Parameter(torch.randn(len(programs), width, generator=generator))

    def weights(self, query: Float[Tensor, "batch width"]) -> Float[Tensor, "batch programs"]:
        """The logarithm of the weight of each program."""
        width = self.keys.shape[1]
        if not isinstance(query, Tensor) or query.dim() != 2 or query.shape[1] != width:
            raise ArgumentError(f"query: got {shown(query)}, expected a tensor of shape (batch, {width})")
        if not query.is_floating_point():
            raise ArgumentError(f"query: got {query.dtype}, expected floating point numbers; `.float()` makes them")
        return weights_by(self.keys, query)

    def forward(
        self,
        query: Float[Tensor, "batch width"],
        *logits: Float[Tensor, "batch ..."],
        lengths: Mapping[str, Int[Tensor, " batch"]] | None = None,
        **holes: Any,
    ) -> Float[Tensor, "batch outputs"]:
        """Run all programs, and mix what they give.

        Args:
            query: what the choice is made by, a row for each row of the data.
            logits: as in `ProgramLayer.forward`.
            lengths: as in `ProgramLayer.forward`.
            holes: as in `ProgramLayer.forward`; each is a hole of some program.

        Returns:
            The logarithm of the probability of each output.

        Raises:
            ArgumentError: where query, logits and inputs do not fit, or no program has a hole of such a name.
        """
        if len(logits) != len(self.inputs):
            raise ArgumentError(
                f"logits: got {len(logits)} tensors for the inputs {', '.join(self.inputs) or '(none)'}; "
                f"expected one for each"
            )
        check_type("lengths", lengths, Mapping[str, Tensor] | None)
        for name in lengths or {}:
            if name not in self.inputs:
                raise ArgumentError(f"lengths: there is no input {name!r}; expected some of {', '.join(self.inputs)}")
        for name in holes:
            if name not in self.holes:
                raise ArgumentError(f"{name}: no program has a hole ?{name}; their holes are: {self._known()}")
        weights = self.weights(query)
        given = dict(zip(self.inputs, logits, strict=True))
        found = [_results(layer, given, lengths or {}, holes) for layer in self.programs]
        rows = max(map(len, found))  # a program that looks at no data has one row for all
        results = torch.stack([one.expand(rows, -1) for one in found], 1)
        if rows not in (1, len(query)):
            raise ArgumentError(f"query: got {len(query)} rows, and the data have {rows}; expected as many")
        return torch.logsumexp(weights[..., None] + results.to(query.dtype), 1)

    def choose(self, query: Float[Tensor, "batch width"]) -> list[str]:
        """The name of the likeliest program of each row.

        Raises:
            ArgumentError: where the query holds NaN.
        """
        if bool(query.isnan().any()):
            raise ArgumentError("query: it holds NaN, of which nothing is the likeliest; expected numbers")
        return [self.names[number] for number in self.weights(query).argmax(-1).tolist()]

    def run(self, query: Float[Tensor, " width"], **holes: Any) -> Outcome:
        """Run the likeliest program for one query, on certain data, in plain Python.

        Args:
            query: what the choice is made by.
            holes: what each hole is, as `neurallambda.evaluate` takes it.

        Returns:
            How the program ends.
        """
        for name in holes:
            if name not in self.holes:
                raise ArgumentError(f"{name}: no program has a hole ?{name}; their holes are: {self._known()}")
        (name,) = self.choose(query[None])
        program = self.programs[self.names.index(name)]
        assert isinstance(program, ProgramLayer)
        return evaluate(program.source, holes=holes, integers=program.program.settings.integers)

    @torch.no_grad()
    def table(self, first: str, second: str) -> tuple[tuple[tuple[int | None, ...], ...], ...]:
        """All that the programs can do with two of the outputs: `neurallambda.structures.ProgramStack` looks them up.

        Args:
            first: the hole that the first argument is put into.
            second: that of the second. A program may leave out either.

        Returns:
            For each program, for each first and each second argument, the number of the output that it gives for them; None
            where it gives none of them, because it fails, or because the result is another.

        Raises:
            ArgumentError: if no program has such a hole, a program has another one, there are uncertain inputs or no outputs,
                or a program leaves to chance what it gives.

        Example:
            >>> programs = {"sum": "(+ ?x ?y)", "least": "(if (< ?x ?y) ?x ?y)"}
            >>> bank = ProgramBank(programs, output=range(2), width=4, generator=torch.Generator())
            >>> bank.table("x", "y")
            (((0, 1), (1, None)), ((0, 0), (0, 1)))
        """
        if self.output is None or self.inputs or first == second:
            raise ArgumentError("table: expected outputs, no uncertain inputs, and two different holes")
        for name in {first, second, *self.holes}:
            if name not in self.holes or name not in (first, second):
                raise ArgumentError(
                    f"table: got ?{first} and ?{second}; the holes of the programs are: {self._known()}"
                )
        pairs = [(one, other) for one in self.output for other in self.output]
        holes = {first: Rows([one for one, _ in pairs]), second: Rows([other for _, other in pairs])}
        size, found = len(self.output), []
        for name, layer in zip(self.names, self.programs, strict=True):
            likely = _results(layer, {}, {}, holes).exp().expand(len(pairs), -1)
            if bool(((likely > 1e-6) & (likely < 1 - 1e-6)).any()):
                raise ArgumentError(f"table: the program {name!r} leaves to chance what it gives")
            places = [
                int(row.argmax()) if float(row.max()) > 0.5 else None for row in likely
            ]  # 0 or 1, but for rounding
            found.append(tuple(tuple(places[row * size : (row + 1) * size]) for row in range(size)))
        return tuple(found)

    def _known(self) -> str:
        """The holes of all programs, in words."""
        return ", ".join(self.holes) or "none"


def _layer(
    name: str, source: str, inputs: Mapping[str, Values], output: Sequence[Any], worlds: Worlds | None
) -> ProgramLayer:
    """One program of a bank, with the inputs that it has.

    Raises:
        SourceError: naming the program that is none.
    """
    try:
        used = Worlds().compile(source).holes
        inputs = {hole: values for hole, values in inputs.items() if hole in used}
        return ProgramLayer(source, inputs=inputs, output=output, worlds=worlds)
    except (SourceError, ProgramError) as error:
        error.add_note(f"in the program {name!r} of the bank")
        raise


def _results(
    layer: nn.Module, given: Mapping[str, Tensor], lengths: Mapping[str, Tensor], holes: Mapping[str, Any]
) -> Float[Tensor, "rows outputs"]:
    """What one program gives, with the data that it has holes for."""
    assert isinstance(layer, ProgramLayer)
    logits = [given[name] for name in layer.inputs]
    mine = {name: length for name, length in lengths.items() if name in layer.inputs}
    known = {name: value for name, value in holes.items() if name in layer.program.holes}
    return layer(*logits, lengths=mine, **known)
