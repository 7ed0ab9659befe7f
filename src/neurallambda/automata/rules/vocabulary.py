"""The reserved words of a rule file."""

ANY = "ANY"
"""On the left of a rule: whatever is there. In a memory slot it also matches an empty memory or a blank cell."""

EPSILON = ""
"""As input: a step that reads nothing."""

KEEP = "KEEP"
"""What a tape operation writes to leave the cell as it is."""

INITIAL = "INITIAL"
ACCEPT = "ACCEPT"
REJECT = "REJECT"
HALTING = frozenset({ACCEPT, REJECT})
"""States in which a run ends: no rule applies there."""

START = "^"
END = "$"
"""The markers around the string of a framed machine."""
