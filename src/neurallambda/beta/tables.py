"""The rules as tensors."""

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from neurallambda.beta.alphabet import (
    BASE,
    CONSTRUCTORS,
    OPERATORS,
    POINTS_FIRST,
    POINTS_SECOND,
    REDEXES,
    STUCK,
    Tag,
)
from neurallambda.beta.rules import FRAMES, PARTS, Ask, Move, Part, Wrong, respond, respond_unary
from neurallambda.lang.terms import UNARY_PRIMITIVES
from neurallambda.state import state

RESPONSES = (*Move, *Ask, *Wrong)
UNARY_RESPONSES = tuple(
    dict.fromkeys(respond_unary(name, tag) for name in OPERATORS if name in UNARY_PRIMITIVES for tag in Tag)
)
"""Those to the application of a unary primitive."""
MADE = (Move.PAIR, Move.PARTIAL, Move.TRUE, Move.FALSE, Move.INTEGER)
"""The moves by which a cell becomes something in place, whose tag has the same name."""
PATTERNS = tuple(dict.fromkeys(PARTS.values()))
"""What normal forms may demand of two columns."""
CLASSES = (BASE, CONSTRUCTORS, REDEXES, STUCK, frozenset({Tag.ROOT}))


@state
class Tables:
    """The rules, and what tags mean.

    Attributes:
        points: whether each column of a cell with each tag is a reference.
        classes: whether each tag is base, a constructor, a redex, stuck, the root.
        patterns: what each tag's normal form demands of its columns, as one of `PATTERNS`.
        parts: for each pattern and column, one of `Part`.
        responses: of a redex, by its tag and the one under its first column.
        nested: by the same two tags, whether the outer one of two frames goes at once.
        unary: responses of an application of a primitive, by operator and the tag of the operand.
        made: the tag that a cell gets by each of the moves `MADE`.
    """

    points: Float[Tensor, "tags 2"]
    classes: Float[Tensor, "tags classes"]
    patterns: Float[Tensor, "tags patterns"]
    parts: Float[Tensor, "patterns 2 parts"]
    responses: Float[Tensor, "tags_tags responses"]
    nested: Float[Tensor, "tags_tags 1"]
    unary: Float[Tensor, "operators_tags unary_responses"]
    made: Float[Tensor, "made tags"]

    @staticmethod
    @lru_cache(maxsize=16)
    def of(device: torch.device, dtype: torch.dtype) -> "Tables":
        """Write the rules as tensors, once for a device and a type."""

        @torch.inference_mode(False)  # they are kept, and another run may differentiate by what they weigh
        def tensor(rows: object) -> Tensor:
            return torch.tensor(rows, device=device, dtype=dtype)

        return Tables(
            points=tensor([[tag in POINTS_FIRST, tag in POINTS_SECOND] for tag in Tag]),
            classes=tensor([[tag in members for members in CLASSES] for tag in Tag]),
            patterns=tensor([[PARTS.get(tag) == pattern for pattern in PATTERNS] for tag in Tag]),
            parts=tensor([[[part is kind for kind in Part] for part in pattern] for pattern in PATTERNS]),
            responses=tensor(
                [
                    [tag in REDEXES and respond(tag, under) is response for response in RESPONSES]
                    for tag in Tag
                    for under in Tag
                ]
            ),
            nested=tensor([[tag in FRAMES and under in FRAMES] for tag in Tag for under in Tag]),
            unary=tensor(
                [
                    [name in UNARY_PRIMITIVES and respond_unary(name, tag) is response for response in UNARY_RESPONSES]
                    for name in OPERATORS
                    for tag in Tag
                ]
            ),
            made=tensor([[tag.name == move.name for tag in Tag] for move in MADE]),
        )
