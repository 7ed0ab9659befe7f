"""From words back to values of the language."""

from collections.abc import Sequence

from neurallambda.lang.core import Delay, Lambda
from neurallambda.lang.terms import PRIMITIVES
from neurallambda.lang.values import Closure, Pair, Partial, Value
from neurallambda.worlds.code import Code, Function
from neurallambda.worlds.heap import Heap
from neurallambda.worlds.words import INDEX, LEAST_OF_A_KIND, SHIFT, Kind, word_atom


class _Closure(Closure):
    """A closure with its captured values."""

    __slots__ = ("captured", "function", "given")

    def __init__(self, function: Function, captured: Sequence[Value]) -> None:
        self.function = function
        self.captured = captured

    @property
    def code(self) -> Lambda | Delay:  # pyright: ignore[reportIncompatibleVariableOverride]
        assert self.function.node is not None
        return self.function.node

    def lookup(self, binder: Lambda) -> Value:
        return self.captured[self.function.captured.index(binder)]


def decode(values: Sequence[int], heap: Heap, code: Code) -> list[Value]:
    """The values that words stand for; what they share, they share as values too."""
    words = heap.words.tolist() if len(values) > 64 else heap.words
    done: dict[int, Value] = {}
    for value in values:
        todo = [value]
        while todo:
            one = todo[-1]
            if one in done:
                todo.pop()
                continue
            if one < LEAST_OF_A_KIND or one >> SHIFT == Kind.ATOM:
                done[one] = word_atom(one)
                continue
            kind, address = one >> SHIFT, (one & INDEX) + heap.first
            first = int(words[address])
            if kind == Kind.PAIR:
                fields = [first, int(words[address + 1])]
            elif kind == Kind.PARTIAL:
                fields = [int(words[address + 1])]
            else:
                count = len(code.functions[first].captured)
                fields = [int(one) for one in words[address + 1 : address + 1 + count]]
            waiting = [field for field in fields if field not in done]
            if waiting:
                todo += waiting
                continue
            inner = [done[field] for field in fields]
            if kind == Kind.PAIR:
                done[one] = Pair(*inner)
            elif kind == Kind.PARTIAL:
                done[one] = Partial(PRIMITIVES[first], inner[0])
            else:
                done[one] = _Closure(code.functions[first], inner)
    return [done[value] for value in values]
