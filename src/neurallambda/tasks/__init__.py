"""Tasks: what a model must learn, how it is judged, and what it is compared with."""

from neurallambda.tasks.batch import Batch as Batch
from neurallambda.tasks.batch import Score as Score
from neurallambda.tasks.catalogue import CHOMSKY as CHOMSKY
from neurallambda.tasks.catalogue import TASKS as TASKS
from neurallambda.tasks.catalogue import task as task
from neurallambda.tasks.cellular import cell_transduction as cell_transduction
from neurallambda.tasks.machines.continuation import next_symbol as next_symbol
from neurallambda.tasks.machines.continuation import next_symbols as next_symbols
from neurallambda.tasks.machines.recognition import recognition as recognition
from neurallambda.tasks.machines.transduction import transduction as transduction
from neurallambda.tasks.task import Published as Published
from neurallambda.tasks.task import Rows as Rows
from neurallambda.tasks.task import Task as Task
from neurallambda.tasks.traces.sources import machine_steps as machine_steps
from neurallambda.tasks.traces.step_task import step_task as step_task
