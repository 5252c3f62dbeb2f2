"""A flow's density is the change of variables; its reverse KL falls to -log Z."""

import math

import keras
import numpy as np
import pytest
import scipy.stats
from keras import ops

from keras_genmod import NormalizingFlow
from keras_genmod.bijectors import Bijector, Chain, Planar
from keras_genmod.distributions import StandardNormal
from tests.autodiff import jacobians

POINTS = np.random.default_rng(0).normal(size=(8, 2)).astype("float32")


@keras.saving.register_keras_serializable("tests")
class Affine(Bijector):
    """f(z) = scale z + shift, by hand."""

    def __init__(self, event_shape=(2,), **kwargs):
        super().__init__(event_shape=event_shape, **kwargs)
        self.log_scale = self.add_weight(
            shape=event_shape, initializer="zeros", name="log_scale"
        )
        self.shift = self.add_weight(
            shape=event_shape, initializer="zeros", name="shift"
        )
        self.built = True

    def _log_det(self, x, sign):
        total = ops.sum(ops.convert_to_tensor(self.log_scale))
        return sign * total * ops.ones_like(x[:, 0])

    def forward_and_log_det(self, z):
        scale = ops.exp(ops.convert_to_tensor(self.log_scale))
        return z * scale + ops.convert_to_tensor(self.shift), self._log_det(z, 1.0)

    def inverse_and_log_det(self, x):
        scale = ops.exp(-ops.convert_to_tensor(self.log_scale))
        return (x - ops.convert_to_tensor(self.shift)) * scale, self._log_det(x, -1.0)

    def get_config(self):
        return {**super().get_config(), "event_shape": self.event_shape}


LOG_Z = 1.7


@keras.saving.register_keras_serializable("tests")
def unnormalised_normal(x):
    """Returns log of exp(1.7) times the density of N((3, -1), diag(0.5^2, 2^2))."""
    first = ops.square((x[:, 0] - 3.0) / 0.5)
    second = ops.square((x[:, 1] + 1.0) / 2.0)
    return LOG_Z - math.log(2 * math.pi) - 0.5 * (first + second)


def planar_flow():
    members = [Planar(2, seed=i) for i in range(3)]
    for i, member in enumerate(members):
        member.v.assign(np.array([1.0, -0.5]) * (i + 1) / 2)
    return NormalizingFlow(Chain(members), seed=0)


def test_log_prob_is_the_change_of_variables():
    # log p(x) = log N(z) - log |det df/dz| with f(z) = x, Jacobian by autodiff
    model = planar_flow()
    x, _ = model.bijector.forward_and_log_det(POINTS)
    matrices = jacobians(
        lambda z: model.bijector.forward_and_log_det(z)[0], POINTS, outputs=2
    )
    expected = scipy.stats.norm.logpdf(POINTS).sum(1) - np.linalg.slogdet(matrices)[1]
    found = ops.convert_to_numpy(model.log_prob(ops.convert_to_numpy(x)))
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_affine_flow_of_a_normal_is_a_normal():
    model = NormalizingFlow(Affine())
    model.bijector.log_scale.assign(np.log([0.5, 2.0]))
    model.bijector.shift.assign([3.0, -1.0])
    expected = scipy.stats.norm.logpdf(POINTS, [3.0, -1.0], [0.5, 2.0]).sum(1)
    found = ops.convert_to_numpy(model.log_prob(POINTS))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    draws = ops.convert_to_numpy(model.sample(4000, seed=0))
    for i, (mean, deviation) in enumerate([(3.0, 0.5), (-1.0, 2.0)]):
        scaled = (draws[:, i] - mean) / deviation
        assert scipy.stats.kstest(scaled, "norm").pvalue > 1e-3


def test_loss_is_the_mean_negative_log_prob():
    model = planar_flow()
    model.compile()
    loss = model.evaluate(POINTS, batch_size=8, verbose=0)
    expected = -ops.convert_to_numpy(model.log_prob(POINTS)).mean()
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_decode_and_encode_are_inverse():
    model = planar_flow()
    x = ops.convert_to_numpy(model.decode(POINTS))
    np.testing.assert_allclose(ops.convert_to_numpy(model.encode(x)), POINTS, atol=1e-5)


def test_reverse_kl_falls_to_minus_log_z_and_the_target_is_saved(tmp_path):
    model = NormalizingFlow(Affine(), seed=0)
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 400)
    model.compile(keras.optimizers.Adam(schedule), target_log_prob=unnormalised_normal)
    history = model.fit(np.zeros((100 * 64, 2)), batch_size=64, epochs=4, verbose=0)
    losses = history.history["loss"]
    assert losses[0] > losses[-1] + 1.0
    # At the optimum log q = log target - log Z: the loss has no variance left.
    loss = model.evaluate(np.zeros((64, 2)), batch_size=64, verbose=0)
    np.testing.assert_allclose(loss, -LOG_Z, atol=0.02)
    np.testing.assert_allclose(model.bijector.shift.numpy(), [3.0, -1.0], atol=0.05)

    model.save(tmp_path / "flow.keras")
    loaded = keras.saving.load_model(tmp_path / "flow.keras")
    assert loaded.target_log_prob is unnormalised_normal
    np.testing.assert_allclose(
        loaded.evaluate(np.zeros((64, 2)), batch_size=64, verbose=0), loss, atol=0.02
    )


def test_reverse_kl_is_the_mean_of_log_q_less_log_target():
    # E_q[log q - log target] for two normals with known moments, by 50,000 draws
    model = NormalizingFlow(Affine(), seed=0)
    model.compile(target_log_prob=unnormalised_normal)
    loss = model.evaluate(np.zeros((50_000, 2)), batch_size=50_000, verbose=0)
    ratio, distance = np.array([1 / 0.5, 1 / 2.0]), np.array([3.0, 1.0])
    kl = 0.5 * np.sum(ratio**2 * (1 + distance**2) - 1 - 2 * np.log(ratio))
    np.testing.assert_allclose(loss, kl - LOG_Z, rtol=0.01)


def test_bad_arguments_are_errors():
    with pytest.raises(ValueError, match="`bijector` must be .*Received: bijector="):
        NormalizingFlow(lambda z: z)
    with pytest.raises(ValueError, match="`base` must have the event shape"):
        NormalizingFlow(Planar(2), base=StandardNormal((3,)))
