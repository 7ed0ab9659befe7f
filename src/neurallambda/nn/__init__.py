"""Modules that learn: thin owners of parameters around the functions of the rooms below."""

from neurallambda.nn.augmented import Augmented as Augmented
from neurallambda.nn.augmented import AugmentedState as AugmentedState
from neurallambda.nn.cell_array_model import CellArrayModel as CellArrayModel
from neurallambda.nn.cells import CategoricalCell as CategoricalCell
from neurallambda.nn.cells import Cell as Cell
from neurallambda.nn.cells import TanhCell as TanhCell
from neurallambda.nn.choice import Choice as Choice
from neurallambda.nn.choice import Noise as Noise
from neurallambda.nn.choice import cooled as cooled
from neurallambda.nn.choice import harden as harden
from neurallambda.nn.choice import hardened as hardened
from neurallambda.nn.choice import sharpen as sharpen
from neurallambda.nn.controller import Controller as Controller
from neurallambda.nn.equality_choice import EqualityChoice as EqualityChoice
from neurallambda.nn.nand import Nand as Nand
from neurallambda.nn.nand import soft_nand as soft_nand
from neurallambda.nn.nand_choice import NandChoice as NandChoice
from neurallambda.nn.operands import instruction as instruction
from neurallambda.nn.population import Population as Population
from neurallambda.nn.population import clip_each as clip_each
from neurallambda.nn.recurrent import Recurrent as Recurrent
from neurallambda.nn.table_automaton import TableAutomaton as TableAutomaton
