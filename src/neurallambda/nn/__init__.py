"""Thin modules: they own parameters, and functions below them do the work."""

from neurallambda.nn.nand import Nand as Nand
from neurallambda.nn.nand import soft_nand as soft_nand
from neurallambda.nn.nand_choice import NandChoice as NandChoice
