"""Runs that leave out light worlds tell how much that was, and are exact where it was nothing."""

import pytest
import torch

import neurallambda as nl
from neurallambda.worlds import Worlds
from tests.worlds.test_models import ADD, forward, sums

WALK = """
(defn walk [steps place] (if (= steps 0) place (walk (- steps 1) (+ place (if (flip 3 10) 1 0)))))
(let [end (walk ?steps 0)] (if (observe (> end 2)) end 0))
"""


def test_what_is_lost_bounds_the_evidence() -> None:
    exact = Worlds().compile(WALK).infer(steps=12).log_evidence.exp()
    for worlds in (Worlds(keep=4), Worlds(keep=6), Worlds(least=1e-3), Worlds(least=1e-2, keep=8)):
        found = worlds.compile(WALK).infer(steps=12)
        evidence = found.log_evidence.exp()
        assert float(found.lost) > 0
        assert float(evidence) < float(exact) <= float(evidence + found.lost) + 1e-12
        assert found.run.most <= 2 * 8 if worlds.settings.keep else True
    assert float(Worlds(keep=50, least=0.0).compile(WALK).infer(steps=12).lost) == 0


def test_rows_are_bounded_one_by_one() -> None:
    xs, ys, target = sums(4, 3, seed=3)
    holes = {"xs": nl.Soft(range(10), 6 * xs), "ys": nl.Soft(range(10), 6 * ys), "target": target}
    exact = forward(6 * xs, 6 * ys, target)
    found = Worlds(keep=8).compile(ADD).infer(holes)
    alone = [
        Worlds(keep=8)
        .compile(ADD)
        .infer(
            xs=nl.Soft(range(10), 6 * xs[row : row + 1]),
            ys=nl.Soft(range(10), 6 * ys[row : row + 1]),
            target=target[row : row + 1],
        )
        for row in range(3)
    ]
    torch.testing.assert_close(found.log_evidence, torch.cat([one.log_evidence for one in alone]))
    torch.testing.assert_close(found.lost, torch.cat([one.lost for one in alone]))
    assert bool((found.log_evidence <= exact + 1e-12).all())
    assert bool((found.log_evidence.exp() + found.lost >= exact.exp() - 1e-12).all())


def test_gradients_of_what_was_kept() -> None:
    logits = torch.tensor([0.0, 1.0, 3.0], dtype=torch.float64, requires_grad=True)
    found = (
        Worlds(keep=2).compile("(let [x ?a] (if (< x 9) ((fn [y] (* y x)) x) 0))").infer(a=nl.Soft((1, 2, 3), logits))
    )
    found.log_evidence.sum().backward()
    assert logits.grad is not None
    assert bool(logits.grad.isfinite().all())


def test_what_makes_no_sense() -> None:
    with pytest.raises(nl.ArgumentError, match="keep: got 0"):
        Worlds(keep=0)
    with pytest.raises(nl.ArgumentError, match=r"least: got 1\.5"):
        Worlds(least=1.5)
    with pytest.raises(nl.ArgumentError, match="record: this engine keeps only the heaviest worlds"):
        Worlds(keep=3).compile("?a").record(a=nl.Chances((1, 2), (1, 1)))
