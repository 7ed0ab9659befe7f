"""The derivative of a step, written by hand: `act`, `decide` and `compute` transposed, each in a file of its name."""
