"""Modules that learn: thin owners of parameters around the functions of the rooms below."""

from neurallambda.nn.equality_choice import EqualityChoice as EqualityChoice
from neurallambda.nn.nand import Nand as Nand
from neurallambda.nn.nand import soft_nand as soft_nand
from neurallambda.nn.nand_choice import NandChoice as NandChoice
