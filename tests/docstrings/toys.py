"""What the examples in docstrings take for granted, as small as it can be."""

import keras
import numpy as np

import keras_genmod
from keras_genmod import networks
from keras_genmod.callbacks import TensorBoard, save_png
from tests.docstrings.more_toys import MORE_TOYS_OF
from tests.hype.small_studies import small_study

NUM = 8  # images, or points


def rng():
    return np.random.default_rng(0)


def images(example):
    """Values k / 255, which every model of images takes."""
    shape = (NUM, *example.image_shape)
    return (rng().integers(0, 256, shape) / 255).astype("float32")


def binary_images(example):
    return np.round(images(example))


def points(_):
    return rng().normal(size=(NUM, 2)).astype("float32")


def labels(_):
    return np.arange(NUM) % 10


def vae(_):
    shape = (8, 8, 1)
    encoder, decoder = networks.mlp_encoder(shape, (8,)), networks.mlp_decoder(4, shape)
    model = keras_genmod.VAE(encoder, decoder, latent_dim=4)
    model.compile("adam")
    return model


def vae_of_vectors(_):
    encoder, decoder = networks.mlp_encoder((64,), (8,)), networks.mlp_decoder(4, (64,))
    model = keras_genmod.VAE(encoder, decoder, latent_dim=4)
    model.compile("adam")
    return model


def gan(_):
    shape = (8, 8, 1)
    model = keras_genmod.GAN(
        networks.mlp_decoder(4, shape, output_activation="sigmoid"),
        networks.mlp_discriminator(shape, (8,)),
        latent_dim=4,
    )
    model.compile()
    return model


def wgan(_):
    return keras_genmod.WGAN(generator(_), critic(_), latent_dim=64)


def generator(_):
    return networks.dcgan_generator(64, (8, 8, 1), filters=4)


def discriminator(_):
    return networks.dcgan_discriminator((8, 8, 1), filters=4)


def critic(_):
    return networks.dcgan_discriminator((8, 8, 1), filters=4, normalization="layer")


