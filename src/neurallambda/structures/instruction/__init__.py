"""What a controller gives at each step, and what it is told when that cannot be used."""
