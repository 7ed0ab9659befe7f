"""Lists and trees as records on an append-only arena."""
