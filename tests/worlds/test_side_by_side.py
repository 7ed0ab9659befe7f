"""Several programs in one run: each row ends as its program does by itself."""

from pathlib import Path

import pytest
import torch

import neurallambda as nl
from neurallambda.worlds import Found, Worlds, load_recording
from neurallambda.worlds.plain import CROSSING

SOURCES = (
    "(observe (< (+ ?a ?b) 4)) (+ ?a ?b)",
    "(defn f [n] (if (= n 0) 1 (* n (f (- n 1))))) (f ?a)",
    "(def limit 2) (defn f [x] (if (flip 1 3) (* x limit) (/ x (- ?b 1)))) (f ?a)",
    "(map (fn [x] (+ x (sample ?b))) '(?a ?a))",
    "(defn-memo f [n] (if (= n 0) 0 (+ (if (flip 1 2) 1 0) (f (- n 1))))) (f 3)",
    "(observe false) 1",
)
ROWS = (3, 0, 0, 5, 2, 1, 4, 3)


def data(rows: int) -> dict[str, nl.Soft]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, rows, 4, generator=generator, dtype=torch.float64)
    return {"a": nl.Soft(range(4), logits[0]), "b": nl.Soft(range(4), logits[1])}


def row(holes: dict[str, nl.Soft], at: int) -> dict[str, nl.Soft]:
    return {name: nl.Soft(one.values, one.logits[at : at + 1]) for name, one in holes.items()}


def alone(at: int) -> Found:
    """A row by itself."""
    return Worlds().compile(SOURCES[ROWS[at]]).infer(row(data(len(ROWS)), at))


def told(found: Found, at: int) -> dict[str, float]:
    return {
        nl.lang.to_text(end) if not isinstance(end, nl.ErrorKind) else str(end): float(chance)
        for end, chance in found.distribution()[at]
    }


@pytest.mark.parametrize("which", [ROWS, torch.tensor(ROWS)], ids=["tuple", "tensor"])
def test_each_row_ends_as_by_itself(which: tuple[int, ...] | torch.Tensor, tmp_path: Path) -> None:
    program = Worlds().compile(SOURCES)
    found = program.infer(data(len(ROWS)), which=which)
    program.record(data(len(ROWS)), which=which).save(tmp_path / "recording")
    for one in (
        found,
        program.record(data(len(ROWS)), which=which)(),
        load_recording(tmp_path / "recording")(data(len(ROWS))),
    ):
        for at in range(len(ROWS)):
            other = alone(at)
            assert told(one, at) == pytest.approx(told(other, 0), abs=1e-12)
            torch.testing.assert_close(one.log_evidence[at], other.log_evidence[0], rtol=0, atol=1e-12)
            for name in ("a", "b"):
                mine, theirs = (
                    one.posterior(name)[at],
                    other.posterior(name)[0] if name in other.run.holes.numbers else None,
                )
                if theirs is not None:
                    torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-12)


def test_errors_are_told_with_the_place_in_their_own_program() -> None:
    found = Worlds().compile(SOURCES).infer(data(len(ROWS)), which=ROWS)
    for at in (3, 4):
        mine, theirs = found.error(at), alone(at).error()
        assert mine is not None
        assert theirs is not None
        assert mine.kind is theirs.kind
        assert str(mine).replace(f"row {at}: ", "") == str(theirs)
    assert found.likeliest()[3] is None
    likeliest, by_itself = found.likeliest()[7], alone(7).likeliest()[0]
    assert likeliest is not None
    assert by_itself is not None
    assert (likeliest.end, likeliest.draws) == (by_itself.end, by_itself.draws)


@pytest.mark.parametrize("repeats", [1, CROSSING])
def test_certain_programs_side_by_side(repeats: int) -> None:
    sources = ("(* ?n ?n)", "(sum (range 0 ?n))", "(/ 1 (- ?n ?n))")
    n = torch.arange(3 * repeats)
    which = [0, 1, 2] * repeats
    found = Worlds().compile(sources).infer(n=n, which=which)
    wanted = [nl.evaluate(sources[one], holes={"n": int(value)}) for one, value in zip(which, n, strict=True)]
    assert [
        str(end) if isinstance(end, nl.ErrorKind) else nl.lang.to_text(end) for ((end, _),) in found.distribution()
    ] == [str(one.error or one.text) for one in wanted]
    error = found.error(2)
    assert error is not None
    assert error.message == "`/` was asked to divide 1 by zero"


def test_without_a_word_each_program_has_a_row() -> None:
    found = Worlds().compile(["?a", "(+ ?a 1)"]).infer(a=nl.Chances((1, 2), (1, 3)))
    assert found.probability(2).tolist() == pytest.approx([0.75, 0.25])


def test_gradients_go_to_the_rows() -> None:
    logits = torch.zeros(2, 3, requires_grad=True)
    found = Worlds().compile(["(observe (= ?a 0))", "(observe (> ?a 0))"]).infer(a=nl.Soft(range(3), logits))
    found.log_evidence.sum().backward()
    torch.testing.assert_close(logits.grad, torch.tensor([[2 / 3, -1 / 3, -1 / 3], [-1 / 3, 1 / 6, 1 / 6]]))


def test_what_makes_no_sense() -> None:
    program = Worlds().compile(["?a", "(+ ?a 1)"])
    for which in ([], [0, 2], [-1], [True], "01", [0.5], torch.zeros(2), torch.tensor(1)):
        with pytest.raises(nl.ArgumentError, match="which: got"):
            program.infer(a=1, which=which)  # pyright: ignore[reportArgumentType]
    with pytest.raises(nl.ArgumentError, match="empty list"):
        Worlds().compile([])
    with pytest.raises(nl.ArgumentError, match=r"3 rows|as many"):
        program.infer(a=torch.tensor([1, 2, 3]))
    with pytest.raises(nl.ArgumentError, match="batch: got 3"):
        program.infer(a=1, batch=3)
    with pytest.raises(nl.ArgumentError, match="expected one"):
        program.shortcuts(symbols={"a": [1]}, values=(1, 2))
