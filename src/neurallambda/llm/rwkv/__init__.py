"""RWKV-7: its recurrence in chunks, how it begins, checkpoints of rwkv.cpp, and a learned initial state."""
