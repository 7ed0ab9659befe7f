"""Differentiable data structures: exact at the corners, smooth between them, one interface for all.

Each is a frozen description with `init`, `step`, `scan` and `read`; see `protocol` for what they share.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurallambda.structures.data_latch import DataLatch as DataLatch
    from neurallambda.structures.hard_queue import HardQueue as HardQueue
    from neurallambda.structures.hard_stack import HardStack as HardStack
    from neurallambda.structures.latch import Latch as Latch
    from neurallambda.structures.linked_list import LinkedList as LinkedList
    from neurallambda.structures.masks import mask_of_lengths as mask_of_lengths
    from neurallambda.structures.memory import Memory as Memory
    from neurallambda.structures.memory import Similarity as Similarity
    from neurallambda.structures.multiset import Multiset as Multiset
    from neurallambda.structures.multiset import member as member
    from neurallambda.structures.operand import Kind as Kind
    from neurallambda.structures.operand import Operand as Operand
    from neurallambda.structures.pointer_stack import PointerStack as PointerStack
    from neurallambda.structures.priority_queue import PriorityQueue as PriorityQueue
    from neurallambda.structures.protocol import Structure as Structure
    from neurallambda.structures.strength_deque import StrengthDeque as StrengthDeque
    from neurallambda.structures.strength_queue import StrengthQueue as StrengthQueue
    from neurallambda.structures.strength_stack import StrengthStack as StrengthStack
    from neurallambda.structures.superposition_deque import SuperpositionDeque as SuperpositionDeque
    from neurallambda.structures.superposition_queue import SuperpositionQueue as SuperpositionQueue
    from neurallambda.structures.superposition_stack import SuperpositionStack as SuperpositionStack
    from neurallambda.structures.symbol_set import SymbolSet as SymbolSet
    from neurallambda.structures.tape import Tape as Tape
    from neurallambda.structures.tree import Tree as Tree
    from neurallambda.structures.tree import mapped as mapped

_HOME = {
    "DataLatch": "data_latch",
    "HardQueue": "hard_queue",
    "HardStack": "hard_stack",
    "Kind": "operand",
    "Latch": "latch",
    "LinkedList": "linked_list",
    "Memory": "memory",
    "Multiset": "multiset",
    "Operand": "operand",
    "PointerStack": "pointer_stack",
    "PriorityQueue": "priority_queue",
    "Similarity": "memory",
    "StrengthDeque": "strength_deque",
    "StrengthQueue": "strength_queue",
    "StrengthStack": "strength_stack",
    "Structure": "protocol",
    "SuperpositionDeque": "superposition_deque",
    "SuperpositionQueue": "superposition_queue",
    "SuperpositionStack": "superposition_stack",
    "SymbolSet": "symbol_set",
    "Tape": "tape",
    "Tree": "tree",
    "mapped": "tree",
    "mask_of_lengths": "masks",
    "member": "multiset",
}


def __getattr__(name: str) -> object:
    """Import what is asked for: `python -m neurallambda.structures.NAME` must not find NAME imported already."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)
