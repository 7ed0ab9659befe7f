"""Stacks and queues that take one certain action a step."""
