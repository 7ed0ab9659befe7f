"""The derivative of a step where everything is certain, by the addresses and the rule that are known of each program."""
