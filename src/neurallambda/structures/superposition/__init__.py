"""Stacks, queues and deques that take every action at once, each with its weight."""
