"""Exact densities, one pixel after the other."""
