"""NeuralBeta: a program in cells becomes another program by substitution, all of it in tensors."""

from neurallambda.beta.alphabet import Alphabet as Alphabet
from neurallambda.beta.encode import NeuralLambda as NeuralLambda
from neurallambda.beta.module import NeuralBeta as NeuralBeta
from neurallambda.beta.module import Result as Result
from neurallambda.beta.reading import Reading as Reading
from neurallambda.beta.strategy import APPLICATIVE as APPLICATIVE
from neurallambda.beta.strategy import BY_VALUE as BY_VALUE
from neurallambda.beta.strategy import NORMAL as NORMAL
from neurallambda.beta.strategy import STRATEGIES as STRATEGIES
from neurallambda.beta.strategy import Strategy as Strategy
