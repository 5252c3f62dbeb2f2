"""Exact densities from invertible maps."""
