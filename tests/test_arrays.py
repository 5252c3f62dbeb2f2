"""Nothing of an array is dropped in silence: masks, imaginary parts, dates."""

import datetime

import keras
import ml_dtypes
import numpy as np
import pytest

from keras_genmod import RBM, checks, data, evaluation, latents, metrics

pytestmark = pytest.mark.any_backend

REAL = np.random.default_rng(0).random((30, 4))
BAD = {
    "masked": (np.ma.masked_less(REAL, 0.1), "must not be masked: .* masked of 120"),
    "complex": (REAL + 1j, "must hold real numbers. .* dtype complex128"),
    "dates": (REAL.astype("M8[s]"), "must hold real numbers. .* dtype datetime64"),
    "durations": (REAL.astype("m8[s]"), "must hold real numbers. .* dtype timedelta"),
    "text": (REAL.astype("U3"), "must hold real numbers. .* dtype <U3"),
    "objects": (
        np.full((30, 4), datetime.date(2026, 1, 1)),
        "must hold real numbers. .* dtype object",
    ),
}
USES = {
    "real": lambda x: metrics.frechet_distance(x, REAL),
    "probabilities": metrics.classifier_score,
    "scores_in": lambda x: metrics.outlier_auroc(x[:, 0], REAL[:, 0]),
    "nats": lambda x: metrics.bits_per_dim(x, 3),
    "samples": lambda x: metrics.mode_coverage(x[:, 0], 3),
    "x": lambda x: data.binarize(x, "threshold"),
    "a": lambda x: data.UnpairedDataset(x, REAL, 4),
    "data": lambda x: evaluation.evaluate_likelihood(
        RBM(4, 2), x, dataset="a", split="b"
    ),
    "condition": lambda x: evaluation.anomaly_score(RBM(4, 2), REAL, x),
    "z": lambda x: latents.traverse(x, 0, [1.0]),
    "start": lambda x: latents.interpolate(x, REAL, 3),
}
LEFT_TO_THE_MODEL = {"data", "condition"}


@pytest.mark.parametrize(
    ("name", "case"),
    [
        (name, case)
        for name in USES
        for case in BAD
        if name not in LEFT_TO_THE_MODEL or case not in ("text", "objects")
    ],
)
def test_what_an_array_would_lose_is_refused(name, case):
    x, message = BAD[case]
    if name == "scores_in" or name == "samples":
        message = message.replace("120", "30")
    with pytest.raises(ValueError, match=f"`{name}` {message}"):
        USES[name](x)


@pytest.mark.parametrize("case", ["masked", "complex", "dates", "durations"])
def test_models_refuse_it_too(case):
    model = RBM(4, 2)
    x, message = BAD[case]
    for call in (model.free_energy, model.log_prob, model.reconstruct):
        with pytest.raises(ValueError, match=f"`[xv]` {message}"):
            call(x)


def test_arrays_that_lose_nothing_are_taken():
    unmasked = np.ma.masked_greater(REAL, 2.0)
    bfloat16 = REAL.astype(ml_dtypes.bfloat16)
    for x in (REAL.tolist(), unmasked, REAL.astype("f2"), REAL > 0.5, bfloat16):
        found = checks.real_numbers("x", x)
        assert type(found) is np.ndarray and found.dtype in ("float32", "float64")
        np.testing.assert_array_equal(found, np.asarray(x, "float64"))
    assert type(checks.as_numpy(unmasked)) is np.ndarray
    tensor = keras.ops.convert_to_tensor(REAL)
    np.testing.assert_allclose(checks.as_numpy(tensor), REAL, rtol=1e-6)
