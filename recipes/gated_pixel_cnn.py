"""Gated PixelCNN (van den Oord et al., 2016, arXiv:1606.05328)."""

from typing import Literal

import keras
import numpy as np
import typer
from keras import ops

from keras_genmod import GatedPixelCNN, callbacks, data
from recipes._run import begin, command_line, fit

LEARNING_RATE = 1e-3
NUM_COLUMNS = 8


def main(
    dataset: str = "digits",
    epochs: int = 40,
    batch_size: int = 32,
    filters: int = 32,
    num_blocks: int = 3,
    kernel_size: int = 3,
    class_conditional: bool = False,
    binarization: Literal["dynamic", "static"] = "dynamic",
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/gated_pixel_cnn",
):
    """Trains a Gated PixelCNN on binary images and gives their exact log-likelihood.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 128 for MNIST.
        filters: Feature maps of each stack.
        num_blocks: Blocks after the first one; 10 for MNIST.
        kernel_size: Pixels a side of their kernels, an odd number.
        class_conditional: Whether the model is told the class and draws those asked
            for.
        binarization: "dynamic" draws training pixels anew in each epoch, "static" once.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals())
    x_train, y_train = data.load(dataset, "train")
    x_test, y_test = data.load(dataset, "test")
    num_classes = None
    if not class_conditional:
        y_train = y_test = None
    elif y_train is None:
        raise typer.BadParameter(f"--dataset {dataset} has no labels")
    else:
        num_classes = int(y_train.max()) + 1
        y_train, y_test = y_train[:limit], y_test[:limit]
    x_train = x_train[:limit]
    x_test = data.binarize(x_test[:limit], "static", seed)
    if binarization == "static":  # then each later draw gives the same pixels
        x_train = data.binarize(x_train, "static", seed)
    batches = data.DynamicBinarization(x_train, y_train, batch_size, seed)

    model = GatedPixelCNN(
        x_train.shape[1:],
        filters=filters,
        num_blocks=num_blocks,
        kernel_size=kernel_size,
        num_classes=num_classes,
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(LEARNING_RATE))

    board = callbacks.TensorBoard(log_dir)
    fit(
        model,
        batches,
        shuffle=False,  # the batches are shuffled already
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test, y_test),
        validation_batch_size=batch_size,
        callbacks=[
            # A run that resumes goes on with the draws of its epoch.
            keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch)
            ),
            board,
        ],
    )
    model.save(f"{log_dir}/model.keras")

    num_columns = num_classes or NUM_COLUMNS
    classes = None if num_classes is None else np.tile(np.arange(num_classes), 2)
    samples = ops.convert_to_numpy(model.sample(2 * num_columns, classes, seed=seed))
    shown = x_test[:num_columns]
    mask = np.zeros(shown.shape, bool)
    mask[:, : shown.shape[1] // 2] = True
    labels = None if y_test is None else y_test[:num_columns]
    completed = model.sample(len(shown), labels, seed=seed, known=shown, mask=mask)
    images = np.concatenate([samples, shown, ops.convert_to_numpy(completed)])
    board.add_images("samples", images, step=epochs, num_columns=num_columns)
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1-2 samples; 3 held-out images; 4 the "
        "same with the lower half drawn anew"
    )
    if num_classes is not None:
        caption += "; in the samples a column is the class asked for"
    callbacks.save_png(
        f"{log_dir}/gated_pixel_cnn.png",
        callbacks.image_grid(images, num_columns),
        caption,
    )

    logs = model.evaluate(x_test, y_test, batch_size, verbose=0, return_dict=True)
    log_prob = "log p(x)" if num_classes is None else "log p(x | y)"
    print(
        f"Held-out {dataset}, {len(x_test)} images, {binarization} binarization "
        f"(tested on one draw, seed {seed}): {log_prob} = {-logs['loss']:.2f} nats "
        "(exact)."
    )
    print(
        f"Picture: {log_dir}/gated_pixel_cnn.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
