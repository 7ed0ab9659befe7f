"""Runs as records: what every step of every engine did, and what its state stands for."""

from neurallambda.traces.replaying import State as State
from neurallambda.traces.replaying import state_at as state_at
from neurallambda.traces.replaying import states as states
from neurallambda.traces.running import document as document
from neurallambda.traces.running import trace as trace
from neurallambda.traces.traced import Trace as Trace
