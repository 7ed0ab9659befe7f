"""The differentiable Lisp machine, in pipeline order: assemble, encode, step, run, decode."""

from neurallambda.holes import Soft as Soft
from neurallambda.machine.encode import NeuralLambda as NeuralLambda
from neurallambda.machine.machine import Machine as Machine
from neurallambda.machine.result import Distribution as Distribution
from neurallambda.machine.result import Result as Result
