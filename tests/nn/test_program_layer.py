"""Programs as layers: exact, trained through, moved, exported; and banks of them."""

import copy
import math
from pathlib import Path

import pytest
import torch

import neurallambda as nl
from neurallambda.nn import ProgramBank, ProgramLayer


def test_it_gives_the_distribution_of_the_program() -> None:
    layer = ProgramLayer("(* (sum ?xs) ?factor)", inputs={"xs": (0, 1)}, output=(0, 3, 6, 7))
    logits = torch.randn(4, 2, 2, generator=torch.Generator().manual_seed(0))
    found = layer(logits, factor=3)
    one = logits.softmax(-1)[..., 1]
    expected = [(1 - one[:, 0]) * (1 - one[:, 1]), one[:, 0] + one[:, 1] - 2 * one.prod(1), one.prod(1)]
    torch.testing.assert_close(found.exp()[:, :3], torch.stack(expected, 1), rtol=0, atol=1e-6)
    assert found.dtype == torch.float32
    assert bool((found[:, 3] < -1e29).all())


def test_what_is_certain_is_remembered_by_its_value() -> None:
    layer = ProgramLayer("(observe (= (sum ?xs) ?total))", inputs={"xs": range(3)}, remembered=2)
    logits = torch.zeros(2, 2, 3)
    for total in ([0, 1], [2, 3], [0, 1], [4, 9]):
        found = layer(logits, total=torch.tensor(total)).exp()
        expected = [{0: 1, 1: 2, 2: 3, 3: 2, 4: 1}.get(one, 0) / 9 for one in total]
        assert found.tolist() == pytest.approx(expected, abs=1e-6)
    lengths = {"xs": torch.tensor([1, 2])}
    assert layer(logits, lengths=lengths, total=1).exp().tolist() == pytest.approx([1 / 3, 2 / 9], abs=1e-6)
    assert len(layer._recordings) == 2  # pyright: ignore[reportPrivateUsage]


def test_gradients_go_through_and_stay_finite() -> None:
    layer = ProgramLayer("(observe (= (+ ?a ?b) ?total)) ?a", inputs={"a": range(3), "b": range(3)}, output=range(3))
    a = torch.randn(2, 3, dtype=torch.float64).requires_grad_()
    b = torch.randn(2, 3, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda one, other: layer(one, other, total=2), (a, b))
    impossible = layer(a, b, total=torch.tensor([2, 9]))
    impossible.sum().backward()
    assert a.grad is not None
    assert bool(a.grad.isfinite().all())
    assert a.grad[1].tolist() == [0, 0, 0]


