"""Glow (Kingma and Dhariwal, 2018, arXiv:1807.03039)."""

import keras
import numpy as np
from keras import ops

from keras_genmod import Glow, callbacks, data, evaluation
from recipes._run import begin, command_line, fit

LEARNING_RATE = 1e-3
TEMPERATURES = (0.7, 1.0)
NUM_IMPORTANCE_SAMPLES = 10
NUM_COLUMNS = 10
EVERY = 5  # epochs from one picture to the next


def main(
    dataset: str = "digits",
    epochs: int = 20,
    batch_size: int = 32,
    num_levels: int = 17,
    num_scales: int = 2,
    num_steps: int = 4,
    filters: int = 64,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/glow",
):
    """Trains Glow on images of many levels and bounds their bits per dimension.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 64 for CIFAR-10.
        num_levels: Grey or colour levels a pixel; 17 are all that digits has, 256
            those of other sets.
        num_scales: Each halves the sides, which must be even; 3 for CIFAR-10.
        num_steps: Steps of flow of a scale; 32 in the paper.
        filters: Feature maps of the couplings' networks; 512 in the paper.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals())
    steps = num_levels - 1
    x_train, x_test = (
        (np.round(data.load(dataset, split)[0][:limit] * steps) / steps).astype(
            "float32"
        )
        for split in ("train", "test")
    )

    model = Glow(
        x_train.shape[1:],
        num_scales=num_scales,
        num_steps=num_steps,
        filters=filters,
        num_levels=num_levels,
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(LEARNING_RATE))

    board = callbacks.TensorBoard(log_dir)
    samples = callbacks.SampleGrid(
        log_dir, 2 * NUM_COLUMNS, seed=seed, num_columns=NUM_COLUMNS, every=EVERY
    )
    ends = (x_test[:4], x_test[4:8])
    paths = callbacks.Interpolation(
        log_dir, *ends, num_steps=NUM_COLUMNS, kind="linear", every=EVERY
    )
    fit(
        model,
        x_train,
        batch_size=batch_size,
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test,),
        validation_batch_size=batch_size,
        callbacks=[samples, paths, board],
    )
    model.save(f"{log_dir}/model.keras")

    rows = [
        model.sample(2 * NUM_COLUMNS, seed=seed, temperature=temperature)
        for temperature in TEMPERATURES
    ]
    rows += [x_test[:NUM_COLUMNS], paths.draw(model)]
    images = np.concatenate([ops.convert_to_numpy(row) for row in rows])
    board.add_images("temperatures", images, step=epochs, num_columns=NUM_COLUMNS)
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1-2 samples at temperature 0.7; 3-4 "
        "the same at 1; 5 held-out images; below ways between two of them"
    )
    callbacks.save_png(
        f"{log_dir}/glow.png", callbacks.image_grid(images, NUM_COLUMNS), caption
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
        f"Picture: {log_dir}/glow.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
