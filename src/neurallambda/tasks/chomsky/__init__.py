"""The fifteen tasks of Delétang et al., Neural Networks and the Chomsky Hierarchy, ICLR 2023 (arXiv:2207.02098)."""
