"""Labelled strings to train and test with."""
