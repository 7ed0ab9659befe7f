"""A program as a layer: between a network that says what its inputs may be, and a loss on what comes out."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from neurallambda.arguments import check_type, checked_methods, shown
from neurallambda.errors import ArgumentError, check_count
from neurallambda.holes import Soft
from neurallambda.lang.fillings import check_atom
from neurallambda.weighted import NOTHING
from neurallambda.worlds import Found, Recording, Rows, Worlds
from neurallambda.worlds.found import text_of
from neurallambda.worlds.given import no_hole
from neurallambda.worlds.replay import evaluate
from neurallambda.worlds.spread import spread

Values = Sequence[int | bool | str]


@checked_methods("__init__")
class ProgramLayer(nn.Module):
    """Run a program on uncertain inputs: logits in, logarithms of probabilities out, exactly.

    It has no parameters: the program is what it is. Gradients go through it to the network that gives the logits; all is
    computed on the device of the logits. What a run comes to is recorded once for each shape of the data and for each set of
    certain values, and then only asked again. What comes out are logarithms: a loss takes them as they are, and a network
    that comes next takes their `exp()`, the probabilities.

    Args:
        source: the program, as text; each input is a hole in it.
        inputs: the holes that are uncertain, in the order in which logits are given, each with the values it may have.
        output: the values whose probabilities come out, each as `Found.probability` takes one: an integer, a boolean, a
            list, an `ErrorKind`; None: what comes out is the logarithm of the evidence, for programs that observe what is
            known of the result.
        worlds: the engine; None: one with the usual limits.
        remembered: how many recordings are kept.

    Raises:
        ArgumentError: where the program has no hole of such a name, or values are none, or the engine drops worlds.
        SourceError: where the text is no program.

    Example:
        >>> layer = ProgramLayer("(+ ?a ?b)", inputs={"a": range(3), "b": range(3)}, output=range(5))
        >>> layer(torch.zeros(2, 3), torch.zeros(2, 3)).exp()[0]
        tensor([0.1111, 0.2222, 0.3333, 0.2222, 0.1111])
        >>> observing = ProgramLayer("(observe (= (sum ?xs) ?total))", inputs={"xs": range(10)})
        >>> observing(torch.zeros(2, 3, 10), total=torch.tensor([0, 27])).exp()
        tensor([0.0010, 0.0010])

    Manhaeve et al. 2018, *DeepProbLog*, has the idea of a program between two networks.
    """

    def __init__(
        self,
        source: str,
        *,
        inputs: Mapping[str, Values],
        output: Sequence[Any] | None = None,
        worlds: Worlds | None = None,
        remembered: int = 32,
    ) -> None:
        super().__init__()
        check_count("remembered", remembered)
        self.source = source
        self.inputs = checked_inputs(inputs)
        self.output = checked_output(output)
        worlds = worlds or Worlds()
        if worlds.settings.is_bounded:
            raise ArgumentError(
                "worlds: a layer records its runs, which needs all worlds; expected an engine without `keep` and `least`"
            )
        self.program = worlds.compile(source)
        for name in self.inputs:
            if name not in self.program.holes:
                raise ArgumentError(f"inputs: {no_hole(name, self.program.holes)}")
        self.remembered = remembered
        self._recordings: OrderedDict[Any, Recording] = OrderedDict()

    def forward(
        self,
        *logits: Float[Tensor, "batch ..."],
        lengths: Mapping[str, Int[Tensor, " batch"]] | None = None,
        **holes: Any,
    ) -> Float[Tensor, "batch ..."]:
        """Run the program.

        Args:
            logits: for each input [batch, values], or [batch, time, values] for a list; in the order of `inputs`.
            lengths: for inputs that are lists, how long each is.
            holes: what is certain: the other holes of the program, as `infer` takes them.

        Returns:
            The logarithm of the probability of each output, given what is observed: [batch, outputs]. What has no probability
            has a large negative number, with a gradient of zero. Without outputs the logarithm of the evidence: [batch].

        Raises:
            ArgumentError: where logits and inputs do not fit, or the program has no hole of such a name.
        """
        found = self.infer(*logits, lengths=lengths, **holes)
        dtype = logits[0].dtype if logits else torch.get_default_dtype()
        return _of_type(found.total if self.output is None else found.log_probabilities(self.output), dtype)

    def infer(self, *logits: Tensor, lengths: Mapping[str, Tensor] | None = None, **holes: Any) -> Found:
        """All that can be found out, from the same arguments as `forward`: posteriors, the likeliest case, other ends."""
        if len(logits) != len(self.inputs):
            raise ArgumentError(
                f"logits: got {len(logits)} tensors for the inputs {', '.join(self.inputs) or '(none)'}; "
                f"expected one for each"
            )
        check_type("lengths", lengths, Mapping[str, Tensor] | None)
        unknown = [name for name in lengths or {} if name not in self.inputs]
        if unknown:
            raise ArgumentError(f"lengths: there is no input {unknown[0]!r}; expected some of {', '.join(self.inputs)}")
        given = {
            name: Soft(values, one, (lengths or {}).get(name))
            for (name, values), one in zip(self.inputs.items(), logits, strict=True)
        }
        key = (
            tuple((tuple(one.logits.shape), _key(one.lengths)) for one in given.values()),
            tuple((name, _key(value)) for name, value in sorted(holes.items())),
        )
        recording = self._recordings.pop(key, None)
        if recording is None:
            recording = self.program.record(given, **holes)
        self._recordings[key] = recording
        if len(self._recordings) > self.remembered:
            self._recordings.popitem(last=False)
        return recording(given)

    def fixed(self, *logits: Tensor, lengths: Mapping[str, Tensor] | None = None, **holes: Any) -> "FixedProgram":
        """The layer for these shapes and certain values alone: plain operations on tensors, which `torch.export` can take."""
        found = self.infer(*logits, lengths=lengths, **holes)
        return FixedProgram(found, tuple(self.inputs), self.output)

    def __getstate__(self) -> dict[str, Any]:
        """What is copied and written to files: all but the recordings, which are made again where they are needed."""
        return {**self.__dict__, "_recordings": OrderedDict()}

    def extra_repr(self) -> str:
        """What the layer is made of."""
        inputs = ", ".join(f"?{name}: {len(values)} values" for name, values in self.inputs.items())
        return f"{inputs} -> {'evidence' if self.output is None else f'{len(self.output)} outputs'}"


class FixedProgram(nn.Module):
    """A recorded program as a module of plain tensor operations, on logits of the shapes of the recording.

    Made by `ProgramLayer.fixed`. Its buffers move with it, and it can be exported.

    Args:
        found: what the program gave for logits of these shapes.
        inputs: the names of the inputs, in the order of the logits.
        output: the values whose probabilities come out; None: the logarithm of the evidence.

    Example:
        >>> layer = ProgramLayer("(+ ?a ?b)", inputs={"a": range(2), "b": range(2)}, output=range(3))
        >>> fixed = layer.fixed(torch.zeros(1, 2), torch.zeros(1, 2))
        >>> fixed(torch.zeros(1, 2), torch.zeros(1, 2)).exp()
        tensor([[0.2500, 0.5000, 0.2500]])
    """

    def __init__(self, found: Found, inputs: tuple[str, ...], output: Sequence[Any] | None) -> None:
        super().__init__()
        recording = found.run
        self.recording = recording
        self.output = output
        order = [inputs.index(name) for name in recording.holes.names]
        self.order = order
        self.inputs = len(inputs)
        self.sizes = [recording.holes.blocks[number][0][0].log.shape for number in range(len(order))]
        for number, layer in enumerate(recording.circuit.layers):
            for name in ("source", "leaf", "group", "factor"):
                part = getattr(layer, name)
                if part is not None:  # torch.export wants no empty buffers, and each to be its own
                    self.register_buffer(f"{name}_{number}", part.clone(), persistent=False)
        if output is not None:
            index, place = found.places(output)
            self.register_buffer("index", index, persistent=False)
            self.register_buffer("place", place, persistent=False)

    def extra_repr(self) -> str:
        """What the module is made of."""
        shapes = ", ".join(
            str(tuple(self.sizes[self.order.index(place)])) if place in self.order else "any"
            for place in range(self.inputs)
        )
        return f"logits of shape {shapes} -> {'evidence' if self.output is None else f'{len(self.output)} outputs'}"

    def forward(self, *logits: Float[Tensor, "batch ..."]) -> Float[Tensor, "batch ..."]:
        """What `ProgramLayer` gives for logits of these shapes.

        Raises:
            ArgumentError: where their shapes are others.
        """
        if len(logits) != self.inputs:
            raise ArgumentError(f"logits: got {len(logits)} tensors, expected {self.inputs}")
        ordered = [logits[place] for place in self.order]
        for one, size in zip(ordered, self.sizes, strict=True):
            if one.shape != size:
                raise ArgumentError(f"logits: got shape {tuple(one.shape)}, expected {tuple(size)}")
        log = torch.cat([one.to(torch.float64).log_softmax(-1).reshape(-1) for one in ordered])
        recording, circuit = self.recording, self.recording.circuit
        layers = [
            replace(
                layer,
                source=getattr(self, f"source_{number}", None),
                leaf=getattr(self, f"leaf_{number}", None),
                group=getattr(self, f"group_{number}", None),
                factor=getattr(self, f"factor_{number}", None),
            )
            for number, layer in enumerate(circuit.layers)
        ]
        numbers = evaluate(replace(circuit, layers=layers), log)
        total = numbers[recording.evidence]
        if self.output is None:
            return _of_type(total, logits[0].dtype)
        index, place = self.get_buffer("index"), self.get_buffer("place")
        found = spread(numbers[recording.outcomes], total, index, place, len(self.output))
        return _of_type(found, logits[0].dtype)


def checked_inputs(inputs: Mapping[str, Values]) -> dict[str, tuple[int | bool | str, ...]]:
    """The inputs, of each of which the values may be those of a hole.

    Raises:
        ArgumentError: where they are no sequence, or there are none, or one is no value of a hole or stands there twice.
    """
    for name, values in inputs.items():
        if isinstance(values, str):
            raise ArgumentError(f"inputs[{name!r}]: got the text {values!r:.60}, expected a sequence of values")
        for value in values:
            check_atom(name, value)
        try:
            Soft(tuple(values), torch.zeros(len(values)))
        except ArgumentError as error:
            raise ArgumentError(f"inputs[{name!r}]: {error}") from None
    return {name: tuple(values) for name, values in inputs.items()}


def checked_output(output: Sequence[Any] | None) -> tuple[Any, ...] | None:
    """The values whose probabilities are asked for, of which each may be one.

    Raises:
        ArgumentError: where they are no sequence, there is none, or one is no value.
    """
    if output is None:
        return None
    if isinstance(output, str):
        raise ArgumentError(f"output: got the text {output!r:.60}, expected a sequence of values")
    if not len(output):
        raise ArgumentError(f"output: got {shown(output)}, expected at least one value, as in range(10)")
    for value in output:
        text_of(value)
    return tuple(output)


def _of_type(log: Tensor, dtype: torch.dtype) -> Tensor:
    """Logarithms in the type of the logits; half precision has no number as large as that of nothing."""
    return log.clamp_min(max(NOTHING, torch.finfo(dtype).min)).to(dtype)


def _key(value: Any) -> Any:
    """A certain value as something that can be compared."""
    match value:
        case Tensor():
            plain = value.detach().cpu().contiguous()
            return str(plain.dtype), tuple(plain.shape), plain.numpy().tobytes()
        case Rows(values):
            return "rows", tuple(_key(one) for one in values)
        case list() | tuple():
            return tuple(_key(one) for one in value)
        case _:
            return type(value).__name__, value
