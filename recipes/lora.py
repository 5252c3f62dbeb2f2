"""Fine-tuning by adapters of low rank (Hu et al., 2021, arXiv:2106.09685).

A diffusion model learns one half of the classes; two copies then learn the other half,
one by all of its weights, one by adapters alone.
"""

import keras
import numpy as np
import typer
from keras import ops
from sklearn.neighbors import KNeighborsClassifier

from keras_genmod import DiffusionModel, callbacks, data, metrics, networks
from recipes._run import begin, command_line, fit, integers, later_stage

LEARNING_RATE = 1e-3
EMA_MOMENTUM = 0.995  # of the averaged weights, which all figures are of
NUM_COLUMNS = 10
NUM_ROWS = 2  # of samples of each model


def compile_model(model: DiffusionModel, learning_rate: float) -> None:
    """Gives a model an optimizer that keeps averages."""
    optimizer = keras.optimizers.Adam(
        learning_rate, clipnorm=1.0, use_ema=True, ema_momentum=EMA_MOMENTUM
    )
    model.compile(optimizer)


def main(
    dataset: str = "digits",
    epochs: int = 100,
    tuning_epochs: int = 50,
    rank: int = 4,
    lora_learning_rate: float = 3e-3,
    batch_size: int = 64,
    filters: int = 32,
    multipliers: str = "1,2",
    num_blocks: int = 1,
    num_steps: int = 50,
    num_scored: int = 400,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/lora",
):
    """Trains a diffusion model, and teaches it other classes by few weights.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE";
            with labels, whose lower half comes first.
        epochs: Passes over the first classes; more than last time goes on with that
            run, and fine-tunes anew.
        tuning_epochs: Passes over the other classes, by each way.
        rank: Columns of an adapter.
        lora_learning_rate: Of adapters; all other weights have 1e-3.
        batch_size: Examples a step; 128 for MNIST.
        filters: Channels of the U-Net's first level; 64 for MNIST.
        multipliers: A number for each level, how many times as many channels it has;
            1,2,2 for MNIST.
        num_blocks: Residual blocks of a level; 2 for MNIST.
        num_steps: Steps of a sample.
        num_scored: Samples that are judged, of each model.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples of a half.
        log_dir: Folder of this run, those of fine-tuning below it in "all_weights" and
            "adapters".
    """
    begin(locals(), may_change=["tuning_epochs", "num_steps", "num_scored"])
    (x_train, y_train), (x_test, y_test) = (
        data.load(dataset, split) for split in ("train", "test")
    )
    if y_train is None:
        raise typer.BadParameter(f"--dataset {dataset} has no labels")
    half = (int(y_train.max()) + 1) // 2
    first, other, first_test, other_test = (
        x[kept][:limit]
        for x, y in ((x_train, y_train), (x_test, y_test))
        for kept in (y < half, y >= half)
    )

    image_shape, factors = x_train.shape[1:], integers("multipliers", multipliers)
    smallest = max(image_shape[:2]) // 2 ** (len(factors) - 1)  # the lowest level
    network = networks.unet(
        image_shape, filters, tuple(factors), num_blocks, (smallest,)
    )
    base = DiffusionModel(network, image_shape, loss_weight="min_snr", seed=seed)
    compile_model(base, LEARNING_RATE)
    fit(
        base,
        first,
        log_dir=log_dir,
        epochs=epochs,
        batch_size=batch_size,
        validation_data=(first_test,),
        callbacks=[
            callbacks.ExponentialMovingAverage(),
            callbacks.TensorBoard(log_dir),
        ],
    )

    models = {"as it was": base}
    for name in ("all_weights", "adapters"):
        model = DiffusionModel.from_config(base.get_config())
        model.set_weights(base.get_weights())
        if name == "adapters":
            model.enable_lora(rank)
        compile_model(
            model, lora_learning_rate if name == "adapters" else LEARNING_RATE
        )
        folder = later_stage(log_dir, name, epochs)
        fit(
            model,
            other,
            log_dir=folder,
            epochs=tuning_epochs,
            batch_size=batch_size,
            validation_data=(other_test,),
            callbacks=[
                callbacks.ExponentialMovingAverage(),
                callbacks.TensorBoard(folder),
            ],
        )
        models[name] = model
    model.save(f"{log_dir}/model.keras")  # the one with adapters
    model.merge_lora().save(f"{log_dir}/merged.keras")

    # Does it draw the other classes? The nearest training image is the judge.
    both = np.concatenate([first, other])
    is_other = np.arange(len(both)) >= len(first)
    judge = KNeighborsClassifier(1).fit(both.reshape(len(both), -1), is_other)
    rows, lines = [], []
    for name, each in models.items():
        drawn = ops.convert_to_numpy(
            each.sample(num_scored, seed=seed, num_steps=num_steps)
        ).reshape(num_scored, -1)
        rows.append(drawn[: NUM_ROWS * NUM_COLUMNS].reshape(-1, *image_shape))
        share = judge.predict(drawn).mean()
        real = other_test.reshape(len(other_test), -1)
        distance = metrics.frechet_distance(real, drawn).value
        trained = sum(int(np.prod(v.shape)) for v in each.trainable_weights)
        count = "" if each is base else f" ({trained:,} weights)"
        lines.append(f"{name.replace('_', ' ')}{count} {share:.1%}, {distance:.4g}")
    rows.append(other_test[:NUM_COLUMNS])
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1-2 samples before; 3-4 all weights "
        "trained on; 5-6 adapters alone; 7 held-out images"
    )
    images = callbacks.image_grid(np.concatenate(rows), NUM_COLUMNS)
    callbacks.save_png(f"{log_dir}/lora.png", images, caption)
    print(
        f"{dataset}, {num_scored} samples (DDIM, {num_steps} steps): nearest training "
        f"image is of the other classes, Frechet distance to {len(other_test)} "
        f"held-out ones of these (features: pixels): {'; '.join(lines)}."
    )
    print(
        f"Picture: {log_dir}/lora.png. Model: {log_dir}/model.keras, without adapters "
        f"merged.keras. Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
