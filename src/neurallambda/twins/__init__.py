"""Neural twins of automata: the exact machines as modules that can be trained, and the way back to rules."""

from neurallambda.twins.twin import NeuralAutomaton as NeuralAutomaton
from neurallambda.twins.twin import NeuralFSM as NeuralFSM
from neurallambda.twins.twin import SuperposedAutomaton as SuperposedAutomaton
from neurallambda.twins.twin import twin as twin
