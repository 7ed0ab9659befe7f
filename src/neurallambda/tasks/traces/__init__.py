"""The steps of an exact machine or of a Lisp program as supervision: state, what is seen, actions, memory."""

from neurallambda.tasks.traces.adder import adder as adder
from neurallambda.tasks.traces.cells import replay_cells as replay_cells
from neurallambda.tasks.traces.cells import trace_cells as trace_cells
from neurallambda.tasks.traces.machines import replay_machine as replay_machine
from neurallambda.tasks.traces.machines import trace_machine as trace_machine
from neurallambda.tasks.traces.programs import replay_program as replay_program
from neurallambda.tasks.traces.programs import trace_program as trace_program
from neurallambda.tasks.traces.record import Cell as Cell
from neurallambda.tasks.traces.record import TraceRecord as TraceRecord
from neurallambda.tasks.traces.record import TraceStep as TraceStep
from neurallambda.tasks.traces.record import Vocabulary as Vocabulary
from neurallambda.tasks.traces.root import square_rooter as square_rooter
from neurallambda.tasks.traces.sources import machine_runs as machine_runs
from neurallambda.tasks.traces.sources import machine_steps as machine_steps
from neurallambda.tasks.traces.sources import program_runs as program_runs
from neurallambda.tasks.traces.step_task import Runs as Runs
from neurallambda.tasks.traces.step_task import step_task as step_task
from neurallambda.tasks.traces.traced import decode_addition as decode_addition
from neurallambda.tasks.traces.traced import decode_member as decode_member
from neurallambda.tasks.traces.traced import decode_reverse as decode_reverse
from neurallambda.tasks.traces.traced import trace_addition as trace_addition
