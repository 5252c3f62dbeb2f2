"""The 8x8 digits that come with scikit-learn, with a fixed split."""

import numpy as np

_TEST_IMAGES_PER_CLASS = 36


def load_digits(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Loads scikit-learn's digits: 1,437 images to train on and 360 to test.

    The test set has 36 images of each class; which ones, and the order of both
    sets, is fixed for good.

    Args:
        split: `"train"` or `"test"`.

    Returns:
        `(x, y)`: float32 of shape `(n, 8, 8, 1)`, 17 levels in [0, 1], and int32 of
        shape `(n,)`.

    Raises:
        ImportError: If scikit-learn is not installed.

    References:
        - Alpaydin and Kaynak, "Optical recognition of handwritten digits", UCI, 1998.
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ImportError(
            'The set "digits" comes with scikit-learn: pip install scikit-learn'
        ) from error
    bunch = datasets.load_digits()
    x = (bunch.images[..., None] / 16.0).astype("float32")  # (1797, 8, 8, 1)
    y = bunch.target.astype("int32")
    # RandomState's stream is frozen across NumPy versions: the same split forever.
    generator = np.random.RandomState(0)
    order = generator.permutation(len(y))
    is_test = np.zeros(len(y), bool)
    for label in range(10):
        of_class = order[y[order] == label]
        is_test[of_class[:_TEST_IMAGES_PER_CLASS]] = True
    # A second order: the first has the test images, class by class, at its front.
    order = generator.permutation(len(y))
    chosen = order[is_test[order] == (split == "test")]
    return x[chosen], y[chosen]
