"""Machines as data: symbols, rules, and what must hold of them."""
