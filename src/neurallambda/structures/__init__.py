"""Differentiable data structures: exact at the corners, smooth between them, one interface for all.

Each is a frozen description with `init`, `step`, `scan` and `read`; see `protocol` for what they share.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurallambda.structures.arena.linked_list import LinkedList as LinkedList
    from neurallambda.structures.arena.tree import Tree as Tree
    from neurallambda.structures.arena.tree import mapped as mapped
    from neurallambda.structures.cell_array.array import CellArray as CellArray
    from neurallambda.structures.data_latch import DataLatch as DataLatch
    from neurallambda.structures.hard.queue import HardQueue as HardQueue
    from neurallambda.structures.hard.stack import HardStack as HardStack
    from neurallambda.structures.instruction.masks import mask_of_lengths as mask_of_lengths
    from neurallambda.structures.instruction.operand import Kind as Kind
    from neurallambda.structures.instruction.operand import Operand as Operand
    from neurallambda.structures.latch import Latch as Latch
    from neurallambda.structures.memory import Memory as Memory
    from neurallambda.structures.memory import Similarity as Similarity
    from neurallambda.structures.multiset import Multiset as Multiset
    from neurallambda.structures.multiset import member as member
    from neurallambda.structures.permutation import move as move
    from neurallambda.structures.permutation import swap as swap
    from neurallambda.structures.pointer_stack import PointerStack as PointerStack
    from neurallambda.structures.priority_queue import PriorityQueue as PriorityQueue
    from neurallambda.structures.program_stack import ProgramStack as ProgramStack
    from neurallambda.structures.protocol import Structure as Structure
    from neurallambda.structures.strength.deque import StrengthDeque as StrengthDeque
    from neurallambda.structures.strength.queue import StrengthQueue as StrengthQueue
    from neurallambda.structures.strength.stack import StrengthStack as StrengthStack
    from neurallambda.structures.superposition.deque import SuperpositionDeque as SuperpositionDeque
    from neurallambda.structures.superposition.queue import SuperpositionQueue as SuperpositionQueue
    from neurallambda.structures.superposition.stack import SuperpositionStack as SuperpositionStack
    from neurallambda.structures.symbol_set import SymbolSet as SymbolSet
    from neurallambda.structures.tape import Tape as Tape

_HOME = {
    "CellArray": "cell_array.array",
    "DataLatch": "data_latch",
    "HardQueue": "hard.queue",
    "HardStack": "hard.stack",
    "Kind": "instruction.operand",
    "Latch": "latch",
    "LinkedList": "arena.linked_list",
    "Memory": "memory",
    "Multiset": "multiset",
    "Operand": "instruction.operand",
    "PointerStack": "pointer_stack",
    "PriorityQueue": "priority_queue",
    "ProgramStack": "program_stack",
    "Similarity": "memory",
    "StrengthDeque": "strength.deque",
    "StrengthQueue": "strength.queue",
    "StrengthStack": "strength.stack",
    "Structure": "protocol",
    "SuperpositionDeque": "superposition.deque",
    "SuperpositionQueue": "superposition.queue",
    "SuperpositionStack": "superposition.stack",
    "SymbolSet": "symbol_set",
    "Tape": "tape",
    "Tree": "arena.tree",
    "mapped": "arena.tree",
    "mask_of_lengths": "instruction.masks",
    "member": "multiset",
    "move": "permutation",
    "swap": "permutation",
}

__all__ = [
    "CellArray",
    "DataLatch",
    "HardQueue",
    "HardStack",
    "Kind",
    "Latch",
    "LinkedList",
    "Memory",
    "Multiset",
    "Operand",
    "PointerStack",
    "PriorityQueue",
    "ProgramStack",
    "Similarity",
    "StrengthDeque",
    "StrengthQueue",
    "StrengthStack",
    "Structure",
    "SuperpositionDeque",
    "SuperpositionQueue",
    "SuperpositionStack",
    "SymbolSet",
    "Tape",
    "Tree",
    "mapped",
    "mask_of_lengths",
    "member",
    "move",
    "swap",
]


def __getattr__(name: str) -> object:
    """Import what is asked for, and nothing else."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)
