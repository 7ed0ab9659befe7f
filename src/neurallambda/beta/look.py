"""What a step sees: the whole graph as edges, and the few cells around the one that is visited."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from neurallambda.beta.alphabet import Demand, Flag, Tag
from neurallambda.beta.graph import edges, reachable
from neurallambda.beta.memory import Memory, top
from neurallambda.beta.reading import Lexicon, Reading
from neurallambda.beta.tables import Tables
from neurallambda.state import Batched, state

_WAITS, _WRONG = len(Demand), len(Demand) + 1
"""Where `View.known` holds what a cell waits for, after how far it is reduced for each demand."""


@state
class Graph(Batched):
    """All cells, as letters.

    Attributes:
        kept: whether the root reaches a cell; the others are free.
        letters: how much of each tag a cell has; then how much each of its columns refers to each cell.
    """

    kept: Bool[Tensor, "batch cells"]
    letters: Float[Tensor, "batch cells letters"]

    @property
    def tags(self) -> Float[Tensor, "batch cells tags"]:
        """How much of each tag a cell has."""
        return self.letters[:, :, : len(Tag)]

    @property
    def columns(self) -> tuple[Float[Tensor, "batch cells cells"], Float[Tensor, "batch cells cells"]]:
        """How much each column refers to each cell."""
        first, second = self.letters[:, :, len(Tag) :].chunk(2, dim=-1)
        return first, second


def survey(memory: Memory, lexicon: Lexicon, reading: Reading, tables: Tables) -> Graph:
    """Read all cells, and free those that the root does not reach."""
    tags = reading(memory.tag, lexicon.tags)
    points = tags @ tables.points
    first = reading(memory.first, lexicon.addresses) * points[:, :, :1]
    second = reading(memory.second, lexicon.addresses) * points[:, :, 1:]
    kept = reachable(edges(first, second))
    letters = torch.cat([tags, first, second], dim=-1)
    free = torch.zeros_like(letters[0, 0])
    free[Tag.FREE] = 1
    return Graph(kept, torch.where(kept[:, :, None], letters, free))


@dataclass(frozen=True)
class Sight:
    """One cell as it is seen by attention.

    Attributes:
        address: how much it is each of the cells.
        letters: its tag, and what its columns refer to, as in `Graph`.
        known: how far it is reduced and what it waits for, as in `View`.
    """

    address: Float[Tensor, "batch cells"]
    letters: Float[Tensor, "batch letters"]
    known: Float[Tensor, "batch known"]

    @property
    def tag(self) -> Float[Tensor, "batch tags"]:
        """How much of each tag it has."""
        return self.letters[:, : len(Tag)]

    @property
    def met(self) -> Float[Tensor, "batch demands"]:
        """How far it is reduced, for each demand."""
        return self.known[:, : len(Demand)]

    @property
    def waits(self) -> Float[Tensor, " batch"]:
        """How much it waits for a decision; see `Flag.WAITS`."""
        return self.known[:, _WAITS]

    @property
    def wrong(self) -> Float[Tensor, " batch"]:
        """How much it waits for something wrong."""
        return self.known[:, _WRONG]

    @property
    def refers_first(self) -> Float[Tensor, "batch cells"]:
        """How much its first column refers to each cell."""
        return self.letters[:, len(Tag) : len(Tag) + self.address.shape[1]]

    @property
    def refers_second(self) -> Float[Tensor, "batch cells"]:
        """How much its second column refers to each cell."""
        return self.letters[:, len(Tag) + self.address.shape[1] :]

    @property
    def mass(self) -> Float[Tensor, " batch"]:
        """How much there is of it: 1, unless the way to it leads through a column that is not all address."""
        return self.address.sum(-1)


class View:
    """The visited cell and what it leads to, by the paths of columns: `view["12"]` is under column 2 of column 1.

    The visited cell has the empty path. What is further away is looked at when it is first asked for.

    Attributes:
        demand: what is demanded of the visited cell.
        flags: of all cells, as in memory, and none of free ones.
    """

    def __init__(self, graph: Graph, memory: Memory, lexicon: Lexicon, reading: Reading) -> None:
        width = memory.tag.shape[-1]
        item = top(memory)
        self._graph, self._memory = graph, memory
        self.demand: Float[Tensor, "batch demands"] = item[:, width:]
        self.flags: Float[Tensor, "batch cells flags"] = memory.flags * graph.kept[:, :, None]
        normal = self.flags[:, :, Flag.IR1 : Flag.IR1 + 1] * self.flags[:, :, Flag.IR2 : Flag.IR2 + 1]
        self._known = torch.cat([self.flags[:, :, : Flag.IR1], normal, self.flags[:, :, Flag.CERTAIN :]], dim=-1)
        self._seen: dict[str, Sight] = {}
        self._look([""], reading(item[:, None, :width], lexicon.addresses))

    def __getitem__(self, path: str) -> Sight:
        while path not in self._seen:
            columns = self._farthest[:, :, len(Tag) :].unflatten(-1, (2, -1)).flatten(1, 2)
            self._look(["1", "2"] if len(self._seen) == 1 else ["11", "12", "21", "22"], columns)
        return self._seen[path]

    def first(self, path: str) -> Float[Tensor, "batch width"]:
        """Column 1 of a cell, as a vector."""
        return torch.bmm(self[path].address[:, None], self._memory.first)[:, 0]

    def second(self, path: str) -> Float[Tensor, "batch width"]:
        """Column 2 of a cell, as a vector."""
        return torch.bmm(self[path].address[:, None], self._memory.second)[:, 0]

    def _look(self, paths: list[str], addresses: Float[Tensor, "batch paths cells"]) -> None:
        self._farthest, known = torch.bmm(addresses, self._graph.letters), torch.bmm(addresses, self._known)
        seen = zip(addresses.unbind(1), self._farthest.unbind(1), known.unbind(1), strict=True)
        self._seen.update(zip(paths, (Sight(*parts) for parts in seen), strict=True))
