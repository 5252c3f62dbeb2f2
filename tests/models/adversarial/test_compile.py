"""What `compile()` of an adversarial model trains with."""

import keras
import pytest

from keras_genmod import (
    GAN,
    WGAN,
    WGANGP,
    CycleGAN,
    Pix2Pix,
    ProgressiveGAN,
    StyleGAN2,
)
from tests.models.adversarial.test_ranges import make

OF_PAPERS = {
    GAN: keras.optimizers.Adam(2e-4, beta_1=0.5),
    WGAN: keras.optimizers.RMSprop(5e-5),
    WGANGP: keras.optimizers.Adam(1e-4, beta_1=0.0, beta_2=0.9),
    CycleGAN: keras.optimizers.Adam(2e-4, beta_1=0.5),
    Pix2Pix: keras.optimizers.Adam(2e-4, beta_1=0.5),
    ProgressiveGAN: keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.99),
    StyleGAN2: keras.optimizers.Adam(2e-3, beta_1=0.0, beta_2=0.99),
}


def settings(optimizer):
    config = optimizer.get_config()
    names = ("learning_rate", "beta_1", "beta_2", "rho")
    return type(optimizer), {n: config[n] for n in names if n in config}


@pytest.mark.parametrize("model", OF_PAPERS)
def test_the_optimizer_of_the_paper_is_the_default(model):
    expected, model = OF_PAPERS[model], make(model)
    model.compile()
    for member in model.optimizer.members.values():
        found, config = settings(member)
        assert found is type(expected)
        assert config == pytest.approx(settings(expected)[1])
    model.compile("adam")
    for member in model.optimizer.members.values():
        assert settings(member)[1]["learning_rate"] == pytest.approx(1e-3)


def test_no_optimizer_is_an_error():
    with pytest.raises(
        ValueError, match=r"`optimizer` must be .*'critic', 'generator'"
    ):
        make(WGAN).compile(None)
