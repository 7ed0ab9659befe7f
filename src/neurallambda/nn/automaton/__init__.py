"""Neural twins of automata: the exact machines as modules that can be trained, and the way back to rules."""

from neurallambda.nn.automaton.twin import NeuralAutomaton as NeuralAutomaton
from neurallambda.nn.automaton.twin import NeuralFSM as NeuralFSM
from neurallambda.nn.automaton.twin import SuperposedAutomaton as SuperposedAutomaton
from neurallambda.nn.automaton.twin import twin as twin