def test_a_network_learns_digits_from_their_sums() -> None:
    """Each symbol is a noisy vector of its own; only sums of two are known."""
    generator = torch.Generator().manual_seed(0)
    prototypes = torch.randn(4, 12, generator=generator)
    network = torch.nn.Linear(12, 4)
    with torch.no_grad():
        network.weight.copy_(0.1 * torch.randn(4, 12, generator=generator))
    layer = ProgramLayer("(+ ?a ?b)", inputs={"a": range(4), "b": range(4)}, output=range(7))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    digits = torch.randint(0, 4, (2, 256), generator=generator)
    images = prototypes[digits] + 0.1 * torch.randn(2, 256, 12, generator=generator)
    for _ in range(60):
        loss = torch.nn.functional.nll_loss(layer(network(images[0]), network(images[1])), digits.sum(0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert network(prototypes).argmax(-1).tolist() == [0, 1, 2, 3]


@pytest.mark.compile
@pytest.mark.parametrize("output", [None, range(5)], ids=["evidence", "outputs"])
def test_it_is_exported(output: range | None) -> None:
    layer = ProgramLayer("(observe (< (+ ?b ?a) 4)) (+ ?a ?b)", inputs={"a": range(3), "b": range(3)}, output=output)
    a, b = torch.randn(2, 3), torch.randn(2, 3)
    fixed = layer.fixed(a, b)
    exported = torch.export.export(fixed, (a, b)).module()
    for one, other in ((a, b), (torch.randn(2, 3), torch.randn(2, 3))):
        torch.testing.assert_close(fixed(one, other), layer(one, other))
        torch.testing.assert_close(exported(one, other), layer(one, other))
    with pytest.raises(nl.ArgumentError, match="logits: got shape"):
        fixed(a[:1], b)


def test_what_does_not_fit() -> None:
    with pytest.raises(nl.ArgumentError, match=r"inputs: the program has no hole \?c; its holes are: a"):
        ProgramLayer("(+ ?a 1)", inputs={"c": (1, 2)})
    layer = ProgramLayer("(+ ?a ?b)", inputs={"a": (1, 2)})
    with pytest.raises(nl.ArgumentError, match="logits: got 2 tensors for the inputs a"):
        layer(torch.zeros(1, 2), torch.zeros(1, 2))
    with pytest.raises(nl.SourceError, match=r"the hole \?b is not filled"):
        layer(torch.zeros(1, 2))


def test_logits_that_are_none() -> None:
    layer = ProgramLayer("(+ ?a ?b)", inputs={"a": range(2), "b": range(2)}, output=range(3))
    good, bad = torch.zeros(2, 2), torch.tensor([[0.0, 0.0], [math.nan, 0.0]])
    layer(good, good)
    with pytest.raises(nl.ArgumentError, match=r"holes\['a'\]: got logits that are NaN"):
        layer(bad, good)
    found = layer.fixed(good, good)(bad, good)  # what is exported can check nothing
    torch.testing.assert_close(found[0], layer(good, good)[0])
    assert found[1].isnan().all()


def test_half_precision_has_finite_logarithms() -> None:
    layer = ProgramLayer("(observe (< ?a 2)) ?a", inputs={"a": range(3)}, output=(0, 2, 5))
    logits = torch.zeros(1, 3, dtype=torch.float16, requires_grad=True)
    for found in (layer(logits), layer.fixed(logits)(logits)):
        assert found.dtype == torch.float16
        assert found[0].tolist() == pytest.approx([math.log(0.5), -65504, -65504], abs=1e-3)
        (gradient,) = torch.autograd.grad(found.sum(), logits)
        assert gradient.isfinite().all()
    evidence = ProgramLayer("(observe (< ?a 0))", inputs={"a": range(3)})
    assert evidence(logits).tolist() == [-65504]


def test_outputs_are_at_least_one() -> None:
    with pytest.raises(nl.ArgumentError, match=r"output: got \[\], expected at least one value"):
        ProgramLayer("(+ ?a ?b)", inputs={"a": range(2), "b": range(2)}, output=[])
    with pytest.raises(nl.ArgumentError, match="output: got 5, expected a sequence or None"):
        ProgramLayer("(+ ?a ?b)", inputs={"a": range(2), "b": range(2)}, output=5)  # pyright: ignore[reportArgumentType]


def test_outputs_may_be_lists_and_errors_and_stand_there_twice() -> None:
    output = [[0, 1], nl.ErrorKind.OVERFLOW, "'(1 1)", [0, 1]]
    layer = ProgramLayer("'(?a 1)", inputs={"a": range(2)}, output=output)
    for found in (layer(torch.zeros(1, 2)), layer.fixed(torch.zeros(1, 2))(torch.zeros(1, 2))):
        assert found.exp()[0].tolist() == pytest.approx([0.5, 0, 0.5, 0.5])
    for wrong, message in (("123", "output: got the text"), ([1.5], "got 1.5, expected an integer")):
        with pytest.raises(nl.ArgumentError, match=message):
            ProgramLayer("?a", inputs={"a": range(2)}, output=wrong)


def test_a_layer_is_copied_and_written_to_a_file_without_its_recordings(tmp_path: Path) -> None:
    layer = ProgramLayer("(let [double (fn [x] (+ x x))] (double ?a))", inputs={"a": range(3)}, output=range(5))
    logits = torch.randn(2, 3)
    expected = layer(logits)
    torch.save(layer, tmp_path / "layer")
    for other in (copy.deepcopy(layer), torch.load(tmp_path / "layer", weights_only=False)):
        assert not other.__dict__["_recordings"]
        assert torch.equal(other(logits), expected)
    assert layer.__dict__["_recordings"]


def test_lengths_and_rows_that_do_not_fit() -> None:
    layer = ProgramLayer("(sum ?xs)", inputs={"xs": range(2)}, output=range(3))
    with pytest.raises(nl.ArgumentError, match="lengths: there is no input 'x'; expected some of xs"):
        layer(torch.zeros(1, 2, 2), lengths={"x": torch.tensor([1])})
    with pytest.raises(nl.ArgumentError, match="logits: got 0 tensors, expected 1"):
        layer.fixed(torch.zeros(1, 2, 2))()
    with pytest.raises(nl.ArgumentError, match="query: got 3 rows, and the data have 2"):
        bank()(torch.zeros(3, 4), x=torch.tensor([1, 2]))
    assert bank()(torch.zeros(3, 4), x=1).shape == (3, 20)


def bank(**more: object) -> ProgramBank:
    programs = {"double": "(+ ?x ?x)", "square": "(* ?x ?x)", "next": "(+ ?x 1)"}
    generator = torch.Generator().manual_seed(0)
    return ProgramBank(programs, output=range(20), width=4, generator=generator, **more)  # pyright: ignore[reportArgumentType]


def test_a_bank_is_the_mixture_of_its_programs() -> None:
    some = bank(inputs={"x": range(4)})
    query, logits = torch.randn(5, 4), torch.randn(5, 4)
    weights = some.weights(query).exp()
    expected = sum(weights[:, k, None] * program(logits).exp() for k, program in enumerate(some.programs))
    torch.testing.assert_close(some(query, logits).exp(), expected)


def test_a_bank_that_is_sure_runs_one_program() -> None:
    some = bank()
    for number, (name, value) in enumerate({"double": "10", "square": "25", "next": "6"}.items()):
        query = 50 * torch.linalg.pinv(some.keys.detach())[:, number]
        assert some.choose(query[None]) == [name]
        assert some.run(query, x=5).text == value
    with pytest.raises(nl.ArgumentError, match="query: got a tensor of"):
        some(torch.zeros(2, 3), x=1)


def test_a_bank_learns_its_keys() -> None:
    some = bank()
    data = torch.tensor([2, 3, 4])
    query = torch.eye(3, 4)
    optimizer = torch.optim.Adam(some.parameters(), lr=0.2)
    for _ in range(40):
        loss = torch.nn.functional.nll_loss(some(query, x=data).clamp_min(-20), torch.tensor([4, 9, 5]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert some.choose(query)[1:] == ["square", "next"]


def test_inputs_may_be_of_different_shapes() -> None:
    layer = ProgramLayer(
        "(observe (= (sum ?xs) (if ?twice (* 2 ?a) ?a)))",
        inputs={"xs": range(3), "a": range(4), "twice": (False, True)},
    )
    generator = torch.Generator().manual_seed(0)
    xs, a, twice = (torch.randn(2, *shape, generator=generator) for shape in ((2, 3), (4,), (2,)))
    found = layer(xs, a, twice)
    one, other, value, double = xs[:, 0].softmax(-1), xs[:, 1].softmax(-1), a.softmax(-1), twice.softmax(-1)
    total = torch.zeros(2)
    for x in range(3):
        for y in range(3):
            for z in range(4):
                for w in range(2):
                    if x + y == z * (w + 1):
                        total += one[:, x] * other[:, y] * value[:, z] * double[:, w]
    torch.testing.assert_close(found.exp(), total)


class Between(torch.nn.Module):
    """A program between two networks."""

    def __init__(self, program: torch.nn.Module) -> None:
        super().__init__()
        self.before = torch.nn.Linear(5, 3)
        self.program = program
        self.after = torch.nn.Linear(5, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        symbols = self.before(images)
        return self.after(self.program(symbols, symbols.flip(0)).exp())


SUM = ProgramLayer("(+ ?a ?b)", inputs={"a": range(3), "b": range(3)}, output=range(5))


def test_it_stands_between_two_networks_and_trains_both() -> None:
    """Whether the sum of two symbols is even: what comes after the program has to learn which sums are."""
    torch.manual_seed(0)
    symbols = torch.arange(3).repeat_interleave(20)[torch.randperm(60)]
    images = torch.randn(3, 5)[symbols] + 0.1 * torch.randn(60, 5)
    even = (symbols + symbols.flip(0)) % 2
    network = Between(SUM)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    for _ in range(150):
        loss = torch.nn.functional.cross_entropy(network(images), even)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert bool((network(images).argmax(-1) == even).all())


@pytest.mark.compile
def test_networks_with_a_program_between_them_are_exported(tmp_path: Path) -> None:
    logits, images = torch.zeros(4, 3), torch.randn(4, 5)
    network = Between(SUM.fixed(logits, logits))
    torch.export.save(torch.export.export(network, (images,)), tmp_path / "network.pt2")
    exported = torch.export.load(tmp_path / "network.pt2").module()
    torch.testing.assert_close(exported(images), network(images))


def test_what_is_fixed_moves_as_a_whole() -> None:
    """A device without numbers refuses to compute with anything that was left behind."""
    logits = torch.zeros(2, 3)
    for fixed in (SUM.fixed(logits, logits), Between(SUM.fixed(logits, logits))):
        moved = fixed.to("meta")
        given = [torch.zeros(2, 5, device="meta")] if isinstance(moved, Between) else 2 * [logits.to("meta")]
        assert moved(*given).device.type == "meta"
        assert {buffer.device.type for buffer in moved.buffers()} == {"meta"}
    assert repr(SUM.fixed(logits, logits)) == "FixedProgram(logits of shape (2, 3), (2, 3) -> 5 outputs)"


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"a": "12"}, r"inputs\['a'\]: got the text '12'"),
        ({"a": (1, 1)}, r"inputs\['a'\]: values: got \(1, 1\); each may stand there once"),
        ({"a": ()}, r"inputs\['a'\]: values: got none"),
        ({"a": ("x",)}, r"'x' is not a primitive"),
    ],
    ids=str,
)
def test_inputs_that_are_none(inputs: dict[str, tuple[int, ...]], message: str) -> None:
    with pytest.raises(nl.ArgumentError, match=message):
        ProgramLayer("(+ ?a 1)", inputs=inputs)


def test_what_a_layer_cannot_use() -> None:
    with pytest.raises(nl.ArgumentError, match="worlds: a layer records its runs"):
        ProgramLayer("?a", inputs={"a": (1, 2)}, worlds=nl.Worlds(keep=1))
    with pytest.raises(nl.ArgumentError, match=r"length: the program has no hole \?length; its holes are: a"):
        ProgramLayer("?a", inputs={"a": (1, 2)})(torch.zeros(1, 2), length=3)


@pytest.mark.compile
def test_lengths_that_are_no_tensors() -> None:
    """With the checks of shapes on these would tell of it."""
    for lengths in (torch.tensor([1, 2]), {"xs": [1, 2]}):
        with pytest.raises(nl.ArgumentError, match=r"lengths: got .* expected a mapping from text to a Tensor"):
            ProgramLayer("(sum ?xs)", inputs={"xs": range(2)})(torch.zeros(2, 2, 2), lengths=lengths)


def test_a_bank_has_programs_that_do_not_look_at_everything() -> None:
    programs = {
        "left": "(first ?xs)",
        "right": "?b",
        "both": "(+ (sum ?xs) ?b)",
        "neither": "2",
        "fresh": "(sample ?b)",
    }
    generator = torch.Generator().manual_seed(0)
    some = ProgramBank(programs, inputs={"xs": range(2), "b": range(3)}, output=range(5), width=3, generator=generator)
    xs, b, query = torch.randn(2, 2, 2), torch.randn(2, 3), torch.randn(2, 3)
    lengths = {"xs": torch.tensor([1, 2])}
    weights = some.weights(query).exp()
    x = xs.softmax(-1)
    sums = [
        x[0, 0],
        torch.stack(
            [x[1, 0, 0] * x[1, 1, 0], x[1, 0, 0] * x[1, 1, 1] + x[1, 0, 1] * x[1, 1, 0], x[1, 0, 1] * x[1, 1, 1]]
        ),
    ]
    for row, chances in enumerate(some(query, xs, b, lengths=lengths).exp()):
        expected = torch.zeros(5)
        expected[:2] += weights[row, 0] * x[row, 0]
        expected[:3] += (weights[row, 1] + weights[row, 4]) * b[row].softmax(-1)
        for number, chance in enumerate(sums[row]):
            expected[number : number + 3] += weights[row, 2] * chance * b[row].softmax(-1)
        expected[2] += weights[row, 3]
        torch.testing.assert_close(chances, expected)
    with pytest.raises(nl.ArgumentError, match="logits: got 1 tensors for the inputs xs, b"):
        some(query, xs)
    with pytest.raises(nl.ArgumentError, match=r"n: no program has a hole \?n; their holes are: xs, b"):
        some(query, xs, b, n=3)
    with pytest.raises(nl.ArgumentError, match="lengths: there is no input 'ys'"):
        some(query, xs, b, lengths={"ys": torch.tensor([1, 2])})
    with pytest.raises(nl.ArgumentError, match=r"inputs: no program has a hole \?ys"):
        ProgramBank(programs, inputs={"ys": (1, 2)}, output=(1,), width=3, generator=generator)


def test_a_bank_says_which_program_is_none_and_what_it_cannot_choose_by() -> None:
    generator = torch.Generator().manual_seed(0)
    with pytest.raises(nl.SourceError) as caught:
        ProgramBank({"good": "1", "bad": "(+ 1"}, output=(1,), width=3, generator=generator)
    assert caught.value.__notes__ == ["in the program 'bad' of the bank"]
    with pytest.raises(nl.ArgumentError, match="query: it holds NaN"):
        bank().run(torch.full((4,), math.nan), x=1)
    with pytest.raises(nl.ArgumentError, match=r"y: no program has a hole \?y; their holes are: x"):
        bank().run(torch.zeros(4), y=1)
