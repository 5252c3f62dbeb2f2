"""Densities up to a constant, from an energy."""