def classifier(_):
    """Two convolutions of names that examples use, and features before the classes."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(2, 3, padding="same", name="conv2d_1"),
            keras.layers.Conv2D(2, 3, padding="same", name="conv2d_3"),
            keras.layers.Flatten(),
            keras.layers.Dense(4, name="features"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def classifier_of_colours(_):
    inputs = keras.Input((None, None, 3))
    hidden = keras.layers.Conv2D(2, 3, name="conv2d_1")(inputs)
    return keras.Model(inputs, keras.layers.Conv2D(2, 3, name="conv2d_3")(hidden))


def rbm(_):
    model = keras_genmod.RBM(64, 3)
    model.compile("sgd")
    model.fit(flat(_), verbose=0)
    return model


def flat(_):
    return rng().integers(0, 2, (NUM, 64)).astype("float32")


def vq_vae(example):
    model = keras_genmod.VQVAE(
        networks.grid_encoder((8, 8, 1), 4, filters=4),
        keras_genmod.layers.VectorQuantizer(512, 4),
        networks.grid_decoder((2, 2, 4), 1, filters=4),
    )
    model.compile("adam")
    return model


def progressive_gan(_):
    model = keras_genmod.ProgressiveGAN(
        networks.ProgressiveGenerator((8, 8, 1), latent_dim=4, filters_base=8),
        networks.ProgressiveCritic((8, 8, 1), filters_base=8),
        images_per_phase=8,
    )
    model.compile()
    return model


class Translator:
    """What a callback asks of CycleGAN."""

    def translate(self, x):
        return x

    def fit(self, x, callbacks):
        for callback in callbacks:
            callback.draw(self)


class Codes:
    """A model that only encodes."""

    def encode(self, x):
        return rng().normal(size=(len(x), 4))


def flow_matching(_):
    model = keras_genmod.FlowMatching(networks.time_mlp(2, (8,)), (2,))
    model.compile("adam")
    return model


def flow_matching_of_images(_):
    network = networks.unet((8, 8, 1), filters=4, multipliers=(1,))
    model = keras_genmod.FlowMatching(network, (8, 8, 1))
    model.compile("adam")
    return model


def time_network(example):
    if "28" in example.text:
        return networks.unet((8, 8, 1), filters=4)
    return networks.time_mlp(2, (8,))


def features(_):
    return rng().normal(size=(NUM, 4, 4, 6)).astype("float32")


def factors(_):
    return rng().integers(0, 3, (200, 3))


def digits(_):
    return keras_genmod.data.load("digits", "test")[0]


TOYS = {
    "images": images,
    "binary_images": binary_images,
    "x": images,
    "x_train": images,
    "x_test": images,
    "x_val": images,
    "points": points,
    "labels": labels,
    "model": vae,
    "vae": vae,
    "gan": gan,
    "rbm": rbm,
    "generator": generator,
    "discriminator": discriminator,
    "critic": critic,
    "classifier": classifier,
    "network": time_network,
    "features": features,
    "factors": factors,
    "w": lambda _: np.ones((NUM, 12), "float32"),
    "noise": images,
    "z": lambda _: rng().normal(size=(NUM, 4)),
    "board": lambda _: TensorBoard("runs/board"),
    "vq_vae": vq_vae,
    "real": lambda _: rng().random((80, 8, 8, 1)),
    "reconstructions": images,
}
LARGER = {"x": lambda _: rng().random((200, 8, 8, 1)), "model": lambda _: Codes()}
# Where an example means another thing by a name.
TOYS_OF = {
    **MORE_TOYS_OF,
    "callbacks/denoising_path.py": {"model": flow_matching_of_images},
    "callbacks/exponential_moving_average.py": {
        "model": gan,
        "checkpoint": lambda _: keras.callbacks.ModelCheckpoint("last.keras"),
    },
    "callbacks/free_energy_gap.py": {"x": flat, "x_val": flat, "model": rbm},
    "callbacks/gan_health.py": {"model": gan},
    "callbacks/gibbs_steps.py": {"x": lambda _: rng().integers(0, 2, (NUM, 784))},
    "callbacks/grow_networks.py": {"model": progressive_gan},
    "callbacks/picture_callback.py": {
        "model": lambda _: Translator(),
        "batches": images,
    },
    "callbacks/stop_on_non_finite.py": {"model": gan},
    "callbacks/evaluate_samples.py": {"x": digits, "x_test": digits},
    "data/mixtures.py": {"samples": points},
    "data/transport_pairs.py": {"model": flow_matching},
    "distributions/log_partition.py": {"model": rbm},
    "engine/optimizer_group.py": {"model": wgan},
    "engine/seeds.py": {"seed_generator": lambda _: keras.random.SeedGenerator(0)},
    "evaluation/feature_extractor.py": {"x_test": digits},
    "evaluation/likelihood_table.py": {"x": flat, "vae": vae_of_vectors},
    "layers/projection_head.py": {"features": lambda _: rng().normal(size=(NUM, 6))},
    "guides/evaluate.md": {"x": digits, "x_test": digits},
    "latents/analogy.py": {
        "smiling_women": lambda _: rng().normal(size=(3, 4)),
        "women": lambda _: rng().normal(size=(3, 4)),
        "men": lambda _: rng().normal(size=(3, 4)),
        "x": digits,
        "labels": lambda _: keras_genmod.data.load("digits", "test")[1],
    },
    "metrics/dci.py": LARGER,
    "metrics/factor_scores.py": LARGER,
    "metrics/mutual_information_gap.py": LARGER,
    "metrics/separated_predictability.py": LARGER,
    "metrics/classifier_score.py": {
        "network": classifier,
        "samples": lambda _: rng().random((20, 8, 8, 1)),
    },
    "metrics/feature_statistics.py": {
        "batches": lambda e: [images(e)] * 2,
        "network": classifier,
        "fake_features": lambda _: rng().normal(size=(20, 10)),
    },
    "metrics/protocol.py": {
        "real": lambda _: rng().normal(size=(20, 4)),
        "fake": lambda _: rng().normal(size=(20, 4)),
    },
    "models/adversarial/cycle_gan.py": {
        name: images for name in ("mnist", "usps", "images_a")
    },
    "models/adversarial/pix2pix.py": {"label_maps": images, "photographs": images},
    "models/autoregressive/causal_transformer.py": {
        "codes": lambda _: rng().integers(0, 512, (NUM, 2, 2))
    },
    "models/discrete/two_stage.py": {
        "images": lambda _: rng().random((NUM, 8, 8, 1), "float32")
    },
    "models/discrete/vq_gan.py": {"classifier": classifier_of_colours},
    "models/restoration/srgan.py": {
        **MORE_TOYS_OF["models/restoration/srgan.py"],
        "classifier": classifier_of_colours,
    },
    "models/energy/boltzmann_machine.py": {"patterns": flat, "corrupted": flat},
    "models/flows/uniform_dequantization.py": {
        "layers": lambda _: [keras_genmod.bijectors.Planar(64)]
    },
    "models/flows/variational_dequantization.py": {
        "flow": lambda _: keras_genmod.bijectors.Planar(64)
    },
    "models/generative_model.py": {"x": points},
}


def folder_of_images(path):
    path.mkdir()
    for i in range(4):
        save_png(path / f"{i}.png", rng().integers(0, 256, (8, 8, 3), "uint8"))


def folder_of_pairs(path):
    (path / "train").mkdir(parents=True)
    for i in range(4):
        name = path / "train" / f"{i}.png"
        save_png(name, rng().integers(0, 256, (8, 16, 3), "uint8"))


def saved_classifier(path):
    path.parent.mkdir(parents=True)
    classifier(None).save(path)


# Files and folders that examples read, by the names they have there.
FILES = {
    "photographs": folder_of_images,
    "facades": folder_of_pairs,
    "runs/mnist_classifier/model.keras": saved_classifier,
    "runs/feature_classifier/model.keras": saved_classifier,
    "digits.study": lambda path: small_study(path).close(),
    "rehearsal.study": lambda path: small_study(path).close(),
}
