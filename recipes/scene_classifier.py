"""Classifier of generated scenes, whose features judge images of words and graphs.

It says of each kind of object, a shape in a colour and a size, whether a scene shows
one. Frechet distance in its features is what `recipes.text_to_image` and
`recipes.scene_graph_gan` take with `--classifier`.
"""

import keras
import numpy as np

from keras_genmod import callbacks, data, evaluation, metrics
from recipes._run import begin, command_line, fit

LEARNING_RATE = 5e-3
DECAY = 0.85  # of the learning rate, an epoch
MOMENTUM = 0.9  # of the batch statistics: few epochs are few batches
NUM_SCENES, NUM_HELD_OUT = 6000, 1000
NUM_KINDS = 3 * 6 * 2  # shapes, colours, sizes
NUM_COLUMNS, NUM_ROWS = 10, 4


def classifier(image_shape, filters, feature_dim):
    """Returns convolutions, the layer `features`, and a probability of each kind."""
    layers = [keras.layers.Input(image_shape)]
    for width in (filters, 2 * filters, 4 * filters):
        convolution = keras.layers.Conv2D(width, 3, padding="same", use_bias=False)
        layers += [convolution, *normalized_relu(), keras.layers.MaxPooling2D()]
    layers[-1] = keras.layers.GlobalMaxPooling2D()  # an object is the same anywhere
    layers += [
        keras.layers.Dense(feature_dim, use_bias=False),
        *normalized_relu("features"),
        keras.layers.Dense(NUM_KINDS, activation="sigmoid", name="probabilities"),
    ]
    return keras.Sequential(layers, name="scene_classifier")


def normalized_relu(name=None):
    """Returns batch normalization and a ReLU."""
    return [
        keras.layers.BatchNormalization(momentum=MOMENTUM),
        keras.layers.ReLU(name=name),
    ]


def kinds_of(scenes):
    """Returns which kinds of objects each scene has, float32 `(num, NUM_KINDS)`."""
    shapes, colours, sizes = np.moveaxis(scenes.objects, -1, 0)  # (num, objects)
    kinds = shapes * 12 + colours * 2 + sizes
    shown = np.zeros((len(kinds), NUM_KINDS), "float32")
    rows, places = np.nonzero(scenes.object_mask)
    shown[rows, kinds[rows, places]] = 1.0
    return shown


def main(
    image_size: int = 32,
    max_objects: int = 4,
    epochs: int = 10,
    batch_size: int = 32,
    filters: int = 16,
    feature_dim: int = 64,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/scene_classifier",
):
    """Trains a classifier of scenes and measures what its features say of real ones.

    Args:
        image_size: Pixels a side of the scenes, at least 16: that of the images to be
            judged.
        max_objects: Objects of the fullest scenes, 1 to 6.
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Scenes a step.
        filters: Feature maps next to the image; twice as many a layer further in.
        feature_dim: Number of features; samples to judge must be many more.
        seed: Of the scenes, the weights and the batches.
        limit: Use at most so many scenes to train and so many to judge.
        log_dir: Folder of this run.
    """
    begin(locals())
    # Of all pairs of shape and colour: a judge knows what a model has never seen. And
    # of other seeds than the scenes that models of words and graphs learn and draw.
    scenes, held_out = (
        data.shape_scenes(
            number if limit is None else limit, image_size, seed + far, max_objects
        )
        for number, far in ((NUM_SCENES, 1000), (NUM_HELD_OUT, 1001))
    )
    model = classifier(scenes.images.shape[1:], filters, feature_dim)
    model.compile(keras.optimizers.Adam(LEARNING_RATE), loss="binary_crossentropy")
    board = callbacks.TensorBoard(log_dir)
    shown = kinds_of(held_out)
    fit(
        model,
        scenes.images,
        kinds_of(scenes),
        batch_size=batch_size,
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(held_out.images, shown),
        callbacks=[
            keras.callbacks.LearningRateScheduler(
                lambda epoch: LEARNING_RATE * DECAY**epoch
            ),
            board,
        ],
    )
    model.save(f"{log_dir}/model.keras")

    of_kinds = evaluation.FeatureExtractor(model)(held_out.images)
    of_truth = np.where(shown, of_kinds, 1 - of_kinds)
    hardest = np.argsort(np.log(of_truth + 1e-12).sum(axis=1), kind="stable")
    images = held_out.images[hardest[: NUM_ROWS * NUM_COLUMNS]]
    board.add_images("hardest", images, step=epochs, num_columns=NUM_COLUMNS)
    caption = (
        f"scenes, epoch {epochs}; the held-out scenes whose objects it finds least "
        "probable, the worst first"
    )
    callbacks.save_png(
        f"{log_dir}/scene_classifier.png",
        callbacks.image_grid(images, NUM_COLUMNS),
        caption,
    )

    # What as many real scenes score: the floor for generated ones.
    features = evaluation.FeatureExtractor(model, "features")
    others = scenes.images[: len(held_out.images)]
    real, fake = features.statistics(held_out.images), features.statistics(others)
    floor = metrics.frechet_distance(real, fake)
    right = ((of_kinds > 0.5) == shown.astype(bool)).all(axis=1).mean()
    found = np.mean(of_kinds[shown > 0] > 0.5)
    print(
        f"Held-out scenes, {len(shown)}: {right:.1%} with each kind of object told "
        f"right, {found:.1%} of the objects found. {len(others)} training scenes "
        f"against them, in {feature_dim} features: Frechet distance {floor.value:.4g}."
    )
    print(
        f"Picture: {log_dir}/scene_classifier.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
