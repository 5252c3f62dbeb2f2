"""PixelCNN++ (Salimans, Karpathy, Chen and Kingma, 2017, arXiv:1701.05517)."""

import keras
import numpy as np
from keras import ops

from keras_genmod import PixelCNNPlusPlus, callbacks, data, metrics
from recipes._run import begin, command_line, fit

LEARNING_RATE = 1e-3
NUM_COLUMNS = 8


def main(
    dataset: str = "digits",
    epochs: int = 40,
    batch_size: int = 32,
    num_levels: int = 16,
    num_mixtures: int = 5,
    filters: int = 32,
    num_blocks: int = 1,
    num_resolutions: int = 2,
    dropout: float = 0.2,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/pixel_cnn_pp",
):
    """Trains a PixelCNN++ on images of many levels and gives their bits per dimension.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 64 for CIFAR-10.
        num_levels: Grey or colour levels a pixel; 17 are all that digits has, 256
            those of other sets.
        num_mixtures: Logistic components a pixel; 10 in the paper.
        filters: Feature maps of each stream; 160 in the paper.
        num_blocks: Gated blocks a resolution, down and up again; 5 in the paper.
        num_resolutions: Each halves the sides, which must be even; 3 in the paper.
        dropout: Share of features left out in training; 0.5 in the paper.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals())
    x_train, x_test = (
        np.round(data.load(dataset, split)[0][:limit] * (num_levels - 1))
        for split in ("train", "test")
    )
    x_train, x_test = (
        (x / (num_levels - 1)).astype("float32") for x in (x_train, x_test)
    )

    model = PixelCNNPlusPlus(
        x_train.shape[1:],
        num_levels,
        num_mixtures=num_mixtures,
        filters=filters,
        num_blocks=num_blocks,
        num_resolutions=num_resolutions,
        dropout=dropout,
        seed=seed,
    )
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

    samples = ops.convert_to_numpy(model.sample(2 * NUM_COLUMNS, seed=seed))
    shown = x_test[:NUM_COLUMNS]
    mask = np.zeros(shown.shape, bool)
    mask[:, : shown.shape[1] // 2] = True
    completed = model.sample(len(shown), seed=seed, known=shown, mask=mask)
    images = np.concatenate([samples, shown, ops.convert_to_numpy(completed)])
    board.add_images("samples", images, step=epochs, num_columns=NUM_COLUMNS)
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1-2 samples; 3 held-out images; 4 the "
        "same with the lower half drawn anew"
    )
    callbacks.save_png(
        f"{log_dir}/pixel_cnn_pp.png",
        callbacks.image_grid(images, NUM_COLUMNS),
        caption,
    )

    logs = model.evaluate(x_test, batch_size=batch_size, verbose=0, return_dict=True)
    bits = metrics.bits_per_dim(logs["loss"], int(np.prod(x_test.shape[1:])))
    print(
        f"Held-out {dataset}, {len(x_test)} images of {num_levels} levels: log p(x) = "
        f"{-logs['loss']:.2f} nats (exact), {bits:.4f} bits a dimension."
    )
    print(
        f"Picture: {log_dir}/pixel_cnn_pp.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
