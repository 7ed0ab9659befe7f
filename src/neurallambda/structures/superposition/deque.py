"""The superposition deque: put and get at both ends at once, each with its weight."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from neurallambda.state import Batched, state
from neurallambda.structures.availability import can_run_numba
from neurallambda.structures.cells import CellStructure
from neurallambda.structures.form import Form
from neurallambda.structures.instruction.operand import Kind, Operand
from neurallambda.structures.references.queues import PlainDeque

PUT_FRONT, PUT_BACK, GET_FRONT, GET_BACK, STAY = range(5)


@state
class SuperpositionDequeState(Batched):
    """A mixture of deques, by length.

    Attributes:
        cells: at (length, place from the front), what lies there when the deque is so long, times the probability that
            it is; zeros beyond the length.
        lengths: the probability of each length 0, 1, ..., capacity.
        overflow: the mass of items for which there was no room.
    """

    cells: Float[Tensor, "batch lengths capacity width"]
    lengths: Float[Tensor, "batch lengths"]
    overflow: Float[Tensor, " batch"]


@dataclass(frozen=True)
class SuperpositionDeque(CellStructure[SuperpositionDequeState]):
    """A queue with two ends whose every step is a mixture of putting and getting at either.

    What lies at the back depends on how long the deque is, so the mixture is kept apart by length. Then every action is
    a shift in the plane of (length, place), and the state is the exact mean over all the sequences of certain actions.
    It takes capacity squared cells: for long deques, see the strength deque. What is put into a full deque is lost and
    reported as overflow. A read is the front item followed by the back item.

    Attributes:
        capacity: how many cells.
        width: the length of a value.
    """

    @property
    def operands(self) -> tuple[Operand, ...]:
        labels = ("put front", "put back", "get front", "get back", "stay")
        return (
            Operand("action", len(labels), Kind.DISTRIBUTION, labels, idle=STAY),
            Operand("value", self.width, Kind.VECTOR),
        )

    @property
    def read_width(self) -> int:
        return 2 * self.width

    @property
    def forms(self) -> dict[str, Form[SuperpositionDequeState]]:
        return {"fused": Form(run=self._fused, available=lambda state, *_: can_run_numba(state.cells))}

    def empty(self, batch: int, device: torch.device | str | None, dtype: torch.dtype) -> SuperpositionDequeState:
        lengths = functional.pad(torch.ones(batch, 1, device=device, dtype=dtype), [0, self.capacity])
        cells = torch.zeros(batch, self.capacity + 1, self.capacity, self.width, device=device, dtype=dtype)
        return SuperpositionDequeState(
            cells=cells, lengths=lengths, overflow=torch.zeros(batch, device=device, dtype=dtype)
        )

    def advance(self, state: SuperpositionDequeState, *operands: Tensor) -> SuperpositionDequeState:
        action, value = operands
        capacity, lengths = self.capacity, state.lengths
        place = torch.arange(capacity, device=value.device)
        within = (place < torch.arange(capacity + 1, device=value.device)[:, None])[..., None]
        cells = torch.where(within, state.cells, 0.0)
        shorter = functional.pad(lengths[:, :-1], [1, 0])
        put_length = shorter + functional.pad(lengths[:, -1:], [capacity, 0])
        got_length = functional.pad(lengths[:, 1:], [0, 1]) + functional.pad(lengths[:, :1], [0, capacity])

        # What a put brings in, at (new length, place): at the front place 0, at the back the last place.
        new = shorter[:, 1:, None, None] * value[:, None, None]
        length = torch.arange(1, capacity + 1, device=value.device)
        at_front = functional.pad(new, [0, 0, 0, capacity - 1, 1, 0])
        at_back = functional.pad(new * (place == length[:, None] - 1)[..., None], [0, 0, 0, 0, 1, 0])

        full = functional.pad(cells[:, -1:], [0, 0, 0, 0, capacity, 0])
        pushed_back = functional.pad(cells[:, :-1], [0, 0, 0, 0, 1, 0])
        pushed_front = functional.pad(cells[:, :-1, :-1], [0, 0, 1, 0, 1, 0])
        got_front = functional.pad(cells[:, 1:, 1:], [0, 0, 0, 1, 0, 1])
        got_back = torch.where(within, functional.pad(cells[:, 1:], [0, 0, 0, 0, 0, 1]), 0.0)

        weight = action[..., None, None, None].unbind(1)
        return SuperpositionDequeState(
            cells=weight[PUT_FRONT] * (pushed_front + at_front + full)
            + weight[PUT_BACK] * (pushed_back + at_back + full)
            + weight[GET_FRONT] * got_front
            + weight[GET_BACK] * got_back
            + weight[STAY] * cells,
            lengths=action[:, : PUT_BACK + 1].sum(1, keepdim=True) * put_length
            + action[:, GET_FRONT : GET_BACK + 1].sum(1, keepdim=True) * got_length
            + action[:, STAY:] * lengths,
            overflow=state.overflow + action[:, : PUT_BACK + 1].sum(1) * lengths[:, -1],
        )

    def read(self, state: SuperpositionDequeState) -> Tensor:
        front = state.cells[:, 1:, 0].sum(1)
        back = torch.diagonal(state.cells[:, 1:], dim1=1, dim2=2).sum(-1)
        return torch.cat([front, back], dim=1)

    def size(self, state: SuperpositionDequeState) -> Tensor:
        length = torch.arange(self.capacity + 1, device=state.lengths.device, dtype=state.lengths.dtype)
        return (state.lengths * length).sum(1)

    def contents(self, state: SuperpositionDequeState) -> Tensor:
        return state.cells.sum(1)

    def reference(self) -> PlainDeque:
        return PlainDeque(capacity=self.capacity, width=self.width)

    def _fused(
        self, state: SuperpositionDequeState, actions: Tensor, values: Tensor
    ) -> tuple[SuperpositionDequeState, Tensor]:
        from neurallambda.structures.superposition.numba.deque import scan_fused

        reads, *after = scan_fused(self._by_tensors, actions, values, state.cells, state.lengths, state.overflow)
        return SuperpositionDequeState(*after), reads

    def _by_tensors(self, actions: Tensor, values: Tensor, *fields: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        after, reads = self.scan(SuperpositionDequeState(*fields), actions, values, form="steps")
        return reads, after.cells, after.lengths, after.overflow
