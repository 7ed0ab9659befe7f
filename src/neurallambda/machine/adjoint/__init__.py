"""The derivative of a run: what arrives at its end, carried back step by step.

Two forms, for the same steps and with the same results: `plain` leaves each step, taken again, to autograd, and knows any
step; `by_hand` is written out function by function, several times as fast, and knows steps with one set of registers.
`history` is what a run keeps of its steps for either.
"""
