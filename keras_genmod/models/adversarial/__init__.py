"""Generators against critics: no density, samples only."""
