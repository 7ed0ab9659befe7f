"""Exact machines: finite-state machines, pushdown and queue automata, Turing machines, and samples from them."""

from neurallambda.automata.automaton import Automaton as Automaton
from neurallambda.automata.configuration import Configuration as Configuration
from neurallambda.automata.fsm import FSM as FSM
from neurallambda.automata.language import Census as Census
from neurallambda.automata.limits import Limits as Limits
from neurallambda.automata.limits import Outcome as Outcome
from neurallambda.automata.machine import Acceptance as Acceptance
from neurallambda.automata.pda import PDA as PDA
from neurallambda.automata.problem import MachineError as MachineError
from neurallambda.automata.queue_automaton import QueueAutomaton as QueueAutomaton
from neurallambda.automata.rule_file import dumps as dumps
from neurallambda.automata.rule_file import load as load
from neurallambda.automata.rule_file import loads as loads
from neurallambda.automata.rule_file import save as save
from neurallambda.automata.rules import Operation as Operation
from neurallambda.automata.rules import Rule as Rule
from neurallambda.automata.run import Run as Run
from neurallambda.automata.run import Step as Step
from neurallambda.automata.turing import TuringMachine as TuringMachine
