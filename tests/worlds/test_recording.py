"""A recording with numbers is a run: for the same and for other numbers, from a file, on rows of all kinds."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings

import neurallambda as nl
from neurallambda.lang.terms import Program
from neurallambda.worlds import Found, Worlds, load_recording
from tests.worlds.test_enumeration import EXACT, SLOW, told
from tests.worlds.test_models import ADD, sums
from tests.worlds.uncertain_programs import INTEGERS, data, uncertain_programs

WORLDS = Worlds(integers=INTEGERS)


def alike(one: Found, other: Found) -> None:
    torch.testing.assert_close(one.log_evidence, other.log_evidence, rtol=0, atol=EXACT)
    for row in range(len(one)):
        assert told(one, row) == pytest.approx(told(other, row), abs=EXACT)


@settings(max_examples=12, deadline=None, suppress_health_check=SLOW)
@given(uncertain_programs())
def test_random_programs(program: Program) -> None:
    compiled, other = WORLDS.compile(program), data(2, seed=9)
    recording = compiled.record(data(2, seed=8).holes(), batch=2)
    wanted: dict[str, Any] = {name: value for name, value in other.holes().items() if name in recording.holes.names}
    alike(recording(wanted), compiled.infer(other.holes(), batch=2))


def test_from_a_file(tmp_path: Path) -> None:
    source = "(observe (or ?c (flip 1 3))) (if (< (sum ?xs) ?least) (car ?xs) (/ 6 (sample ?d)))"
    holes = {
        "c": nl.Soft((True, False), torch.tensor([[0.0, 1.0], [2.0, 0.0]])),
        "xs": nl.Rows([[nl.Soft((0, 1), torch.zeros(2)), 1], []]),
        "d": nl.Chances((0, 2), (1, 3)),
        "least": torch.tensor([2, 5]),
    }
    recording = WORLDS.compile(source).record(holes)
    recording.save(tmp_path / "some.pt")
    loaded = load_recording(tmp_path / "some.pt")
    logits = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    for one in (recording, loaded):
        found = one(c=logits)
        alike(found, WORLDS.compile(source).infer({**holes, "c": nl.Soft((True, False), logits)}))
        assert found.posterior("xs")[0][1] == 1
        assert [likeliest.holes["xs"] for likeliest in found.likeliest() if likeliest] == [[0, 1], []]
        error = found.error(1, nl.ErrorKind.NOT_A_PAIR)
        assert error is not None
        assert error.message == "`car` was given '(), which is no pair"


def test_what_is_no_recording(tmp_path: Path) -> None:
    path = tmp_path / "other.pt"
    torch.save({"a": torch.zeros(2)}, path)
    with pytest.raises(nl.ArgumentError, match="holds no recording"):
        load_recording(path)
    path.write_bytes(b"nothing")
    with pytest.raises(nl.ArgumentError, match="holds no recording"):
        load_recording(path)


def test_numbers_that_are_none() -> None:
    recording = Worlds().compile("?a").record(a=nl.Soft((1, 2), torch.zeros(2)))
    for logits in ([math.nan, 0.0], [math.inf, 0.0], [-math.inf, -math.inf]):
        with pytest.raises(nl.ArgumentError, match=r"holes\['a'\]: got logits that are NaN"):
            recording(a=torch.tensor(logits))


def test_a_recording_that_is_not_whole(tmp_path: Path) -> None:
    path = tmp_path / "recording"
    Worlds().compile("(+ ?a 1)").record(a=nl.Soft((1, 2), torch.zeros(2))).save(path)
    whole = torch.load(path, weights_only=True)
    for left_out in (set(whole) - {"format"}, {"batch"}, {"blocks"}, {"counts"}):
        torch.save({key: value for key, value in whole.items() if key not in left_out}, path)
        with pytest.raises(nl.ArgumentError, match="holds a recording that is not whole"):
            load_recording(path)
    for name, wrong in (("programs", ["(+ 1"]), ("given", [1]), ("layers", [1]), ("observed", [3])):
        torch.save({**whole, name: wrong}, path)
        with pytest.raises(nl.ArgumentError, match="holds a recording that is not whole"):
            load_recording(path)


def test_numbers_that_do_not_fit() -> None:
    recording = WORLDS.compile("(+ ?a ?b)").record(a=nl.Soft((1, 2), torch.zeros(2)), b=[1][0])
    with pytest.raises(nl.ArgumentError, match=r"holes\['b'\]: the uncertain holes of this recording are: a"):
        recording(b=torch.zeros(2))
    with pytest.raises(nl.ArgumentError, match=r"holes\['a'\]: got logits for"):
        recording(a=torch.zeros(3, 2))
    with pytest.raises(nl.ArgumentError, match="not of the form that was recorded"):
        recording(a=nl.Soft((1, 3), torch.zeros(2)))


def test_a_recording_learns_the_digits_from_their_sums() -> None:
    """Gradients through a recording are those of the run, in a batch with lists of different lengths."""
    xs, ys, target = sums(3, 4, seed=6)
    lengths = torch.tensor([3, 3, 3, 3])
    compiled = Worlds().compile(ADD)
    holes = {"xs": nl.Soft(range(10), xs, lengths), "ys": nl.Soft(range(10), ys), "target": target}
    recording = compiled.record(holes)
    new = (0.3 * xs).requires_grad_()
    (mine,) = torch.autograd.grad(recording(xs=new).log_evidence.sum(), new)
    (theirs,) = torch.autograd.grad(
        compiled.infer({**holes, "xs": nl.Soft(range(10), new, lengths)}).log_evidence.sum(), new
    )
    torch.testing.assert_close(mine, theirs, rtol=0, atol=EXACT)


def test_what_is_not_always_drawn_has_the_posterior_of_the_new_logits() -> None:
    program = Worlds().compile("(if ?c ?a 0)")
    generator = torch.Generator().manual_seed(5)
    shapes = {"c": (2, 2), "a": (2, 3)}
    old, new = ({name: torch.randn(shape, generator=generator) for name, shape in shapes.items()} for _ in range(2))

    def soft(logits: dict[str, torch.Tensor]) -> dict[str, nl.Soft]:
        return {"c": nl.Soft((False, True), logits["c"]), "a": nl.Soft(range(3), logits["a"])}

    again = program.record(soft(old))(soft(new))
    for name in shapes:
        torch.testing.assert_close(again.posterior(name), program.infer(soft(new)).posterior(name))


def test_the_logits_of_one_hole_need_no_name() -> None:
    logits = torch.tensor([[0.0, 1.0]])
    recording = Worlds().compile("(+ ?a ?n)").record(a=nl.Soft((1, 2), logits), n=3)
    torch.testing.assert_close(recording(-logits).probability(4), recording(a=-logits).probability(4))
    two = Worlds().compile("(+ ?a ?b)").record(a=nl.Soft((1, 2), logits), b=nl.Soft((1, 2), logits))
    with pytest.raises(nl.ArgumentError, match=r"holes: got logits without a name; the uncertain holes .* are: a, b"):
        two(logits)


def test_where_it_cannot_be_written_and_files_without_anything(tmp_path: Path) -> None:
    recording = Worlds().compile("?a").record(a=nl.Soft((1, 2), torch.zeros(2)))
    with pytest.raises(FileNotFoundError):
        recording.save(tmp_path / "nowhere" / "recording")
    (tmp_path / "empty").touch()
    with pytest.raises(nl.ArgumentError, match=r"holds no recording \(EOFError\)"):
        load_recording(tmp_path / "empty")
