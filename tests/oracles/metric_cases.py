"""The arrays that frozen metrics were computed from, each from a stated seed."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class FeatureCase:
    """Two sets of correlated features, and the settings of KID."""

    num_real: int
    num_fake: int
    num_features: int
    num_subsets: int
    subset_size: int
    seed: int

    def sets(self):
        """Returns `(real, fake)`, float64."""
        rng = np.random.RandomState(self.seed)  # its streams never change
        mixing = rng.normal(size=(2, self.num_features, self.num_features))
        mixing = np.eye(self.num_features) + 0.3 * mixing / self.num_features**0.5
        real = rng.normal(size=(self.num_real, self.num_features)) @ mixing[0]
        fake = rng.normal(size=(self.num_fake, self.num_features)) @ mixing[1]
        return np.abs(real), np.abs(fake) + 0.1


@dataclasses.dataclass(frozen=True)
class LogitCase:
    """Logits of a classifier, and the settings of the Inception score."""

    num_samples: int
    num_classes: int
    num_splits: int
    seed: int

    def logits(self):
        """Returns the logits, float64."""
        rng = np.random.RandomState(self.seed)
        return 3.0 * rng.normal(size=(self.num_samples, self.num_classes))


FEATURES = {
    "small": FeatureCase(400, 300, 16, 20, 100, 1),
    "large subsets": FeatureCase(1500, 1200, 48, 10, 1000, 2020),
    "few samples": FeatureCase(60, 50, 64, 10, 30, 3),  # rank-deficient
}
LOGITS = {
    "ten classes": LogitCase(1003, 10, 10, 2020),
    "uneven splits": LogitCase(100, 7, 7, 5),
}
