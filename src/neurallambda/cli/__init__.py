"""The command line: `neurallambda`, also `python -m neurallambda`."""
