"""What was found out about an uncertain program: how likely each of its ends is, and what its holes were."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.arguments import checked_methods
from neurallambda.errors import ArgumentError, ErrorKind, ProgramError
from neurallambda.html import table
from neurallambda.lang.evaluate import evaluate
from neurallambda.lang.fillings import check_atom, check_depth
from neurallambda.lang.given_values import parts_of, value_of
from neurallambda.lang.places import placed
from neurallambda.lang.syntax.parser import parse_term
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import Term, Variable
from neurallambda.lang.values import to_term
from neurallambda.weighted import NOTHING
from neurallambda.worlds.assignment import Assignment, assignments, marginals, of_row, relative
from neurallambda.worlds.recording import End, Recording
from neurallambda.worlds.replay import counts, likeliest, replay
from neurallambda.worlds.spread import places, spread

SHOWN, MOST_ENDS = 8, 12
"""So many rows, and so many ends of each, are shown in a notebook."""


@dataclass(frozen=True)
class Likeliest:
    """The likeliest case of all that are possible given what was observed.

    Attributes:
        holes: what each hole is.
        draws: what each sample and each coin gave, in order.
        end: how the program ends.
        probability: how likely this case is, given what was observed.
    """

    holes: dict[str, Any]
    draws: tuple[Any, ...]
    end: End
    probability: float

    def __str__(self) -> str:
        holes = ", ".join(f"?{name} = {_shown(value)}" for name, value in self.holes.items())
        return f"{_text(self.end)}" + (f" with {holes}" if holes else "")


@checked_methods("probability", "log_probabilities", "places", "posterior", "error")
class Found:
    """What was found out about a batch of rows.

    Everything with probabilities can be differentiated with respect to the logits of the holes.

    Attributes:
        run: the recording of the run that it was found by.
        log_evidence: for each row the logarithm of the probability of what was observed; minus infinity: impossible.
        log_weights: for each end in `run.ends` the logarithm of its probability together with what was observed.
        lost: for each row the probability of the worlds that were left out, before what they would have observed; zero
            where the engine keeps all worlds. The true evidence is at least what is told, and at most the sum of both.
    """

    def __init__(self, run: Recording, log: Float[Tensor, " leaves"]) -> None:
        self.run = run
        self.log = log
        self.circuit = run.circuit.on(log.device)
        self.rows = run.rows.to(log.device)
        self.log_weights, total = replay(self.circuit, log, run.outcomes, run.evidence)
        self.total = total
        self.log_evidence = torch.where(total <= NOTHING / 2, -torch.inf, total)
        self.lost = run.lost.to(log.device)

    def __len__(self) -> int:
        return self.run.holes.batch

    def __repr__(self) -> str:
        return f"Found({len(self)} rows, {len(self.rows)} ends, log_evidence of shape {tuple(self.log_evidence.shape)})"

    def _repr_html_(self) -> str:
        """What a notebook shows: how the first rows end, each end with its probability."""
        rows = []
        for row, ends in enumerate(self.distribution()[:SHOWN]):
            for end, chance in ends[:MOST_ENDS]:
                text = f"error {end}" if isinstance(end, ErrorKind) else to_text(end)
                rows.append((row, text, min(1.0, float(chance))))
        return table(("row", "end", "probability"), rows, note=repr(self))

    @property
    def ends(self) -> list[End]:
        """How the worlds end, one entry for each number in `log_weights`."""
        return self.run.ends

    @cached_property
    def texts(self) -> list[str]:
        """The same as text."""
        known: dict[int, str] = {}
        found: list[str] = []
        for end in self.ends:
            if id(end) not in known:
                known[id(end)] = _text(end)
            found.append(known[id(end)])
        return found

    @property
    def chances(self) -> Float[Tensor, " ends"]:
        """The probability of each end, given what was observed in its row."""
        evidence = torch.where(self.log_evidence.isfinite(), self.log_evidence, 0.0)
        return (self.log_weights - evidence.index_select(0, self.rows)).exp()

    def probability(self, value: Any, *, each: bool = False) -> Float[Tensor, " batch"]:
        """How likely a value or an error is, given what was observed.

        Args:
            value: an integer, a boolean, a list of such, a term, an `ErrorKind`, or a value as text. A tensor [batch] of
                integers or booleans has one for each row.
            each: whether `value` is a list with one value for each row.

        Returns:
            The probability in each row; 0 where the row is impossible.

        Raises:
            ArgumentError: where there are more or fewer values than rows, or one is none.
        """
        wanted = value.tolist() if isinstance(value, Tensor) and value.dim() == 1 else value
        if each or (isinstance(value, Tensor) and value.dim()):
            if not isinstance(wanted, (list, tuple)) or len(wanted) != len(self):
                raise ArgumentError(f"value: expected one for each of {len(self)} rows, got {value!r:.60}")
            texts = [text_of(one) for one in wanted]
            is_it = [text == texts[row] for text, row in zip(self.texts, self.rows.tolist(), strict=True)]
        else:
            text = text_of(value)
            is_it = [one == text for one in self.texts]
        chosen = torch.tensor(is_it, dtype=torch.bool, device=self.log.device).nonzero().squeeze(1)
        found = self.log_weights.new_zeros(len(self))
        return found.index_add(0, self.rows.index_select(0, chosen), self.chances.index_select(0, chosen))

    def log_probabilities(self, values: Sequence[Any]) -> Float[Tensor, "batch values"]:
        """The logarithms of the probabilities of several values or errors, given what was observed: for a loss.

        Args:
            values: each as `probability` takes one.

        Returns:
            For what has no probability at all a large negative number, with a gradient of zero.

        Raises:
            ArgumentError: where one is no value, or they are a text.
        """
        index, place = self.places(values)
        return spread(self.log_weights, self.total, index, place, len(values))

    def places(self, values: Sequence[Any]) -> tuple[Int[Tensor, " chosen"], Int[Tensor, " chosen"]]:
        """Which ends are among some values, and where each is in a table of rows and values."""
        if isinstance(values, str):
            raise ArgumentError(f"values: got the text {values!r:.60}, expected a sequence of values")
        return places(self.rows, self.texts, [text_of(value) for value in values])

    def distribution(self) -> list[list[tuple[End, Float[Tensor, ""]]]]:
        """For each row all ends that are possible, each with its probability, the likeliest first.

        Returns:
            Terms or `ErrorKind`s, and probabilities that can be differentiated. Of a row that is impossible: none.
        """
        found: list[dict[str, tuple[End, Tensor]]] = [{} for _ in range(len(self))]
        some = (self.log_weights > NOTHING / 2).tolist()
        chances = self.chances.unbind()
        for place, (row, is_some) in enumerate(zip(self.rows.tolist(), some, strict=True)):
            if is_some:
                text, chance = self.texts[place], chances[place]
                end, before = found[row].get(text, (self.ends[place], None))
                found[row][text] = end, chance if before is None else before + chance
        return [sorted(one.values(), key=lambda pair: -float(pair[1].detach())) for one in found]

    def posterior(self, name: str) -> Any:
        """What a hole was, given what was observed.

        Args:
            name: the name of the hole, which is uncertain.

        Returns:
            Probabilities in the shape in which the hole was given: [batch, values] of one thing, [batch, time, values] of a
            list (zeros where a row has no more items), a list of such of a list. Of `Rows`, a list with one for each row.

        Raises:
            ArgumentError: if there is no such hole, or it is certain.
        """
        holes = self.run.holes
        if name not in holes.numbers:
            known = ", ".join(holes.names) or "none"
            raise ArgumentError(f"name: got {name!r}; the uncertain holes of this program are: {known}")
        drawn = counts(self.circuit, self.log, self.run.evidence, graph=self.log.requires_grad)
        return marginals(holes, name, drawn, self.log)

    def likeliest(self) -> list[Likeliest | None]:
        """For each row the likeliest case of all; None: the row is impossible.

        Of equally likely cases it is one. What a hole is that the program did not look at is its likeliest value.
        """
        log = self.log.detach()
        end, weight, drawn = likeliest(self.circuit, relative(self.run.holes, log), log, self.run.outcomes, self.rows)
        evidence = self.log_evidence.detach()
        found: list[Likeliest | None] = []
        for row, (place, leaves) in enumerate(zip(end.tolist(), drawn, strict=True)):
            if place < 0:
                found.append(None)
                continue
            assigned = self._assigned(row, leaves)
            chance = float((weight[row] + assigned.log - evidence[row]).exp())
            found.append(Likeliest(assigned.holes, assigned.draws, self.ends[place], chance))
        return found

    def _assigned(self, row: int, leaves: list[int]) -> Assignment:
        return assignments(self.run.holes, self.run.circuit, self.run.named, self.log.detach(), row, leaves)

    def error(self, row: int = 0, kind: ErrorKind | None = None) -> ProgramError | None:
        """The error that a row ends in, with its place and with what was wrong.

        Args:
            row: which row.
            kind: which of several errors; None: that the row is impossible, or the likeliest one.

        Returns:
            The error in its likeliest case; None where the row does not end in it.
        """
        if not 0 <= row < len(self):
            raise ArgumentError(f"row: got {row}, expected a number from 0 to {len(self) - 1}")
        if not bool(self.log_evidence[row].isfinite()):
            return self._impossible(row) if kind in (None, ErrorKind.IMPOSSIBLE) else None
        here = [place for place, of in enumerate(self.rows.tolist()) if of == row]
        weights = self.log_weights.detach()
        ends = [place for place in here if isinstance(self.ends[place], ErrorKind) and kind in (None, self.ends[place])]
        ends = [place for place in ends if float(weights[place]) > NOTHING / 2]
        if not ends:
            return None
        worst = max(ends, key=lambda place: float(weights[place]))
        found = self.ends[worst]
        assert isinstance(found, ErrorKind)
        if (row, found) in self.run.limits:
            at, text = self.run.limits[row, found]
            return placed(found, text, at, self.run.program(row).text)
        log = self.log.detach()
        _, _, drawn = likeliest(self.circuit, log, log, self.run.outcomes, self.rows, worst)
        assigned = self._assigned(row, drawn[row])
        outcome = evaluate(
            self.run.program(row),
            holes={**self._certain(row), **assigned.holes},
            draws=assigned.draws,
            integers=self.run.integers,
            max_steps=10 * self.run.max_steps,
        )
        return outcome.raised() if outcome.error is found else ProgramError(found, "")

    def _certain(self, row: int) -> dict[str, Any]:
        holes = self.run.holes
        return {name: of_row(holes.given[name], row) for name in holes.columns if name not in holes.numbers}

    def _impossible(self, row: int) -> ProgramError:
        which = f"row {row}: " if len(self) > 1 else ""
        message = f"{which}no world is left: what `observe` was given is false in all of them"
        return placed(ErrorKind.IMPOSSIBLE, message, self.run.observed[row], self.run.program(row).text)


def _text(end: End) -> str:
    return f"error {end}" if isinstance(end, ErrorKind) else to_text(end)


def text_of(value: Any) -> str:
    """A value as a caller may give it, as text."""
    check_depth("value", value)
    match value:
        case ErrorKind():
            return f"error {value}"
        case Term():
            return to_text(value)
        case str():
            return to_text(_value_in(value))
        case bool() | int() | list() | tuple() if all(isinstance(part, (int, str)) for part in parts_of(value)):
            for part in parts_of(value):
                check_atom("value", part)
            return to_text(to_term(value_of(value)))
        case Tensor() if value.dim() == 0 and not value.is_floating_point():
            return text_of(value.item())
    raise ArgumentError(
        f"value: got {value!r:.60}, expected an integer, a boolean, a list, a term, an ErrorKind or text"
    )


def _value_in(text: str) -> Term:
    """The value that a text stands for."""
    term = parse_term(text)
    if isinstance(term, Variable):  # no program ends in a name, so whoever asks for one means something else
        known = text in list(ErrorKind)
        advice = f"; the error is ErrorKind.{ErrorKind(text).name}" if known else ""
        raise ArgumentError(f"value: got {text!r:.60}, which is a name and no value{advice}")
    return term


def _shown(value: Any) -> str:
    return to_text(to_term(value_of(value)))
