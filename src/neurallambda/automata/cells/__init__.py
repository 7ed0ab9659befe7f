"""Cellular automata: a row of cells that all follow one local rule."""
