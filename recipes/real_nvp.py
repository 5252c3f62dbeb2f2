"""RealNVP (Dinh, Sohl-Dickstein and Bengio, 2017, arXiv:1605.08803)."""

import keras
import numpy as np
from keras import ops

from keras_genmod import (
    NormalizingFlow,
    UniformDequantization,
    callbacks,
    data,
    evaluation,
    networks,
)
from keras_genmod.bijectors import (
    ActNorm,
    AffineCoupling,
    Chain,
    Sigmoid,
    Split,
    Squeeze,
)
from recipes._run import begin, command_line, fit

LEARNING_RATE = 1e-3
MARGIN = 0.05  # that the logits of pixels keep from 0 and 1
NUM_IMPORTANCE_SAMPLES = 10
NUM_COLUMNS = 10
SIDE = 4.5  # pictures of points show [-4.5, 4.5] on both axes
NUM_BINS = 64


def couplings(event_shape, mask, count, width):
    """Returns couplings with alternating halves, each after a normalization."""
    members = []  # from data to latents
    for i in range(count):
        flip, size = i % 2 == 1, event_shape[-1]
        moving = size // 2 if flip else size - size // 2  # the others stay
        if len(event_shape) == 1:
            network = networks.coupling_mlp(size, (width, width), num_moving=moving)
        else:
            moving = None if mask == "checkerboard" else moving  # half of each channel
            network = networks.coupling_cnn(
                event_shape, width, num_blocks=1, num_moving=moving
            )
        members += [
            ActNorm(event_shape),  # batch normalization in the paper
            AffineCoupling(event_shape, network, mask=mask, flip=flip),
        ]
    return members


def flow(event_shape, num_layers, width):
    """Returns the map from latents to points, or to images on two scales."""
    if len(event_shape) == 1:
        return Chain(couplings(event_shape, "half", num_layers, width)[::-1])
    height, width_, channels = event_shape
    squeezed = (height // 2, width_ // 2, 4 * channels)
    half = (*squeezed[:2], 2 * channels)
    members = [
        Sigmoid(event_shape, margin=MARGIN),
        *couplings(event_shape, "checkerboard", 3, width),
        Squeeze(event_shape),
        *couplings(squeezed, "channel", 3, 2 * width),
        Split(squeezed, Chain(couplings(half, "checkerboard", 4, 2 * width)[::-1])),
    ]
    return Chain(members[::-1])


def main(
    dataset: str = "digits",
    epochs: int = 20,
    batch_size: int = 32,
    num_levels: int = 17,
    num_layers: int = 8,
    width: int = 32,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/real_nvp",
):
    """Trains RealNVP on images, or on points of the plane, and gives log p(x).

    Args:
        dataset: "two_moons" or other points; or images, "digits", "mnist", another
            TFDS name, or the path of a .npz file.
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 64 in the paper.
        num_levels: Grey or colour levels a pixel; 17 are all that digits has, 256
            those of other sets.
        num_layers: Couplings of points; images have ten, on two scales.
        width: Units, or feature maps, of the couplings' networks.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals())
    x_train, x_test = (data.load(dataset, s)[0][:limit] for s in ("train", "test"))
    has_images = x_train.ndim > 2
    noise, options = None, {}
    if has_images:
        noise = UniformDequantization(num_levels)
        options = {"num_samples": NUM_IMPORTANCE_SAMPLES}
        steps = num_levels - 1
        x_train, x_test = (
            (np.round(x * steps) / steps).astype("float32") for x in (x_train, x_test)
        )

    bijector = flow(x_train.shape[1:], num_layers, width)
    model = NormalizingFlow(bijector, dequantization=noise, seed=seed)
    model.compile(keras.optimizers.Adam(LEARNING_RATE))

    board = callbacks.TensorBoard(log_dir)
    fit(
        model,
        x_train,
        batch_size=batch_size,
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test,),
        validation_batch_size=batch_size,
        callbacks=[board],
    )
    model.save(f"{log_dir}/model.keras")

    if has_images:
        caption = "rows: 1-2 samples; 3 held-out images"
        samples = ops.convert_to_numpy(model.sample(2 * NUM_COLUMNS, seed=seed))
        images, scale = np.concatenate([samples, x_test[:NUM_COLUMNS]]), None
    else:
        caption = "held-out points beside as many of the model"
        points = [x_test, ops.convert_to_numpy(model.sample(len(x_test), seed=seed))]
        edges = np.linspace(-SIDE, SIDE, NUM_BINS + 1)
        images = np.stack([np.histogram2d(*p.T, bins=edges)[0].T[::-1] for p in points])
        images, scale = images / images.max(), 4
    num_columns = NUM_COLUMNS if has_images else len(images)
    board.add_images("samples", images, step=epochs, num_columns=num_columns)
    callbacks.save_png(
        f"{log_dir}/real_nvp.png",
        callbacks.image_grid(images, num_columns, scale),
        f"{dataset}, epoch {epochs}; {caption}",
    )

    found = evaluation.evaluate_likelihood(
        model, x_test, dataset=dataset, split="test", seed=seed, **options
    )
    print(found)
    print(
        f"Held-out {dataset}, {len(x_test)} examples: log p(x) "
        + (
            f">= {found.mean:.2f} nats (uniform noise on {num_levels} levels, "
            f"importance-weighted, K={NUM_IMPORTANCE_SAMPLES}), "
            f"{found.bits_per_dim:.4f} bits a dimension."
            if has_images
            else f"= {found.mean:.3f} nats (exact)."
        )
    )
    print(
        f"Picture: {log_dir}/real_nvp.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
