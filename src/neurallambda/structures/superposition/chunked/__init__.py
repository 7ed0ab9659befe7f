"""Scans of stacks and queues in plain PyTorch, a chunk of steps at a time."""
