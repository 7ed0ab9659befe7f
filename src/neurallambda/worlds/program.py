"""Compiled programs: what one is asked, with data for its holes."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from neurallambda.arguments import checked_methods
from neurallambda.errors import ArgumentError
from neurallambda.html import table
from neurallambda.lang.scope import subterms
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import Hole, Program, Sample
from neurallambda.worlds.code import Code
from neurallambda.worlds.device import on_cpu
from neurallambda.worlds.ending import ended
from neurallambda.worlds.explore import explore
from neurallambda.worlds.found import Found
from neurallambda.worlds.given import together
from neurallambda.worlds.inputs import Holes, read_holes
from neurallambda.worlds.plain import Plain
from neurallambda.worlds.recording import Recording, record
from neurallambda.worlds.shortcuts import Shortcuts, find_shortcuts
from neurallambda.worlds.state import Settings

SHOWN, LONGEST = 8, 200
"""So many programs, and so much of the text of each, are shown in a notebook."""


@checked_methods("infer", "record", "shortcuts")
class WorldsProgram:
    """A program that was compiled by `Worlds`, or several that run side by side.

    Args:
        code: the code.
        programs: the programs as terms.
        settings: how they are run.
    """

    def __init__(self, code: Code, programs: tuple[Program, ...], settings: Settings) -> None:
        self.code = code
        self.programs = programs
        self.settings = settings
        self.plain = Plain(code, programs, settings)

    def __repr__(self) -> str:
        holes = ", ".join(f"?{name}" for name in self.holes)
        several = f"{len(self.programs)} programs, " if len(self.programs) > 1 else ""
        return f"WorldsProgram({several}{len(self.code.instructions)} instructions, holes: {holes or 'none'})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the programs, each with its holes; of many, the first ones."""
        rows = [
            (number, _shortened(program.text or to_text(program)), ", ".join(f"?{name}" for name in _names(program)))
            for number, program in enumerate(self.programs[:SHOWN])
        ]
        return table(("", "program", "holes"), rows, note=repr(self))

    @property
    def holes(self) -> tuple[str, ...]:
        """The names of its holes, of those that are only sampled too."""
        return tuple(dict.fromkeys((*self.code.holes, *sorted(self.code.sampled))))

    def infer(
        self,
        holes: Mapping[str, Any] | None = None,
        /,
        *,
        batch: int | None = None,
        which: Sequence[int] | Tensor | None = None,
        **named: Any,
    ) -> Found:
        """Find out how the program ends, in all cases that are possible given what it observes.

        Where nothing is uncertain and the rows are few, plain Python runs them, which is faster then.

        Args:
            holes: what each hole stands for: one certain value (an integer, a boolean, the name of a primitive, a list), a
                distribution (`Soft`, whose logits may have a row for each row of the batch, or `Chances`), a list of
                such; for a list in each row, `Soft` with logits [batch, time, values] and lengths. A tensor [batch] of
                integers or booleans has a value for each row, a tensor [batch, time] a list; `Rows` has anything.
            batch: how many rows there are; None: as many as the data have.
            which: where several programs were compiled, for each row the number of its program; None: each has one row.
            named: more holes, by name; each is one of the program's, where `holes` may have more than it needs.

        Returns:
            What was found.

        Raises:
            ArgumentError: naming the hole that cannot be used.
            SourceError: where a hole is not filled.

        Example:
            >>> import torch
            >>> from neurallambda.worlds import Worlds
            >>> from neurallambda.holes import Soft
            >>> program = Worlds().compile("(observe (< ?a 3)) (+ ?a ?a)")
            >>> found = program.infer(a=Soft((1, 2, 3), torch.zeros(3)))
            >>> found.log_evidence.exp(), found.probability(4)
            (tensor([0.6667], dtype=torch.float64), tensor([0.5000], dtype=torch.float64))
        """
        with on_cpu():
            return self._infer(self._read(together(holes, named, self.holes), batch, which))

    def record(
        self,
        holes: Mapping[str, Any] | None = None,
        /,
        *,
        batch: int | None = None,
        which: Sequence[int] | Tensor | None = None,
        **named: Any,
    ) -> Recording:
        """Run the program once, for all probabilities that its uncertain holes may be given.

        Args:
            holes: as in `infer`. Of what is uncertain, the values and the shapes count, and not the numbers.
            batch: as in `infer`.
            which: as in `infer`.
            named: more holes, by name.

        Returns:
            The recording: a function of logits, which gives what `infer` gives, and can be saved.

        Raises:
            ArgumentError: naming the hole that cannot be used; or where this engine leaves out light worlds, for which
                worlds these are depends on the numbers.
            SourceError: where a hole is not filled.

        Example:
            >>> import torch
            >>> from neurallambda.worlds import Worlds
            >>> from neurallambda.holes import Soft
            >>> program = Worlds().compile("(observe (< ?a 3)) (+ ?a ?a)")
            >>> recording = program.record(a=Soft((1, 2, 3), torch.zeros(2, 3)))
            >>> recording(a=torch.tensor([[0.0, 0.0, 0.0], [0.0, -9.0, -9.0]])).probability(2)
            tensor([0.5000, 0.9999], dtype=torch.float64)
        """
        if self.settings.is_bounded:
            raise ArgumentError(
                "record: this engine keeps only the heaviest worlds; expected one without `keep` and `least`"
            )
        with on_cpu():
            return self._recorded(self._read(together(holes, named, self.holes), batch, which), None, None)

    def shortcuts(
        self,
        holes: Mapping[str, Any] | None = None,
        /,
        *,
        symbols: Mapping[str, Sequence[Any] | Tensor],
        values: Sequence[int | bool | str],
        permutations: bool = True,
        most: int = 1_000_000,
        **named: Any,
    ) -> Shortcuts:
        """Count the ways to take symbols for one another that leave every observation as likely as it is.

        A network that learns symbols only from what this program observes may end in any of them.

        Args:
            holes: what is certain beside the symbols, as in `infer`: of each row, or of all.
            symbols: the holes that a network would fill, with what is really seen in each row: a symbol, or a list of them.
                A tensor [batch] has a symbol for each row, a tensor [batch, time] a list.
            values: all symbols.
            permutations: whether different symbols are taken for different ones; otherwise several may be taken for one.
            most: how many relabellings may be looked at together.
            named: more holes, by name.

        Returns:
            How many there are beside the right one, and one of them.

        Raises:
            ArgumentError: where there are too many to look at, a row has a symbol that is no value, or what a row observes is
                impossible for what is really seen there.

        Example:
            >>> import torch
            >>> from neurallambda.worlds import Worlds
            >>> program = Worlds().compile("(observe (= (+ ?a ?b) ?total))")
            >>> seen = {"a": [0, 1, 2], "b": [2, 1, 2]}
            >>> program.shortcuts(symbols=seen, values=range(3), total=torch.tensor([2, 2, 4]))
            Shortcuts(count=0, example=None)
            >>> seen = {"a": [0, 1], "b": [2, 1]}
            >>> program.shortcuts(symbols=seen, values=range(3), total=torch.tensor([2, 2]))
            Shortcuts(count=1, example={0: 2, 1: 1, 2: 0})
        """
        if len(self.programs) > 1:
            raise ArgumentError(f"shortcuts: got {len(self.programs)} programs side by side, expected one")
        if isinstance(values, str):
            raise ArgumentError(f"values: got the text {values!r:.60}, expected a sequence of symbols")
        with on_cpu():
            return find_shortcuts(
                self, together(holes, named, self.holes), symbols, list(values), permutations=permutations, most=most
            )

    def _infer(self, data: Holes) -> Found:
        """What is found with data that were read."""
        if (plain := self.plain.record(data)) is not None:
            return Found(plain, torch.zeros(0, dtype=torch.float64))
        log = data.log_probabilities()
        is_some = (log.detach() > -torch.inf).cpu()
        possible = None if bool(is_some.all()) else torch.cat([is_some, is_some])
        bound = self.settings.is_bounded
        recording = self._recorded(data, possible, log if bound else None)
        return Found(recording, log)

    def _read(self, holes: Mapping[str, Any], batch: int | None, which: Sequence[int] | Tensor | None) -> Holes:
        if batch is not None and (not isinstance(batch, int) or isinstance(batch, bool) or batch < 1):
            raise ArgumentError(f"batch: got {batch!r}, expected an integer of at least 1")
        settings, chosen = self.settings, self._which(which)
        if chosen is not None:
            if batch is not None and batch != len(chosen):
                raise ArgumentError(
                    f"batch: got {batch}, and there are programs for {len(chosen)} rows; expected as many"
                )
            batch = len(chosen)
        data = read_holes(self.code, holes, settings.integers, batch, hash_mask=settings.hash_bits)
        data.which = chosen
        return data

    def _which(self, which: Sequence[int] | Tensor | None) -> Tensor | None:
        """The number of the program of each row; None: there is one program, and the data say how many rows."""
        count = len(self.programs)
        if which is None:
            return None if count == 1 else torch.arange(count)
        numbers = which.tolist() if isinstance(which, Tensor) else which
        is_list = isinstance(numbers, (list, tuple, range)) and len(numbers) > 0
        if not is_list or not all(type(one) is int and 0 <= one < count for one in numbers):
            raise ArgumentError(f"which: got {which!r:.60}, expected for each row a number from 0 to {count - 1}")
        return torch.tensor(list(numbers))

    def _recorded(self, data: Holes, possible: Tensor | None, log: Tensor | None) -> Recording:
        run = explore(self.code, data, self.settings, possible, log)
        ends = ended(run)
        evidence = ends.weight.total(ends.rows, data.batch)
        return record(run, ends, evidence.layer, self.programs)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _names(program: Program) -> list[str]:
    """The holes of a program, of those that are only sampled too."""
    return list(dict.fromkeys(part.name for part in subterms(program) if isinstance(part, (Hole, Sample))))
