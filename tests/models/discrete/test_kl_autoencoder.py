"""The KL in place of a quantizer, and latents that a diffusion model takes."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import DiffusionModel, KLAutoencoder, TwoStage
from tests.contracts import slow_elsewhere
from tests.models.small_networks import small_network, small_time_network

IMAGE, GRID = (4, 4, 1), (2, 2, 2)
X = np.random.default_rng(0).random((8, *IMAGE)).astype("float32")


def numpy(x):
    return ops.convert_to_numpy(x)


def made(**options):
    return KLAutoencoder(
        small_network(IMAGE, (2, 2, 4)),
        small_network(GRID, IMAGE, "sigmoid"),
        small_network(IMAGE, (1,), use_bias=False),
        GRID,
        **{"seed": 0, **options},
    )


def test_the_kl_weighs_as_much_as_in_a_sum_over_the_values():
    model = made(kl_weight=2.0, adversarial_weight=0.0)
    model.compile("sgd")
    log_var = model.log_var_head
    log_var.set_weights([np.zeros(log_var.kernel.shape), np.full(2, -40.0)])
    logs = model.evaluate(X, return_dict=True, verbose=0)
    z = numpy(model.encode(X))
    kl = 0.5 * (z**2 + np.exp(-40.0) - 1 + 40.0).sum(axis=(1, 2, 3)).mean()
    assert logs["kl"] == pytest.approx(kl, rel=1e-4)
    # So small a variance that the drawn latents are the means
    error = 2 * np.abs(X - numpy(model.reconstruct(X))).mean()
    assert logs["reconstruction"] == pytest.approx(error, rel=1e-4)
    total = error + 2.0 * kl / 16
    assert logs["autoencoder_loss"] == pytest.approx(total, rel=1e-4)
    model.kl_weight = 0.0
    logs = model.evaluate(X, return_dict=True, verbose=0)
    assert logs["autoencoder_loss"] == pytest.approx(error, rel=1e-4)


def test_latents_are_drawn_and_their_heads_are_trained():
    model = made(discriminator_start=0)
    model.compile(keras.optimizers.SGD(0.1))
    x = ops.convert_to_tensor(X)
    first, second = (numpy(model._narrow(x, True)[0]) for _ in range(2))
    assert np.abs(first - second).mean() > 0.1
    variables = [*model.mean_head.variables, *model.log_var_head.variables]
    before = [numpy(v) for v in variables]
    logs = model.fit(X, verbose=0).history
    assert logs["discriminator_loss"][0] > 0
    for variable, old in zip(variables, before, strict=True):
        assert np.any(numpy(variable) != old)


@slow_elsewhere
def test_its_latents_have_a_diffusion_model_for_their_prior():
    prior = DiffusionModel(small_time_network(GRID), GRID, of_images=False)
    model = TwoStage(made(), prior)
    model.compile("sgd")
    assert np.isfinite(model.fit(X, verbose=0).history["loss"][0])
    scale = 1 / numpy(model.autoencoder.encode(X)).std()
    assert float(numpy(model.latent_scale)) == pytest.approx(scale, rel=1e-4)
    samples = numpy(model.sample(3, num_steps=2, seed=0))
    assert samples.shape == (3, *IMAGE) and 0 <= samples.min() <= samples.max() <= 1
    with pytest.raises(NotImplementedError, match="There is no bound"):
        model.log_prob(X)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="`encoder` must end in a map of features"):
        KLAutoencoder(
            small_network(IMAGE, (6,)),
            small_network(GRID, IMAGE, "sigmoid"),
            small_network(IMAGE, (1,)),
            GRID,
        )
    with pytest.raises(ValueError, match="`kl_weight` must .*Received"):
        made(kl_weight=-1.0)
    with pytest.raises(ValueError, match="`z` must .*Received"):
        made().decode(np.zeros((2, 2, 2, 3)))
