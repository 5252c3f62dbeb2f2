"""The penalty of filters that are not orthogonal, and what BigGAN regularizes."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import GAN, layers, networks
from tests.autodiff import gradient


def value(x):
    return np.array(ops.convert_to_numpy(x))


def test_squared_inner_products_of_pairs_of_filters_are_summed(rng):
    kernel = rng.standard_normal((3, 2, 4, 5)).astype("float32")
    filters = kernel.reshape(-1, 5).T
    expected = sum(
        (filters[i] @ filters[j]) ** 2 for i in range(5) for j in range(5) if i != j
    )
    loss = layers.OrthogonalRegularizer(0.25)(ops.array(kernel))
    assert float(value(loss)) == pytest.approx(0.25 * expected, rel=1e-4)


def test_gradient_is_the_papers(rng):
    kernel = rng.standard_normal((6, 4)).astype("float32")
    apart = kernel.T @ kernel * (1 - np.eye(4))
    found = gradient(layers.OrthogonalRegularizer(0.5), kernel)
    np.testing.assert_allclose(found, 0.5 * 4 * kernel @ apart, rtol=1e-3, atol=1e-4)


def test_orthogonal_filters_of_any_length_cost_nothing(rng):
    matrix, _ = np.linalg.qr(rng.standard_normal((9, 4)))
    matrix = (matrix * [1.0, 3.0, 0.1, 2.0]).astype("float32")
    assert float(value(layers.OrthogonalRegularizer()(ops.array(matrix)))) < 1e-9


@pytest.fixture(scope="module")
def generator():
    keras.utils.set_random_seed(0)
    return networks.big_gan_generator(
        4, (8, 8, 1), 2, 1, embedding_dim=3, orthogonal_weight=0.01
    )


def test_all_kernels_of_big_gan_but_the_embedding_are_regularized(generator):
    kernels = [v for v in generator.trainable_variables if len(v.shape) > 1]
    free = [v.path for v in kernels if v.regularizer is None]
    assert len(kernels) == 10 and free == ["embedding/kernel"]
    plain = networks.big_gan_generator(4, (8, 8, 1), 2, 1, embedding_dim=3)
    assert all(v.regularizer is None for v in plain.trainable_variables)


def test_the_generator_alone_is_regularized_and_a_file_keeps_it(
    generator, tmp_path, rng
):
    discriminator = networks.big_gan_discriminator((8, 8, 1), 2, 1)
    model = GAN(generator, discriminator, 4, "hinge", num_classes=2, seed=0)
    x, y = rng.random((4, 8, 8, 1), dtype="float32"), ops.array([0, 1, 0, 1])
    inputs = (ops.array(x), y)
    state = value(model.seed_generator.state.value)
    differences = []
    for objective in model.objectives():
        found = []
        for function in (objective.evaluate, objective.loss):
            model.seed_generator.state.assign(state)
            found.append(float(value(function(inputs, None, False)[0])))
        differences.append(found[0] - found[1])
    regularizer = layers.OrthogonalRegularizer(0.01)
    expected = sum(
        float(value(regularizer(v.value)))
        for v in generator.trainable_variables
        if len(v.shape) > 1 and not v.path.startswith("embedding")
    )
    assert expected > 1e-3
    np.testing.assert_allclose(differences, [0.0, expected], rtol=1e-3, atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    again = [v.regularizer for v in loaded.generator.trainable_variables]
    assert [getattr(r, "weight", None) for r in again] == [
        getattr(v.regularizer, "weight", None) for v in generator.trainable_variables
    ]
