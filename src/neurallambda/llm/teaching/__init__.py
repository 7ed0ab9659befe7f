"""What a grafted model is taught, and how, while it keeps its language."""
