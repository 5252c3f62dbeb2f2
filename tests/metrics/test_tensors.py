"""Tensors of the running backend are taken where arrays are due."""

import numpy as np
from keras import ops

from keras_genmod import data, latents, metrics

REAL, FAKE = np.random.default_rng(0).random((2, 20, 3), "float32")


def test_metrics_of_tensors_are_those_of_arrays():
    real, fake = ops.convert_to_tensor(REAL), ops.convert_to_tensor(FAKE)
    for metric in (
        metrics.frechet_distance,
        metrics.precision_recall_density_coverage,
        lambda a, b: metrics.kernel_distance(a, b, None),
        lambda a, b: metrics.nearest_neighbours(a, b, 2).distances.tolist(),
        lambda a, b: metrics.outlier_auroc(a[:, 0], b[:, 0]),
    ):
        assert metric(real, fake) == metric(REAL, FAKE)


def test_latents_and_data_of_tensors_are_those_of_arrays():
    z = ops.convert_to_tensor(REAL)
    for function in (
        lambda z: latents.interpolate(z, z[::-1] if z is REAL else ops.flip(z, 0), 4),
        lambda z: data.binarize(z, "static", seed=0),
    ):
        np.testing.assert_array_equal(function(z), function(REAL))
