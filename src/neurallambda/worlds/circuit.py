"""The arithmetic of a run, recorded: which weights are added up, whatever numbers they are.

No choice of a run depends on a weight. So what is recorded for one set of probabilities gives the result for any other.
A layer takes numbers from layers before it, adds a leaf (the logarithm of a probability) to each, and adds up groups of
them. Layer 0 holds a zero for each row of the batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

Meaning = tuple[int, int, bool] | tuple[str] | None
"""What a number that never changes stands for: how a coin falls, a sample of a hole that is certain, or nothing at all."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Numbers made of earlier numbers.

    Attributes:
        bases: the layers that are put one after another.
        source: which of their numbers; None: all, in order.
        leaf: the leaf that is added to each; None: none.
        group: the group that each is added up in; None: each by itself.
        size: how many numbers come out.
        factors: more layers that are put one after another, one number of which is added to each.
        factor: which of these numbers; None: there are no factors.
    """

    bases: tuple[int, ...]
    source: Tensor | None
    leaf: Tensor | None
    group: Tensor | None
    size: int
    factors: tuple[int, ...] = ()
    factor: Tensor | None = None


@dataclass
class Circuit:
    """Layers, one after another.

    Attributes:
        rows: the size of the batch.
        leaves: how many leaves stand for what is drawn of holes; as many after them stand for what is sampled.
        layers: the layers after layer 0.
        constants: the leaves after those, whose numbers never change, by what they stand for.
    """

    rows: int
    leaves: int
    layers: list[Layer] = field(default_factory=list)
    constants: dict[Meaning, float] = field(default_factory=dict)
    _elsewhere: dict[torch.device, "Circuit"] = field(default_factory=dict)

    def add(self, layer: Layer) -> int:
        """Add a layer; gives its number."""
        self.layers.append(layer)
        return len(self.layers)

    def constant(self, meaning: Meaning, logarithm: float) -> int:
        """The leaf of a number that never changes; None means nothing at all, and is for the number 0."""
        self.constants.setdefault(meaning, logarithm)
        return 2 * self.leaves + list(self.constants).index(meaning)

    def on(self, device: torch.device) -> "Circuit":
        """The same circuit, its tensors on a device; they are moved there once."""
        if device.type == "cpu":
            return self
        if device not in self._elsewhere:
            layers = [
                Layer(
                    one.bases,
                    _moved(one.source, device),
                    _moved(one.leaf, device),
                    _moved(one.group, device),
                    one.size,
                    one.factors,
                    _moved(one.factor, device),
                )
                for one in self.layers
            ]
            self._elsewhere[device] = Circuit(self.rows, self.leaves, layers, self.constants)
        return self._elsewhere[device]

    def start(self) -> "Weight":
        """The weight of each row before anything is drawn: one."""
        return Weight(self, 0, None, None, self.rows)


def _moved(part: Tensor | None, device: torch.device) -> Tensor | None:
    return None if part is None else part.to(device)


@dataclass(frozen=True, slots=True)
class Weight:
    """The weight of each world of a packet: a number of a layer, and perhaps a leaf to add to it."""

    circuit: Circuit
    layer: int
    source: Tensor | None
    leaf: Tensor | None
    size: int

    def take(self, index: Tensor) -> "Weight":
        """The weights of some worlds."""
        source = index if self.source is None else self.source.index_select(0, index)
        leaf = None if self.leaf is None else self.leaf.index_select(0, index)
        return Weight(self.circuit, self.layer, source, leaf, index.shape[0])

    def times(self, leaf: Tensor) -> "Weight":
        """The weights, each times the probability of a leaf."""
        if self.leaf is None:
            return Weight(self.circuit, self.layer, self.source, leaf, self.size)
        return Weight(self.circuit, self.settle().layer, None, leaf, self.size)

    def product(self, factors: tuple[int, ...], factor: Tensor) -> "Weight":
        """The weights, each times a number of some layers that are put one after another."""
        layer = self.circuit.add(Layer((self.layer,), self.source, self.leaf, None, self.size, factors, factor))
        return Weight(self.circuit, layer, None, None, self.size)

    def settle(self) -> "Weight":
        """The same weights, as all numbers of a layer."""
        if self.source is None and self.leaf is None:
            return self
        layer = self.circuit.add(Layer((self.layer,), self.source, self.leaf, None, self.size))
        return Weight(self.circuit, layer, None, None, self.size)

    def total(self, group: Tensor, groups: int) -> "Weight":
        """The sum of the weights of each group."""
        layer = self.circuit.add(Layer((self.layer,), self.source, self.leaf, group, groups))
        return Weight(self.circuit, layer, None, None, groups)


def joined(weights: Sequence[Weight]) -> Weight:
    """The weights of several packets, one after another."""
    if len(weights) == 1:
        return weights[0]
    first = weights[0]
    circuit, size = first.circuit, sum(one.size for one in weights)
    if all(one.layer == first.layer for one in weights) and all(
        (one.leaf is None) == (first.leaf is None) for one in weights
    ):
        source = torch.cat([torch.arange(one.size) if one.source is None else one.source for one in weights])
        leaf = None if first.leaf is None else torch.cat([one.leaf for one in weights if one.leaf is not None])
        return Weight(circuit, first.layer, source, leaf, size)
    bases = tuple(one.settle().layer for one in weights)
    return Weight(circuit, circuit.add(Layer(bases, None, None, None, size)), None, None, size)
