"""Structures inside pretrained language models: put one in, train it, keep the language."""

from neurallambda.llm.config import GraftConfig as GraftConfig
from neurallambda.llm.families import FAMILIES as FAMILIES
from neurallambda.llm.families import Family as Family
from neurallambda.llm.families import register_family as register_family
from neurallambda.llm.grafting import disabled as disabled
from neurallambda.llm.grafting import graft as graft
from neurallambda.llm.grafting import is_grafted as is_grafted
from neurallambda.llm.grafting import parameter_groups as parameter_groups
from neurallambda.llm.grafting import print_trainable_parameters as print_trainable_parameters
from neurallambda.llm.grafting import structure_of as structure_of
from neurallambda.llm.grafting import ungraft as ungraft
from neurallambda.llm.grafting import upper_blocks as upper_blocks
from neurallambda.llm.rwkv.initial_state import learn_initial_state as learn_initial_state
from neurallambda.llm.saving import load_grafted as load_grafted
from neurallambda.llm.saving import save_grafted as save_grafted
from neurallambda.llm.structure import GraftedStructure as GraftedStructure
from neurallambda.llm.structure import straight_through as straight_through
