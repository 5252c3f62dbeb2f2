"""Boltzmann machine that completes patterns (Ackley, Hinton and Sejnowski, 1985)."""

import keras
import numpy as np
from keras import ops

from keras_genmod import BoltzmannMachine, callbacks, data
from recipes._run import begin, command_line, fit

LEARNING_RATE = 0.05
EVERY = 20  # epochs from one picture to the next
NUM_COLUMNS = 10
REPEATS = 32  # of the stored patterns in an epoch
FINAL_TEMPERATURE = 0.2  # where completion ends


def main(
    dataset: str = "digits",
    epochs: int = 60,
    batch_size: int = 32,
    num_patterns: int = 10,
    hidden_dim: int = 0,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/boltzmann_machine",
):
    """Stores images in a Boltzmann machine; completes them from their upper halves.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE"; one
            unit a pixel, so small images.
        epochs: Passes over the patterns; more than last time goes on with that run.
        batch_size: Patterns a step.
        num_patterns: Images to store, the first of the training set.
        hidden_dim: Hidden units; 0 couples the pixels alone.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals())
    images = [data.load(dataset, split)[0][:limit] for split in ("train", "test")]
    image_shape = images[0].shape[1:]
    x_train, x_test = (
        data.binarize(x.reshape(len(x), -1), "threshold") for x in images
    )
    patterns = x_train[:num_patterns]

    model = BoltzmannMachine(patterns.shape[1], hidden_dim, seed=seed)
    model.compile(keras.optimizers.SGD(LEARNING_RATE))

    samples = callbacks.SampleGrid(
        log_dir,
        2 * NUM_COLUMNS,
        seed=seed,
        num_columns=NUM_COLUMNS,
        every=EVERY,
        image_shape=image_shape,
    )
    board = callbacks.TensorBoard(log_dir)
    fit(
        model,
        np.tile(patterns, (REPEATS, 1)),
        batch_size=batch_size,
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test,),
        callbacks=[samples, board],
    )

    # The upper half is known; the lower one starts at random and cools down.
    known = np.arange(patterns.shape[1]) < patterns.shape[1] // 2
    completed = ops.convert_to_numpy(
        model.complete(patterns, known, final_temperature=FINAL_TEMPERATURE, seed=seed)
    )

    shown = [np.where(known, patterns, 0.5), completed]
    shown = [x[:NUM_COLUMNS] for x in (patterns, *shown)]
    shown.append(ops.convert_to_numpy(samples.draw(model)))
    pictures = np.concatenate(shown).reshape(-1, *image_shape)
    columns = min(NUM_COLUMNS, num_patterns)
    board.add_images("boltzmann_machine", pictures, step=epochs, num_columns=columns)
    caption = (
        f"{dataset}, epoch {epochs}; patterns; what of them is known; completed; "
        "two rows of samples"
    )
    callbacks.save_png(
        f"{log_dir}/boltzmann_machine.png",
        callbacks.image_grid(pictures, columns),
        caption,
    )
    model.save(f"{log_dir}/model.keras")

    right = completed[:, ~known] == patterns[:, ~known]
    print(
        f"{dataset}, threshold binarization: of {len(patterns)} stored patterns "
        f"{right.all(axis=1).sum()} are recovered whole from their upper halves, "
        f"{100 * right.mean():.1f}% of the unknown pixels."
    )
    print(
        f"Picture: {log_dir}/boltzmann_machine.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
