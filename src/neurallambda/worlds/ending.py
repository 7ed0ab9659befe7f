"""The worlds of a run that have ended, as one packet."""

import torch

from neurallambda.worlds.circuit import Weight, joined
from neurallambda.worlds.merge import merge
from neurallambda.worlds.packet import Packet
from neurallambda.worlds.state import Run
from neurallambda.worlds.words import column


def ended(run: Run) -> Packet:
    """All worlds that have ended, equal ones as one; their weight is a layer of the circuit."""
    if not run.ended:
        empty = torch.zeros(0, dtype=torch.int64)
        weight = Weight(run.circuit, 0, empty, None, 0).settle()
        return Packet(0, 0, {0: empty}, 0, empty, weight, {})
    packet = Packet(
        0,
        0,
        {0: torch.cat([column(one.values, len(one.rows)) for one in run.ended])},
        0,
        torch.cat([one.rows for one in run.ended]),
        joined([one.weight for one in run.ended]),
        {},
        is_dirty=True,
    )
    if run.heap.hashing and run.settings.merging:
        packet = merge(packet, run.heap, run.code)
    packet.weight = packet.weight.settle()
    return packet
