"""RBM by CD-k (Hinton, 2002) or with persistent chains (Tieleman, ICML 2008)."""

import keras
import numpy as np
from keras import ops

from keras_genmod import RBM, callbacks, data, evaluation
from recipes._run import begin, command_line, fit

LEARNING_RATE = 0.05  # at the start; it falls to 0, as persistent chains want it
EVERY = 20  # epochs from one picture to the next
NUM_COLUMNS = 10
LARGEST_EXACT = 20  # hidden units up to which log p(x) is computed exactly


def main(
    dataset: str = "digits",
    epochs: int = 200,
    batch_size: int = 32,
    hidden_dim: int = 20,
    num_gibbs_steps: int = 1,
    persistent: bool = True,
    num_temperatures: int = 1,
    annealing_steps: int = 10_000,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/rbm",
):
    """Trains an RBM on images, binarized once.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 100 for MNIST.
        hidden_dim: Hidden units: up to 20 the log-likelihood is exact, beyond it is an
            estimate by annealed importance sampling; 500 for MNIST.
        num_gibbs_steps: The k of CD-k, such as 1 or 25.
        persistent: Whether chains go on from batch to batch.
        num_temperatures: Above 1, of parallel tempering of persistent chains.
        annealing_steps: Temperatures of annealed importance sampling.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals(), may_change=["annealing_steps"])
    images = [data.load(dataset, split)[0][:limit] for split in ("train", "test")]
    image_shape = images[0].shape[1:]
    x_train, x_test = (
        data.binarize(x.reshape(len(x), -1), "static", seed) for x in images
    )

    model = RBM(
        x_train.shape[1],
        hidden_dim,
        num_gibbs_steps=num_gibbs_steps,
        persistent=persistent,
        num_temperatures=num_temperatures,
        seed=seed,
    )
    num_steps = epochs * -(-len(x_train) // batch_size)
    rate = keras.optimizers.schedules.PolynomialDecay(LEARNING_RATE, num_steps, 0.0)
    model.compile(keras.optimizers.SGD(rate))

    n, when = NUM_COLUMNS, {"every": EVERY, "image_shape": image_shape}
    drawn = [
        callbacks.SampleGrid(log_dir, 2 * n, seed=seed, num_columns=n, **when),
        callbacks.Reconstructions(log_dir, x_test[:n], **when),
    ]
    board = callbacks.TensorBoard(log_dir)
    fit(
        model,
        x_train,
        batch_size=batch_size,
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test,),
        callbacks=[*drawn, board],
    )

    couplings = ops.convert_to_numpy(model.couplings)[:, : 2 * NUM_COLUMNS].T
    rows = [ops.convert_to_numpy(picture.draw(model)) for picture in drawn]
    rows.append(0.5 + 0.5 * couplings / np.abs(couplings).max())
    pictures = np.concatenate(rows).reshape(-1, *image_shape)
    board.add_images("rbm", pictures, step=epochs, num_columns=NUM_COLUMNS)
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1-2 samples; 3 held-out images; 4 "
        "their reconstructions; 5-6 couplings of hidden units, grey where zero"
    )
    callbacks.save_png(
        f"{log_dir}/rbm.png", callbacks.image_grid(pictures, NUM_COLUMNS), caption
    )
    model.save(f"{log_dir}/model.keras")

    logs = model.evaluate(x_test, batch_size=batch_size, verbose=0, return_dict=True)
    line = f"mean squared error of reconstructions {logs['reconstruction']:.4f} a pixel"
    options = {}
    if hidden_dim > LARGEST_EXACT:
        options = {"method": "ais", "num_temperatures": annealing_steps}
    likelihood = evaluation.evaluate_likelihood(
        model,
        x_test,
        dataset=dataset,
        split="test",
        binarization=f"static({seed})",
        seed=seed,
        **options,
    )
    print(likelihood)
    sign = "=" if likelihood.kind == "exact" else "~"
    line += f", log p(x) {sign} {likelihood.mean:.2f} nats ({likelihood.kind})"
    print(f"Held-out {dataset}, {len(x_test)} images, static binarization: {line}.")
    print(
        f"Picture: {log_dir}/rbm.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
