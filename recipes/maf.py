"""Masked autoregressive flow (Papamakarios et al., 2017, arXiv:1705.07057)."""

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
    Chain,
    MaskedAutoregressive,
    Permutation,
    Sigmoid,
)
from recipes._run import begin, command_line, fit

LEARNING_RATE = 1e-3
MARGIN = 1e-6  # that the logits keep from 0 and 1
NUM_IMPORTANCE_SAMPLES = 10
NUM_COLUMNS = 10


def main(
    dataset: str = "digits",
    epochs: int = 20,
    batch_size: int = 32,
    num_levels: int = 17,
    num_layers: int = 5,
    hidden_dim: int = 128,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/maf",
):
    """Trains a MAF on the logits of images and bounds their bits per dimension.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 100 in the paper.
        num_levels: Grey levels a pixel; 17 are all that digits has, 256 those of other
            sets.
        num_layers: Autoregressive layers, each in the order opposite to the last;
            5 or 10 in the paper.
        hidden_dim: Units of both hidden layers of each MADE; 1,024 in the paper.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals())
    steps = num_levels - 1
    images = [data.load(dataset, split)[0][:limit] for split in ("train", "test")]
    image_shape = images[0].shape[1:]
    x_train, x_test = (
        (np.round(x * steps) / steps).reshape(len(x), -1).astype("float32")
        for x in images
    )

    event_dim = x_train.shape[1]
    event_shape = (event_dim,)
    members = [Sigmoid(event_shape, margin=MARGIN)]  # from data to latents
    for _ in range(num_layers):
        members += [
            ActNorm(event_shape),  # batch normalization in the paper
            MaskedAutoregressive(
                event_dim, networks.made(event_dim, (hidden_dim, hidden_dim))
            ),
            Permutation(event_shape, list(range(event_dim))[::-1]),
        ]
    model = NormalizingFlow(
        Chain(members[::-1]),
        dequantization=UniformDequantization(num_levels),
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(LEARNING_RATE))

    board = callbacks.TensorBoard(log_dir)
    samples = callbacks.SampleGrid(
        log_dir,
        2 * NUM_COLUMNS,
        seed=seed,
        num_columns=NUM_COLUMNS,
        image_shape=image_shape,
        every=5,
    )
    fit(
        model,
        x_train,
        batch_size=batch_size,
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test,),
        validation_batch_size=batch_size,
        callbacks=[samples, board],
    )
    model.save(f"{log_dir}/model.keras")

    rows = [ops.convert_to_numpy(samples.draw(model)), x_test[:NUM_COLUMNS]]
    pictures = np.concatenate(rows).reshape(-1, *image_shape)
    caption = f"{dataset}, epoch {epochs}; rows: 1-2 samples; 3 held-out images"
    callbacks.save_png(
        f"{log_dir}/maf.png", callbacks.image_grid(pictures, NUM_COLUMNS), caption
    )

    bound = evaluation.evaluate_likelihood(
        model,
        x_test,
        dataset=dataset,
        split="test",
        seed=seed,
        num_samples=NUM_IMPORTANCE_SAMPLES,
    )
    print(bound)
    print(
        f"Held-out {dataset}, {len(x_test)} images of {num_levels} levels: log p(x) >= "
        f"{bound.mean:.2f} nats (uniform noise, importance-weighted, "
        f"K={NUM_IMPORTANCE_SAMPLES}), {bound.bits_per_dim:.4f} bits a dimension."
    )
    print(
        f"Picture: {log_dir}/maf.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
