"""What an application clones: cells that mention the variable, so that its function may be used again."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from neurallambda.beta.alphabet import Tag
from neurallambda.beta.cases import Cases
from neurallambda.beta.graph import EDGE, edges, mentions, placement
from neurallambda.beta.look import Graph, View
from neurallambda.beta.rules import Move


@dataclass(frozen=True)
class Clones:
    """What an application clones, and what becomes of references that are copied.

    Attributes:
        to: where each clone goes.
        taken: whether a clone goes to each cell.
        leaves: how much a copied reference to each cell leads elsewhere: that to a cloned cell goes to the clone, ...
        variable: ... and this much of it to the argument, where it is a reference to the variable.
    """

    to: Float[Tensor, "batch cells cells"]
    taken: Float[Tensor, "batch cells"]
    leaves: Float[Tensor, "batch cells"]
    variable: Float[Tensor, "batch cells"]

    def follow(self, references: Float[Tensor, "batch n cells"]) -> Float[Tensor, "batch n cells"]:
        """What copied references gain and lose at each address, the argument left out."""
        return torch.bmm(references, self.to) - references * self.leaves[:, None]


def wanted(graph: Graph, seen: View, cases: Cases) -> tuple[Bool[Tensor, "batch cells"], Bool[Tensor, "batch cells"]]:
    """Which cells an application clones, if one is made, and which are free."""
    first, second = graph.columns
    variable = seen["1"].refers_first.detach() > EDGE
    is_owner = (graph.tags[:, :, Tag.FUNCTION] + graph.tags[:, :, Tag.BIND]).detach()[:, :, None] > EDGE
    owners = ((first.detach() > EDGE) & is_owner).to(first.dtype)
    applies = cases.moves[:, Move.APPLY, None].detach() > EDGE
    cloned = mentions(edges(first, second), owners, variable & applies) & applies
    return cloned, graph.tags[:, :, Tag.FREE].detach() > 1 - EDGE


def clones_of(cloned: Bool[Tensor, "batch cells"], free: Bool[Tensor, "batch cells"], seen: View) -> Clones:
    """Where clones go, and where references go that are copied."""
    variable = seen["1"].refers_first * ~cloned
    to = placement(cloned, free).to(variable.dtype)
    return Clones(to, to.sum(1), to.sum(-1) + variable * seen[""].mass[:, None], variable)
