"""People judge samples of three models against real images (Zhou et al., 2019).

arXiv:1904.01121. The study is a file; the last line says how to serve it.
"""

import pathlib

import keras
import numpy as np
from keras import ops

from keras_genmod import GAN, VAE, DiffusionModel, callbacks, data, hype, networks
from recipes._run import begin, command_line, fit

NUM_SHOWN = 10  # images of a row of the picture
QUESTION = "Which images are real?"


def make_model(name, image_shape, hidden_dim, filters, num_levels, seed):
    """Returns one of the models, compiled."""
    if name == "vae":
        encoder = networks.mlp_encoder(image_shape, (hidden_dim,))
        decoder = networks.mlp_decoder(10, image_shape, (hidden_dim,))
        model = VAE(encoder, decoder, latent_dim=10, seed=seed)
        model.compile(keras.optimizers.Adam(1e-3))
    elif name == "gan":
        generator = networks.dcgan_generator(32, image_shape, filters)
        discriminator = networks.dcgan_discriminator(image_shape, filters)
        model = GAN(generator, discriminator, latent_dim=32, seed=seed)
        model.compile(keras.optimizers.Adam(2e-4, beta_1=0.5))
    else:
        network = networks.unet(image_shape, filters, (1, 2), 1, ())
        model = DiffusionModel(network, image_shape, num_levels=num_levels, seed=seed)
        model.compile(keras.optimizers.Adam(1e-3, clipnorm=1.0))
    return model


def make_protocol(variant, num_trials, qualification_trials):
    """Returns the protocol of the paper, with other counts where they are given."""
    changes = {"qualification_trials": qualification_trials}
    if num_trials is not None:
        changes["num_trials"] = num_trials
    return hype.StudyProtocol.of(variant, **changes)


def main(
    dataset: str = "digits",
    variant: str = "infinity",
    num_trials: int | None = None,
    qualification_trials: int = 100,
    epochs: int = 100,
    batch_size: int = 64,
    hidden_dim: int = 256,
    filters: int = 32,
    num_levels: int = 17,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/hype_study",
):
    """Trains a VAE, a GAN and a diffusion model, and makes a study of their samples.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        variant: "infinity" (no limit of time), "pairwise" (which of two is real?) or
            "time" (three blocks, shown ever shorter).
        num_trials: Of a block, an even number; 100, or 150 for "time", if not given.
        qualification_trials: Images that decide who takes part, an even number; or 0.
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 128 for MNIST.
        hidden_dim: Units of the VAE's hidden layers.
        filters: Feature maps of the other two; 64 for MNIST.
        num_levels: Grey levels a pixel of all images; 17 are all that digits has, 256
            those of other sets.
        seed: Of the weights, the batches, the draws and the order of the study.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run, with one in it for each model.
    """
    begin(locals(), may_change=["variant", "num_trials", "qualification_trials"])
    protocol = make_protocol(variant, num_trials, qualification_trials)

    def levels(x):  # the same for all, or they would tell images apart
        return (np.round(x * (num_levels - 1)) / (num_levels - 1)).astype("float32")

    x_train, x_test = (
        levels(data.load(dataset, split)[0][:limit]) for split in ("train", "test")
    )
    samples = {}
    for name in ("vae", "gan", "diffusion"):
        print(f"{name}:")
        folder = f"{log_dir}/{name}"
        model = make_model(
            name, x_train.shape[1:], hidden_dim, filters, num_levels, seed
        )
        batches, held_out = x_train, x_test
        if name == "vae":  # of binary images; its samples are means, grey again
            batches = data.DynamicBinarization(
                x_train, batch_size=batch_size, seed=seed
            )
            held_out = data.binarize(x_test, "static", seed)
        fit(
            model,
            batches,
            batch_size=None if name == "vae" else batch_size,
            log_dir=folder,
            epochs=epochs,
            validation_data=(held_out,),
            validation_batch_size=batch_size,
            callbacks=[callbacks.TensorBoard(folder)],
        )
        model.save(f"{folder}/model.keras")
        drawn = ops.convert_to_numpy(model.sample(len(x_train), seed=seed))
        samples[name] = levels(drawn)

    rows = [x_train, *samples.values()]
    images = np.concatenate([row[:NUM_SHOWN] for row in rows])
    caption = f"{dataset}, epoch {epochs}; rows: real images, then vae, gan, diffusion"
    callbacks.save_png(
        f"{log_dir}/hype_study.png", callbacks.image_grid(images, NUM_SHOWN), caption
    )
    # One file for each protocol: what people have answered stays.
    name = f"{variant}_{protocol.num_trials}_epoch_{epochs:04d}.study"
    path = pathlib.Path(log_dir, name)
    if not path.exists():
        hype.create_study(
            path, x_train, samples, protocol, title=QUESTION, seed=seed
        ).close()
    with hype.Study(path) as study:
        scores = hype.rank(study.scores().values())
        people = len({trial.evaluator for trial in study.trials()})
    judged = "; ".join(map(str, scores)) or "no score yet"
    print(
        f"{variant} study of {len(x_train)} real images of {dataset} and as many "
        f"samples of {', '.join(samples)}, {people} people have begun: {judged}."
    )
    print(
        f"Picture: {log_dir}/hype_study.png. Models: {log_dir}/*/model.keras. Judge, "
        f"and see results: keras-genmod hype serve {path}"
    )


if __name__ == "__main__":
    command_line(main)()
