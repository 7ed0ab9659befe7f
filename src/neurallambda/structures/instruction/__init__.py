"""Instructions: what a controller gives at each step, and the checks of it."""
