"""Soft control without mixing: a program's alternatives are run side by side, each with registers of its own.

The registers of one alternative are independent distributions. That is exact while one rule applies. Where several rules
have a chance, or where a rule reads several fields of one of several records, the registers would have to say *which* of
their addresses belong together. So a step first splits an alternative by rule and address, lets each part take its step,
and afterwards unites the parts that differ in nothing that matters:

- `matching`: how far each address is something that each rule asks for;
- `split`: which parts there are, how likely each is, and its registers, conditioned on it;
- `step`: every part takes its step, and writes a record of its own;
- `merge`: parts that differ in one register alone become one alternative, whose register is the mixture.

All alternatives share one memory; only their registers are their own, so that splitting copies nothing. There are at most
as many as the machine is told to keep apart (`Machine(alternatives=...)`). The likeliest ones stay exact; all others
together are one more alternative, which mixes them.
"""
