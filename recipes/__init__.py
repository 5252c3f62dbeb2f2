"""Runnable templates, one a model: `python -m recipes.vae --help`."""
