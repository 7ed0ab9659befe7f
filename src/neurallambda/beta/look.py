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


@state
class Graph(Batched):
    """All cells, as letters.

    Attributes:
        kept: whether the root reaches a cell; the others are free.
        tags: how much of each tag a cell has.
        flags: as in memory.
        first, second: how much the columns refer to each cell.
    """

    kept: Bool[Tensor, "batch cells"]
    tags: Float[Tensor, "batch cells tags"]
    flags: Float[Tensor, "batch cells flags"]
    first: Float[Tensor, "batch cells cells"]
    second: Float[Tensor, "batch cells cells"]


def survey(memory: Memory, lexicon: Lexicon, reading: Reading, tables: Tables) -> Graph:
    """Read all cells, and free those that the root does not reach."""
    tags = reading(memory.tag, lexicon.tags)
    points = tags @ tables.points
    first = reading(memory.first, lexicon.addresses) * points[:, :, :1]
    second = reading(memory.second, lexicon.addresses) * points[:, :, 1:]
    kept = reachable(edges(first, second))
    is_free = torch.zeros_like(tags[0, 0])
    is_free[Tag.FREE] = 1
    column = kept[:, :, None]
    return Graph(kept, torch.where(column, tags, is_free), memory.flags * column, first * column, second * column)


@dataclass(frozen=True)
class Sight:
    """One cell as it is seen by attention.

    Attributes:
        address: how much it is each of the cells.
        tag: how much of each tag it has.
        met: how far it is reduced, for each demand.
        waits: how much it waits for a decision; see `Flag.WAITS`.
        wrong: how much it waits for something wrong.
        first, second: its columns, as vectors.
        refers_first, refers_second: how much its columns refer to each cell.
    """

    address: Float[Tensor, "batch cells"]
    tag: Float[Tensor, "batch tags"]
    met: Float[Tensor, "batch demands"]
    waits: Float[Tensor, " batch"]
    wrong: Float[Tensor, " batch"]
    first: Float[Tensor, "batch width"]
    second: Float[Tensor, "batch width"]
    refers_first: Float[Tensor, "batch cells"]
    refers_second: Float[Tensor, "batch cells"]

    @property
    def mass(self) -> Float[Tensor, " batch"]:
        """How much there is of it: 1, unless the way to it leads through a column that is not all address."""
        return self.address.sum(-1)


@dataclass(frozen=True)
class View:
    """The visited cell and what it leads to, by the paths of columns: `at["12"]` is under column 2 of column 1.

    Attributes:
        demand: what is demanded of the visited cell.
        head: whether its head is reduced.
        at: the cells by their paths; the visited cell has the empty one.
    """

    demand: Float[Tensor, "batch demands"]
    head: Float[Tensor, " batch"]
    at: dict[str, Sight]


def view(graph: Graph, memory: Memory, lexicon: Lexicon, reading: Reading) -> View:
    """Look at the cell on top of the stack, and along its columns."""
    cells, width = memory.tag.shape[1:]
    item = top(memory)
    here = reading(item[:, None, :width], lexicon.addresses)
    met = torch.stack(
        [
            graph.flags[:, :, Flag.HEAD],
            graph.flags[:, :, Flag.IR1] * graph.flags[:, :, Flag.IR2],
            graph.flags[:, :, Flag.CERTAIN],
        ],
        dim=-1,
    )
    stuck = graph.flags[:, :, Flag.WAITS :]
    letters = torch.cat([graph.tags, met, stuck, graph.first, graph.second], dim=-1)
    sizes = [graph.tags.shape[-1], len(Demand), 2, cells, cells]
    at: dict[str, Sight] = {}
    paths, addresses = [""], here
    while paths:
        seen = zip(
            paths,
            addresses.unbind(1),
            *((addresses @ part).unbind(1) for part in (letters, memory.first, memory.second)),
            strict=True,
        )
        for path, address, letter, first, second in seen:
            tag, reduced, why, refers_first, refers_second = letter.split(sizes, dim=-1)
            waits, wrong = why.unbind(-1)
            at[path] = Sight(address, tag, reduced, waits, wrong, first, second, refers_first, refers_second)
        paths = {"": ["1", "2"], "1": ["11", "12", "22"]}.get(paths[0], [])
        if paths:
            addresses = torch.stack([_end(at[path[:-1]], path[-1]) for path in paths], dim=1)
    head = (here @ graph.flags[:, :, Flag.HEAD, None])[:, 0, 0]
    return View(item[:, width:], head, at)


def _end(sight: Sight, step: str) -> Float[Tensor, "batch cells"]:
    return sight.refers_first if step == "1" else sight.refers_second
