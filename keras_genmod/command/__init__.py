"""The command `keras-genmod`: recipes, samples and figures from a shell."""
