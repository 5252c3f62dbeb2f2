"""Pictures of the way from noise."""

import numpy as np
import pytest
from keras import ops

from keras_genmod import DiffusionModel
from keras_genmod.callbacks import DenoisingPath
from tests.contracts import array_of
from tests.models.small_networks import small_network, small_time_network

IMAGE = (4, 4, 1)


def test_a_row_is_a_sample_after_each_step(tmp_path):
    model = DiffusionModel(
        small_time_network(IMAGE, num_classes=2), IMAGE, num_classes=2
    )
    callback = DenoisingPath(tmp_path, num_samples=3, num_steps=5, seed=1)
    images = array_of(callback.draw(model)).reshape(3, 5, *IMAGE)
    samples = model.sample(3, [0, 1, 0], seed=1, num_steps=5)
    np.testing.assert_allclose(images[:, -1], array_of(samples), atol=1e-6)
    before = array_of(model.seed_generator.state)
    callback.draw(model)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(model.seed_generator.state), before
    )
    model.compile()
    model.fit(
        np.zeros((4, *IMAGE), "float32"), np.zeros(4), callbacks=[callback], verbose=0
    )
    assert (tmp_path / "pictures" / "denoising_epoch_0001.png").exists()


def test_arguments_are_checked(tmp_path):
    with pytest.raises(ValueError, match="`num_steps` must be a positive int"):
        DenoisingPath(tmp_path, num_steps=0)
    with pytest.raises(ValueError, match="needs a model with `sample_path`"):
        DenoisingPath(tmp_path).draw(small_network(IMAGE, (1,)))
