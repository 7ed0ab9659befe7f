"""The events of one run, one after another; a notebook shows them with the viewer."""

from collections.abc import Iterator
from html import escape
from importlib import import_module

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError
from neurallambda.traces.pictures import Json


@checked
class Trace(Iterator[Json]):
    """The events of a run, taken one at a time while the run goes on; `trace` makes it.

    In the last line of a notebook's cell it shows the run: then all its steps are taken, and its events are still there.

    Args:
        engine: what runs.
        source: the text of the program.
        events: the events.

    Raises:
        ArgumentError: if the events are no iterator.
    """

    def __init__(self, engine: str, source: str, events: Iterator[Json]) -> None:
        self.engine, self.source = engine, source
        self._events = events
        self._taken = 0
        self._document: Json | None = None

    def __next__(self) -> Json:
        event = next(self._events)
        self._taken += 1
        return event

    def __repr__(self) -> str:
        return f"Trace({self.engine}, {self.source!r})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the terms of the run, and the viewer."""
        if self._taken and self._document is None:
            return f"<code>{escape(repr(self))}</code>"
        # The viewer stands on traces, and nothing here needs it but a notebook.
        return import_module("neurallambda.viewer.notebook").show(self.document())._repr_html_()

    def document(self) -> Json:
        """All events as one document; they can still be taken after it.

        Raises:
            ArgumentError: where events were taken before.

        Example:
            >>> from neurallambda.traces import trace
            >>> run = trace("((fn [x] (+ x 1)) 2)", engine="reference")
            >>> run.document()["end"]["outcome"]
            {'value': '3'}
            >>> next(run)["event"]
            'header'
        """
        if self._document is None:
            if self._taken:
                raise ArgumentError(f"trace: {self._taken} of its events were taken already; trace the program again")
            header, *rest = events = list(self._events)
            self._document = {"header": header, "steps": rest[:-1], "end": rest[-1]}
            self._events = iter(events)
        return self._document
