"""The steps of an exact machine or of a Lisp program as supervision: state, what is seen, actions, memory."""

from neurallambda.tasks.traces.machines import replay_machine as replay_machine
from neurallambda.tasks.traces.machines import trace_machine as trace_machine
from neurallambda.tasks.traces.record import Cell as Cell
from neurallambda.tasks.traces.record import TraceRecord as TraceRecord
from neurallambda.tasks.traces.record import TraceStep as TraceStep
from neurallambda.tasks.traces.record import Vocabulary as Vocabulary
