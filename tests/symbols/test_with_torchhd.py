"""Vector-symbolic operations come from torchhd: its bindings are undone on vectors of our codebooks."""

from typing import Any

import pytest
import torch

from neurallambda.symbols import Codebook

torchhd: Any = pytest.importorskip("torchhd")


def test_a_record_gives_back_what_was_bound_in_it() -> None:
    codebook = Codebook.make(
        ["name", "age", "town", "Ada", 36, "London"],
        kind="bipolar",
        vec_size=1024,
        generator=torch.Generator().manual_seed(0),
    )
    roles, fillers = ["name", "age", "town"], ["Ada", 36, "London"]
    pairs = torchhd.bind(*(codebook.project(part).as_subclass(torchhd.MAPTensor) for part in (roles, fillers)))
    record = torchhd.multiset(pairs)
    answers = torchhd.bind(record, codebook.project(roles).as_subclass(torchhd.MAPTensor))
    found, similarity = codebook.unproject(answers.as_subclass(torch.Tensor))
    assert found == fillers
    assert similarity.min() > 0.4
