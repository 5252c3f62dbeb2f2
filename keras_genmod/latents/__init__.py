"""Moves through the latent space of any model with `decode` or a generator."""

__all__: list[str] = []
