"""Anomaly scores: where likelihoods fail (Nalisnick et al., 2019, arXiv:1810.09136).

Beside them, corrected by input complexity (Serra et al., 2019, arXiv:1909.11480) and by
a background model's likelihood (Ren et al., 2019, arXiv:1906.02845).
"""

import pathlib

import keras
import numpy as np

from keras_genmod import (
    RBM,
    VAE,
    Autoencoder,
    PixelCNN,
    callbacks,
    data,
    evaluation,
    networks,
)
from recipes._run import begin, command_line, fit

NUM_SCORED = 1_000  # images of each set
MUTATION_RATE = 0.2  # share of pixels drawn anew for the background model
NUM_SHOWN = 4  # images of each set and model in the picture


def make_model(name, image_shape, hidden_dim, latent_dim, filters, num_blocks, seed):
    """Returns one of the models with its optimizer."""
    adam = keras.optimizers.Adam(1e-3)
    if name == "pixel_cnn":
        model = PixelCNN(image_shape, filters=filters, num_blocks=num_blocks, seed=seed)
        return model, adam
    if name == "rbm":
        num_pixels = int(np.prod(image_shape))
        model = RBM(num_pixels, hidden_dim, persistent=True, seed=seed)
        return model, keras.optimizers.SGD(0.05)
    encoder = networks.mlp_encoder(image_shape, (hidden_dim,))
    logits = networks.mlp_decoder(latent_dim, image_shape, (hidden_dim,))
    if name == "vae":
        return VAE(encoder, logits, latent_dim, seed=seed), adam
    latents = keras.layers.Dense(latent_dim)(encoder.output)
    means = keras.layers.Activation("sigmoid")(logits.output)
    encoder = keras.Model(encoder.input, latents)
    return Autoencoder(encoder, keras.Model(logits.input, means), seed=seed), adam


def outlier_images(name, x, rng):
    """Returns grey outliers of the shape of `x`, made of it or loaded."""
    if name == "blank":
        return np.zeros_like(x)
    if name == "half":
        rows = np.arange(x.shape[1])[:, None, None] < x.shape[1] // 2
        return x * rows
    if name == "inverted":
        return 1 - x
    if name == "noise":
        return rng.random(x.shape, dtype="float32")
    if name == "shuffled":  # the pixels of each image, in an order of its own
        return rng.permuted(x.reshape(len(x), -1), axis=1).reshape(x.shape)
    others = data.load(name, "test")[0]
    others = others[rng.permutation(len(others))[: len(x)]]
    return data.resize(others, x.shape[1:3])


def main(
    dataset: str = "digits",
    outliers: str = "blank,half,inverted,shuffled,noise",
    epochs: int = 30,
    batch_size: int = 32,
    hidden_dim: int = 200,
    latent_dim: int = 10,
    filters: int = 16,
    num_blocks: int = 3,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/anomaly",
):
    """Trains four models on binary images and scores other images with them.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        outliers: Sets of outliers with commas between: "blank", "half" (the lower half
            erased), "inverted", "shuffled", "noise", or data sets, which are resized.
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 128 for MNIST.
        hidden_dim: Units of the hidden layers, and of the RBM.
        latent_dim: Number of latents.
        filters: Feature maps of the PixelCNN, an even number.
        num_blocks: Residual blocks of the PixelCNN.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run, with one in it for each model.
    """
    begin(locals(), may_change=["outliers"])
    rng = np.random.default_rng(seed)
    x_train, x_test = (data.load(dataset, s)[0][:limit] for s in ("train", "test"))
    sets = {"held-out": x_test[:NUM_SCORED]}
    for name in outliers.split(","):
        sets[pathlib.Path(name).stem] = outlier_images(name, sets["held-out"], rng)
    sets = {k: data.binarize(x, "static", seed) for k, x in sets.items()}
    complexity = {k: evaluation.input_complexity(x, 2) for k, x in sets.items()}
    x_train = data.binarize(x_train, "static", seed)
    # A background model sees what all images have in common, and no digits.
    rng = np.random.default_rng(seed)
    anew = rng.random(x_train.shape) < MUTATION_RATE
    mutated = np.where(anew, rng.random(x_train.shape) < 0.5, x_train).astype("float32")
    sizes = (x_train.shape[1:], hidden_dim, latent_dim, filters, num_blocks, seed)

    def trained_scores(name, x, folder):
        print(f"{folder}:")
        model, optimizer = make_model(name, *sizes)
        model.compile(optimizer)
        shape = (-1, *model.data_shape)  # of an RBM flat
        fit(
            model,
            x.reshape(shape),
            batch_size=batch_size,
            log_dir=folder,
            epochs=epochs,
            validation_data=(sets["held-out"].reshape(shape),),
            callbacks=[
                callbacks.TensorBoard(folder),
            ],
        )
        model.save(f"{folder}/model.keras")
        return {
            k: evaluation.anomaly_score(model, images.reshape(shape))
            for k, images in sets.items()
        }

    table, pictures = evaluation.OutlierTable("held-out"), []
    for name in ("vae", "pixel_cnn", "rbm", "autoencoder"):
        scores = trained_scores(name, x_train, f"{log_dir}/{name}")
        table.add(name, scores)
        # Held-out images in the first column, the most unusual at the top; then sets
        # of outliers, the most usual ones at the top.
        order = {k: np.argsort(s.scores) for k, s in scores.items()}
        order["held-out"] = order["held-out"][::-1]
        pictures.append(np.stack([x[order[k][:NUM_SHOWN]] for k, x in sets.items()], 1))
        if scores["held-out"].unit != "nats":  # no likelihood to correct
            continue
        correct, ratio = evaluation.complexity_corrected, evaluation.likelihood_ratio
        table.add(name, {k: correct(scores[k], complexity[k]) for k in sets})
        background = trained_scores(name, mutated, f"{log_dir}/{name}_background")
        table.add(name, {k: ratio(scores[k], background[k]) for k in sets})

    pathlib.Path(log_dir, "anomaly.md").write_text(f"{table}\n")
    table.to_json(f"{log_dir}/anomaly.json")
    images = np.concatenate(pictures).reshape(-1, *x_train.shape[1:])
    picture = callbacks.image_grid(images, num_columns=len(sets))
    caption = (
        f"{dataset}, epoch {epochs}; four rows each of vae, pixel_cnn, rbm, "
        "autoencoder; columns: the held-out images that look most unusual to "
        "it, then of each set of outliers those that look most usual"
    )
    callbacks.save_png(f"{log_dir}/anomaly.png", picture, caption)
    print(table)
    worst = min(table.records(), key=lambda record: record["auroc"])
    print(
        f"Held-out {dataset}, {worst['num_inside']} images, static binarization, and "
        f"as many outliers of each set: the lowest AUROC is {worst['auroc']:.3f}, of "
        f"{worst['outliers']} by {worst['model']}, {worst['score']}."
    )
    print(
        f"Picture: {log_dir}/anomaly.png. Table: {log_dir}/anomaly.md, anomaly.json. "
        f"Models: {log_dir}/*/model.keras. Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
