"""Exact machines: finite-state machines, pushdown and queue automata, Turing machines, and samples from them.

Cellular automata, which write and do not accept, are here too.
"""

from neurallambda.automata.automaton import Automaton as Automaton
from neurallambda.automata.cells.automaton import CellularAutomaton as CellularAutomaton
from neurallambda.automata.cells.rule import CellRule as CellRule
from neurallambda.automata.cells.rule import OutputRule as OutputRule
from neurallambda.automata.files.rule_file import dumps as dumps
from neurallambda.automata.files.rule_file import load as load
from neurallambda.automata.files.rule_file import loads as loads
from neurallambda.automata.files.rule_file import save as save
from neurallambda.automata.fsm import FSM as FSM
from neurallambda.automata.languages.language import Census as Census
from neurallambda.automata.pda import PDA as PDA
from neurallambda.automata.queue_automaton import QueueAutomaton as QueueAutomaton
from neurallambda.automata.rules.machine import Acceptance as Acceptance
from neurallambda.automata.rules.problem import MachineError as MachineError
from neurallambda.automata.rules.rule import Operation as Operation
from neurallambda.automata.rules.rule import Rule as Rule
from neurallambda.automata.runs.configuration import Configuration as Configuration
from neurallambda.automata.runs.limits import Limits as Limits
from neurallambda.automata.runs.limits import Outcome as Outcome
from neurallambda.automata.runs.run import Run as Run
from neurallambda.automata.runs.run import Step as Step
from neurallambda.automata.turing import TuringMachine as TuringMachine
