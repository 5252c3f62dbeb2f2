"""StyleGAN2 (Karras et al., 2020, arXiv:1912.04958), or StyleGAN (arXiv:1812.04948)."""

import numpy as np
from keras import ops

from keras_genmod import StyleGAN2, callbacks, checks, data, layers, metrics, networks
from recipes._run import begin, command_line, fit

NUM_COLUMNS = 10
TRUNCATIONS = (1.0, 0.7, 0.4, 0.0)
NUM_JUDGED = 1000
NUM_MAPPINGS = 2  # layers of the mapping, as in ADA's setting for CIFAR-10
PATH_LENGTH_WEIGHT = 8.0  # 2 for images in [-1, 1]
STYLED_BY = {2: "modulation", 1: "instance_normalization"}


def main(
    dataset: str = "digits",
    image_size: int = 8,
    epochs: int = 30,
    batch_size: int = 32,
    latent_dim: int = 32,
    filters: int = 32,
    version: int = 2,
    r1_weight: float = 0.05,
    augment: bool = False,
    ema_half_life: float = 5000.0,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/style_gan",
):
    """Trains a GAN of styles, and shows what one does with them.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        image_size: Pixels a side to which images are resized: 4, 8, 16, 32, ...
        epochs: Passes over the training images; more than last time goes on with that
            run.
        batch_size: Examples a step.
        latent_dim: Size of latents and styles; 512 in the paper.
        filters: The most feature maps; 512 in the paper.
        version: 2, or 1 for StyleGAN, whose styles follow a normalization.
        r1_weight: Of R1, for images in [0, 1].
        augment: Whether the discriminator sees images that are augmented, as much as
            it overfits (ADA).
        ema_half_life: Images in which the averaged generator forgets a half.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals())
    checks.choice("version", version, STYLED_BY)
    x_train, x_test = (
        data.resize(data.load(dataset, split)[0][:limit], image_size)
        for split in ("train", "test")
    )
    shape = x_train.shape[1:]
    sizes = {"filters": filters, "style_dim": latent_dim}
    model = StyleGAN2(
        networks.style_gan_mapping(latent_dim, latent_dim, NUM_MAPPINGS),
        networks.style_gan_synthesis(shape, **sizes, styled_by=STYLED_BY[version]),
        networks.style_gan_discriminator(shape, filters),
        r1_weight=r1_weight,
        path_length_weight=PATH_LENGTH_WEIGHT if version == 2 else None,
        augmentation=layers.AdaptiveAugment(seed=seed) if augment else None,
        ema_half_life=ema_half_life,
        seed=seed,
    )
    model.compile()

    samples = callbacks.SampleGrid(
        log_dir, 4 * NUM_COLUMNS, seed=seed, num_columns=NUM_COLUMNS, every=10
    )
    fit(
        model,
        x_train,
        batch_size=batch_size,
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test,),
        validation_batch_size=batch_size,
        callbacks=[
            callbacks.GanHealth(x_test, log_dir=log_dir),
            samples,
            callbacks.TensorBoard(log_dir),
        ],
    )

    real = x_test[:NUM_COLUMNS]
    images, error = _with_styles(model, real, seed)
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1-4 samples of truncation "
        f"{', '.join(map(str, TRUNCATIONS))}; 5 the coarse half of their styles with "
        "the fine half of the next; 6 held-out images; 7 of the styles found for them"
    )
    callbacks.save_png(
        f"{log_dir}/style_gan.png", callbacks.image_grid(images, NUM_COLUMNS), caption
    )
    model.save(f"{log_dir}/model.keras")

    judged = x_test[:NUM_JUDGED]
    found = ops.convert_to_numpy(model.sample(len(judged), seed=seed))
    flat = (x.reshape(len(x), -1) for x in (judged, found))
    distance = metrics.kernel_distance(*flat, num_subsets=None)
    print(
        f"Held-out {dataset}, {len(judged)} images: kernel distance (features: pixels) "
        f"of as many samples {distance.value:.4g} +- {distance.standard_error:.2g}, of "
        f"the averaged generator, truncation=None. Styles found for {len(real)} of "
        f"them: mean squared error {error:.4f} a pixel."
    )
    print(
        f"Picture: {log_dir}/style_gan.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


def _with_styles(model, real, seed):
    """Returns rows of images, and the error of those of styles found for `real`."""
    shape = (NUM_COLUMNS, model.latent_dim)
    z = np.random.default_rng(seed).standard_normal(shape).astype("float32")
    rows = [
        model.decode_styles(model.map_latents(z, truncation=truncation))
        for truncation in TRUNCATIONS
    ]
    styles = ops.convert_to_numpy(model.map_latents(z, truncation=TRUNCATIONS[1]))
    coarse = model.num_styles // 2
    following = np.roll(styles, -1, axis=0)
    mixed = np.concatenate([styles[:, :coarse], following[:, coarse:]], axis=1)
    found = model.decode_styles(model.project(real))
    rows = [*rows, model.decode_styles(mixed), real, found]
    rows = [ops.convert_to_numpy(row) for row in rows]
    error = float(np.mean(np.square(rows[-1] - rows[-2])))
    return np.concatenate(rows), error


if __name__ == "__main__":
    command_line(main)()
