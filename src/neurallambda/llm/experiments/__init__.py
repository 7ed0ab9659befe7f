"""What learns, on which task, how often: the experiments, and the pages of their results."""
