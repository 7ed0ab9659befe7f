"""The derivative of a run: what arrives at its end, carried back step by step.

Three forms, for the same steps and with the same results: `plain` leaves each step, taken again, to autograd, and knows any
step; `by_hand` is written out function by function, several times as fast, and knows steps with one set of registers;
`by_address` moves what arrives where it came from, several times as fast again, and knows steps that were certain.
`history` is what a run keeps of its steps for any of them.
"""
