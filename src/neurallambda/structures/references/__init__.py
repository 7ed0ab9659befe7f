"""The plain Python structures that the tensor structures must equal at the corners.

No tensors and no cleverness: each is what a programmer would write with lists. Vectors are lists of floats, and an
empty place reads as zeros.
"""
