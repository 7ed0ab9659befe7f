"""Recordings in files: tensors, numbers and text, which `torch.load` reads without running anything."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, ErrorKind, SourceError
from neurallambda.holes import Soft
from neurallambda.lang.chances import Chances
from neurallambda.lang.syntax.parser import parse, parse_term
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import Position
from neurallambda.worlds.circuit import Circuit, Layer
from neurallambda.worlds.device import on_cpu
from neurallambda.worlds.given import Block, Rows
from neurallambda.worlds.heap import Heap
from neurallambda.worlds.inputs import Holes
from neurallambda.worlds.recording import End, Recording

_FORMAT = "neurallambda recording 2"


def as_plain(recording: Recording) -> dict[str, Any]:
    """A recording as tensors, numbers and text."""
    circuit, holes = recording.circuit, recording.holes
    return {
        "format": _FORMAT,
        "programs": [program.text or to_text(program) for program in recording.programs],
        "which": holes.which,
        "layers": [
            (one.bases, one.source, one.leaf, one.group, one.size, one.factors, one.factor) for one in circuit.layers
        ],
        "constants": list(circuit.constants.items()),
        "leaves": circuit.leaves,
        "batch": holes.batch,
        "names": list(holes.names),
        "named": list(recording.named),
        "given": {name: _plain(holes.given[name]) for name in holes.columns},
        "blocks": [
            [
                (list(one.values), tuple(one.log.shape), one.lengths, one.row, start, first)
                for one, start, first in blocks
            ]
            for blocks in holes.blocks
        ],
        "rows": recording.rows,
        "outcomes": recording.outcomes,
        "evidence": recording.evidence,
        "ends": [_end_text(end) for end in recording.ends],
        "observed": [None if at is None else tuple(at) for at in recording.observed],
        "limits": [
            (row, str(kind), None if at is None else tuple(at), text)
            for (row, kind), (at, text) in recording.limits.items()
        ],
        "integers": (recording.integers.start, recording.integers.stop),
        "counts": (recording.max_steps, recording.instructions, recording.worlds, recording.most),
    }


@checked
def load_recording(path: str | Path) -> Recording:
    """Read a recording that `Recording.save` wrote.

    Args:
        path: the file.

    Returns:
        The recording, which can be called as the one that was saved.

    Raises:
        ArgumentError: where the file holds none.
    """
    try:
        plain = torch.load(path, weights_only=True)
    except OSError:
        raise
    except Exception as error:  # whatever torch raises for what it did not write
        why = str(error).partition("\n")[0] or type(error).__name__
        raise ArgumentError(f"path: {path} holds no recording ({why})") from None
    if not isinstance(plain, dict) or plain.get("format") != _FORMAT:
        raise ArgumentError(f"path: {path} holds no recording; expected a file that Recording.save wrote")
    try:
        with on_cpu():
            return _from_plain(plain)
    except (AttributeError, IndexError, KeyError, SourceError, TypeError, ValueError):
        raise ArgumentError(f"path: {path} holds a recording that is not whole") from None


def _from_plain(plain: dict[str, Any]) -> Recording:
    """The recording that `as_plain` took apart."""
    circuit = Circuit(plain["batch"], plain["leaves"])
    for bases, source, leaf, group, size, factors, factor in plain["layers"]:
        circuit.layers.append(Layer(tuple(bases), source, leaf, group, size, tuple(factors), factor))
    circuit.constants.update((None if key is None else tuple(key), number) for key, number in plain["constants"])
    names = tuple(plain["names"])
    given = {name: _given(value) for name, value in plain["given"].items()}
    holes = Holes(plain["batch"], Heap(len(names), hashing=False), names, given, columns=dict.fromkeys(given, 0))
    for blocks in plain["blocks"]:
        holes.blocks.append(
            [
                (Block(tuple(values), torch.zeros(shape, dtype=torch.float64), lengths, row), start, first)
                for values, shape, lengths, row, start, first in blocks
            ]
        )
    holes.leaf_count = plain["leaves"]
    holes.which = plain["which"]
    texts = plain["ends"]
    max_steps, instructions, worlds, most = plain["counts"]
    return Recording(
        circuit=circuit,
        holes=holes,
        named=tuple(plain["named"]),
        programs=tuple(map(parse, plain["programs"])),
        rows=plain["rows"],
        outcomes=plain["outcomes"],
        evidence=plain["evidence"],
        observed=[None if at is None else Position(*at) for at in plain["observed"]],
        limits={
            (row, ErrorKind(kind)): (None if at is None else Position(*at), text)
            for row, kind, at, text in plain["limits"]
        },
        integers=range(*plain["integers"]),
        max_steps=max_steps,
        lost=torch.zeros(plain["batch"], dtype=torch.float64),
        instructions=instructions,
        worlds=worlds,
        most=most,
        read=lambda: [_end(text) for text in texts],
    )


def _end_text(end: End) -> str:
    return f"error {end}" if isinstance(end, ErrorKind) else to_text(end)


def _end(text: str) -> End:
    kind, _, name = text.partition(" ")
    return ErrorKind(name) if kind == "error" else parse_term(text)


def _plain(given: Any) -> Any:
    """What stood for a hole, without numbers that change."""
    match given:
        case Soft():
            return {"values": list(given.values), "logits": given.logits.detach().cpu(), "lengths": given.lengths}
        case Chances():
            return {"values": list(given.values), "weights": [float(weight) for weight in given.weights]}
        case Rows(values):
            return {"rows": [_plain(value) for value in values]}
        case list() | tuple():
            return [_plain(item) for item in given]
        case Tensor():
            return given.detach().cpu()
        case _:
            return given


def _given(plain: Any) -> Any:
    match plain:
        case {"rows": rows}:
            return Rows([_given(value) for value in rows])
        case {"values": values, "logits": logits, "lengths": lengths}:
            return Soft(tuple(values), logits, lengths)
        case {"values": values, "weights": weights}:
            return Chances(tuple(values), tuple(weights))
        case list():
            return [_given(item) for item in plain]
        case _:
            return plain
