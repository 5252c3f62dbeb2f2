"""Models judged: features of images, likelihoods with their kind, anomaly scores."""

__all__: list[str] = []
