"""Bounded mode: only the heaviest worlds of each row go on, and the weight of the others is told.

Exact runs need no numbers. This one does, on the way: what has been recorded of the circuit so far is given its numbers.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.worlds.circuit import Circuit, Weight
from neurallambda.worlds.packet import Packet
from neurallambda.worlds.replay import leaf_numbers, number_of


class Bound:
    """Which worlds go on.

    Args:
        circuit: what is recorded.
        log: the numbers of the leaves.
        keep: how many worlds of a row may go on together; None: any number.
        least: worlds with less probability than this do not; the heaviest of a row always does.

    Attributes:
        lost: for each row the probability of the worlds that did not go on.
    """

    def __init__(self, circuit: Circuit, log: Float[Tensor, " leaves"], keep: int | None, least: float) -> None:
        self.circuit = circuit
        self.log = log.detach().cpu()
        self.keep = keep
        self.least = least
        self.numbers = [torch.zeros(circuit.rows, dtype=torch.float64)]
        self.lost = torch.zeros(circuit.rows, dtype=torch.float64)

    def weights(self, weight: Weight) -> Float[Tensor, " worlds"]:
        """The logarithm of the weight of each world."""
        leaves = leaf_numbers(self.circuit, self.log, self.log)
        for layer in self.circuit.layers[len(self.numbers) - 1 :]:
            self.numbers.append(number_of(layer, self.numbers, leaves))
        found = self.numbers[weight.layer]
        if weight.source is not None:
            found = found[weight.source]
        return found if weight.leaf is None else found + leaves[weight.leaf]

    def prune(self, packet: Packet) -> Packet:
        """The worlds that go on."""
        weights = self.weights(packet.weight)
        order = torch.argsort(weights, descending=True, stable=True)
        order = order[torch.argsort(packet.rows[order], stable=True)]
        rows = packet.rows[order]
        rank = torch.arange(len(rows)) - torch.searchsorted(rows, rows)
        stays = weights[order].exp() >= self.least
        if self.keep is not None:
            stays = stays & (rank < self.keep)
        stays = stays | (rank == 0)
        if bool(stays.all()):
            return packet
        dropped = order[~stays]
        self.lost.index_add_(0, packet.rows[dropped], weights[dropped].exp())
        return packet.take(order[stays].sort().values)
