"""Classifier of a domain's images, whose features judge generated ones.

Where Inception is the wrong judge (digits, say), Frechet and kernel distance in the
features of a classifier of the domain, and the classifier score of its probabilities,
take its place. It is made of plain Keras layers: its file loads wherever Keras is.
"""

import pathlib

import keras
import numpy as np
import typer

from keras_genmod import callbacks, data, evaluation, metrics
from recipes._run import begin, command_line, fit

LEARNING_RATE = 1e-3
DECAY = 0.7  # of the learning rate, an epoch
MOMENTUM = 0.9  # of the batch statistics: few epochs are few batches
NUM_COLUMNS = 10


def classifier(image_shape, num_classes, filters, feature_dim, name):
    """Returns four convolutions, the layer `features`, and class probabilities."""
    layers = [keras.layers.Input(image_shape)]
    for width in (filters, 2 * filters):
        for _ in range(2):
            convolution = keras.layers.Conv2D(width, 3, padding="same", use_bias=False)
            layers += [convolution, *normalized_relu()]
        layers.append(keras.layers.MaxPooling2D())
    layers += [
        keras.layers.Flatten(),
        keras.layers.Dense(feature_dim, use_bias=False),
        # Features of about unit scale: that of the kernel, and of other classifiers.
        *normalized_relu("features"),
        keras.layers.Dense(num_classes, activation="softmax", name="probabilities"),
    ]
    return keras.Sequential(layers, name=name)


def normalized_relu(name=None):
    """Returns batch normalization and a ReLU."""
    return [
        keras.layers.BatchNormalization(momentum=MOMENTUM),
        keras.layers.ReLU(name=name),
    ]


def main(
    dataset: str = "digits",
    epochs: int = 12,
    batch_size: int = 32,
    filters: int = 16,
    feature_dim: int = 64,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/feature_classifier",
):
    """Trains a classifier and measures what its features say of real images.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 128 for MNIST.
        filters: Feature maps next to the image; twice as many a layer further in.
        feature_dim: Number of features; samples to judge must be many more.
        seed: Of the weights and the batches.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals())
    x_train, y_train = data.load(dataset, "train")
    x_test, y_test = data.load(dataset, "test")
    if y_train is None:
        raise typer.BadParameter(f"--dataset {dataset} has no labels")
    num_classes = int(y_train.max()) + 1
    x_train, y_train = x_train[:limit], y_train[:limit]
    x_test, y_test = x_test[:limit], y_test[:limit]

    name = f"{pathlib.Path(dataset).stem}_classifier"
    model = classifier(x_train.shape[1:], num_classes, filters, feature_dim, name)
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )

    board = callbacks.TensorBoard(log_dir)
    fit(
        model,
        x_train,
        y_train,
        batch_size=batch_size,
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test, y_test),
        callbacks=[
            keras.callbacks.LearningRateScheduler(
                lambda epoch: LEARNING_RATE * DECAY**epoch
            ),
            board,
        ],
    )
    model.save(f"{log_dir}/model.keras")

    # The held-out images that the classifier finds hardest: least probability of the
    # label, hardest first.
    probabilities = evaluation.FeatureExtractor(model)
    of_test = probabilities(x_test)
    hardest = np.argsort(of_test[np.arange(len(y_test)), y_test], kind="stable")
    images = x_test[hardest[: 4 * NUM_COLUMNS]]
    board.add_images("hardest", images, step=epochs, num_columns=NUM_COLUMNS)
    caption = (
        f"{dataset}, epoch {epochs}; the held-out images whose label it finds "
        "least probable, the worst first"
    )
    callbacks.save_png(
        f"{log_dir}/feature_classifier.png",
        callbacks.image_grid(images, NUM_COLUMNS),
        caption,
    )

    # What as many real images score: the floor for generated ones.
    features = evaluation.FeatureExtractor(model, "features")
    real, others = features(x_test), features(x_train[: len(x_test)])
    source = features.protocol(split="test")
    frechet = metrics.frechet_distance(real, others, protocol=source)
    kernel = metrics.kernel_distance(real, others, num_subsets=None, protocol=source)
    source = probabilities.protocol(split="test")
    score = metrics.classifier_score(of_test, num_splits=1, protocol=source)
    accuracy = np.mean(of_test.argmax(axis=1) == y_test)
    print(
        f"Held-out {dataset}, {len(x_test)} images: accuracy {accuracy:.2%}; "
        f"classifier score {score.value:.3f} of at most {num_classes}. {len(others)} "
        f"training images against them, in {feature_dim} features: Frechet distance "
        f"{frechet.value:.4g}, kernel distance {kernel.value:.3g} (standard error "
        f"{kernel.standard_error:.1g})."
    )
    print(
        f"Picture: {log_dir}/feature_classifier.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
