"""Stacks, queues and deques of items with a strength, of which a step may take or put any amount."""
