"""What adversarial models that translate images have in common."""

import keras

from keras_genmod.models.adversarial.adversarial_model import AdversarialModel
from keras_genmod.models.image_pairs import ImagePairs


class Translator(ImagePairs, AdversarialModel):
    """Base of adversarial models that translate the first image of a pair."""

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        return keras.optimizers.Adam(2e-4, beta_1=0.5)
