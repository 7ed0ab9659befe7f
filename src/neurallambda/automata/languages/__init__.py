"""The strings that a machine accepts: counted, listed, numbered and drawn."""
