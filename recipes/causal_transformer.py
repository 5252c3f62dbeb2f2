"""A transformer over pixels as tokens (Vaswani et al., 2017, arXiv:1706.03762)."""

import keras
import numpy as np
import typer
from keras import ops

from keras_genmod import CausalTransformer, callbacks, data, metrics
from recipes._run import begin, command_line, fit

LEARNING_RATE = 1e-3
NUM_COLUMNS = 8


def main(
    dataset: str = "digits",
    epochs: int = 20,
    batch_size: int = 32,
    num_levels: int = 17,
    model_dim: int = 64,
    num_heads: int = 4,
    num_blocks: int = 3,
    class_conditional: bool = False,
    top_p: float = 1.0,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/causal_transformer",
):
    """Trains a transformer on the levels of images and gives their exact likelihood.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step.
        num_levels: Grey or colour levels of a value, each a token; digits has 17,
            other sets have 256.
        model_dim: Size of the vectors of tokens, a multiple of num_heads.
        num_heads: Attention heads a block.
        num_blocks: Blocks of attention and feed-forward network.
        class_conditional: Whether the model is told the class and draws those asked
            for.
        top_p: Samples take the fewest likeliest tokens whose chances add up to this, in
            (0, 1]; 1 draws from the model itself.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals(), may_change=["top_p"])
    (x_train, y_train), (x_test, y_test) = (
        data.load(dataset, split) for split in ("train", "test")
    )
    num_classes = None
    if not class_conditional:
        y_train = y_test = None
    elif y_train is None:
        raise typer.BadParameter(f"--dataset {dataset} has no labels")
    else:
        num_classes = int(y_train.max()) + 1
        y_train, y_test = y_train[:limit], y_test[:limit]
    highest = num_levels - 1
    x_train, x_test = (
        (np.round(x[:limit] * highest) / highest).astype("float32")
        for x in (x_train, x_test)
    )

    model = CausalTransformer(
        x_train.shape[1:],
        num_levels,
        model_dim=model_dim,
        num_heads=num_heads,
        num_blocks=num_blocks,
        num_classes=num_classes,
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(LEARNING_RATE))

    board = callbacks.TensorBoard(log_dir)
    fit(
        model,
        x_train,
        y_train,
        batch_size=batch_size,
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test, y_test),
        validation_batch_size=batch_size,
        callbacks=[board],
    )
    model.save(f"{log_dir}/model.keras")

    num_columns = num_classes or NUM_COLUMNS
    classes = None if num_classes is None else np.tile(np.arange(num_classes), 2)
    drawn = {"seed": seed, "top_p": top_p}
    samples = ops.convert_to_numpy(model.sample(2 * num_columns, classes, **drawn))
    shown = x_test[:num_columns]
    mask = np.zeros(shown.shape, bool)
    mask[:, : shown.shape[1] // 2] = True
    labels = None if y_test is None else y_test[:num_columns]
    completed = model.sample(len(shown), labels, known=shown, mask=mask, **drawn)
    images = np.concatenate([samples, shown, ops.convert_to_numpy(completed)])
    board.add_images("samples", images, step=epochs, num_columns=num_columns)
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1-2 samples; 3 held-out images; 4 the "
        "same with the lower half drawn anew"
    )
    if num_classes is not None:
        caption += "; in the samples a column is the class asked for"
    callbacks.save_png(
        f"{log_dir}/causal_transformer.png",
        callbacks.image_grid(images, num_columns),
        caption,
    )

    logs = model.evaluate(x_test, y_test, batch_size, verbose=0, return_dict=True)
    log_prob = "log p(x)" if num_classes is None else "log p(x | y)"
    bits = metrics.bits_per_dim(logs["loss"], int(np.prod(x_test.shape[1:])))
    print(
        f"Held-out {dataset}, {len(x_test)} images of {num_levels} levels: {log_prob} "
        f"= {-logs['loss']:.2f} nats (exact), {bits:.4f} bits a dimension."
    )
    print(
        f"Picture: {log_dir}/causal_transformer.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
