"""PixelRNN (van den Oord, Kalchbrenner and Kavukcuoglu, 2016, arXiv:1601.06759)."""

from typing import Literal

import keras
import numpy as np
from keras import ops

from keras_genmod import PixelRNN, callbacks, data
from recipes._run import begin, command_line, fit

LEARNING_RATE = 1e-3
NUM_COLUMNS = 8


def main(
    dataset: str = "digits",
    kind: Literal["row", "diagonal"] = "row",
    epochs: int = 40,
    batch_size: int = 32,
    filters: int = 32,
    num_layers: int = 3,
    binarization: Literal["dynamic", "static"] = "dynamic",
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/pixel_rnn",
):
    """Trains a PixelRNN on binary images and gives their exact log-likelihood.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        kind: Row LSTMs see a triangle above a pixel, diagonal ones all before it.
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 16 in the paper.
        filters: Feature maps of the trunk, a multiple of twice the channels.
        num_layers: LSTM layers; 7 for MNIST.
        binarization: "dynamic" draws training pixels anew in each epoch, "static" once.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals())
    x_train, x_test = (data.load(dataset, s)[0][:limit] for s in ("train", "test"))
    x_test = data.binarize(x_test, "static", seed)
    if binarization == "static":  # then each later draw gives the same pixels
        x_train = data.binarize(x_train, "static", seed)
    batches = data.DynamicBinarization(x_train, batch_size=batch_size, seed=seed)

    model = PixelRNN(
        x_train.shape[1:],
        kind=kind,
        filters=filters,
        num_layers=num_layers,
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
        validation_data=(x_test,),
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
        f"{log_dir}/pixel_rnn.png", callbacks.image_grid(images, NUM_COLUMNS), caption
    )

    logs = model.evaluate(x_test, batch_size=batch_size, verbose=0, return_dict=True)
    print(
        f"Held-out {dataset}, {len(x_test)} images, {kind} layers, {binarization} "
        f"binarization (tested on one draw, seed {seed}): log p(x) = "
        f"{-logs['loss']:.2f} nats (exact)."
    )
    print(
        f"Picture: {log_dir}/pixel_rnn.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
