"""Which packet goes on next.

Packets after a branch first: they run on until they come to a place where others may join them. Such places are barriers:
where branches meet and where calls return, then the starts of functions, the deepest first. Without the last, a loop that
some worlds have gone round once more than others would never bring them together again.
"""

import heapq

from neurallambda.worlds.code import Code
from neurallambda.worlds.packet import Packet, join

RUNNING, MEETING, ENTERING = range(3)
"""What a packet waits at: nothing, a place where branches meet or a call returns, the start of a function."""


class Schedule:
    """The packets that wait, by where they are."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.order: list[tuple[bool, int, int, int]] = []
        self.packets: dict[tuple[bool, int, int, int], list[Packet]] = {}

    def push(self, packet: Packet, barrier: int) -> None:
        """Let a packet wait."""
        key = (barrier != RUNNING, -packet.depth, barrier, packet.at)
        if key in self.packets:
            self.packets[key].append(packet)
        else:
            self.packets[key] = [packet]
            heapq.heappush(self.order, key)

    def pop(self) -> Packet | None:
        """The packets that go on next, as one; None: there are none."""
        if not self.order:
            return None
        packets = self.packets.pop(heapq.heappop(self.order))
        return join(packets, self.code.instructions[packets[0].at].before)
